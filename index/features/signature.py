"""The image-match signature: how much brighter the neighbourhoods of grid points are than one another.

Goldberg, Wong and Gheorghe, "An Image Signature for Any Kind of Image", ICIP 2002. A 9 × 9 grid laid over the part
where things happen (5th to 95th percentile of the brightness changes), 8 neighbours each, five levels: 648 values of
-2 to 2. Two signatures are compared by |a - b| / (|a| + |b|); below 0.45 they are taken as the same picture.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.features.canvas import flatten, luma
from index.features.interface import Distance, Model, Rows

POINTS = 9
LENGTH = POINTS * POINTS * 8
CROP_PERCENTILES = (5, 95)
IDENTICAL = 2 / 255
LEVELS = 2
CUT_OFF = 0.45
NEIGHBOURS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))

Signature = NDArray[np.int8]


class ImageMatch:
    """648 small numbers; see `distance` and `all_orientations` for comparing them."""

    model = Model("image-match", 1, LENGTH, Distance.NORMALIZED)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 648) int8."""
        return np.stack([signature(flatten(picture)) for picture in pictures])


def signature(rgb: NDArray[np.uint8]) -> Signature:
    """Return the signature of a (h, w, 3) picture."""
    grey = luma(rgb) / 255
    rows, columns = (_grid(grey, axis) for axis in (0, 1))
    means = _neighbourhoods(grey, rows, columns)
    padded = np.pad(means, 1, constant_values=np.nan)
    steps = [padded[1 + dy : POINTS + 1 + dy, 1 + dx : POINTS + 1 + dx] - means for dy, dx in NEIGHBOURS]
    return _levels(np.nan_to_num(np.stack(steps, -1))).ravel()


def distance(one: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return |a - b| / (|a| + |b|) of signatures or rows of them: 0 the same, about 1 unrelated."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    length = np.linalg.norm(a, axis=-1) + np.linalg.norm(b, axis=-1)
    return np.asarray(np.linalg.norm(a - b, axis=-1) / np.maximum(length, 1e-12))


def all_orientations(rgba: Rgba) -> Iterator[Rgba]:
    """Yield the picture in its 8 orientations, as it is first."""
    for mirrored in (rgba, rgba[:, ::-1]):
        for turns in range(4):
            yield np.ascontiguousarray(np.rot90(mirrored, turns))


def _grid(grey: NDArray[Any], axis: int) -> NDArray[np.int64]:
    """Return the grid's coordinates along an axis, inside the part that holds most of the changes."""
    count = grey.shape[axis]
    changes = np.abs(np.diff(grey, axis=1 - axis)).sum(1 - axis)
    total = np.cumsum(changes)
    low, high = 0, count
    if len(total) and total[-1] > 0:
        low, high = (int(np.searchsorted(total, total[-1] * p / 100)) for p in CROP_PERCENTILES)
        high = max(high, low + 1)
    return np.linspace(low, high, POINTS + 2)[1:-1].astype(np.int64)


def _neighbourhoods(grey: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean brightness of the square around each grid point."""
    side = max(2, int(0.5 + min(grey.shape) / 20))
    sums = np.pad(grey.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, left = (np.clip(at - side // 2, 0, n - 1) for at, n in zip((rows, columns), grey.shape, strict=True))
    bottom, right = (
        np.clip(low + side, 1, n) for low, n in zip((rows - side // 2, columns - side // 2), grey.shape, strict=True)
    )
    bottom, right = np.maximum(bottom, top + 1), np.maximum(right, left + 1)
    total = (
        sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)] - sums[np.ix_(bottom, left)] + sums[np.ix_(top, left)]
    )
    return np.asarray(total / ((bottom - top)[:, None] * (right - left)[None, :]))


def _levels(steps: NDArray[np.float64]) -> Signature:
    """Turn differences into -2…2; the bounds are the medians of what is darker and of what is brighter."""
    out = np.zeros(steps.shape, np.int8)
    for sign in (-1, 1):
        size = steps * sign
        some = size > IDENTICAL
        if some.any():
            bounds = np.percentile(size[some], np.linspace(0, 100, LEVELS + 1)[1:-1])
            out[some] = (sign * (1 + np.searchsorted(bounds, size[some]))).astype(np.int8)
    return out
