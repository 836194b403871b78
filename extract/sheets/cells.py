"""What the cells of one grid are like: filled, repeated, whole, centred, and made of smaller cells.

The hard choice is between a size and its multiples. A cell twice too large holds quarters that are now and then empty
or repeat each other; a cell half too small cuts drawings through, and its content sits off the middle.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from extract.sheets.evidence import Evidence
from extract.sheets.lattice import Cut
from extract.sheets.layout import Way

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELL_NAMES = (
    "log_cells", "log_ratio", "square", "double", "filled_cells", "filled_log", "repeat", "fill_mean", "fill_spread",
    "centre_x", "centre_y", "centre_x_spread", "centre_y_spread", "tone_between", "full_cells", "half_filled",
    "half_repeat", "half_full", "third_filled", "third_repeat", "row_filled", "column_filled", "parts_whole",
    "area_whole", "parts_per_cell", "big_whole", "cells_of_one_part", "joined_are_cells", "grown_are_cells",
    "grown_whole",
)  # fmt: skip


_ALL_OF_IT = 0.95
"""A sprite is all of its cell when it holds so much of what is drawn there."""


def cell_row(evidence: Evidence, one: Cut, two: Cut, seen: Sequence[Way]) -> list[float]:
    """Describe one grid in `CELL_NAMES`; only whole cells inside the examined part count.

    `seen` are the ways to take the picture as an atlas, joined parts first and grown boxes last (`layout.ways`).
    """
    x0, y0 = _starts(evidence, one, two)
    columns, rows = len(x0), len(y0)
    left, top = (a.ravel() for a in np.meshgrid(x0, y0))
    right, bottom = left + one.tile, top + two.tile
    drawn = evidence.count(left, top, right, bottom)
    full = drawn > 0
    filled = int(full.sum())
    area = one.tile * two.tile
    shape = [
        float(np.log2(one.count * two.count)),
        float(np.log2(one.tile / two.tile)),
        float(one.tile == two.tile),
        float(one.tile == 2 * two.tile or two.tile == 2 * one.tile),
        filled / max(1, len(left)),
        float(np.log2(1 + filled)),
    ]
    if not filled:
        return [*shape, *[0.0] * 16, *_part_numbers(evidence.parts, one, two, filled), 0.0, 0.0, 0.0]
    box = (left[full], top[full], right[full], bottom[full])
    fills = drawn[full] / area
    table = full.reshape(rows, columns)
    rest = [
        1.0 - len(np.unique(evidence.fingerprint(*box))) / filled,
        float(fills.mean()),
        float(fills.std()),
        *_centre_numbers(evidence, box, drawn[full], (one.tile, two.tile)),
        float((fills == 1.0).mean()),
        *_inner_numbers(evidence, box, (one.tile, two.tile), 2),
        *_inner_numbers(evidence, box, (one.tile, two.tile), 3)[:2],
        float(table.any(axis=1).mean()),
        float(table.any(axis=0).mean()),
    ]
    alike = [_are_cells(evidence, seen[i].boxes, one, two, filled) for i in (0, -1)]
    whole = _whole(seen[-1].boxes, one, two)
    chance = seen[-1].chance
    return [
        *shape,
        *rest,
        *_part_numbers(evidence.parts, one, two, filled),
        *alike,
        float((chance * whole).sum() / max(1e-9, float(chance.sum()))),
    ]


def _starts(evidence: Evidence, one: Cut, two: Cut) -> tuple[Ints, Ints]:
    seen_w, seen_h = evidence.crop
    x0 = one.margin + np.arange(one.count, dtype=np.int64) * one.period
    y0 = two.margin + np.arange(two.count, dtype=np.int64) * two.period
    return x0[x0 + one.tile <= seen_w], y0[y0 + two.tile <= seen_h]


def _centre_numbers(
    evidence: Evidence, box: tuple[Ints, Ints, Ints, Ints], drawn: NDArray[np.int32], tile: tuple[int, int]
) -> list[float]:
    """Tell how far from the middle the drawn pixels of a cell lie (in cells), and how the cells differ in tone."""
    x = (evidence.total(evidence.sums_x, *box) / drawn + 0.5 - box[0]) / tile[0] - 0.5
    y = (evidence.total(evidence.sums_y, *box) / drawn + 0.5 - box[1]) / tile[1] - 0.5
    mean = evidence.total(evidence.tones, *box) / drawn
    square = evidence.total(evidence.squares, *box) / drawn
    weight = drawn / drawn.sum()
    overall = float((mean * weight).sum())
    between = float(((mean - overall) ** 2 * weight).sum())
    whole = float((square * weight).sum()) - overall**2
    # Many small cells always explain more of the variance; what chance explains is taken off.
    free = max(1, int(drawn.sum()) // 16 - len(drawn))
    share = between / whole if whole > 1e-6 else 0.0
    adjusted = 1.0 - (1.0 - share) * (free + len(drawn) - 1) / free
    return [
        float(np.abs(x).mean()),
        float(np.abs(y).mean()),
        float(x.std()),
        float(y.std()),
        max(-1.0, adjusted),
    ]


def _inner_numbers(
    evidence: Evidence, box: tuple[Ints, Ints, Ints, Ints], tile: tuple[int, int], parts: int
) -> list[float]:
    """Divide each filled cell into `parts` x `parts`: share of those filled, repeated, and wholly drawn."""
    if tile[0] < 4 * parts or tile[1] < 4 * parts:
        return [1.0, 0.0, 0.0]
    steps = np.arange(parts)
    side_w, side_h = tile[0] // parts, tile[1] // parts
    left = (box[0][:, None, None] + (steps * tile[0] // parts)[None, None, :]).repeat(parts, axis=1).ravel()
    top = (box[1][:, None, None] + (steps * tile[1] // parts)[None, :, None]).repeat(parts, axis=2).ravel()
    drawn = evidence.count(left, top, left + side_w, top + side_h)
    full = drawn > 0
    if not full.any():
        return [0.0, 0.0, 0.0]
    marks = evidence.fingerprint(left[full], top[full], left[full] + side_w, top[full] + side_h)
    return [
        float(full.mean()),
        1.0 - len(np.unique(marks)) / int(full.sum()),
        float((drawn[full] == side_w * side_h).mean()),
    ]


def _part_numbers(parts: Ints, one: Cut, two: Cut, filled: int) -> list[float]:
    """Tell which share of the connected parts (by number, by area, the large ones) lies within one cell."""
    if not len(parts):
        return [0.0, 0.0, 0.0, 0.0, 0.0]
    x0, y0, x1, y1, area = parts.T
    column, row = (x0 - one.margin) // one.period, (y0 - two.margin) // two.period
    whole = _whole(parts, one, two)
    big = (x1 - x0) * (y1 - y0) >= 0.1 * one.tile * two.tile
    _, counts = np.unique((row * 65536 + column)[whole & big], return_counts=True)
    return [
        float(whole.mean()),
        float(area[whole].sum() / area.sum()),
        len(parts) / max(1, filled),
        float(whole[big].mean()) if big.any() else 1.0,
        float((counts == 1).sum() / max(1, filled)),
    ]


def _whole(boxes: Ints, one: Cut, two: Cut) -> NDArray[np.bool_]:
    """Tell which boxes (n, 4 or more) lie within one cell and the gutter after it."""
    x0, y0, x1, y1 = boxes.T[:4]
    across = (x0 - one.margin) // one.period == (x1 - 1 - one.margin) // one.period
    down = (y0 - two.margin) // two.period == (y1 - 1 - two.margin) // two.period
    return np.asarray(across & down)


def _are_cells(evidence: Evidence, boxes: Ints, one: Cut, two: Cut, filled: int) -> float:
    """Tell how nearly sprites found without a grid are what its cells hold: twice the same by the number of both."""
    kept = boxes[_whole(boxes, one, two)]
    x0, y0, x1, y1 = kept.T
    left = one.margin + (x0 - one.margin) // one.period * one.period
    top = two.margin + (y0 - two.margin) // two.period * two.period
    seen_w, seen_h = evidence.crop
    right, low = np.minimum(left + one.tile, seen_w), np.minimum(top + two.tile, seen_h)
    inside = (left >= 0) & (top >= 0) & (x1 <= right) & (y1 <= low)
    box = tuple(side[inside] for side in (left, top, right, low))
    held = evidence.count(x0[inside], y0[inside], x1[inside], y1[inside])
    same = int((held >= _ALL_OF_IT * evidence.count(*box)).sum())
    return 2.0 * same / max(1, len(boxes) + filled)
