"""The decision: how one picture is to be cut, from the best evidence at hand.

A sidecar that fits the picture is believed. A size in a name is believed when the judge finds that grid possible.
Otherwise the judge weighs "single", "atlas" and every candidate grid; splitting must be likely, because one wrong
split puts hundreds of scraps into a catalog while a missed sheet is only one picture that stays whole.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from extract.sheets.components import sprites
from extract.sheets.errors import GridError
from extract.sheets.evidence import Evidence, find_parts, gather
from extract.sheets.ground import find_ground, prefix_sums
from extract.sheets.model import Grid, Hints, Rect, SidecarSheet, Slicing
from extract.sheets.names import sizes_in
from extract.sheets.upscale import upscale_of
from extract.sheets.weighed import RankedGrid, Verdict, weigh

MIN_SHEET = 0.85
"""Split only a picture that is so likely a sheet (calibrated). Chosen on authors that the judge had not seen."""

NAME_MAX_GAP = 4.0
"""A size in a name may be so much (natural logarithm of odds) less likely than the judge's favourite."""

NAME_MIN_CONFIDENCE = 0.9
SIDECAR_CONFIDENCE = 0.99

MIN_SHEET_PX = 16
"""A picture with no side longer than this is one tile."""

_ASPECTS = frozenset({(16, 9), (16, 10), (21, 9), (9, 16), (10, 16)})


def slice_image(rgba: NDArray[np.uint8], hints: Hints | None = None) -> Slicing:
    """Decide how to cut a (height, width, 4) uint8 straight-alpha picture; deterministic, never raises on pixels.

    Raises:
        ValueError: the array has another shape or type, or no pixel.

    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8 or not rgba.size:
        raise ValueError(f"picture: expected (height, width, 4) uint8, got {rgba.shape} {rgba.dtype}")
    known = hints or Hints()
    notes: list[str] = []
    for sheet in known.sidecars:
        told = _by_sidecar(rgba, sheet)
        if isinstance(told, Slicing):
            return told
        notes.append(told)
    height, width = rgba.shape[:2]
    if max(width, height) <= MIN_SHEET_PX or min(width, height) < 2:
        return Slicing("single", (), None, 0.99, _why("too small to be a sheet", notes), "pixels")
    return _by_pixels(rgba, known, notes)


def occupied(rgba: NDArray[np.uint8], rects: tuple[Rect, ...]) -> tuple[Rect, ...]:
    """Keep the rectangles that show something.

    Dropped are those wholly transparent, those wholly in the solid background colour, and parts outside the picture
    do not count. Order is kept.
    """
    if not rects:
        return ()
    height, width = rgba.shape[:2]
    table = prefix_sums(find_ground(rgba).foreground)
    edges = np.array([(r.x, r.y, r.x + r.w, r.y + r.h) for r in rects], dtype=np.int64)
    x0, x1 = (np.clip(edges[:, i], 0, width) for i in (0, 2))
    y0, y1 = (np.clip(edges[:, i], 0, height) for i in (1, 3))
    drawn = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return tuple(rect for rect, count in zip(rects, drawn.tolist(), strict=True) if count > 0)


def _why(reason: str, notes: list[str]) -> str:
    return "; ".join([reason, *notes])


def _by_sidecar(rgba: NDArray[np.uint8], sheet: SidecarSheet) -> Slicing | str:
    """Cut as the sidecar says, or say why it does not fit this picture."""
    height, width = rgba.shape[:2]
    label = f"{sheet.format or 'sidecar'} for {sheet.image[:80]}"
    if sheet.size is not None and sheet.size != (width, height):
        return f"{label} ignored: it states {sheet.size[0]}x{sheet.size[1]}, the picture is {width}x{height}"
    try:
        rects = sheet.rects or _stated_cells(sheet, width, height)
    except GridError as error:
        return f"{label} ignored: {error}"
    if isinstance(rects, str):
        return f"{label} ignored: {rects}"
    if sheet.from_bottom:
        rects = tuple(Rect(r.x, height - r.y - r.h, r.w, r.h, r.name, r.row, r.column, r.rotated) for r in rects)
    outside = next((r for r in rects if not r.inside(width, height)), None)
    if outside is not None:
        place = f"{outside.x},{outside.y} {outside.w}x{outside.h}"
        return f"{label} ignored: region {outside.name[:40]!r} at {place} leaves the {width}x{height} picture"
    shown = occupied(rgba, rects)
    if len(rects) == 1 and (rects[0].w, rects[0].h) == (width, height):
        return Slicing("single", (), None, SIDECAR_CONFIDENCE, f"{label} names the whole picture", "sidecar")
    if sheet.rects:
        return Slicing("atlas", shown, None, SIDECAR_CONFIDENCE, label, "sidecar")
    return Slicing("grid", shown, sheet.grid, SIDECAR_CONFIDENCE, label, "sidecar")


def _stated_cells(sheet: SidecarSheet, width: int, height: int) -> tuple[Rect, ...] | str:
    if sheet.grid is None:
        return "it states no rectangles"
    columns, rows = sheet.grid.shape(width, height)
    if not columns * rows:
        return f"a {sheet.grid.tile[0]}x{sheet.grid.tile[1]} tile does not fit into {width}x{height}"
    if sheet.columns is not None and sheet.columns > columns:
        return f"it states {sheet.columns} columns, {columns} fit"
    if sheet.count is not None and sheet.count > columns * rows:
        return f"it states {sheet.count} tiles, {columns * rows} fit"
    return sheet.grid.cells(width, height, sheet.columns, sheet.count)


def _by_pixels(rgba: NDArray[np.uint8], hints: Hints, notes: list[str]) -> Slicing:
    height, width = rgba.shape[:2]
    sizes = tuple(s for s in sizes_in(hints.names) if s != (width, height) and s not in _ASPECTS)
    evidence = gather(rgba)
    verdict = weigh(evidence, sizes)
    for size in sizes:
        named = _by_name(rgba, size, verdict)
        if isinstance(named, Slicing):
            return replace(named, upscale=upscale_of(evidence))
        notes.append(named)
    return replace(_by_verdict(rgba, evidence, verdict, notes), upscale=upscale_of(evidence))


def _by_verdict(rgba: NDArray[np.uint8], evidence: Evidence, verdict: Verdict, notes: list[str]) -> Slicing:
    """Cut as the judge likes best, or not at all."""
    split = 1.0 - verdict.single
    if split < MIN_SHEET:
        reason = f"no cut is sure enough (grid or atlas {split:.0%} likely)"
        return Slicing("single", (), None, verdict.single, _why(reason, notes), "pixels", verdict.others(None))
    best = verdict.grids[0] if verdict.grids else None
    if best is not None and best.score >= verdict.ways[0].score:
        return _as_grid(rgba, best, verdict, notes)
    return _as_atlas(rgba, evidence, verdict, notes)


def _by_name(rgba: NDArray[np.uint8], size: tuple[int, int], verdict: Verdict) -> Slicing | str:
    """Cut by a size from a name, or say why the pixels speak against it."""
    height, width = rgba.shape[:2]
    label = f"{size[0]}x{size[1]} in the name"
    fitting = [c for c in verdict.grids if c.grid.tile == size and _leaves_little(c.grid, width, height)]
    if not fitting:
        return f"{label} ignored: it does not divide {width}x{height}"
    best, top = fitting[0], max(verdict.single, verdict.atlas, verdict.grids[0].score)
    gap = float(np.log(top / max(best.score, 1e-12)))
    if gap > NAME_MAX_GAP:
        return f"{label} ignored: the pixels speak against it (odds 1:{min(np.exp(gap), 1e6):.0f})"
    rects = occupied(rgba, best.grid.cells(width, height))
    confidence = max(NAME_MIN_CONFIDENCE, best.score)
    return Slicing("grid", rects, best.grid, confidence, label, "name", verdict.others(best.grid))


def _leaves_little(grid: Grid, width: int, height: int) -> bool:
    """Tell whether the grid leaves less than its own margins and spacing uncut on both sides."""
    shape = grid.shape(width, height)
    for axis, length in enumerate((width, height)):
        tile, margin, spacing = grid.tile[axis], grid.margin[axis], grid.spacing[axis]
        used = margin + shape[axis] * (tile + spacing) - spacing
        if not shape[axis] or length - used > max(margin, spacing):
            return False
    return True


def _as_grid(rgba: NDArray[np.uint8], best: RankedGrid, verdict: Verdict, notes: list[str]) -> Slicing:
    rects = occupied(rgba, best.grid.cells(rgba.shape[1], rgba.shape[0]))
    others = verdict.others(best.grid)
    if len(rects) < 2:
        reason = "the likeliest grid has one filled cell"
        return Slicing("single", (), None, 1.0 - best.score, _why(reason, notes), "pixels", others)
    reason = f"{best.grid.tile[0]}x{best.grid.tile[1]} cells fit the pixels best"
    confidence = (1.0 - verdict.single) * verdict.sure
    return Slicing("grid", rects, best.grid, confidence, _why(reason, notes), "pixels", others)


def _as_atlas(rgba: NDArray[np.uint8], evidence: Evidence, verdict: Verdict, notes: list[str]) -> Slicing:
    """Cut into connected parts; where these do not come apart, by the best grid."""
    way = verdict.ways[0]
    whole = evidence.crop == (evidence.width, evidence.height)
    rects = way.rects if whole else sprites(find_parts(find_ground(rgba).foreground), way.join_px)
    if len(rects) < 2 and verdict.grids:
        return _as_grid(rgba, verdict.grids[0], verdict, notes)
    others = tuple(c for c in verdict.others(None) if c.kind != "atlas")
    if len(rects) < 2:
        reason = "looks like an atlas, but its parts do not come apart"
        return Slicing("single", (), None, verdict.single, _why(reason, notes), "pixels", others)
    reason = f"{len(rects)} connected parts"
    confidence = (1.0 - verdict.single) * verdict.sure
    return Slicing("atlas", rects, None, confidence, _why(reason, notes), "pixels", others)
