"""Palettes: which share of a part or a box is drawn in which of a few coarse colours."""

import numpy as np
from numpy.typing import NDArray

from extract.sheets.evidence import Evidence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 64
_BIN_BITS = 6
_SAMPLES = 12
"""Boxes are looked at in so many places along each side."""


def palettes_of_parts(evidence: Evidence) -> Floats:
    """Give the palette of each part: (parts, `BINS`), each row adds up to 1."""
    drawn = evidence.labels > 0
    return _shares(evidence.labels[drawn].astype(np.int64) - 1, evidence.pixels[drawn], len(evidence.parts))


def palettes_of_boxes(evidence: Evidence, boxes: Ints) -> Floats:
    """Give the palette of what is drawn in each box (n, 4), by samples: (n, `BINS`); 0 where none of them is drawn."""
    along = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    x = (boxes[:, :1] + along * (boxes[:, 2:3] - boxes[:, :1])).astype(np.int64)
    y = (boxes[:, 1:2] + along * (boxes[:, 3:] - boxes[:, 1:2])).astype(np.int64)
    drawn = evidence.ground.foreground[y[:, :, None], x[:, None, :]]
    owner = np.broadcast_to(np.arange(len(boxes))[:, None, None], drawn.shape)[drawn]
    return _shares(owner, evidence.pixels[y[:, :, None], x[:, None, :]][drawn], len(boxes))


def _shares(owner: Ints, pixels: NDArray[np.uint8], owners: int) -> Floats:
    red, green, blue = (pixels[:, channel].astype(np.int64) >> _BIN_BITS for channel in range(3))
    each = 256 >> _BIN_BITS
    code = owner * BINS + (red * each + green) * each + blue
    counts = np.bincount(code, minlength=owners * BINS).reshape(-1, BINS).astype(np.float64)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
