"""Numbers that describe one grid on one picture, for the judge (`forest.py`) to weigh.

Three groups: per cut (what happens on the cut lines, half-way between them, and beside them), per pair (are cells
complete, filled, repeated), and per picture (what the picture is like before any grid). The rows "single" and
"atlas" carry only the last group and the best of the others, so that the judge compares like with like.
"""

import numpy as np
from numpy.typing import NDArray

from extract.sheets.components import sprites
from extract.sheets.evidence import Axis, Evidence
from extract.sheets.lattice import Cut, cuts, pairs

Floats = NDArray[np.float64]

CUT_NAMES = (
    "log_tile", "count", "divides", "whole", "mod16", "mod8", "power2", "common", "margin", "spacing", "left_share",
    "left_fill", "step", "step_on", "step_side", "step_half", "cross", "cross_on", "cross_half", "flow", "flow_on",
    "flow_side", "flow_half", "empty", "empty_gain", "empty_side", "sharp", "worst", "echo_mask", "echo_mask_peak",
    "echo_mask_half", "echo_tone", "echo_tone_peak", "echo_tone_half", "gutter_even",
)  # fmt: skip
PAIR_NAMES = (
    "log_cells", "log_ratio", "square", "double", "filled_cells", "filled_log", "repeat", "fill_mean", "fill_spread",
    "parts_whole", "area_whole", "parts_per_cell", "big_whole", "merit", "merit_gap",
)  # fmt: skip
PICTURE_NAMES = (
    "log_width", "log_height", "log_area", "log_aspect", "ground", "fill", "log_parts", "biggest_share",
    "part_w_spread", "part_h_spread", "log_colours", "half_seen", "step_x", "step_y", "flow_x", "flow_y", "w_mod32",
    "h_mod32", "w_mod16", "h_mod16", "empty_columns", "empty_rows", "runs_x", "runs_y", "log_median_part",
    "colours_share", "log_sprites", "sprite_cover", "sprite_biggest", "sprite_w_spread", "sprite_h_spread",
    "log_sprite_side", "sprites_per_part", "sprites_at_edge",
)  # fmt: skip
KINDS = ("is_grid", "is_single", "is_atlas")
NAMES = (
    *KINDS,
    *(f"x_{n}" for n in CUT_NAMES),
    *(f"y_{n}" for n in CUT_NAMES),
    *(f"both_{n}" for n in CUT_NAMES[10:]),
    *PAIR_NAMES,
    *PICTURE_NAMES,
)

_COMMON = frozenset({8, 16, 24, 32, 48, 64, 96, 128, 256})
_TINY = 1e-3

MAX_JOINED_PARTS = 700
"""Joining parts costs the square of their number; with more, the picture is not described as an atlas."""


def describe(evidence: Evidence, asked: tuple[tuple[int, int], ...] = ()) -> tuple[list[tuple[Cut, Cut]], Floats]:
    """List the grids to judge and a (2 + grids, len(NAMES)) table: row 0 "single", row 1 "atlas", then the grids.

    Tile sizes (width, height) that are `asked` for are judged whether or not the pixels suggest them.
    """
    across = cuts(evidence.x, tuple(size[0] for size in asked))
    down = cuts(evidence.y, tuple(size[1] for size in asked))
    table_x, table_y = _cut_table(evidence.x, across), _cut_table(evidence.y, down)
    merit = np.full((2, max(len(across), len(down))), -9.0)
    merit[0, : len(across)], merit[1, : len(down)] = _merit(table_x), _merit(table_y)
    chosen = pairs(across, down, merit, asked)
    picture = _picture(evidence)
    grids = [(across[i], down[j]) for i, j in chosen]
    rows_x, rows_y = table_x[chosen[:, 0]], table_y[chosen[:, 1]]
    total = merit[0, chosen[:, 0]] + merit[1, chosen[:, 1]]
    pair = _pair_table(evidence, grids, total)
    body = np.concatenate([rows_x, rows_y, _pooled(grids, rows_x, rows_y), pair], axis=1)
    best = body.max(axis=0, initial=-9.0) if len(body) else np.zeros(body.shape[1])
    body = np.concatenate([best[None], best[None], body])
    kinds = np.zeros((len(body), len(KINDS)))
    kinds[0, 1] = kinds[1, 2] = 1.0
    kinds[2:, 0] = 1.0
    table = np.concatenate([kinds, body, np.repeat(picture[None], len(body), axis=0)], axis=1)
    return grids, np.nan_to_num(table, nan=0.0, posinf=99.0, neginf=-99.0)


def _cut_table(axis: Axis, found: list[Cut]) -> Floats:
    return np.array([_cut_row(axis, cut) for cut in found]).reshape(-1, len(CUT_NAMES))


def _cut_row(axis: Axis, cut: Cut) -> list[float]:
    tile, left = cut.tile, axis.length - cut.margin - cut.count * cut.period + cut.spacing
    tail = axis.fill[axis.length - left :] if 0 < left < axis.length else axis.fill[:0]
    shape = [
        float(np.log2(tile)),
        float(np.log2(cut.count)),
        float(axis.length % cut.period == 0),
        float(cut.count == 1),
        float(tile % 16 == 0),
        float(tile % 8 == 0),
        float(tile & (tile - 1) == 0),
        float(tile in _COMMON),
        float(cut.margin),
        float(cut.spacing),
        left / tile,
        float(tail.mean()) if len(tail) else 0.0,
    ]
    return [*shape, *_line_numbers(axis, cut), *_echo_numbers(axis, cut), _gutter_even(axis, cut)]


def _line_numbers(axis: Axis, cut: Cut) -> list[float]:
    """Compare the boundaries where cells begin and end with those beside them, half-way, and everywhere."""
    seen = len(axis.fill)
    begins = cut.margin + np.arange(1, cut.count) * cut.period
    begins = begins[begins < seen]
    if not len(begins) or seen < 4:
        return [0.0] * 16
    lines = np.concatenate([begins, begins - cut.spacing]) if cut.spacing else begins
    side = np.clip(np.concatenate([lines - 1, lines + 1]), 1, seen - 1)
    half = np.clip(begins - cut.spacing - cut.tile // 2, 1, seen - 1)
    step, cross, flow = axis.step, axis.cross, axis.flow
    step_on, cross_on, flow_on = float(step[lines].mean()), float(cross[lines].mean()), float(flow[lines].mean())
    quiet = cross[1:-1] <= _TINY
    sharp = (step[lines] >= step[lines - 1]) & (step[lines] >= step[np.minimum(lines + 1, seen)])
    empty_on = float((cross[lines] <= _TINY).mean())
    return [
        step_on,
        _ratio(step_on, float(step[1:-1].mean())),
        _ratio(step_on, float(step[side].mean())),
        _ratio(step_on, float(step[half].mean())),
        cross_on,
        _ratio(cross_on, float(cross[1:-1].mean())),
        _ratio(cross_on, float(cross[half].mean())),
        flow_on,
        _ratio(flow_on, float(flow[1:-1].mean())),
        _ratio(flow_on, float(flow[side].mean())),
        _ratio(flow_on, float(flow[half].mean())),
        empty_on,
        empty_on - float(quiet.mean()),
        float((cross[side] <= _TINY).mean()),
        float((sharp & (step[lines] > _TINY)).mean()),
        float(np.log((flow[lines].max() + _TINY) / (float(flow[1:-1].mean()) + _TINY))),
    ]


def _ratio(one: float, other: float) -> float:
    return float(np.log((one + _TINY) / (other + _TINY)))


def _echo_numbers(axis: Axis, cut: Cut) -> list[float]:
    """How well the picture repeats at the period, against the lags nearby and half the period."""
    numbers: list[float] = []
    for echo in (axis.echo_mask, axis.echo_tone):
        lag = cut.period
        if lag + 1 >= len(echo):
            numbers += [0.0, 0.0, 0.0]
            continue
        reach = max(2, lag // 8)
        near = 0.5 * (echo[max(1, lag - reach)] + echo[min(len(echo) - 1, lag + reach)])
        numbers += [float(echo[lag]), float(echo[lag] - near), float(echo[lag] - echo[max(1, lag // 2)])]
    return numbers


def _gutter_even(axis: Axis, cut: Cut) -> float:
    """Share of one-coloured neighbours along the gutters, against the whole picture; 0 without gutters."""
    if not cut.spacing or cut.count < 2:
        return 0.0
    lines = cut.margin + np.arange(1, cut.count) * cut.period - 1
    lines = lines[lines < len(axis.even)]
    return float(axis.even[lines].mean() - axis.even.mean()) if len(lines) else 0.0


def _merit(table: Floats) -> Floats:
    """Give a rough worth per cut, only to thin out the pairs."""
    column = {name: table[:, i] for i, name in enumerate(CUT_NAMES)}
    one_cell = column["whole"]
    worth = (
        0.5 * np.clip(column["step_on"], -1, 2)
        - 0.5 * np.clip(column["flow_on"], -3, 1)
        - 0.3 * np.clip(column["cross_on"], -3, 1)
        + column["empty_gain"]
        + 1.5 * column["echo_mask_peak"]
        + 1.5 * column["echo_tone_peak"]
        + 0.8 * column["divides"]
        + 0.4 * column["common"]
        + 0.3 * column["mod8"]
        + 1.5 * (column["gutter_even"] > 0.05)
    )
    return np.asarray(np.where(one_cell > 0, 1.2, worth), dtype=np.float64)


def _pooled(grids: list[tuple[Cut, Cut]], rows_x: Floats, rows_y: Floats) -> Floats:
    """Average what both axes say about their cut lines, weighted by how many lines each has."""
    lines = np.array([[one.count - 1, two.count - 1] for one, two in grids], dtype=np.float64).reshape(-1, 2)
    weight = lines / np.maximum(lines.sum(axis=1, keepdims=True), 1.0)
    pooled: Floats = rows_x[:, 10:] * weight[:, :1] + rows_y[:, 10:] * weight[:, 1:]
    return pooled


def _pair_table(evidence: Evidence, grids: list[tuple[Cut, Cut]], merit: Floats) -> Floats:
    top = float(merit.max(initial=-9.0))
    rows = [_pair_row(evidence, one, two) for one, two in grids]
    table = np.array(rows).reshape(-1, len(PAIR_NAMES) - 2)
    return np.concatenate([table, merit[:, None], (top - merit)[:, None]], axis=1)


def _pair_row(evidence: Evidence, one: Cut, two: Cut) -> list[float]:
    seen_w, seen_h = evidence.crop
    x0 = one.margin + np.arange(one.count, dtype=np.int64) * one.period
    y0 = two.margin + np.arange(two.count, dtype=np.int64) * two.period
    x0, y0 = x0[x0 + one.tile <= seen_w], y0[y0 + two.tile <= seen_h]
    left, top = (a.ravel() for a in np.meshgrid(x0, y0))
    right, bottom = left + one.tile, top + two.tile
    drawn = evidence.count(left, top, right, bottom)
    full = drawn > 0
    filled = int(full.sum())
    repeat, mean, spread = 0.0, 0.0, 0.0
    if filled:
        marks = evidence.fingerprint(left[full], top[full], right[full], bottom[full])
        repeat = 1.0 - len(np.unique(marks)) / filled
        fills = drawn[full] / (one.tile * two.tile)
        mean, spread = float(fills.mean()), float(fills.std())
    ratio = float(np.log2(one.tile / two.tile))
    shape = [
        float(np.log2(one.count * two.count)),
        ratio,
        float(one.tile == two.tile),
        float(one.tile == 2 * two.tile or two.tile == 2 * one.tile),
        filled / max(1, len(left)),
        float(np.log2(1 + filled)),
        repeat,
        mean,
        spread,
    ]
    return [*shape, *_part_numbers(evidence.parts, one, two, filled)]


def _part_numbers(parts: NDArray[np.int64], one: Cut, two: Cut, filled: int) -> list[float]:
    """Tell which share of the connected parts (by number, by area, the large ones) lies within one cell."""
    if not len(parts):
        return [0.0, 0.0, 0.0, 0.0]
    x0, y0, x1, y1, area = parts.T
    same_x = (x0 - one.margin) // one.period == (x1 - 1 - one.margin) // one.period
    same_y = (y0 - two.margin) // two.period == (y1 - 1 - two.margin) // two.period
    whole = same_x & same_y
    big = (x1 - x0) * (y1 - y0) >= 0.1 * one.tile * two.tile
    return [
        float(whole.mean()),
        float(area[whole].sum() / area.sum()),
        len(parts) / max(1, filled),
        float(whole[big].mean()) if big.any() else 1.0,
    ]


def _picture(evidence: Evidence) -> Floats:
    width, height, parts = evidence.width, evidence.height, evidence.parts
    x, y = evidence.x, evidence.y
    area = parts[:, 4]
    big = parts[area * 20 >= area.max(initial=0)] if len(parts) else parts
    spans_w, spans_h = big[:, 2] - big[:, 0], big[:, 3] - big[:, 1]
    seen = evidence.crop[0] * evidence.crop[1]
    size = [
        np.log2(width),
        np.log2(height),
        np.log2(width * height),
        np.log2(width / height),
        float(("transparent", "solid", "opaque").index(evidence.ground.kind)),
        float(x.fill.mean()),
        np.log2(1 + len(parts)),
        float(area.max(initial=0) / max(1, int(area.sum()))),
        float(spans_w.std() / spans_w.mean()) if len(big) else 0.0,
        float(spans_h.std() / spans_h.mean()) if len(big) else 0.0,
        np.log2(evidence.colours),
        evidence.half_seen,
    ]
    rest = [float(v) for a in (x.step, y.step, x.flow, y.flow) for v in (a.mean(),)]
    mods = [float(v % m == 0) for m in (32, 16) for v in (width, height)]
    gaps = [float((a.fill <= _TINY).mean()) for a in (x, y)]
    runs = [float(np.count_nonzero(np.diff((a.fill > _TINY).astype(np.int8)) == 1)) for a in (x, y)]
    median = np.log2(1 + float(np.median(big[:, 4]))) if len(big) else 0.0
    more = [*rest, *mods, *gaps, *runs, median, evidence.colours / seen]
    return np.array([*size, *more, *_sprite_numbers(evidence)])


def _sprite_numbers(evidence: Evidence) -> list[float]:
    """Tell what the picture would be as an atlas: how many sprites, how much they cover, how alike they are."""
    if not 0 < len(evidence.parts) <= MAX_JOINED_PARTS:
        return [-1.0] * 8
    boxes = sprites(evidence.parts)
    if not boxes:
        return [0.0] * 8
    seen_w, seen_h = evidence.crop
    sides = np.array([(r.w, r.h) for r in boxes], dtype=np.float64)
    areas = sides.prod(axis=1)
    at_edge = [r.x == 0 or r.y == 0 or r.x + r.w == seen_w or r.y + r.h == seen_h for r in boxes]
    return [
        float(np.log2(len(boxes))),
        float(areas.sum() / (seen_w * seen_h)),
        float(areas.max() / areas.sum()),
        float(sides[:, 0].std() / sides[:, 0].mean()),
        float(sides[:, 1].std() / sides[:, 1].mean()),
        float(np.log2(np.median(sides.max(axis=1)))),
        len(boxes) / len(evidence.parts),
        float(np.mean(at_edge)),
    ]
