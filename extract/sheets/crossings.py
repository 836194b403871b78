"""How much crosses each boundary between two pixel lines: the tables that boxes around touching sprites grow by.

Where two sprites touch, little of the boundary between them is drawn on both sides, or drawn in like colours, or both
sides end in a line of their own; inside a sprite it is the other way round.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.evidence import Evidence
from extract.sheets.ground import sum_down

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MEASURES = ("drawn", "alike", "unbordered")
"""What counts as crossed: drawn on both sides; in like colours, too; and without a border at both sides of it."""

_NEAR = 12
_BORDERS_PX = (1, 2, 3)


@dataclass(frozen=True)
class Crossings:
    """Summed along each boundary: `down` (measures, height + 1, width + 1) for the boundaries between columns.

    ``down[m, y, x]`` counts the rows above y that cross between the columns x - 1 and x; `across` (measures,
    width + 1, height + 1) is the same for the boundaries between rows. `same_down` and `same_across`, without the
    first axis, count neighbours of the very same colour, blank ones too.
    """

    down: NDArray[np.int32]
    across: NDArray[np.int32]
    same_down: NDArray[np.int32]
    same_across: NDArray[np.int32]

    def sides(self, measure: int | Ints, ends: Ints) -> Ints:
        """Count what crosses the left, right, upper and lower side of boxes given as (4, n) x0, y0, x1, y1: (4, n)."""
        x0, y0, x1, y1 = ends
        _, high, wide = self.down.shape
        down, across = self.down.ravel(), self.across.ravel()
        # Plain positions in the flattened tables: looking up by three indices takes several times as long.
        upper, lower = (measure * high + y0) * wide, (measure * high + y1) * wide
        left, right = (measure * wide + x0) * high, (measure * wide + x1) * high
        counts = np.empty(ends.shape, dtype=np.int64)
        counts[0] = down.take(lower + x0) - down.take(upper + x0)
        counts[1] = down.take(lower + x1) - down.take(upper + x1)
        counts[2] = across.take(right + y0) - across.take(left + y0)
        counts[3] = across.take(right + y1) - across.take(left + y1)
        return counts

    def same(self, boxes: Ints, inwards: int) -> Floats:
        """Tell which share of each side is of one colour with the next line, `inwards` px inside the box: (n, 4)."""
        x0, y0, x1, y1 = boxes.T
        right, low = self.same_across.shape[0] - 1, self.same_down.shape[0] - 1

        def column(x: Ints) -> Floats:
            at = np.clip(x, 0, right)
            return np.asarray((self.same_down[y1, at] - self.same_down[y0, at]) / (y1 - y0))

        def row(y: Ints) -> Floats:
            at = np.clip(y, 0, low)
            return np.asarray((self.same_across[x1, at] - self.same_across[x0, at]) / (x1 - x0))

        return np.stack([column(x0 + inwards), column(x1 - inwards), row(y0 + inwards), row(y1 - inwards)], axis=1)


def crossings(evidence: Evidence) -> Crossings:
    """Count what crosses the boundaries of a picture."""
    pixels, drawn = evidence.pixels, evidence.ground.foreground
    codes = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    down, same_down = _along(evidence.change_x, codes, drawn)
    across, same_across = _along(evidence.change_y.T, codes.T, drawn.T)
    return Crossings(down, across, same_down, same_across)


def _along(
    change: NDArray[np.uint8], codes: NDArray[np.uint32], drawn: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sum the boundaries between the columns of arrays (height, width), row by row."""
    height, width = drawn.shape
    both = drawn[:, 1:] & drawn[:, :-1]
    clear = change >= _NEAR
    alike = both & ~clear
    tables = np.zeros((len(MEASURES), height + 1, width + 1), dtype=np.int32)
    for table, crossed in zip(tables, (both, alike, alike & ~_bordered(clear | ~both)), strict=True):
        table[1:, 1:-1] = crossed
        sum_down(table[1:])
    same = np.zeros((height + 1, width + 1), dtype=np.int32)
    same[1:, 1:-1] = codes[:, 1:] == codes[:, :-1]
    sum_down(same[1:])
    return tables, same


def _bordered(ends: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark boundaries with one that `ends` something (a change, a blank) equally far to both sides."""
    height, width = ends.shape
    # Beyond the picture everything ends, but not further than at its frame.
    wide = np.zeros_like(ends, shape=(height, width + 2 * max(_BORDERS_PX)))
    wide[:, max(_BORDERS_PX) - 1] = wide[:, width + max(_BORDERS_PX)] = True
    wide[:, max(_BORDERS_PX) : -max(_BORDERS_PX)] = ends
    found = np.zeros_like(ends)
    for far in _BORDERS_PX:
        left, right = max(_BORDERS_PX) - far, max(_BORDERS_PX) + far
        found |= wide[:, left : left + width] & wide[:, right : right + width]
    return found
