"""The decision: sidecars are exact, names are checked, pixels abstain when unsure."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.sheets import Grid, Hints, Rect, SidecarSheet, occupied, parse_sidecar, slice_image
from extract.sheets.names import sizes_in
from tests.extract.sheets import sheet_pictures as draw

shapes = st.builds(
    Grid,
    st.tuples(st.integers(4, 24), st.integers(4, 24)),
    st.integers(0, 3).map(lambda m: (m, m)),
    st.integers(0, 3).map(lambda s: (s, s)),
)


@given(shapes, st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_tiled_sidecar_gives_back_every_tile(grid: Grid, columns: int, rows: int, seed: int) -> None:
    picture = draw.sheet(grid, columns, rows, seed)
    height, width = picture.shape[:2]
    tsx = (
        f'<tileset tilewidth="{grid.tile[0]}" tileheight="{grid.tile[1]}" margin="{grid.margin[0]}" '
        f'spacing="{grid.spacing[0]}" columns="{columns}" tilecount="{columns * rows}">'
        f'<image source="a.png" width="{width}" height="{height}"/></tileset>'
    )
    result = slice_image(picture, Hints(sidecars=parse_sidecar(tsx.encode(), "a.tsx")))
    assert result.source == "sidecar"
    if columns * rows == 1 and (width, height) == grid.tile:
        assert result.kind == "single"
        return
    assert result.rects == grid.cells(width, height, columns, columns * rows)
    pasted = np.zeros_like(picture)
    for rect in result.rects:
        draw.cut(pasted, rect)[:] = draw.cut(picture, rect)
    assert np.array_equal(pasted, picture)


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        (SidecarSheet("a.png", (64, 65), Grid((16, 16))), "the picture is 64x64"),
        (SidecarSheet("a.png", None, Grid((80, 16))), "does not fit"),
        (SidecarSheet("a.png", None, Grid((16, 16)), columns=5), "5 columns"),
        (SidecarSheet("a.png", None, Grid((16, 16)), count=17), "17 tiles"),
        (SidecarSheet("a.png", rects=(Rect(60, 0, 8, 8, "tail"),)), "'tail' at 60,0"),
        (SidecarSheet("a.png", rects=(Rect(0, 60, 8, 8),), from_bottom=True), "leaves"),
        (SidecarSheet("a.png"), "no rectangles"),
    ],
)
def test_contradicting_sidecar_is_ignored_with_its_reason(sheet: SidecarSheet, reason: str) -> None:
    result = slice_image(draw.lone_sprite(64, 64), Hints(sidecars=(sheet,)))
    assert (result.kind, result.source) == ("single", "pixels")
    assert "ignored" in result.why
    assert reason in result.why


def test_second_sidecar_serves_when_the_first_contradicts() -> None:
    wrong, right = SidecarSheet("a.png", (9, 9), Grid((3, 3))), SidecarSheet("a.png", (32, 32), Grid((16, 16)))
    result = slice_image(draw.sheet(Grid((16, 16)), 2, 2), Hints(sidecars=(wrong, right)))
    assert (result.kind, len(result.rects), result.grid) == ("grid", 4, Grid((16, 16)))


def test_unity_rects_count_from_the_bottom() -> None:
    picture = draw.sheet(Grid((8, 8)), 1, 4)
    sheet = SidecarSheet("a.png", rects=(Rect(0, 0, 8, 8, "low"), Rect(0, 24, 8, 8, "high")), from_bottom=True)
    result = slice_image(picture, Hints(sidecars=(sheet,)))
    assert [(r.name, r.y) for r in result.rects] == [("low", 24), ("high", 0)]


def test_sidecar_naming_the_whole_picture_means_single() -> None:
    sheet = SidecarSheet("a.png", (48, 48), Grid((48, 48)))
    result = slice_image(draw.sprites_in_cells(16, 3, 3), Hints(sidecars=(sheet,)))
    assert (result.kind, result.rects, result.source) == ("single", (), "sidecar")


def test_sidecar_drops_empty_cells() -> None:
    picture = draw.sheet(Grid((8, 8)), 3, 1)
    picture[:, 8:16] = 0
    result = slice_image(picture, Hints(sidecars=(SidecarSheet("a.png", grid=Grid((8, 8))),)))
    assert [r.column for r in result.rects] == [0, 2]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("tiles_16x16.png", ((16, 16),)),
        ("tiles16x16.png", ((16, 16),)),
        ("Dungeon 32 x 48 tileset", ((32, 48),)),
        ("16x16px and 32×32 px", ((16, 16), (32, 32))),
        ("icons-24X24-v2.1", ((24, 24),)),
        ("grid 4x4", ()),
        ("0x16 deadbeef", ()),
        ("poster 5000x3000", ()),
        ("matrix3x3x3", ()),
    ],
)
def test_sizes_are_read_from_names(name: str, sizes: tuple[tuple[int, int], ...]) -> None:
    assert sizes_in((name,)) == sizes


def test_name_is_used_when_the_pixels_allow_it() -> None:
    result = slice_image(draw.sprites_in_cells(24, 6, 5), Hints(names=("hero_24x24.png",)))
    assert (result.kind, result.source, result.grid, len(result.rects)) == ("grid", "name", Grid((24, 24)), 30)
    assert result.confidence >= 0.9


@pytest.mark.parametrize("name", ["photo_40x30.png", "wallpaper 16x9.png", "photo_640x480.png", "photo_37x41.png"])
def test_name_is_rejected_when_the_pixels_contradict(name: str) -> None:
    result = slice_image(draw.gradient(640, 480), Hints(names=(name,)))
    assert (result.kind, result.source) == ("single", "pixels")


def test_name_that_does_not_divide_is_told_in_why() -> None:
    result = slice_image(draw.lone_sprite(64, 64), Hints(names=("boss 24x24",)))
    assert result.kind == "single"
    assert "24x24 in the name ignored" in result.why


@pytest.mark.parametrize(
    "picture",
    [
        draw.gradient(320, 240),
        draw.gradient(512, 512),
        draw.noise(128, 128),
        draw.noise(100, 64),
        draw.lone_sprite(32, 32),
        draw.lone_sprite(64, 64),
        draw.lone_sprite(96, 120),
        np.full((64, 64, 4), 255, dtype=np.uint8),
        np.zeros((64, 64, 4), dtype=np.uint8),
        draw.noise(1, 300),
        draw.noise(1, 1),
        draw.noise(17, 2),
    ],
    ids=lambda picture: f"{picture.shape[1]}x{picture.shape[0]}",
)
def test_ordinary_pictures_stay_whole(picture: draw.Picture) -> None:
    result = slice_image(picture)
    assert (result.kind, result.rects, result.grid) == ("single", (), None)


@pytest.mark.parametrize("tile", [16, 32, 48])
def test_grid_with_transparent_gutters_is_found(tile: int) -> None:
    result = slice_image(draw.sprites_in_cells(tile, 8, 6))
    assert (result.kind, result.grid, result.source) == ("grid", Grid((tile, tile)), "pixels")
    assert len(result.rects) == 48
    assert 0.0 < result.confidence <= 1.0
    assert len(result.candidates) == 3


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_any_small_picture_gets_an_answer_inside_itself(width: int, height: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[..., 3] = (picture[..., 3] > 90) * np.uint8(255)
    result = slice_image(picture)
    assert all(rect.inside(width, height) for rect in result.rects)


@given(st.integers(17, 90), st.integers(17, 90), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_a_picture_of_nothing_but_specks_gets_an_answer(width: int, height: int, specks: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    picture[chance.integers(0, height, specks), chance.integers(0, width, specks)] = 255
    result = slice_image(picture)
    assert all(rect.x + rect.w <= width and rect.y + rect.h <= height for rect in result.rects)


def test_same_pixels_give_the_same_answer() -> None:
    picture = draw.sprites_in_cells(20, 7, 3)
    assert slice_image(picture) == slice_image(picture.copy()) == slice_image(np.asfortranarray(picture))


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 4), np.int16), np.zeros((0, 4, 4), np.uint8)]
)
def test_other_arrays_are_refused(bad: draw.Picture) -> None:
    with pytest.raises(ValueError, match="expected"):
        slice_image(bad)


def test_occupied_drops_transparent_and_solid_cells() -> None:
    cells = Grid((8, 8)).cells(32, 8)
    clear = np.zeros((8, 32, 4), dtype=np.uint8)
    clear[3, 12] = (1, 2, 3, 255)
    assert occupied(clear, cells) == (cells[1],)
    solid = np.full((8, 32, 4), (255, 0, 255, 255), dtype=np.uint8)
    solid[2:6, 18:22] = (0, 0, 0, 255)
    assert occupied(solid, cells) == (cells[2],)
    assert occupied(solid, ()) == ()
    assert occupied(clear, (replace(cells[0], x=40), replace(cells[1], x=-4, w=20))) == (replace(cells[1], x=-4, w=20),)
