"""Several sidecars, conventions and hints: one answer, and a reason for what was set aside."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.sheets import Grid, Hints, Rect, SidecarSheet, slice_image
from extract.sheets.conventions import stated
from extract.sheets.told import heed
from extract.sidecar_json import as_json, from_json
from tests.extract.sheets import sheet_pictures as draw

OPAQUE = np.random.default_rng(4).integers(0, 255, (32, 64, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
SIXTEEN = SidecarSheet("a.png", grid=Grid((16, 16)), format="one")
EIGHT = SidecarSheet("a.png", grid=Grid((8, 8)), format="two")
WHOLE = SidecarSheet("a.png", shape=(1, 1), format="whole")


def boxes(*rects: tuple[int, int, int, int]) -> tuple[Rect, ...]:
    return tuple(Rect(*rect) for rect in rects)


@pytest.mark.parametrize(
    ("sidecars", "tile"),
    [
        ((SIXTEEN, EIGHT), (16, 16)),
        ((EIGHT, SIXTEEN), (8, 8)),
        ((EIGHT, SIXTEEN, replace(SIXTEEN, format="three")), (16, 16)),
        ((EIGHT, replace(SIXTEEN, size=(64, 32))), (16, 16)),
        ((WHOLE, EIGHT), (8, 8)),
        ((replace(EIGHT, size=(99, 32)), SIXTEEN), (16, 16)),
    ],
    ids=["first", "first-again", "most", "states-the-size", "cut-before-whole", "contradiction"],
)
def test_where_sidecars_disagree_one_wins_by_a_stated_order(
    sidecars: tuple[SidecarSheet, ...], tile: tuple[int, int]
) -> None:
    told = heed(OPAQUE, sidecars)
    assert told.slicing is not None
    assert told.slicing.grid == Grid(tile)
    assert len(told.ignored) == 1


def test_sidecars_that_agree_are_not_called_a_conflict() -> None:
    told = heed(OPAQUE, (SIXTEEN, replace(SIXTEEN, format="another")))
    assert told.ignored == ()


def test_one_image_stays_one_image() -> None:
    result = slice_image(OPAQUE, Hints(sidecars=(WHOLE,)))
    assert (result.kind, result.source) == ("single", "sidecar")


def test_a_shape_divides_the_picture_or_is_set_aside() -> None:
    told = heed(OPAQUE, (replace(WHOLE, shape=(4, 2)),))
    assert told.slicing is not None
    assert told.slicing.grid == Grid((16, 16))
    odd = heed(OPAQUE, (replace(WHOLE, shape=(5, 2)),))
    assert odd.slicing is None
    assert "do not divide" in odd.ignored[0]


def test_rectangles_somebody_used_decide_only_when_they_cover_what_is_drawn() -> None:
    few = SidecarSheet("a.png", rects=boxes((0, 0, 16, 16), (16, 0, 16, 16)), format="scene", partial=True)
    told = heed(OPAQUE, (few,))
    assert told.slicing is None
    assert told.sizes == ((16, 16),)
    assert "25%" in told.ignored[0]
    most = replace(few, rects=boxes((0, 0, 64, 16), (0, 16, 50, 16)))
    assert heed(OPAQUE, (most,)).slicing is not None


def test_full_statements_win_over_rectangles_somebody_used() -> None:
    used = SidecarSheet("a.png", rects=boxes((0, 0, 64, 16), (0, 16, 64, 16)), format="scene", partial=True)
    told = heed(OPAQUE, (used, SIXTEEN))
    assert told.slicing is not None
    assert told.slicing.kind == "grid"


def test_rectangles_over_and_over_are_refused() -> None:
    many = SidecarSheet("a.png", rects=boxes(*((x, 0, 32, 32) for x in range(30))), format="hostile")
    told = heed(OPAQUE, (many,))
    assert told.slicing is None
    assert "times over" in told.ignored[0]


def test_what_contradicts_the_picture_is_named_in_the_answer() -> None:
    outside = SidecarSheet("a.png", rects=boxes((60, 0, 16, 16)), format="sparrow")
    result = slice_image(OPAQUE, Hints(sidecars=(outside, SIXTEEN)))
    assert result.grid == Grid((16, 16))
    assert "leaves the 64x32 picture" in result.ignored[0]
    assert result.ignored[0] in result.why


def test_cells_in_use_keep_names_in_a_grid() -> None:
    cells = (Rect(0, 0, 16, 16, "grass", 0, 0), Rect(32, 16, 16, 16, "rock", 1, 2))
    told = heed(OPAQUE, (replace(SIXTEEN, rects=cells),))
    assert told.slicing is not None
    assert (told.slicing.kind, [rect.name for rect in told.slicing.rects]) == ("grid", ["grass", "rock"])


def test_a_size_on_the_page_helps_where_pixels_allow_it_and_not_against_them() -> None:
    picture = draw.sprites_in_cells(16, 8, 4)
    plain, told = slice_image(picture), slice_image(picture, Hints(said=("Dungeon, 16x16 px tiles",)))
    assert told.grid is not None
    assert told.grid.tile == (16, 16)
    assert told.confidence >= plain.confidence
    wrong = slice_image(picture, Hints(said=("my other pack has 20x12 tiles",)))
    assert wrong.grid == plain.grid


@pytest.mark.parametrize(
    ("name", "size", "cut"),
    [
        ("img/tilesets/Dungeon_A4.png", (768, 720), (48, 48)),
        ("Dungeon_B.png", (512, 512), (32, 32)),
        ("x/IconSet.png", (384, 480), (24, 24)),
        ("img/faces/Actor1.png", (576, 288), (144, 144)),
        ("$Hero.png", (144, 192), (48, 48)),
        ("!$Gate.png", (96, 128), (32, 32)),
        ("www/img/characters/Actor1.png", (576, 384), (48, 48)),
        ("Graphics/Characters/Actor1.png", (384, 256), (32, 32)),
        ("img/sv_actors/Actor1_1.png", (576, 384), (64, 64)),
        ("img/parallaxes/Sky.png", (816, 624), (816, 624)),
    ],
)
def test_names_of_rpg_maker_are_heeded_with_sizes_that_fit(
    name: str, size: tuple[int, int], cut: tuple[int, int]
) -> None:
    (sheet,) = stated([name], size)
    grid = sheet.grid or (sheet.shape and Grid((size[0] // sheet.shape[0], size[1] // sheet.shape[1])))
    assert grid == Grid(cut)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Dungeon_B.png", (500, 512)),
        ("plan_A1.png", (100, 100)),
        ("IconSet.png", (400, 400)),
        ("characters/hero.png", (576, 384)),
        ("Graphics/Characters/001-Fighter01.png", (128, 192)),
        ("$Hero.png", (145, 192)),
        ("pictures/cat.png", (40, 40)),
    ],
)
def test_other_names_and_sizes_say_nothing(name: str, size: tuple[int, int]) -> None:
    assert stated([name], size) == ()


numbers = st.integers(-3, 80)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)  # NUL is not kept
any_rect = st.builds(Rect, numbers, numbers, numbers, numbers, names, orientation=st.sampled_from([1, 6]))
any_sheet = st.builds(
    SidecarSheet,
    st.just("a.png"),
    st.none() | st.tuples(st.integers(1, 80), st.integers(1, 80)) | st.just((64, 32)),
    st.none() | st.builds(Grid, st.tuples(st.integers(1, 70), st.integers(1, 70))),
    st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 9),
    st.lists(any_rect, max_size=4).map(tuple),
    st.sampled_from(["", "css", "rpg-maker"]),
    st.booleans(),
    st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    st.booleans(),
)


@given(st.lists(any_sheet, max_size=4))
@settings(deadline=None)
def test_whatever_sidecars_say_the_cut_lies_in_the_picture(sheets: list[SidecarSheet]) -> None:
    told = heed(OPAQUE, sheets)
    assert told.slicing is not None or len(told.ignored) == len(sheets)
    assert all(rect.inside(64, 32) for rect in (told.slicing.rects if told.slicing else ()))


@given(any_sheet)
def test_what_the_catalog_keeps_of_a_sidecar_says_the_same(sheet: SidecarSheet) -> None:
    assert from_json(json.loads(json.dumps(as_json(sheet)))) == sheet


def test_catalogs_of_the_first_release_say_rotated() -> None:
    kept = as_json(SidecarSheet("a.png", rects=(Rect(1, 2, 3, 4),)))
    for newer in ("orientation", "tag"):
        del kept["rects"][0][newer]
    kept["rects"][0].update(rotated=True)
    for newer in ("shape", "partial"):
        del kept[newer]
    assert from_json(kept).rects == (Rect(1, 2, 3, 4, orientation=8),)
