"""By which integer a picture was enlarged without smoothing: pixel art is often published at two to eight times."""

import numpy as np

from extract.sheets.evidence import Axis, Evidence

MAX_FACTOR = 16
MIN_CHANGES = 3
"""Fewer places where anything changes prove nothing."""


def upscale_of(evidence: Evidence) -> int:
    """Give the largest factor for which every change lies on its lattice, counted from the first; 1 if there is none.

    The lattice may begin anywhere (a margin of any width may have been added afterwards), but is the same for both
    axes but for that.
    """
    factor = int(np.gcd(_factor(evidence.x), _factor(evidence.y)))
    return factor if 2 <= factor <= MAX_FACTOR else 1


def _factor(axis: Axis) -> int:
    """Take the greatest common divisor of all distances between changes; 0 when too few places change."""
    changes = np.flatnonzero((axis.step > 0) | (np.diff(np.pad(axis.fill, 1)) != 0))
    if len(changes) < MIN_CHANGES:
        return 0 if len(changes) < 2 else 1
    return int(np.gcd.reduce(np.diff(changes)))
