"""What is background: the transparent pixels, else one solid colour that fills the frame, else nothing."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

TOLERANCE = 8
"""A channel may differ by so much from a solid background (JPEG ancestry, dithering)."""

MIN_TRANSPARENT_SHARE = 0.01
MIN_BORDER_SHARE = 0.45
MIN_SOLID_SHARE = 0.12


@dataclass(frozen=True)
class Ground:
    """The background of a picture; `foreground` is (height, width) bool, true where something is drawn."""

    kind: Literal["transparent", "solid", "opaque"]
    foreground: NDArray[np.bool_]


def find_ground(rgba: NDArray[np.uint8]) -> Ground:
    """Find the background of a (height, width, 4) uint8 straight-alpha picture of at least one pixel."""
    visible = rgba[..., 3] > 0
    if 1.0 - float(visible.mean()) >= MIN_TRANSPARENT_SHARE:
        return Ground("transparent", visible)
    border = np.concatenate([rgba[0, :, :3], rgba[-1, :, :3], rgba[:, 0, :3], rgba[:, -1, :3]])
    colours, counts = np.unique(border, axis=0, return_counts=True)
    best = int(counts.argmax())
    if counts[best] >= MIN_BORDER_SHARE * len(border):
        drawn = differs(rgba, colours[best])
        if 1.0 - float(drawn.mean()) >= MIN_SOLID_SHARE:
            return Ground("solid", drawn)
    return Ground("opaque", np.ones(visible.shape, dtype=bool))


def differs(rgba: NDArray[np.uint8], colour: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark the pixels (height, width) that differ from an opaque colour (3 values) by more than `TOLERANCE`."""
    drawn = np.zeros(rgba.shape[:2], dtype=bool)
    for channel in range(3):
        low = max(0, int(colour[channel]) - TOLERANCE)
        high = min(255, int(colour[channel]) + TOLERANCE)
        values = rgba[..., channel]
        drawn |= (values < low) | (values > high)
    return drawn


def prefix_sums(values: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give the (height + 1, width + 1) summed-area table of a mask."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1), dtype=np.int32)
    np.cumsum(values, axis=1, dtype=np.int32, out=table[1:, 1:])
    sum_down(table[1:])
    return table


def sum_down(table: NDArray[Any]) -> None:
    """Add to every row all rows above it, in place; on large tables several times as fast as `numpy.cumsum`."""
    for above, row in pairwise(table):
        np.add(row, above, out=row)


def sum_over(table: NDArray[Any], x0: Ints, y0: Ints, x1: Ints, y1: Ints) -> NDArray[Any]:
    """Sum over rectangles (ends excluded) by a summed-area table.

    Plain positions in the flattened table: looking up by two indices takes several times as long.
    """
    flat, wide = table.ravel(), table.shape[1]
    upper, lower = y0 * wide, y1 * wide
    sums: NDArray[Any] = flat.take(lower + x1) - flat.take(upper + x1) - flat.take(lower + x0) + flat.take(upper + x0)
    return sums
