"""Which grids are worth judging: per axis the cell sizes that divide, are common, repeat or have clean gutters.

The list is generous (the judge sorts it) but bounded: a few dozen cuts per axis, then pairs of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.evidence import Axis

MIN_TILE_PX = 8
COMMON_PX = (8, 16, 24, 32, 48, 64, 96, 128, 256)
SPACED = ((1, 1), (0, 1), (2, 2), (0, 2), (1, 2), (2, 1), (2, 4), (4, 4), (1, 0), (0, 4), (8, 8), (3, 3))
MIN_CLEAN = 0.9
MIN_CLEAN_FITTING = 0.6
"""Share of gutter lines without a stray pixel; text beside the cells spoils some where the numbers fit exactly."""

MIN_INK = 0.45
"""Share of a line in the colour of drawn grid lines, for it to be one of them."""

MAX_RULE_PX = 8
"""Drawn grid lines are not wider than this."""

MAX_CUTS = 48
MAX_PAIRS = 170
MAX_GRID_CELLS = 40_000


@dataclass(frozen=True, order=True)
class Cut:
    """Equal cells along one axis, px: `tile`, `margin` before the first, `spacing` between; `count` whole cells."""

    tile: int
    margin: int
    spacing: int
    count: int

    @property
    def period(self) -> int:
        """Distance from one cell to the next, px."""
        return self.tile + self.spacing


def cuts(axis: Axis, asked: tuple[int, ...] = ()) -> list[Cut]:
    """List the cuts worth judging along one axis: the whole side as one cell, the `asked` sizes, then the others."""
    length = axis.length
    named = [Cut(tile, 0, 0, length // tile) for tile in asked if MIN_TILE_PX <= tile < length]
    plain = [
        Cut(tile, 0, 0, length // tile)
        for tile in _plain_tiles(axis)
        if MIN_TILE_PX <= tile < length and (tile <= length // 2 or length - tile <= 2)
    ]
    framed = [Cut(length - 2 * margin, margin, margin, 1) for margin in (1, 2) if length > 4 * MIN_TILE_PX]
    found = [Cut(length, 0, 0, 1), *named, *_ruled(axis), *plain, *_spaced(axis), *framed]
    return list(dict.fromkeys(found))[:MAX_CUTS]


def _plain_tiles(axis: Axis) -> list[int]:
    length = axis.length
    # More cells than this a side are never judged, so a 4096-px side does not try hundreds of divisors.
    exact = [length // n for n in range(2, min(length // MIN_TILE_PX, 256) + 1) if length % n == 0]
    ragged = [(length - rest) // n for rest in (1, 2) for n in range(2, 5) if (length - rest) % n == 0]
    return [*exact[:24], *COMMON_PX, *_peaks(axis), *_of_drawn(axis), *ragged[:4]]


def _of_drawn(axis: Axis, keep: int = 8) -> list[int]:
    """List the sizes that divide the drawn extent, for sheets that leave the rest of a round size blank."""
    extent = axis.extent
    if extent >= axis.length:
        return []
    return [extent // n for n in range(2, 25) if extent % n == 0 and extent // n >= MIN_TILE_PX][:keep]


def ends_drawn(axis: Axis, cut: Cut) -> bool:
    """Tell whether the picture is drawn to the end of a cell, and blank from there on."""
    return 0 < axis.extent < axis.length and (axis.extent - cut.margin + cut.spacing) % cut.period == 0


def _peaks(axis: Axis, keep: int = 5) -> list[int]:
    """Find the lags at which the picture repeats best."""
    lags: list[int] = []
    for echo in (axis.echo_mask, axis.echo_tone):
        middle = echo[MIN_TILE_PX : len(echo) // 2 + 1]
        if len(middle) < 3:
            continue
        top = np.flatnonzero((middle[1:-1] > middle[:-2]) & (middle[1:-1] >= middle[2:])) + 1
        best = top[np.argsort(-middle[top], kind="stable")][:keep]
        lags += [int(i) + MIN_TILE_PX for i in best]
    return lags


def _spaced(axis: Axis, keep: int = 10) -> list[Cut]:
    """Find cuts whose gutters (and margin) are lines of one colour, or empty, all along the picture."""
    clean = (axis.even >= 0.97) | (axis.fill <= 0.002)
    seen, base = len(clean), float(clean.mean())
    if base in (0.0, 1.0):
        return []
    scored: list[tuple[float, Cut]] = []
    for margin, spacing in SPACED:
        for cut, fits in _to_try(axis.length, margin, spacing):
            gutter = gutter_lines(cut, seen)
            if not len(gutter):
                continue
            share = float(clean[gutter].mean())
            if share >= (MIN_CLEAN_FITTING if fits else MIN_CLEAN):
                scored.append((share * (1.0 - base) * np.sqrt(len(gutter)) * (1.5 if fits else 1.0), cut))
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return [cut for _, cut in scored[:keep]]


def _to_try(length: int, margin: int, spacing: int) -> list[tuple[Cut, bool]]:
    """List the cuts of at least two cells that end with the side, and those of common sizes; tell which end with it."""
    tile = np.arange(MIN_TILE_PX, (length - margin) // 2 + 1)
    count = (length - margin + spacing) // (tile + spacing)
    left = length - margin - count * (tile + spacing)
    fits = (left == 0) | (left == margin - spacing) | (left == -spacing)
    some = np.flatnonzero((count >= 2) & (fits | np.isin(tile, COMMON_PX)))
    return [(Cut(int(tile[i]), margin, spacing, int(count[i])), bool(fits[i])) for i in some]


def _ruled(axis: Axis, keep: int = 3) -> list[Cut]:
    """Find cuts between drawn grid lines: lines of one colour, all as wide, at one distance from each other."""
    strong = axis.ink >= max(MIN_INK, 0.7 * float(axis.ink.max(initial=0.0)))
    edges = np.flatnonzero(np.diff(np.pad(strong.astype(np.int8), 1)))
    begins, ends = edges[::2], edges[1::2]
    if not 2 <= len(begins) <= len(strong) // MIN_TILE_PX + 2:
        return []
    steps, counts = np.unique(np.diff(begins), return_counts=True)
    widths, often = np.unique(ends - begins, return_counts=True)
    spacing = int(widths[often.argmax()])
    found: list[Cut] = []
    for i in np.argsort(-counts, kind="stable")[:keep]:
        period = int(steps[i])
        first = begins[int(np.flatnonzero(np.diff(begins) == period)[0])]
        margin = int((first + spacing) % period)
        count = (axis.length - margin + spacing) // period
        if period - spacing >= MIN_TILE_PX and spacing <= MAX_RULE_PX and count >= 1:
            found.append(Cut(period - spacing, margin, spacing, count))
    return found


def gutter_lines(cut: Cut, seen: int) -> NDArray[np.int64]:
    """List the pixel lines in the margin and between the cells, inside the examined part."""
    starts = cut.margin + np.arange(1, cut.count) * cut.period
    between = (starts[:, None] - 1 - np.arange(cut.spacing)[None, :]).ravel()
    lines = np.concatenate([np.arange(cut.margin), between]).astype(np.int64)
    return lines[lines < seen]


def pairs(
    across: list[Cut], down: list[Cut], merit: NDArray[np.float64], asked: tuple[tuple[int, int], ...] = ()
) -> NDArray[np.int64]:
    """Choose (n, 2) index pairs into the cuts of both axes by their summed merit, best first, at most `MAX_PAIRS`.

    `merit` is (2, longest) with one value per cut; it only thins out, the judge decides. Pairs of an `asked`
    (width, height) come before all others.
    """
    chosen: list[tuple[float, int, int]] = []
    for i, one in enumerate(across):
        for j, two in enumerate(down):
            cells = one.count * two.count
            if cells < 2 or cells > MAX_GRID_CELLS or not _agree(one, two):
                continue
            bonus = _shape_bonus(one, two) + 100.0 * ((one.tile, two.tile) in asked)
            chosen.append((-float(merit[0, i] + merit[1, j]) - bonus, i, j))
    chosen.sort()
    kept = [(i, j) for _, i, j in chosen[:MAX_PAIRS]]
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def _agree(one: Cut, two: Cut) -> bool:
    """Sheets are spaced alike both ways, unless one way has a single cell."""
    if one.count == 1 or two.count == 1:
        return True
    return (one.margin, one.spacing) == (two.margin, two.spacing)


def _shape_bonus(one: Cut, two: Cut) -> float:
    if one.tile == two.tile:
        return 1.0
    if one.tile == 2 * two.tile or two.tile == 2 * one.tile:
        return 0.5
    ratio = max(one.tile, two.tile) / min(one.tile, two.tile)
    return 0.2 if ratio <= 1.5 else -0.3 * (ratio > 4)
