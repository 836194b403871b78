"""What the cells of grids are like: filled, repeated, whole, centred, and made of smaller cells.

The hard choice is between a size and its multiples. A cell twice too large holds quarters that are now and then empty
or repeat each other; a cell half too small cuts drawings through, and its content sits off the middle.

All grids of a picture are described together, one array with the cells of all of them: most have few cells, and asking
for each grid alone takes several times as long.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from extract.sheets.cell_parts import PART_NAMES, part_table
from extract.sheets.evidence import Evidence
from extract.sheets.ground import sum_over
from extract.sheets.groups import Groups
from extract.sheets.lattice import Cut
from extract.sheets.layout import Way

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELL_NAMES = (
    "log_cells", "log_ratio", "square", "double", "filled_cells", "filled_log", "repeat", "fill_mean", "fill_spread",
    "centre_x", "centre_y", "centre_x_spread", "centre_y_spread", "tone_between", "full_cells", "half_filled",
    "half_repeat", "half_full", "third_filled", "third_repeat", "row_filled", "column_filled", *PART_NAMES,
)  # fmt: skip

_BATCH_CELLS = 50_000
"""Grids are described together until they have so many cells: it bounds the memory."""


def cell_table(evidence: Evidence, grids: Sequence[tuple[Cut, Cut]], seen: Sequence[Way]) -> Floats:
    """Describe grids in `CELL_NAMES`: (grids, len(CELL_NAMES)); only whole cells inside the examined part count.

    `seen` are the ways to take the picture as an atlas, joined parts first and grown boxes last (`layout.ways`).
    """
    if not grids:
        return np.zeros((0, len(CELL_NAMES)))
    every = _Grids.of(evidence, grids)
    described = [_describe(evidence, batch) for batch in every.batches()]
    filled = np.concatenate([one for one, _ in described])
    content = np.concatenate([table for _, table in described])
    return np.concatenate([content, part_table(evidence, grids, filled, seen)], axis=1)


@dataclass(frozen=True)
class _Grids:
    """Several grids: per axis the (grids, 4) tile, margin, period and number of cells, and how many are examined."""

    x: Ints
    y: Ints
    columns: Ints
    rows: Ints

    @staticmethod
    def of(evidence: Evidence, grids: Sequence[tuple[Cut, Cut]]) -> "_Grids":
        """List the grids with the numbers of cells that lie wholly inside the examined part."""
        x, y = (np.array([(c.tile, c.margin, c.period, c.count) for c in cuts]) for cuts in zip(*grids, strict=True))
        columns, rows = (
            np.clip((seen - a[:, 1] - a[:, 0]) // a[:, 2] + 1, 0, a[:, 3])
            for a, seen in zip((x, y), evidence.crop, strict=True)
        )
        return _Grids(x, y, columns, rows)

    def batches(self) -> Iterator["_Grids"]:
        """Divide the grids, in their order, into batches of bounded cells; a grid with more is alone."""
        begin, held = 0, 0
        for i, cells in enumerate((self.columns * self.rows).tolist()):
            if held and held + cells > _BATCH_CELLS:
                yield self._part(begin, i)
                begin, held = i, 0
            held += cells
        yield self._part(begin, len(self.x))

    def _part(self, begin: int, end: int) -> "_Grids":
        return _Grids(self.x[begin:end], self.y[begin:end], self.columns[begin:end], self.rows[begin:end])

    @cached_property
    def cells(self) -> Groups:
        """Group the cells by grid, row by row."""
        return Groups(self.columns * self.rows)

    @cached_property
    def place(self) -> tuple[Ints, Ints]:
        """Tell for each cell in which column and row of its grid it is."""
        wide = np.maximum(self.cells.spread(self.columns), 1)
        row = self.cells.place // wide
        return self.cells.place - row * wide, row

    def corners(self) -> tuple[Ints, Ints]:
        """Give the left and upper end of each cell, px."""
        column, row = self.place
        spread = self.cells.spread
        return spread(self.x[:, 1]) + column * spread(self.x[:, 2]), spread(self.y[:, 1]) + row * spread(self.y[:, 2])


@dataclass(frozen=True)
class _Filled:
    """The cells that show something: their corners, `drawn` pixels, and the groups they form; `tile` per grid."""

    left: Ints
    top: Ints
    drawn: NDArray[np.int32]
    groups: Groups
    tile: tuple[Ints, Ints]

    @cached_property
    def box(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Give the left, upper, right and lower ends."""
        wide, high = (self.groups.spread(side) for side in self.tile)
        return self.left, self.top, self.left + wide, self.top + high


def _describe(evidence: Evidence, grids: _Grids) -> tuple[Ints, Floats]:
    """Give the number of filled cells, and all numbers of cells but those of parts, per grid."""
    one, two = grids.x[:, 0], grids.y[:, 0]
    left, top = grids.corners()
    drawn = evidence.count(left, top, left + grids.cells.spread(one), top + grids.cells.spread(two))
    full = drawn > 0
    cells = _Filled(left[full], top[full], drawn[full], grids.cells.where(full), (one, two))
    filled = cells.groups.counts
    shape = [
        np.log2(grids.x[:, 3] * grids.y[:, 3]),
        np.log2(one / two),
        one == two,
        (one == 2 * two) | (two == 2 * one),
        filled / np.maximum(1, grids.cells.counts),
        np.log2(1 + filled),
    ]
    fills = cells.drawn / cells.groups.spread(one * two)
    rest = [
        1.0 - cells.groups.different(evidence.fingerprint(*cells.box)) / np.maximum(1, filled),
        cells.groups.mean(fills),
        cells.groups.std(fills),
        *_centre_numbers(evidence, cells),
        cells.groups.mean(fills == 1.0),
        *_inner_numbers(evidence, cells, 2),
        *_inner_numbers(evidence, cells, 3)[:2],
        *_lines_filled(grids, full),
    ]
    table = np.stack([np.asarray(column, dtype=np.float64) for column in (*shape, *rest)], axis=1)
    table[filled == 0, len(shape) :] = 0.0
    return filled, table


def _lines_filled(grids: _Grids, full: NDArray[np.bool_]) -> list[Floats]:
    """Tell which share of the rows, and of the columns, has a filled cell."""
    shares = []
    for place, counts in zip(grids.place[::-1], (grids.rows, grids.columns), strict=True):
        lines = Groups(counts)
        some = np.zeros(int(counts.sum()), dtype=bool)
        some[(lines.first[grids.cells.group] + place)[full]] = True
        shares.append(lines.mean(some))
    return shares


def _centre_numbers(evidence: Evidence, cells: _Filled) -> list[Floats]:
    """Tell how far from the middle the drawn pixels of a cell lie (in cells), and how the cells differ in tone."""
    drawn, groups = cells.drawn, cells.groups
    wide, high = (groups.spread(side) for side in cells.tile)
    x = (sum_over(evidence.sums_x, *cells.box) / drawn + 0.5 - cells.left) / wide - 0.5
    y = (sum_over(evidence.sums_y, *cells.box) / drawn + 0.5 - cells.top) / high - 0.5
    mean = sum_over(evidence.tones, *cells.box) / drawn
    square = sum_over(evidence.squares, *cells.box) / drawn
    everything = groups.sum(drawn)
    weight = drawn / groups.spread(everything)
    overall = groups.sum(mean * weight)
    between = groups.sum((mean - groups.spread(overall)) ** 2 * weight)
    whole = groups.sum(square * weight) - overall**2
    # Many small cells always explain more of the variance; what chance explains is taken off.
    free = np.maximum(1, everything // 16 - groups.counts)
    share = np.where(whole > 1e-6, between / np.where(whole > 1e-6, whole, 1.0), 0.0)
    adjusted = 1.0 - (1.0 - share) * (free + groups.counts - 1) / free
    return [
        groups.mean(np.abs(x)),
        groups.mean(np.abs(y)),
        groups.std(x),
        groups.std(y),
        np.maximum(-1.0, adjusted),
    ]


def _inner_numbers(evidence: Evidence, cells: _Filled, parts: int) -> list[Floats]:
    """Divide each filled cell into `parts` x `parts`: share of those filled, repeated, and wholly drawn.

    Cells too small for that count as filled, without repeats.
    """
    numbers = [
        np.ones(len(cells.groups.counts)),
        np.zeros(len(cells.groups.counts)),
        np.zeros(len(cells.groups.counts)),
    ]
    fit = (cells.tile[0] >= 4 * parts) & (cells.tile[1] >= 4 * parts) & (cells.groups.counts > 0)
    if not fit.any():
        return numbers
    kept = cells.groups.spread(fit)
    grid = cells.groups.group[kept]
    steps = np.arange(parts)
    off_x, off_y = (side[grid, None] * steps // parts for side in cells.tile)
    shape = (len(grid), parts, parts)
    left = np.broadcast_to((cells.left[kept, None] + off_x)[:, None, :], shape).ravel()
    top = np.broadcast_to((cells.top[kept, None] + off_y)[:, :, None], shape).ravel()
    inner = Groups(np.where(fit, cells.groups.counts, 0) * parts**2)
    wide, high = (inner.spread(side // parts) for side in cells.tile)
    drawn = evidence.count(left, top, left + wide, top + high)
    full = drawn > 0
    some = inner.where(full)
    marks = evidence.fingerprint(left[full], top[full], (left + wide)[full], (top + high)[full])
    found = [
        inner.mean(full),
        np.where(some.counts > 0, 1.0 - some.different(marks) / np.maximum(1, some.counts), 0.0),
        some.mean((drawn == wide * high)[full]),
    ]
    return [np.where(fit, new, old) for new, old in zip(found, numbers, strict=True)]
