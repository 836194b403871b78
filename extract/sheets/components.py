"""Packed atlases without a description: every connected part is a sprite, after loose bits joined their owner.

A sprite is often several parts (a hat, a spark, an outline with holes), so boxes that overlap, or nearly touch while
one of them is small, are joined. What remains tiny is a speck and is dropped.
"""

import numpy as np
from numpy.typing import NDArray

from extract.sheets.model import Rect

MAX_SPRITES = 2000
"""With more boxes than this a picture is texture or noise, not an atlas."""

_SPECK_AREA_PX = 4
_ROUNDS = 12

Boxes = NDArray[np.int64]


def sprites(parts: NDArray[np.int64], near: int = 0) -> tuple[Rect, ...]:
    """Join connected parts (n, 5) x0, y0, x1, y1, drawn pixels into sprite rectangles, top to bottom.

    Sprites within `near` px of each other become one.
    Gives no rectangle when there would be more than `MAX_SPRITES`.
    """
    parts = parts[parts[:, 4] >= _SPECK_AREA_PX] if len(parts) > MAX_SPRITES else parts
    if not 0 < len(parts) <= MAX_SPRITES:
        return ()
    return as_rects(join(sprite_boxes(parts), near))


def sprite_boxes(parts: Boxes) -> Boxes:
    """Join overlapping parts and loose specks into boxes (n, 4) x0, y0, x1, y1; costs the square of their number."""
    boxes = _join_small(join(parts[:, :4], near=0))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[areas >= _SPECK_AREA_PX]


def as_rects(boxes: Boxes) -> tuple[Rect, ...]:
    """List boxes as rectangles, top to bottom, then left to right."""
    order = np.lexsort((boxes[:, 0], boxes[:, 1]))
    return tuple(Rect(int(b[0]), int(b[1]), int(b[2] - b[0]), int(b[3] - b[1])) for b in boxes[order])


def join(boxes: Boxes, near: int) -> Boxes:
    """Merge boxes that overlap, or come within `near` px of each other, until none does."""
    for _ in range(_ROUNDS if len(boxes) else 0):
        groups = _groups(_touching(boxes, near))
        if len(np.unique(groups)) == len(boxes):
            break
        boxes = _bounds(boxes, groups)
    return boxes


def _join_small(boxes: Boxes) -> Boxes:
    """Give boxes much smaller than the typical sprite to a neighbour within a pixel or two."""
    if len(boxes) < 2:
        return boxes
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    small = sides * 4 <= float(np.median(sides))
    touching = _touching(boxes, 1) & (small[:, None] | small[None, :])
    np.fill_diagonal(touching, val=True)
    return join(_bounds(boxes, _groups(touching)), near=0)


def _touching(boxes: Boxes, near: int) -> NDArray[np.bool_]:
    """Tell for every pair of boxes whether they overlap or come within `near` px; each touches itself."""
    x0, y0, x1, y1 = boxes.T
    beside = np.minimum.outer(x1, x1) - np.maximum.outer(x0, x0) + near > 0
    above = np.minimum.outer(y1, y1) - np.maximum.outer(y0, y0) + near > 0
    return np.asarray(beside & above)


def _groups(touching: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Label each box with the lowest box it is linked to, directly or through others."""
    labels = np.arange(len(touching), dtype=np.int64)
    while True:
        lowest = np.where(touching, labels[None, :], len(labels)).min(axis=1)
        lowest = lowest[lowest]
        if np.array_equal(lowest, labels):
            return labels
        labels = lowest


def _bounds(boxes: Boxes, groups: NDArray[np.int64]) -> Boxes:
    order = np.argsort(groups, kind="stable")
    first = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sorted_boxes = boxes[order]
    low = np.minimum.reduceat(sorted_boxes[:, :2], first, axis=0)
    high = np.maximum.reduceat(sorted_boxes[:, 2:], first, axis=0)
    return np.concatenate([low, high], axis=1)
