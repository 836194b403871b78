"""Boxes drawn to the frames around them: each side moves to the line nearby that least of the picture crosses.

A box comes to rest inside the border of a button when that border is a clear edge of its own, or beyond it when the
next button begins in the same colour. The line between two sprites that touch is still crossed less than those beside
it; so the sides, each on its own, move there.
"""

import numpy as np
from numpy.typing import NDArray

from extract.sheets.crossings import Crossings

Ints = NDArray[np.int64]

REACH_PX = 8
MIN_SIDE_PX = 3

_ROUNDS = 2
_DRAWN = 0
_PER_PX = 0.004
"""Of lines that are crossed alike the nearest is chosen: each pixel of the way counts as so much more crossed."""


def snapped(table: Crossings, boxes: Ints) -> Ints:
    """Move the sides of boxes (n, 4) x0, y0, x1, y1 by up to `REACH_PX`, twice, since a side's length changes, too."""
    down, across = table.down[_DRAWN], table.across[_DRAWN]
    for _ in range(_ROUNDS):
        x0, y0, x1, y1 = boxes.T
        left = _quietest(down, x0, (y0, y1), (np.zeros_like(x0), x1 - MIN_SIDE_PX))
        right = _quietest(down, x1, (y0, y1), (x0 + MIN_SIDE_PX, np.full_like(x1, down.shape[1] - 1)))
        top = _quietest(across, y0, (x0, x1), (np.zeros_like(y0), y1 - MIN_SIDE_PX))
        low = _quietest(across, y1, (x0, x1), (y0 + MIN_SIDE_PX, np.full_like(y1, across.shape[1] - 1)))
        moved = np.stack([left, top, right, low], axis=1)
        fair = (moved[:, 2:] - moved[:, :2]).min(axis=1) >= MIN_SIDE_PX
        boxes = np.where(fair[:, np.newaxis], moved, boxes)
    return boxes


def _quietest(table: NDArray[np.int32], at: Ints, span: tuple[Ints, Ints], limits: tuple[Ints, Ints]) -> Ints:
    """Find near `at` the boundary, within its limits, that least crosses along the span; `at` when there is none."""
    steps = np.arange(-REACH_PX, REACH_PX + 1)
    lines = at[:, None] + steps
    inside = (lines >= limits[0][:, None]) & (lines <= limits[1][:, None])
    lines = np.where(inside, lines, at[:, None])
    low, high = (end[:, None] for end in span)
    crossed = (table[high, lines] - table[low, lines]) / (high - low) + _PER_PX * np.abs(steps)
    best = np.where(inside, crossed, np.inf).argmin(axis=1)
    return np.asarray(np.take_along_axis(lines, best[:, None], axis=1)[:, 0])
