"""What surrounds the judge: candidates for a person, the factor of enlargement, and the marks that training gives."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.sheets import slice_image
from extract.sheets.art_pool import Shelf, fill
from extract.sheets.evidence import gather
from extract.sheets.examples import Known, example
from extract.sheets.features import FIRST_GRID
from extract.sheets.fit import Example, Judged, deal, scale
from extract.sheets.ground import prefix_sums
from extract.sheets.layout import LAYOUT_NAMES, WAYS, describe_layout, ways
from extract.sheets.made_up import make
from extract.sheets.matching import f1_trimmed
from extract.sheets.sprite_judge import shipped
from extract.sheets.train import nested_limits
from extract.sheets.upscale import upscale_of
from tests.extract.sheets import sheet_pictures as draw


def enlarged(picture: draw.Picture, factor: int) -> draw.Picture:
    return np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1)


@given(st.integers(1, 8), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_enlargement_is_recorded_whatever_margin_was_added_after(factor: int, margin: int) -> None:
    picture = np.pad(enlarged(draw.noise(12, 9), factor), ((margin, margin), (margin, margin), (0, 0)))
    assert upscale_of(gather(picture)) == factor


def test_enlarged_sheet_says_both_sizes() -> None:
    result = slice_image(enlarged(draw.sprites_in_cells(16, 8, 6), 4))
    assert result.grid is not None
    assert (result.grid.tile, result.upscale) == ((64, 64), 4)


def test_candidates_are_other_cuts_best_first() -> None:
    result = slice_image(draw.sprites_in_cells(16, 8, 6))
    scores = [c.score for c in result.candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(c.why for c in result.candidates)
    assert result.grid not in [c.grid for c in result.candidates]
    for candidate in result.candidates:
        assert (candidate.kind == "grid") == (candidate.grid is not None) == (not candidate.rects)


def test_grades_of_grids_are_exact_and_of_atlases_f1() -> None:
    picture = draw.sprites_in_cells(16, 4, 3)
    as_grid = example(picture, Known("a", "grid", "me", [16, 16, 0, 0, 0, 0], []), shipped())
    assert as_grid.quality[FIRST_GRID:].sum() >= 1
    assert not as_grid.quality[:FIRST_GRID].any()
    boxes = [[x * 16, y * 16, 16, 16] for x in range(4) for y in range(3)]
    as_atlas = example(picture, Known("a", "atlas", "me", None, boxes), shipped())
    assert as_atlas.quality[1] == 1.0
    assert as_atlas.quality[WAYS] == 1.0
    assert len(as_atlas.sprites) == 12
    assert as_atlas.quality[0] == 0.0


def test_f1_pairs_each_rectangle_once_and_forgives_padding() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[2:20, 2:20] = mask[25:39, 25:39] = True
    drawn = prefix_sums(mask)
    truth = [(0, 0, 22, 22), (24, 24, 16, 16)]
    assert f1_trimmed(drawn, truth, [(2, 2, 18, 18), (25, 25, 14, 14)]) == 1.0
    assert f1_trimmed(drawn, truth, [(1, 1, 20, 20), (2, 2, 18, 18)]) == pytest.approx(2 / 3)
    assert f1_trimmed(drawn, truth, []) == 0.0
    assert f1_trimmed(drawn, [(30, 0, 5, 5)], []) == 1.0


def test_layout_is_described_for_every_way_and_for_none() -> None:
    evidence = gather(draw.sprites_in_cells(16, 4, 3))
    seen = ways(evidence, shipped())
    assert len(seen) == WAYS
    joined = [len(way.boxes) for way in seen if way.join_px is not None]
    assert joined == sorted(joined, reverse=True)
    for way in seen:
        assert len(way.chance) == len(way.boxes)
        assert describe_layout(evidence, way).shape == (len(LAYOUT_NAMES),)
    blank = gather(np.zeros((20, 20, 4), dtype=np.uint8))
    assert all((describe_layout(blank, way) == -1).all() for way in ways(blank, shipped()))


@pytest.mark.parametrize("kind", ["grid", "atlas", "single", "frames", "rest", "tight", "ruled", "gapless"])
def test_made_up_pictures_are_repeatable_and_hold_their_truth(kind: str) -> None:
    shelf = Shelf("me")
    fill(shelf, draw.sprites_in_cells(24, 5, 4), {"kind": "grid", "grid": [24, 24, 0, 0, 0, 0]})
    fill(shelf, draw.gradient(200, 160), {"kind": "single"})
    fill(shelf, draw.noise(96, 96), {"kind": "grid", "grid": [16, 16, 0, 0, 0, 0]})
    seen = 0
    for seed in range(40):
        one, two = (make(shelf, kind, np.random.default_rng(seed)) for _ in range(2))
        assert (one is None) == (two is None)
        if one is None or two is None:
            continue
        seen += 1
        assert np.array_equal(one.rgba, two.rgba)
        height, width = one.rgba.shape[:2]
        assert (one.grid is not None, bool(one.rects)) == (one.kind == "grid", one.kind == "atlas")
        assert all(0 <= x < x + w <= width and 0 <= y < y + h <= height for x, y, w, h in one.rects)
    assert seen > 5


def test_authors_never_straddle_folds_and_loads_are_even() -> None:
    sizes = Counter({f"author {a}": a + 1 for a in range(20)})
    place = deal(sizes, 5)
    load = np.bincount([place[author] for author in sizes.elements()], minlength=5)
    assert len(place) == 20
    assert load.max() < 1.5 * load.min()


def test_limits_are_chosen_on_other_authors_than_those_they_judge() -> None:
    table, grade = np.zeros((1, 1), dtype=np.float32), np.zeros(1, dtype=np.float32)
    none = np.zeros((0, 4), dtype=np.int64)
    pictures = [(f"author {a}", f"{a} {i}") for a in range(4) for i in range(10)]
    examples = [Example(name, table, grade, "single", author, none) for author, name in pictures]
    place = {f"author {a}": a for a in range(4)}
    # The pictures of the last author alone look like sheets.
    sheet = {e.picture: (0.9 if e.author == "author 3" else 0.1) + 0.001 * i for i, e in enumerate(examples)}
    judged = {name: Judged(chance, np.ones(1)) for name, chance in sheet.items()}
    limits = nested_limits(examples, judged, place, 0.1)
    assert (limits[:30] > 0.9).all()
    assert (limits[30:] < 0.2).all()
    split = [judged[e.picture].sheet >= at for e, at in zip(examples, limits, strict=True)]
    assert sum(split) == 10


def test_calibration_follows_how_often_answers_were_right() -> None:
    chance = np.random.default_rng(4)
    raw = chance.random(4000)
    right = (chance.random(4000) < raw**2).astype(float)
    fitted = scale(raw.tolist(), right.tolist(), [1.0] * 4000)
    for p in (0.2, 0.5, 0.8):
        assert abs(fitted.read(p) - p**2) < 0.08
