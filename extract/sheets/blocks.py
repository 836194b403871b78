"""Several grids on one sheet: parts of a picture that lie clearly apart, each cut by a grid of its own.

People put tiles of one size above characters of another, or a sheet beside a sample scene. The picture is cut along
blank bands that are far wider than its other bands; every part is then judged as a picture of its own. The parts only
count when each is sure to be a grid, and when one grid over all of them would not do.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.evidence import Evidence, gather
from extract.sheets.model import Grid, Rect
from extract.sheets.weighed import weigh

MIN_BAND_PX = 12
WIDER = 2.5
"""A band parts two grids only when it is so many times as wide as the typical blank band of the same direction."""

MIN_SIDE_PX = 24
MAX_BLOCKS = 6

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mixed:
    """The parts of a sheet with their grids (cells in pixels of the part), and how sure all of them are together."""

    parts: tuple[tuple[Box, Grid], ...]
    sure: float

    def rects(self) -> tuple[Rect, ...]:
        """List all cells of all parts, part by part; empty ones too."""
        return tuple(
            Rect(x0 + cell.x, y0 + cell.y, cell.w, cell.h)
            for (x0, y0, x1, y1), grid in self.parts
            for cell in grid.cells(x1 - x0, y1 - y0)
        )

    def why(self) -> str:
        """Say which grids there are."""
        sizes = dict.fromkeys(f"{grid.tile[0]}x{grid.tile[1]}" for _, grid in self.parts)
        return f"{len(self.parts)} parts that lie apart, cells of {' and '.join(sizes)}"


def mixed(rgba: NDArray[np.uint8], evidence: Evidence) -> Mixed | None:
    """Cut a (height, width, 4) uint8 picture into parts with a grid each, or None when it is not such a sheet."""
    if evidence.crop != (evidence.width, evidence.height):
        return None
    boxes = parts_apart(evidence)
    if not 2 <= len(boxes) <= MAX_BLOCKS:
        return None
    found: list[tuple[Box, Grid]] = []
    sure = 1.0
    for box in boxes:
        x0, y0, x1, y1 = box
        verdict = weigh(gather(np.ascontiguousarray(rgba[y0:y1, x0:x1])))
        if not verdict.grids or verdict.grids[0].score < verdict.way.score:
            return None
        sure = min(sure, (1.0 - verdict.single) * verdict.sure)
        found.append((box, verdict.grids[0].grid))
    return Mixed(tuple(found), sure) if len({grid.tile for _, grid in found}) > 1 else None


def parts_apart(evidence: Evidence) -> list[Box]:
    """List the parts (x0, y0, x1, y1) between bands much wider than the others, trimmed, in reading order."""
    waiting: list[Box] = [(0, 0, evidence.width, evidence.height)]
    done: list[Box] = []
    while waiting and len(waiting) + len(done) <= MAX_BLOCKS:
        box = _trimmed(evidence, waiting.pop())
        if box is None:
            continue
        halves = _halved(evidence, box)
        (waiting.extend(halves) if halves else done.append(box))
    return sorted([*done, *waiting], key=lambda b: (b[1], b[0]))


def _profile(evidence: Evidence, box: Box, axis: int) -> NDArray[np.int32]:
    """Count drawn pixels per column (axis 0) or row (axis 1) of a box."""
    x0, y0, x1, y1 = box
    table = evidence.drawn
    line = (
        table[y1, x0 : x1 + 1] - table[y0, x0 : x1 + 1]
        if axis == 0
        else table[y0 : y1 + 1, x1] - table[y0 : y1 + 1, x0]
    )
    return np.diff(line)


def _trimmed(evidence: Evidence, box: Box) -> Box | None:
    across, down = (np.flatnonzero(_profile(evidence, box, axis)) for axis in (0, 1))
    if not len(across):
        return None
    x0, y0 = box[:2]
    return x0 + int(across[0]), y0 + int(down[0]), x0 + int(across[-1]) + 1, y0 + int(down[-1]) + 1


def _halved(evidence: Evidence, box: Box) -> list[Box]:
    """Cut a box in two at its widest blank band, if that is much wider than the others; else nothing."""
    best: tuple[float, int, int] | None = None
    for axis in (0, 1):
        drawn = _profile(evidence, box, axis) > 0
        edges = np.flatnonzero(np.diff(drawn.astype(np.int8)))
        begins, ends = edges[::2] + 1, edges[1::2] + 1
        widths = ends - begins
        if not len(widths):
            continue
        widest = int(widths.argmax())
        others = np.delete(widths, widest)
        typical = float(np.median(others)) if len(others) else 0.0
        apart = float(widths[widest]) / max(1.0, typical)
        room = min(int(begins[widest]), len(drawn) - int(ends[widest])) >= MIN_SIDE_PX
        if room and widths[widest] >= MIN_BAND_PX and apart >= WIDER and (best is None or apart > best[0]):
            best = (apart, axis, int(begins[widest] + ends[widest]) // 2)
    if best is None:
        return []
    _, axis, at = best
    x0, y0, x1, y1 = box
    return (
        [(x0, y0, x0 + at, y1), (x0 + at, y0, x1, y1)] if axis == 0 else [(x0, y0, x1, y0 + at), (x0, y0 + at, x1, y1)]
    )
