"""Sprites that touch: boxes grow from seeds to the sprites' own, and the judge chooses those that do not overlap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.sheets import slice_image
from extract.sheets.boxes import BOX_NAMES, describe_boxes
from extract.sheets.crossings import MEASURES, crossings
from extract.sheets.evidence import gather
from extract.sheets.grown import propose
from extract.sheets.layout import joined_ways, ways, with_rest
from extract.sheets.lettering import pages
from extract.sheets.sprite_judge import choose, from_json, shipped, to_json
from tests.extract.sheets import sheet_pictures as draw

Places = list[tuple[int, int, int, int]]


def ellipse(wide: int, high: int, colour: tuple[int, int, int]) -> draw.Picture:
    """A shaded figure that touches all four sides of its box along a few pixels only."""
    y, x = np.mgrid[0:high, 0:wide]
    far = ((x + 0.5 - wide / 2) / (wide / 2)) ** 2 + ((y + 0.5 - high / 2) / (high / 2)) ** 2
    picture = np.zeros((high, wide, 4), dtype=np.uint8)
    picture[far <= 1] = (*colour, 255)
    picture[far <= 0.4] = (*(255 - c for c in colour), 255)
    return picture


def packed_tightly(seed: int = 1) -> tuple[draw.Picture, Places]:
    """Columns of ellipses of many sizes without any gap, as a packer with its padding off leaves them."""
    chance = np.random.default_rng(seed)
    canvas = np.zeros((256, 256, 4), dtype=np.uint8)
    places: Places = []
    x = 0
    for wide in (48, 40, 36, 30):
        y = 0
        while True:
            high = int(chance.integers(26, 60))
            if y + high > 250:
                break
            narrow = wide - int(chance.integers(0, 6))
            canvas[y : y + high, x : x + narrow] = ellipse(narrow, high, tuple(chance.integers(0, 256, 3).tolist()))
            places.append((x, y, narrow, high))
            y += high
        x += wide
    return canvas, places


def corners(places: Places) -> set[tuple[int, int, int, int]]:
    return {(x, y, x + w, y + h) for x, y, w, h in places}


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_crossings_count_what_a_walk_along_the_side_counts(seed: int, width: int, height: int) -> None:
    chance = np.random.default_rng(seed)
    picture = chance.integers(0, 2, (height, width, 4), dtype=np.uint8) * np.uint8(255)
    evidence = gather(picture)
    drawn, pixels = evidence.ground.foreground, evidence.pixels.astype(int)
    x0, y0 = int(chance.integers(0, width)), int(chance.integers(0, height))
    x1, y1 = int(chance.integers(x0 + 1, width + 1)), int(chance.integers(y0 + 1, height + 1))
    counts = [crossings(evidence).sides(m, np.array([[x0], [y0], [x1], [y1]]))[:, 0] for m in range(len(MEASURES))]

    def walk(pairs: list[tuple[tuple[int, int], tuple[int, int]]]) -> tuple[int, int]:
        inside = [(a, b) for a, b in pairs if min(*a, *b) >= 0 and max(a[1], b[1]) < width and max(a[0], b[0]) < height]
        both = [(a, b) for a, b in inside if drawn[a] and drawn[b]]
        return len(both), sum(np.abs(pixels[a] - pixels[b]).max() < 12 for a, b in both)

    rows, columns = range(y0, y1), range(x0, x1)
    walks = [
        walk([((y, x0 - 1), (y, x0)) for y in rows]),
        walk([((y, x1 - 1), (y, x1)) for y in rows]),
        walk([((y0 - 1, x), (y0, x)) for x in columns]),
        walk([((y1 - 1, x), (y1, x)) for x in columns]),
    ]
    assert counts[0].tolist() == [both for both, _ in walks]
    assert counts[1].tolist() == [alike for _, alike in walks]
    assert (counts[2] <= counts[1]).all()


def test_boxes_grow_to_the_sprites_though_all_of_them_touch() -> None:
    picture, places = packed_tightly()
    evidence = gather(picture)
    assert len(joined_ways(evidence)[0]) < len(places) / 4
    proposed = {tuple(box) for box in propose(evidence, joined_ways(evidence)).boxes.tolist()}
    assert len(corners(places) & proposed) >= 0.9 * len(places)


def test_touching_sprites_are_cut_apart() -> None:
    picture, places = packed_tightly()
    boxes = {tuple(box) for box in ways(gather(picture), shipped())[-1].boxes.tolist()}
    assert len(corners(places) & boxes) >= 0.8 * len(places)


def test_an_atlas_without_gaps_is_sliced_into_its_sprites() -> None:
    picture, places = packed_tightly(3)
    result = slice_image(picture)
    assert result.kind == "atlas"
    assert "cut apart where they touch" in result.why
    cut = {(r.x, r.y, r.w, r.h) for r in result.rects}
    assert len(set(places) & cut) >= 0.8 * len(places)


def test_chosen_boxes_never_overlap_and_leave_no_part_out() -> None:
    picture, _ = packed_tightly(2)
    picture[252:255, 200:204] = (9, 9, 9, 255)
    evidence = gather(picture)
    boxes = ways(evidence, shipped())[-1].boxes
    covered = np.zeros((256, 256), dtype=int)
    for x0, y0, x1, y1 in boxes.tolist():
        covered[y0:y1, x0:x1] += 1
    assert covered.max() == 1
    assert covered[253, 201] == 1


def test_what_no_box_explains_is_kept_but_slivers_are_not() -> None:
    canvas = np.zeros((60, 90, 4), dtype=np.uint8)
    canvas[5:25, 5:25] = canvas[30:50, 5:27] = (200, 30, 30, 255)
    canvas[5:45, 40:70] = (30, 200, 30, 255)
    chosen = np.array([[5, 5, 25, 25], [5, 30, 25, 50]])
    assert with_rest(gather(canvas), chosen).tolist() == [*chosen.tolist(), [40, 5, 70, 45]]


def test_the_likelier_of_two_overlapping_boxes_is_chosen() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [30, 0, 40, 10]])
    none = np.zeros((0, 4), dtype=np.int64)
    chance = np.array([0.6, 0.9, 0.5, 0.05])
    assert choose(boxes, chance, none).tolist() == [[5, 0, 15, 10]]
    assert choose(boxes, chance, boxes[3:]).tolist() == [[5, 0, 15, 10], [30, 0, 40, 10]]


def test_of_boxes_almost_as_likely_the_larger_is_chosen() -> None:
    boxes = np.array([[0, 0, 40, 40], [0, 0, 10, 10]])
    none = np.zeros((0, 4), dtype=np.int64)
    assert choose(boxes, np.array([0.5, 0.6]), none).tolist() == [[0, 0, 40, 40]]
    assert choose(boxes, np.array([0.5, 0.9]), none).tolist() == [[0, 0, 10, 10]]


def test_repeated_edges_are_not_part_of_the_sprite() -> None:
    canvas = np.zeros((64, 96, 4), dtype=np.uint8)
    places: Places = [(1, 1, 30, 40), (33, 1, 20, 30), (55, 1, 38, 22)]
    for i, (x, y, w, h) in enumerate(places):
        down, across = np.mgrid[0:h, 0:w]
        shades = [np.full((h, w), 80 * i), 3 * down, 3 * across, np.full((h, w), 255)]
        tile = np.dstack(shades).astype(np.uint8)
        canvas[y - 1 : y + h + 1, x - 1 : x + w + 1] = np.pad(tile, ((1, 1), (1, 1), (0, 0)), mode="edge")
    evidence = gather(canvas)
    proposed = {tuple(box) for box in propose(evidence, joined_ways(evidence)).boxes.tolist()}
    assert corners(places) <= proposed


def test_many_small_parts_of_one_colour_are_a_page() -> None:
    canvas = np.zeros((80, 120, 4), dtype=np.uint8)
    for row in range(4):
        for column in range(6):
            canvas[4 + row * 8 : 10 + row * 8, 4 + column * 7 : 9 + column * 7] = (255, 255, 255, 255)
    canvas[4:60, 60:110] = (200, 40, 40, 255)
    assert [4, 4, 44, 34] in pages(gather(canvas)).tolist()
    for row in range(4):
        for column in range(6):
            colour = (60 + row * 64, 20 + column % 3 * 80, 30 + column // 3 * 190)
            canvas[4 + row * 8 : 10 + row * 8, 4 + column * 7 : 9 + column * 7, :3] = colour
    assert not len(pages(gather(canvas)))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 40), (64, 64)])
def test_every_size_can_be_described(size: tuple[int, int]) -> None:
    picture = draw.lone_sprite(*size)
    picture[0, 0] = (10, 20, 30, 255)
    evidence = gather(picture)
    found = propose(evidence, joined_ways(evidence))
    table = describe_boxes(evidence, found)
    assert table.shape == (len(found.boxes), len(BOX_NAMES))
    assert np.isfinite(table).all()


def test_shipped_judge_of_sprites_knows_the_features_of_today() -> None:
    assert to_json(from_json(to_json(shipped()))) == to_json(shipped())
    with pytest.raises(ValueError, match="other features"):
        from_json(to_json(shipped()).replace('"corners"', '"edges"'))
