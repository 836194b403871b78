"""Pages of glyphs inside an atlas: many small parts close together are one sprite, not a hundred.

Glyphs of one page have one colour, or, drawn with an outline or a shade, the same few colours in like shares.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from extract.sheets.components import join
from extract.sheets.evidence import Evidence
from extract.sheets.palettes import palettes_of_parts

NEAR_PX = (2, 4, 7)
"""Glyphs so near to each other may belong to one page; every distance gives pages of its own."""

MIN_GLYPHS = 8
MAX_GLYPHS = 900
MAX_PARTS = 3000

_SHADES = 24
_FLAT = 12.0
_LARGE = 4
_LIKE = 0.6
"""Parts are of like colours when their palettes have so much in common."""

Ints = NDArray[np.int64]


def pages(evidence: Evidence) -> Ints:
    """List boxes (n, 4) x0, y0, x1, y1 that hold at least `MIN_GLYPHS` parts of like colours and sizes."""
    if not MIN_GLYPHS <= len(evidence.parts) <= MAX_PARTS:
        return np.zeros((0, 4), dtype=np.int64)
    return np.concatenate([*_flat_pages(evidence), *_outlined_pages(evidence)])


def _flat_pages(evidence: Evidence) -> list[Ints]:
    """Join parts of one flat colour."""
    boxes, found = evidence.parts[:, :4], [np.zeros((0, 4), dtype=np.int64)]
    colours, flat = _colours(evidence)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    _, group = np.unique(colours, axis=0, return_inverse=True)
    for one in range(int(group.max()) + 1):
        mine = flat & (group.ravel() == one)
        if mine.sum() < MIN_GLYPHS:
            continue
        mine &= sides <= _LARGE * np.median(sides[mine]) + _LARGE
        if MIN_GLYPHS <= mine.sum() <= MAX_GLYPHS:
            found += [_full(join(boxes[mine], near), boxes[mine]) for near in NEAR_PX]
    return found


def _outlined_pages(evidence: Evidence) -> list[Ints]:
    """Link neighbours of like colours and sizes; chains of enough of them are pages."""
    boxes = evidence.parts[:, :4]
    if len(boxes) > MAX_GLYPHS:
        return []
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    apart = np.maximum.outer(boxes[:, 0], boxes[:, 0]) - np.minimum.outer(boxes[:, 2], boxes[:, 2])
    apart = np.maximum(apart, np.maximum.outer(boxes[:, 1], boxes[:, 1]) - np.minimum.outer(boxes[:, 3], boxes[:, 3]))
    one, two = np.nonzero(np.triu(apart < max(NEAR_PX), 1))
    low, high = np.minimum(sides[one], sides[two]), np.maximum(sides[one], sides[two])
    shares = palettes_of_parts(evidence)
    like = (high <= _LARGE * low + 2 * _LARGE) & (np.minimum(shares[one], shares[two]).sum(axis=1) >= _LIKE)
    one, two = one[like], two[like]
    found = []
    for near in NEAR_PX:
        close = apart[one, two] < near
        links = coo_array((np.ones(close.sum()), (one[close], two[close])), shape=(len(boxes), len(boxes)))
        _, group = connected_components(links, directed=False)
        large = np.flatnonzero(np.bincount(group) >= MIN_GLYPHS)
        ends = [(boxes[group == g, :2].min(axis=0), boxes[group == g, 2:].max(axis=0)) for g in large]
        found += [np.concatenate(end)[None] for end in ends]
    return found


def _colours(evidence: Evidence) -> tuple[Ints, NDArray[np.bool_]]:
    """Give each part's mean colour in coarse steps (parts, 3), and whether all of it has nearly that colour."""
    labels, area = evidence.labels.ravel().astype(np.intp), evidence.parts[:, 4]
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
