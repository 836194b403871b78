"""Palettes of parts and boxes, the pages of outlined glyphs they link, and the kinship of frames they show."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from extract.sheets.art_pool import Shelf
from extract.sheets.collage import Made
from extract.sheets.evidence import gather
from extract.sheets.layout import LAYOUT_NAMES, Way, describe_layout
from extract.sheets.lettering import pages
from extract.sheets.made_up import make
from extract.sheets.palettes import BINS, palettes_of_boxes, palettes_of_parts
from tests.extract.sheets import sheet_pictures as draw


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_palettes_are_the_shares_of_coarse_colours(seed: int) -> None:
    chance = np.random.default_rng(seed)
    picture = chance.integers(0, 256, (12, 12, 4), dtype=np.uint8)
    picture[..., 3] = np.where(chance.random((12, 12)) < 0.5, 255, 0)
    evidence = gather(picture)
    found = palettes_of_parts(evidence)
    assert found.shape == (len(evidence.parts), BINS)
    for number, palette in enumerate(found, 1):
        mine = (evidence.labels == number) & evidence.ground.foreground
        coarse = [(r // 64, g // 64, b // 64) for r, g, b, _ in evidence.pixels[mine].tolist()]
        wanted = [coarse.count((r, g, b)) / len(coarse) for r in range(4) for g in range(4) for b in range(4)]
        np.testing.assert_allclose(palette, wanted)
    whole = palettes_of_boxes(evidence, np.array([[0, 0, 12, 12]]))[0]
    areas = evidence.parts[:, 4:] / max(1, int(evidence.parts[:, 4].sum()))
    np.testing.assert_allclose(whole, (found * areas).sum(axis=0), atol=1e-9)


def lettered_rows(colours: list[tuple[int, int, int]]) -> draw.Picture:
    """Rows of small figures of many forms, each filled with one of the colours and outlined in black."""
    chance = np.random.default_rng(2)
    canvas = np.zeros((60, 110, 4), dtype=np.uint8)
    for i in range(32):
        wide, high = (int(n) for n in chance.integers(8, 12, 2))
        x, y = 4 + i % 8 * 13, 4 + i // 8 * 13
        canvas[y : y + high, x : x + wide] = (0, 0, 0, 255)
        canvas[y + 1 : y + high - 1, x + 1 : x + wide - 1, :3] = colours[i % len(colours)]
    return canvas


def test_outlined_glyphs_are_a_page_unless_their_colours_differ() -> None:
    drawn = gather(lettered_rows([(255, 255, 255)]))
    ends = drawn.parts[:, :2].min(axis=0).tolist() + drawn.parts[:, 2:4].max(axis=0).tolist()
    assert ends in pages(drawn).tolist()
    many = [(r, g, b) for r in (20, 120, 240) for g in (30, 130, 250) for b in (40, 140, 230)]
    assert not len(pages(gather(lettered_rows(many))))


def kinship(picture: draw.Picture, boxes: list[list[int]]) -> dict[str, float]:
    way = Way(np.array(boxes), np.ones(len(boxes)), 0)
    return dict(zip(LAYOUT_NAMES, describe_layout(gather(picture), way).tolist(), strict=True))


def test_turned_frames_of_one_thing_are_kin_and_other_things_are_not() -> None:
    canvas = np.zeros((80, 120, 4), dtype=np.uint8)
    figure = draw.sprites_in_cells(32, 1, 1)[:, 4:28]
    canvas[2:34, 2:26] = figure
    canvas[40:64, 50:82] = np.rot90(figure)
    kin = kinship(canvas, [[2, 2, 26, 34], [50, 40, 82, 64]])
    assert kin["turned_size"] == 1.0
    assert kin["palette_shared"] > 0.8
    assert kin["drawn_spread"] < 0.01
    canvas[40:64, 50:90] = (10, 250, 10, 255)
    strange = kinship(canvas, [[2, 2, 26, 34], [50, 40, 90, 64]])
    assert strange["turned_size"] == 0.0
    assert strange["palette_shared"] < kin["palette_shared"] / 2
    assert strange["drawn_spread"] > 0.1


def test_loose_frames_are_where_their_truth_says() -> None:
    shelf = Shelf("me")
    shelf.sprites.append(np.array(Image.fromarray(draw.sprites_in_cells(40, 1, 1)).crop((6, 6, 34, 34))))
    made = [make(shelf, "loose", np.random.default_rng(seed)) for seed in range(20)]
    some = [one for one in made if isinstance(one, Made)]
    assert len(some) > 5
    for one in some:
        covered = np.zeros(one.rgba.shape[:2], dtype=bool)
        for x, y, w, h in one.rects:
            assert (one.rgba[y : y + h, x : x + w, 3] > 0).any()
            covered[y : y + h, x : x + w] = True
        solid = bool((one.rgba[..., 3] > 0).all())
        assert solid or not (one.rgba[..., 3] > 0)[~covered].any()
