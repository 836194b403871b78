"""Grid lines that somebody drew are found whatever else is written on the sheet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.sheets.evidence import gather
from extract.sheets.ink import inked
from extract.sheets.lattice import Cut, cuts
from tests.extract.sheets import sheet_pictures as draw

LINE = (0, 255, 0, 255)


def ruled(tile: tuple[int, int], columns: int, rows: int, line: int, seed: int = 7) -> draw.Picture:
    """Discs of different sizes in cells between green lines, with a line around all of them."""
    width, height = line + columns * (tile[0] + line), line + rows * (tile[1] + line)
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    picture[np.arange(height) % (tile[1] + line) < line] = LINE
    picture[:, np.arange(width) % (tile[0] + line) < line] = LINE
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[0 : tile[1], 0 : tile[0]]
    for i in range(columns * rows):
        left, top = line + i % columns * (tile[0] + line), line + i // columns * (tile[1] + line)
        radius = chance.uniform(0.1, 0.45) * min(tile)
        disc = (x - tile[0] / 2) ** 2 + (y - tile[1] / 2) ** 2 <= radius**2
        picture[top : top + tile[1], left : left + tile[0]][disc] = (*chance.integers(60, 255, 3), 255)
    return picture


@given(st.integers(8, 40), st.integers(8, 40), st.integers(2, 8), st.integers(2, 6), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_lines_give_the_cut_even_under_a_note(wide: int, high: int, columns: int, rows: int, line: int) -> None:
    picture = ruled((wide, high), columns, rows, line)
    height, width = picture.shape[:2]
    picture[-height // 4 :, -width // 4 :] = (90, 120, 140, 255)
    evidence = gather(picture)
    assert Cut(wide, line, line, columns) in cuts(evidence.x)
    assert Cut(high, line, line, rows) in cuts(evidence.y)


def test_ink_is_the_share_of_each_line_in_the_colour_of_the_lines() -> None:
    codes = np.ascontiguousarray(ruled((20, 20), 4, 3, 1)).view(np.uint32)[..., 0]
    across, down = inked(codes)
    assert (across[::21] == 1.0).all()
    assert (down[::21] == 1.0).all()
    assert across[1] == pytest.approx(4 / len(down))


def test_pictures_without_lines_have_no_ink() -> None:
    for picture in (draw.noise(60, 50), np.zeros((30, 30, 4), dtype=np.uint8)):
        across, down = inked(np.ascontiguousarray(picture).view(np.uint32)[..., 0])
        assert not across.any()
        assert not down.any()
