"""How alike two sets of rectangles on one picture are, once each is trimmed to what it shows."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from extract.sheets.ground import sum_over

Box = tuple[int, int, int, int]
MIN_OVERLAP = 0.9
"""Two rectangles are the same sprite at this intersection over union, and never twice."""

_CELL_PX = 32


def shown(drawn: NDArray[np.int32], boxes: list[Box]) -> list[Box]:
    """Keep, clipped to the picture, the boxes (x, y, w, h) that show something; `drawn` is a summed-area table."""
    height, width = drawn.shape[0] - 1, drawn.shape[1] - 1
    kept: set[Box] = set()
    for x, y, w, h in boxes:
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        if x1 > x0 and y1 > y0 and drawn[y1, x1] - drawn[y0, x1] - drawn[y1, x0] + drawn[y0, x0] > 0:
            kept.add((x0, y0, x1 - x0, y1 - y0))
    return sorted(kept)


def trim(drawn: NDArray[np.int32], box: Box) -> Box:
    """Shrink a box that shows something to its drawn pixels."""
    x, y, w, h = box
    columns = np.flatnonzero(np.diff(drawn[y + h, x : x + w + 1] - drawn[y, x : x + w + 1]))
    rows = np.flatnonzero(np.diff(drawn[y : y + h + 1, x + w] - drawn[y : y + h + 1, x]))
    left, top = int(columns[0]), int(rows[0])
    return x + left, y + top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def trim_all(drawn: NDArray[np.int32], boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Shrink boxes (n, 4) x0, y0, x1, y1, each of which shows something, to their drawn pixels."""
    x0, y0, x1, y1 = boxes.T
    left = _first(lambda x: sum_over(drawn, x0, y0, x, y1) > 0, x0, x1) - 1
    right = _first(lambda x: sum_over(drawn, x, y0, x1, y1) == 0, x0, x1)
    top = _first(lambda y: sum_over(drawn, x0, y0, x1, y) > 0, y0, y1) - 1
    low = _first(lambda y: sum_over(drawn, x0, y, x1, y1) == 0, y0, y1)
    return np.stack([left, top, right, low], axis=1)


def _first(
    holds: Callable[[NDArray[np.int64]], NDArray[np.bool_]], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find by halving, for each of many, the first place after `begin` where something holds that holds at `end`."""
    while (end - begin > 1).any():
        middle = (begin + end) // 2
        there = holds(middle)
        begin, end = np.where(there, begin, middle), np.where(there, middle, end)
    return end


def f1_trimmed(drawn: NDArray[np.int32], truth: list[Box], found: list[Box]) -> float:
    """Give the F1 of two lists of boxes after trimming; 1 when both show nothing."""
    wanted = sorted({trim(drawn, box) for box in shown(drawn, truth)})
    got = sorted({trim(drawn, box) for box in shown(drawn, found)})
    if not wanted or not got:
        return float(not wanted and not got)
    return 2.0 * _pairs(wanted, got) / (len(wanted) + len(got))


def _pairs(wanted: list[Box], got: list[Box]) -> int:
    """Count boxes that can be paired one to one; equal ones first, then the most overlapping."""
    left = set(got)
    hits = len(left & set(wanted))
    rest = [box for box in wanted if box not in left]
    left -= set(wanted)
    near: dict[tuple[int, int], list[Box]] = defaultdict(list)
    for box in left:
        near[_place(box)].append(box)
    for box in rest:
        column, row = _place(box)
        reach = max(box[2], box[3]) // (20 * _CELL_PX) + 1
        places = [(column + i, row + j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
        best = max(
            (b for at in places for b in near.get(at, ()) if b in left), key=lambda b: _iou(box, b), default=None
        )
        if best is not None and _iou(box, best) >= MIN_OVERLAP:
            left.discard(best)
            hits += 1
    return hits


def _place(box: Box) -> tuple[int, int]:
    return (box[0] + box[2] // 2) // _CELL_PX, (box[1] + box[3] // 2) // _CELL_PX


def _iou(one: Box, two: Box) -> float:
    wide = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    high = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (one[2] * one[3] + two[2] * two[3] - wide * high)
