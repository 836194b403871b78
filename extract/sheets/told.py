"""What sidecars tell about a picture, held against the picture, and one answer where several speak.

A sidecar that contradicts the picture (another size, a region that leaves it, a grid that does not divide it) is set
aside and named. Where those left disagree, a sidecar that cuts wins over one that calls the picture whole, then the cut
that most of them state, then one that also states the picture's size, then the first: callers give the nearest first.
Rectangles that somebody merely used (`SidecarSheet.partial`) decide only when they cover what is drawn; otherwise their
size is a hint.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extract.sheets.conventions import RPG_MAKER
from extract.sheets.errors import GridError
from extract.sheets.ground import find_ground
from extract.sheets.model import Grid, Rect, SidecarSheet, Slicing

SIDECAR_CONFIDENCE = 0.99
CONVENTION_CONFIDENCE = 0.95

MIN_COVERED = 0.75
"""So much of what is drawn has to lie inside partial rectangles before they decide."""

MAX_OVERLAP = 8
"""Rectangles may cover the picture so many times together; packers that share frames stay far below."""


@dataclass(frozen=True)
class Told:
    """The answer of the sidecars, if they have one; sizes in px to look for; and why which ones were set aside."""

    slicing: Slicing | None
    sizes: tuple[tuple[int, int], ...]
    ignored: tuple[str, ...]


def heed(rgba: NDArray[np.uint8], sidecars: Sequence[SidecarSheet]) -> Told:
    """Choose the cut that the sidecars of a (height, width, 4) picture state; never raises on what they say."""
    fitting: list[tuple[SidecarSheet, Slicing]] = []
    ignored: list[str] = []
    sizes: dict[tuple[int, int], None] = {}
    for sheet in sidecars:
        cut = _cut(sheet, rgba.shape[1], rgba.shape[0])
        if isinstance(cut, Slicing) and sheet.partial:
            sizes |= dict.fromkeys(_common_size(cut.rects))
            covered = _covered(rgba, cut.rects)
            if covered < MIN_COVERED:
                cut = f"{_label(sheet)} ignored: its {len(cut.rects)} regions cover {covered:.0%} of what is drawn"
        if isinstance(cut, str):
            ignored.append(cut)
        else:
            fitting.append((sheet, cut))
    if not fitting:
        return Told(None, tuple(sizes), tuple(ignored))
    chosen, others = _agree(fitting)
    return Told(chosen, tuple(sizes), (*ignored, *others))


def _label(sheet: SidecarSheet) -> str:
    return f"{sheet.format or 'sidecar'} for {sheet.image[:80]}"


def _agree(fitting: list[tuple[SidecarSheet, Slicing]]) -> tuple[Slicing, list[str]]:
    """Return the best answer, and a note for every other that differs from it."""
    votes = Counter(_places(cut) for _, cut in fitting)
    first = max(
        range(len(fitting)),
        key=lambda i: (
            fitting[i][1].kind != "single",
            not fitting[i][0].partial,
            votes[_places(fitting[i][1])],
            fitting[i][0].size is not None,
            -i,
        ),
    )
    best = fitting[first][1]
    differing = {_places(cut): sheet for sheet, cut in fitting if _places(cut) != _places(best)}
    notes = [f"{_label(sheet)} set aside: it states another cut" for sheet in differing.values()]
    said = f" ({votes[_places(best)]} of {len(fitting)} sidecars say so)" if differing else ""
    return replace(best, why=best.why + said), notes


def _places(cut: Slicing) -> frozenset[tuple[int, int, int, int]]:
    return frozenset((rect.x, rect.y, rect.w, rect.h) for rect in cut.rects)


def _cut(sheet: SidecarSheet, width: int, height: int) -> Slicing | str:
    """Cut as one sidecar says, or say why it does not fit this picture."""
    label = _label(sheet)
    if sheet.size is not None and sheet.size != (width, height):
        return f"{label} ignored: it states {sheet.size[0]}x{sheet.size[1]}, the picture is {width}x{height}"
    grid = _divided(sheet, width, height)
    if isinstance(grid, str):
        return f"{label} ignored: {grid}"
    try:
        rects = sheet.rects or _stated_cells(sheet, grid, width, height)
    except GridError as error:
        return f"{label} ignored: {error}"
    if isinstance(rects, str):
        return f"{label} ignored: {rects}"
    if sheet.from_bottom:
        rects = tuple(replace(rect, y=height - rect.y - rect.h) for rect in rects)
    wrong = _impossible(rects, width, height)
    if wrong:
        return f"{label} ignored: {wrong}"
    return _as_slicing(sheet, grid, rects, (width, height))


def _as_slicing(sheet: SidecarSheet, grid: Grid | None, rects: tuple[Rect, ...], size: tuple[int, int]) -> Slicing:
    by_convention = sheet.format == RPG_MAKER
    source, sure = ("name", CONVENTION_CONFIDENCE) if by_convention else ("sidecar", SIDECAR_CONFIDENCE)
    label = sheet.image if by_convention else _label(sheet)
    if len(rects) == 1 and (rects[0].w, rects[0].h) == size and rects[0].orientation == 1:
        return Slicing("single", (), None, sure, f"{label} names the whole picture", source)  # type: ignore[arg-type]
    kind = "grid" if grid is not None else "atlas"
    return Slicing(kind, rects, grid, sure, label, source)  # type: ignore[arg-type]


def _impossible(rects: tuple[Rect, ...], width: int, height: int) -> str:
    outside = next((r for r in rects if not r.inside(width, height)), None)
    if outside is not None:
        place = f"{outside.x},{outside.y} {outside.w}x{outside.h}"
        return f"region {outside.name[:40]!r} at {place} leaves the {width}x{height} picture"
    covered = sum(rect.w * rect.h for rect in rects)
    if covered > MAX_OVERLAP * width * height:
        return f"its regions cover the picture {covered // (width * height)} times over, limit {MAX_OVERLAP}"
    return ""


def _divided(sheet: SidecarSheet, width: int, height: int) -> Grid | str | None:
    """Return the sheet's grid, made from its shape where it states only that."""
    if sheet.grid is not None or sheet.shape is None:
        return sheet.grid
    columns, rows = sheet.shape
    if not columns or not rows or width % columns or height % rows:
        return f"{columns}x{rows} equal cells do not divide {width}x{height}"
    return Grid((width // columns, height // rows))


def _stated_cells(sheet: SidecarSheet, grid: Grid | None, width: int, height: int) -> tuple[Rect, ...] | str:
    if grid is None:
        return "it states no rectangles"
    columns, rows = grid.shape(width, height)
    if not columns * rows:
        return f"a {grid.tile[0]}x{grid.tile[1]} tile does not fit into {width}x{height}"
    if sheet.columns is not None and sheet.columns > columns:
        return f"it states {sheet.columns} columns, {columns} fit"
    if sheet.count is not None and sheet.count > columns * rows:
        return f"it states {sheet.count} tiles, {columns * rows} fit"
    return grid.cells(width, height, sheet.columns, sheet.count)


def _common_size(rects: tuple[Rect, ...]) -> tuple[tuple[int, int], ...]:
    """Return the one size that all rectangles have, if they do."""
    sizes = {(rect.w, rect.h) for rect in rects}
    return tuple(sizes) if len(sizes) == 1 else ()


def _covered(rgba: NDArray[np.uint8], rects: tuple[Rect, ...]) -> float:
    """Measure which share of what is drawn lies inside the rectangles."""
    drawn = find_ground(rgba).foreground
    steps = np.zeros((drawn.shape[0] + 1, drawn.shape[1] + 1), dtype=np.int32)
    for y, x, step in (("y", "x", 1), ("y", "x2", -1), ("y2", "x", -1), ("y2", "x2", 1)):
        corners = {"x": [r.x for r in rects], "x2": [r.x + r.w for r in rects]}
        rows = [r.y if y == "y" else r.y + r.h for r in rects]
        np.add.at(steps, (rows, corners[x]), step)
    inside = steps.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
    return float((drawn & inside).sum()) / max(1, int(drawn.sum()))
