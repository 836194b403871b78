"""How the connected parts of a picture, and sprites found without a grid, lie in the cells of grids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.evidence import Evidence
from extract.sheets.lattice import Cut
from extract.sheets.layout import Way

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PART_NAMES = (
    "parts_whole", "area_whole", "parts_per_cell", "big_whole", "cells_of_one_part", "joined_are_cells",
    "grown_are_cells", "grown_whole",
)  # fmt: skip

_ALL_OF_IT = 0.95
"""A sprite is all of its cell when it holds so much of what is drawn there."""

_BIG = 0.1
"""A part is a large one when its box has so much of the area of a cell."""

_MOST_LINES = 1 << 16


def part_table(evidence: Evidence, grids: Sequence[tuple[Cut, Cut]], filled: Ints, seen: Sequence[Way]) -> Floats:
    """Describe grids, of which so many cells are `filled`, in `PART_NAMES`: (grids, len(PART_NAMES)).

    `seen` are the ways to take the picture as an atlas, joined parts first and grown boxes last (`layout.ways`).
    """
    lattices = _Lattices.of(grids)
    parts = evidence.parts
    joined, grown = seen[0], seen[-1]
    lie = _lie(lattices, grown.boxes)
    of_sprites = np.stack(
        [
            _are_cells(evidence, _lie(lattices, joined.boxes), joined.boxes, filled),
            _are_cells(evidence, lie, grown.boxes, filled),
            lie.whole @ grown.chance / max(1e-9, float(grown.chance.sum())),
        ],
        axis=1,
    )
    of_sprites[filled == 0] = 0.0
    return np.concatenate([_part_numbers(_lie(lattices, parts[:, :4]), parts, filled), of_sprites], axis=1)


@dataclass(frozen=True)
class _Lattices:
    """The different cuts of both axes as (cuts, 3) tile, margin, period, and which of them each grid has."""

    x: Ints
    y: Ints
    of_x: Ints
    of_y: Ints

    @staticmethod
    def of(grids: Sequence[tuple[Cut, Cut]]) -> "_Lattices":
        """List the cuts of grids, each once."""
        tables, places = [], []
        for cuts in zip(*grids, strict=True):
            known = {cut: i for i, cut in enumerate(dict.fromkeys(cuts))}
            tables.append(np.array([(cut.tile, cut.margin, cut.period) for cut in known], dtype=np.int64))
            places.append(np.array([known[cut] for cut in cuts], dtype=np.int64))
        return _Lattices(*tables, *places)


@dataclass(frozen=True)
class _Lie:
    """Where boxes lie: `column` and `row` (cuts, boxes) of their first pixel; `whole` (grids, boxes) within one cell.

    The gutter after a cell counts as part of it.
    """

    lattices: _Lattices
    column: Ints
    row: Ints
    whole: NDArray[np.bool_]


def _lie(lattices: _Lattices, boxes: Ints) -> _Lie:
    (column, across), (row, down) = (
        _lines(cuts, boxes[:, axis], boxes[:, axis + 2]) for axis, cuts in enumerate((lattices.x, lattices.y))
    )
    return _Lie(lattices, column, row, across[lattices.of_x] & down[lattices.of_y])


def _lines(cuts: Ints, begin: Ints, end: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Tell in which column (or row) of each cut each box begins, and whether it ends in the same: (cuts, boxes)."""
    margin, period = cuts[:, 1, None], cuts[:, 2, None]
    first = (begin - margin) // period
    return first, first == (end - 1 - margin) // period


def _part_numbers(lie: _Lie, parts: Ints, filled: Ints) -> Floats:
    """Tell which share of the connected parts (by number, by area, the large ones) lies within one cell."""
    if not len(parts):
        return np.zeros((len(filled), 5))
    x0, y0, x1, y1, area = parts.T
    lattices, cells = lie.lattices, np.maximum(1, filled)
    wide, high = lattices.x[lattices.of_x, 0], lattices.y[lattices.of_y, 0]
    big = (x1 - x0) * (y1 - y0) >= (_BIG * wide * high)[:, None]
    both = lie.whole & big
    some = big.sum(axis=1)
    return np.stack(
        [
            lie.whole.mean(axis=1),
            lie.whole @ area / area.sum(),
            len(parts) / cells,
            np.where(some > 0, both.sum(axis=1) / np.maximum(1, some), 1.0),
            _alone(lie, both) / cells,
        ],
        axis=1,
    )


def _alone(lie: _Lie, kept: NDArray[np.bool_]) -> Ints:
    """Count per grid the cells with exactly one of the boxes that are kept (grids, boxes)."""
    grid, box = np.nonzero(kept)
    column, row = lie.column[lie.lattices.of_x[grid], box], lie.row[lie.lattices.of_y[grid], box]
    # A box in the margin is in line -1: one is added so that no two cells have one number.
    cell, count = np.unique(((grid * _MOST_LINES) + row + 1) * _MOST_LINES + column + 1, return_counts=True)
    return np.bincount(cell[count == 1] // _MOST_LINES**2, minlength=len(kept))


def _are_cells(evidence: Evidence, lie: _Lie, boxes: Ints, filled: Ints) -> Floats:
    """Tell how nearly sprites found without a grid are what its cells hold: twice the same by the number of both."""
    grid, box = np.nonzero(lie.whole)
    ends, inside = [], np.ones(len(grid), dtype=bool)
    cuts = (lie.lattices.x, lie.lattices.of_x, lie.column), (lie.lattices.y, lie.lattices.of_y, lie.row)
    for axis, (table, of_grid, place) in enumerate(cuts):
        cut = of_grid[grid]
        tile, margin, period = table[cut].T
        begin = margin + place[cut, box] * period
        end = np.minimum(begin + tile, evidence.crop[axis])
        inside &= (begin >= 0) & (boxes[box, axis + 2] <= end)
        ends.append((begin, end))
    (left, right), (top, low) = ((begin[inside], end[inside]) for begin, end in ends)
    held = evidence.count(*boxes.T)[box[inside]]
    same = held >= _ALL_OF_IT * evidence.count(left, top, right, low)
    return 2.0 * np.bincount(grid[inside][same], minlength=len(filled)) / np.maximum(1, len(boxes) + filled)
