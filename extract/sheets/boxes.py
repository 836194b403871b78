"""Numbers that describe one proposed box (`grown.py`), for the judge of sprites to weigh.

What crosses its sides against what crosses the quietest line inside it, how its edges and the lines next to them are
drawn, its shape and its colours. Numbers of the whole picture made the judge know its lessons by heart.
"""

import numpy as np
from numpy.typing import NDArray

from extract.sheets.crossings import MEASURES
from extract.sheets.evidence import Evidence
from extract.sheets.ground import sum_over
from extract.sheets.grown import SETTINGS, Proposals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FOUR = ("_least", "_low", "_high", "_most")
BOX_NAMES = (
    *(f"{m}{k}" for m in MEASURES for k in (*_FOUR, "_share")),
    *(f"edge{k}" for k in _FOUR),
    *(f"beside{k}" for k in _FOUR),
    *(f"same_{where}{k}" for where in ("beyond", "across", "inside") for k in _FOUR),
    *(f"{axis}_{m}_{what}" for m in ("drawn", "alike") for axis in "xy" for what in ("quietest", "quiet")),
    "gap_drawn", "gap_alike", "gap_alike_share",
    "corners", "at_frame", "log_width", "log_height", "log_aspect", "fill", "log_share", "log_parts", "parts_density",
    "log_same_size", *(f"votes_{m}" for m in MEASURES), "log_snaps", "tone_spread", "log_glyphs", "log_of_page",
    "log_relative_side", *(f"lined{k}" for k in _FOUR), *(f"abut{k}" for k in _FOUR),
)  # fmt: skip

_QUIET = 0.02
_INNER = 6
"""Lines within a sixth of a box's side of its edge say nothing about what it is made of."""


def describe_boxes(evidence: Evidence, found: Proposals, first: int = 0) -> Floats:
    """Describe proposals from the `first` on, compared with all, in `BOX_NAMES`: (boxes, len(BOX_NAMES))."""
    every, boxes = found.boxes, found.boxes[first:]
    if not len(boxes):
        return np.zeros((0, len(BOX_NAMES)))
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    lengths, longest = np.stack([high, high, wide, wide], axis=1), np.maximum(wide, high)
    typical = np.median((every[:, 2:] - every[:, :2]).max(axis=1))
    counts = [found.crossings.sides(m, boxes.T).T for m in range(len(MEASURES))]
    shares = [c.sum(axis=1) / lengths.sum(axis=1) for c in counts]
    sides = [
        np.concatenate([np.sort(c / lengths, axis=1), s[:, None]], axis=1) for c, s in zip(counts, shares, strict=True)
    ]
    inner = _inner_lines(found, boxes)
    quietest = [np.minimum(inner[:, 4 * m], inner[:, 4 * m + 2]) for m in (0, 1)]
    gaps = [quietest[0] - sides[0][:, 3], quietest[1] - sides[1][:, 3], quietest[1] - shares[1]]
    columns = [
        *sides,
        *(np.sort(table, axis=1) for table in _edges(evidence, boxes, lengths)),
        *(np.sort(found.crossings.same(boxes, inwards), axis=1) for inwards in (-1, 0, 1)),
        inner,
        np.stack(gaps, axis=1),
        np.column_stack([_shape(evidence, boxes), np.log2(same_size(every)[first:])]),
        np.stack([*_content(evidence, found, first), np.log2(longest / typical)], axis=1),
        *_on_lines(every, boxes),
    ]
    return np.concatenate(columns, axis=1)


def _edges(evidence: Evidence, boxes: Ints, lengths: Ints) -> tuple[Floats, Floats]:
    """Tell which share is drawn of the outermost lines of each box, and of the lines beside it: (n, 4) each."""
    x0, y0, x1, y1 = boxes.T
    width, height = evidence.crop
    left, up = np.maximum(x0 - 1, 0), np.maximum(y0 - 1, 0)
    right, low = np.minimum(x1 + 1, width), np.minimum(y1 + 1, height)
    count = evidence.count
    edge = (count(x0, y0, x0 + 1, y1), count(x1 - 1, y0, x1, y1), count(x0, y0, x1, y0 + 1), count(x0, y1 - 1, x1, y1))
    beside = (count(left, y0, x0, y1), count(x1, y0, right, y1), count(x0, up, x1, y0), count(x0, y1, x1, low))
    return np.stack(edge, axis=1) / lengths, np.stack(beside, axis=1) / lengths


def _inner_lines(found: Proposals, boxes: Ints) -> Floats:
    """Look along the lines inside: per measure and axis the least share crossed, and the share of quiet lines."""
    x0, y0, x1, y1 = boxes.T
    columns = []
    for measure in (0, 1):
        for table, begin, end, low, high in (
            (found.crossings.down[measure], x0, x1, y0, y1),
            (found.crossings.across[measure], y0, y1, x0, x1),
        ):
            columns += _lines(table, begin, end, low, high)
    return np.stack(columns, axis=1)


def _lines(table: NDArray[np.int32], begin: Ints, end: Ints, low: Ints, high: Ints) -> list[Floats]:
    room = np.maximum(1, (end - begin) // _INNER)
    counts = np.maximum(end - begin - 2 * room + 1, 0)
    counts[end - begin <= 2 * room] = 0
    least, quiet = np.ones(len(begin)), np.zeros(len(begin))
    some = np.flatnonzero(counts)
    if not len(some):
        return [least, quiet]
    first = np.r_[0, np.cumsum(counts[some])[:-1]]
    box = np.repeat(some, counts[some])
    at = np.arange(len(box)) - np.repeat(first, counts[some]) + (begin + room)[box]
    crossed = (table[high[box], at] - table[low[box], at]) / (high - low)[box]
    least[some] = np.minimum.reduceat(crossed, first)
    quiet[some] = np.add.reduceat(crossed <= _QUIET, first, dtype=np.float64) / counts[some]
    return [least, quiet]


def _shape(evidence: Evidence, boxes: Ints) -> Floats:
    x0, y0, x1, y1 = boxes.T
    width, height = evidence.crop
    drawn = evidence.ground.foreground
    corners = sum(drawn[y, x].astype(np.int64) for y in (y0, y1 - 1) for x in (x0, x1 - 1))
    frame = sum(side.astype(np.int64) for side in (x0 == 0, y0 == 0, x1 == width, y1 == height))
    wide, high = x1 - x0, y1 - y0
    count = evidence.count(x0, y0, x1, y1)
    share = np.log2(np.maximum(count, 1) / max(1, int(evidence.drawn[-1, -1])))
    parts = _parts_inside(evidence, boxes)
    logs = np.log2(wide), np.log2(high), np.log2(wide / high)
    area = wide * high
    rest = (count / area, share, np.log2(1 + parts), 1000 * parts / area)
    return np.stack([corners, frame, *logs, *rest], axis=1)


def same_size(boxes: Ints) -> Ints:
    """Count the boxes that have the size of each."""
    _, place, sizes = np.unique(boxes[:, 2:] - boxes[:, :2], axis=0, return_inverse=True, return_counts=True)
    return np.asarray(sizes[place.ravel()])


def _on_lines(every: Ints, boxes: Ints) -> list[Floats]:
    """Count how many boxes have a side on the line of each side of a box: the same side, and the opposite one."""
    lined, abut = [], []
    for axis in (0, 1):
        most = int(every[:, axis + 2].max()) + 1
        counts = [np.bincount(every[:, side], minlength=most) for side in (axis, axis + 2)]
        for side, (same, other) in ((axis, counts), (axis + 2, counts[::-1])):
            lined.append(same[boxes[:, side]])
            abut.append(other[boxes[:, side]])
    return [np.sort(np.log2(1 + np.stack(table, axis=1)), axis=1) for table in (lined, abut)]


def _parts_inside(evidence: Evidence, boxes: Ints) -> Floats:
    """Count the parts whose middle lies in each box."""
    width, height = evidence.crop
    table = np.zeros((height + 1, width + 1))
    parts = evidence.parts
    np.add.at(table, ((parts[:, 1] + parts[:, 3]) // 2 + 1, (parts[:, 0] + parts[:, 2]) // 2 + 1), 1)
    table = table.cumsum(axis=0).cumsum(axis=1)
    return sum_over(table, *boxes.T)


def _content(evidence: Evidence, found: Proposals, first: int) -> list[Floats]:
    """Give the votes by measure, the snaps, the spread of tone, and what page of glyphs the box lies in."""
    boxes, votes = found.boxes[first:], found.votes[first:]
    x0, y0, x1, y1 = boxes.T
    by_measure = [votes[:, [m == one for m, _ in SETTINGS]].sum(axis=1) for one in range(len(MEASURES))]
    drawn = np.maximum(evidence.count(x0, y0, x1, y1), 1)
    mean = sum_over(evidence.tones, x0, y0, x1, y1) / drawn
    square = sum_over(evidence.squares, x0, y0, x1, y1) / drawn
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    glyphs, of_page = np.zeros(len(boxes)), np.ones(len(boxes))
    for page, count in zip(found.pages, _parts_inside(evidence, found.pages), strict=True):
        inside = (boxes[:, :2] >= page[:2]).all(axis=1) & (boxes[:, 2:] <= page[2:]).all(axis=1) & (count > glyphs)
        glyphs[inside] = count
        of_page[inside] = ((x1 - x0) * (y1 - y0))[inside] / ((page[2] - page[0]) * (page[3] - page[1]))
    return [*by_measure, np.log2(1 + found.snaps[first:]), spread / 255, np.log2(1 + glyphs), np.log2(of_page)]
