"""Parts of a sheet that lie clearly apart get grids of their own; one grid that fits everything is left alone."""

import numpy as np

from extract.sheets import slice_image
from extract.sheets.blocks import parts_apart
from extract.sheets.evidence import gather
from extract.sheets.model import Grid
from tests.extract.sheets import sheet_pictures as draw


def two_sheets(gap: int) -> draw.Picture:
    """Small sprites in cells of 16 px over larger ones in cells of 40 px, with a blank band between them."""
    small, large = draw.sprites_in_cells(16, 15, 4), draw.sprites_in_cells(40, 6, 3, seed=9)
    picture = np.zeros((small.shape[0] + gap + large.shape[0], 240, 4), dtype=np.uint8)
    picture[: small.shape[0]] = small
    picture[small.shape[0] + gap :] = large
    return picture


def test_two_sheets_on_one_picture_come_apart() -> None:
    boxes = parts_apart(gather(two_sheets(40)))
    assert len(boxes) == 2
    assert boxes[0][3] <= 64 < 104 <= boxes[1][1]


def test_one_sheet_stays_in_one_part() -> None:
    spaced = draw.sheet(Grid((16, 16), (4, 4), (4, 4)), 8, 6)
    for picture in (draw.sprites_in_cells(32, 8, 6), spaced, draw.lone_sprite(64, 96), draw.noise(80, 80)):
        assert len(parts_apart(gather(picture))) == 1
    assert parts_apart(gather(np.zeros((40, 40, 4), dtype=np.uint8))) == []


def test_cells_of_both_grids_are_given_or_offered() -> None:
    result = slice_image(two_sheets(40))
    answers = [result.rects, *(c.rects for c in result.candidates if c.kind == "atlas")]
    sizes = [{(r.w, r.h) for r in rects} for rects in answers]
    assert any(len(found) == 2 for found in sizes), result.why
