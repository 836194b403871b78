"""The decision: how one picture is to be cut, from the best evidence at hand.

A sidecar that fits the picture is believed. A size in a name is believed when the judge finds that grid possible.
Otherwise the judge weighs "single", "atlas" and every candidate grid; splitting must be likely, because one wrong
split puts hundreds of scraps into a catalog while a missed sheet is only one picture that stays whole.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extract.sheets.blocks import mixed
from extract.sheets.components import as_rects, sprites
from extract.sheets.conventions import stated
from extract.sheets.evidence import Evidence, find_parts, gather
from extract.sheets.ground import find_ground, prefix_sums, sum_over
from extract.sheets.layout import ways, with_rest
from extract.sheets.model import Candidate, Grid, Hints, Rect, Slicing
from extract.sheets.names import sizes_in
from extract.sheets.sprite_judge import shipped as shipped_sprites
from extract.sheets.told import Told, heed
from extract.sheets.upscale import upscale_of
from extract.sheets.weighed import KEPT, RankedAtlas, RankedGrid, Verdict, weigh

MIN_SHEET = 0.72
"""Split only a picture that is so likely a sheet (calibrated): 1.7 % over-split on authors not seen."""

NAME_MAX_GAP = 4.0
"""A size in a name may be so much (natural logarithm of odds) less likely than the judge's favourite."""

SAID_MAX_GAP = 2.0
"""The same for a size that the page mentions, which may speak of another of its files."""

SURE_ENOUGH = 0.97
"""With one cut of the whole picture so sure, nobody asks whether its parts have grids of their own."""

MIN_MIXED = 0.8
"""Several grids need each part to be so surely a sheet and its grid so surely the right one."""

MAX_ASKED = 12

NAME_MIN_CONFIDENCE = 0.9
SAID_MIN_CONFIDENCE = 0.7

MAX_GROWN_PX = 4 << 20
"""In larger pictures sprites that touch are not cut apart: it takes too much memory."""

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
    height, width = rgba.shape[:2]
    told = heed(rgba, (*known.sidecars, *stated(known.names, (width, height))))
    if told.slicing is not None:
        shown, why = occupied(rgba, told.slicing.rects), _why(told.slicing.why, list(told.ignored))
        return replace(told.slicing, rects=shown, why=why, ignored=told.ignored)
    if max(width, height) <= MIN_SHEET_PX or min(width, height) < 2:
        why = _why("too small to be a sheet", list(told.ignored))
        return Slicing("single", (), None, 0.99, why, "pixels", ignored=told.ignored)
    return replace(_by_pixels(rgba, known, told), ignored=told.ignored)


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
    drawn = sum_over(table, x0, y0, x1, y1)
    return tuple(rect for rect, count in zip(rects, drawn.tolist(), strict=True) if count > 0)


def _why(reason: str, notes: list[str]) -> str:
    return "; ".join([reason, *notes])


def _by_pixels(rgba: NDArray[np.uint8], hints: Hints, told: Told) -> Slicing:
    notes, asked = list(told.ignored), _asked(rgba, hints, told)
    evidence = gather(rgba)
    verdict = weigh(evidence, tuple(hint.size for hint in asked))
    upscale = upscale_of(evidence)
    for hint in asked:
        named = _by_name(rgba, hint, verdict)
        if isinstance(named, Slicing):
            return replace(named, upscale=upscale)
        notes.append(named)
    whole = _by_verdict(rgba, evidence, verdict, notes)
    return replace(_or_mixed(rgba, evidence, whole, (1.0 - verdict.single) * verdict.sure), upscale=upscale)


def _or_mixed(rgba: NDArray[np.uint8], evidence: Evidence, whole: Slicing, sure: float) -> Slicing:
    """Prefer several grids, each of a part of its own, when they are surer than one cut of the whole; or offer them."""
    other = mixed(rgba, evidence) if sure < SURE_ENOUGH else None
    if other is None:
        return whole
    rects = occupied(rgba, other.rects())
    if other.sure >= MIN_MIXED and other.sure > sure:
        return Slicing("atlas", rects, None, other.sure, other.why(), "pixels", whole.candidates)
    offered = Candidate("atlas", None, other.sure * MIN_MIXED, other.why(), rects)
    kept = sorted((offered, *whole.candidates), key=lambda c: -c.score)[:KEPT]
    return replace(whole, candidates=tuple(kept))


def _by_verdict(rgba: NDArray[np.uint8], evidence: Evidence, verdict: Verdict, notes: list[str]) -> Slicing:
    """Cut as the judge likes best, or not at all."""
    split = 1.0 - verdict.single
    if split < MIN_SHEET:
        reason = f"no cut is sure enough (grid or atlas {split:.0%} likely)"
        return Slicing("single", (), None, verdict.single, _why(reason, notes), "pixels", verdict.others(None))
    best = verdict.grids[0] if verdict.grids else None
    if best is not None and best.score >= verdict.way.score:
        return _as_grid(rgba, best, verdict, notes)
    return _as_atlas(rgba, evidence, verdict, notes)


@dataclass(frozen=True)
class _Asked:
    """A cell size that somebody mentioned, where, and how far the judge may be against it (logarithm of odds)."""

    size: tuple[int, int]
    where: str
    gap: float


def _asked(rgba: NDArray[np.uint8], hints: Hints, told: Told) -> list[_Asked]:
    """List the sizes to look for: those of the file's own names first, then what sidecars use and the page says."""
    found: dict[tuple[int, int], _Asked] = {}
    for where, gap, sizes in (
        ("in the name", NAME_MAX_GAP, sizes_in(hints.names)),
        ("used by a sidecar", SAID_MAX_GAP, told.sizes),
        ("on the page", SAID_MAX_GAP, sizes_in(hints.said)),
    ):
        for size in sizes:
            if size != (rgba.shape[1], rgba.shape[0]) and size not in _ASPECTS:
                found.setdefault(size, _Asked(size, where, gap))
    return list(found.values())[:MAX_ASKED]


def _by_name(rgba: NDArray[np.uint8], asked: _Asked, verdict: Verdict) -> Slicing | str:
    """Cut by a size that was mentioned, or say why the pixels speak against it."""
    height, width = rgba.shape[:2]
    size, label = asked.size, f"{asked.size[0]}x{asked.size[1]} {asked.where}"
    fitting = [c for c in verdict.grids if c.grid.tile == size and _leaves_little(c.grid, width, height)]
    if not fitting:
        return f"{label} ignored: it does not divide {width}x{height}"
    best, top = fitting[0], max(verdict.single, verdict.atlas, verdict.grids[0].score)
    gap = float(np.log(top / max(best.score, 1e-12)))
    if gap > asked.gap:
        return f"{label} ignored: the pixels speak against it (odds 1:{min(np.exp(gap), 1e6):.0f})"
    rects = occupied(rgba, best.grid.cells(width, height))
    least = NAME_MIN_CONFIDENCE if asked.gap == NAME_MAX_GAP else SAID_MIN_CONFIDENCE
    alone = (1.0 - verdict.single) * verdict.sure if best == verdict.grids[0] else best.score
    confidence = max(least, alone)
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
    """Cut into sprites; where these do not come apart, by the best grid."""
    way = verdict.way
    whole = evidence.crop == (evidence.width, evidence.height)
    rects = way.rects if whole else _everywhere(rgba, way)
    if len(rects) < 2 and verdict.grids:
        return _as_grid(rgba, verdict.grids[0], verdict, notes)
    others = tuple(c for c in verdict.others(None) if c.kind != "atlas")
    if len(rects) < 2:
        reason = "looks like an atlas, but its parts do not come apart"
        return Slicing("single", (), None, verdict.single, _why(reason, notes), "pixels", others)
    reason = way.why(len(rects))
    confidence = (1.0 - verdict.single) * verdict.sure
    return Slicing("atlas", rects, None, confidence, _why(reason, notes), "pixels", others)


def _everywhere(rgba: NDArray[np.uint8], way: RankedAtlas) -> tuple[Rect, ...]:
    """Find the sprites of a picture of which only a part was examined."""
    if way.join_px is None and rgba.shape[0] * rgba.shape[1] <= MAX_GROWN_PX:
        evidence = gather(rgba, max(rgba.shape[:2]))
        return as_rects(with_rest(evidence, ways(evidence, shipped_sprites())[-1].boxes))
    return sprites(find_parts(find_ground(rgba).foreground), way.join_px or 0)
