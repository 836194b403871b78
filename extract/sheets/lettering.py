"""Pages of glyphs inside an atlas: many small parts of one colour, close together, are one sprite, not a hundred."""

import numpy as np
from numpy.typing import NDArray

from extract.sheets.components import join
from extract.sheets.evidence import Evidence

NEAR_PX = (2, 4, 7)
"""Glyphs so near to each other may belong to one page; every distance gives pages of its own."""

MIN_GLYPHS = 8
MAX_GLYPHS = 900
MAX_PARTS = 3000

_SHADES = 24
_FLAT = 12.0
_LARGE = 4

Ints = NDArray[np.int64]


def pages(evidence: Evidence) -> Ints:
    """List boxes (n, 4) x0, y0, x1, y1 that hold at least `MIN_GLYPHS` parts of one colour and of like size."""
    found: list[Ints] = [np.zeros((0, 4), dtype=np.int64)]
    if not MIN_GLYPHS <= len(evidence.parts) <= MAX_PARTS:
        return found[0]
    boxes = evidence.parts[:, :4]
    colours, flat = _colours(evidence)
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    _, group = np.unique(colours, axis=0, return_inverse=True)
    for one in range(int(group.max()) + 1):
        mine = flat & (group.ravel() == one)
        if mine.sum() < MIN_GLYPHS:
            continue
        mine &= sides <= _LARGE * np.median(sides[mine]) + _LARGE
        if MIN_GLYPHS <= mine.sum() <= MAX_GLYPHS:
            found += [_full(join(boxes[mine], near), boxes[mine]) for near in NEAR_PX]
    return np.concatenate(found)


def _colours(evidence: Evidence) -> tuple[Ints, NDArray[np.bool_]]:
    """Give each part's mean colour in coarse steps (parts, 3), and whether all of it has nearly that colour."""
    labels, area = evidence.labels.ravel(), evidence.parts[:, 4]
    means, spread = [], np.zeros(len(area))
    for channel in range(3):
        values = evidence.pixels[..., channel].ravel().astype(np.float64)
        mean = np.bincount(labels, values)[1:] / area
        square = np.bincount(labels, values * values)[1:] / area
        means.append((mean / _SHADES).round().astype(np.int64))
        spread = np.maximum(spread, np.sqrt(np.maximum(square - mean * mean, 0.0)))
    return np.stack(means, axis=1), spread < _FLAT


def _full(joined: Ints, boxes: Ints) -> Ints:
    """Keep the joined boxes that hold enough parts."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside = (
        (x >= joined[:, :1]) & (x < joined[:, 2:3]) & (y >= joined[:, 1:2]) & (y < joined[:, 3:])
    )  # (joined, boxes)
    kept: Ints = joined[inside.sum(axis=1) >= MIN_GLYPHS]
    return kept
