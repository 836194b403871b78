"""Numbers that describe one grid on one picture, for the judge (`forest.py`) to weigh.

Three groups: per cut (what happens on the cut lines, half-way between them, and beside them), per pair (are cells
complete, filled, repeated), and per picture (what the picture is like before any grid). The rows "single" and
"atlas" carry only the last group and the best of the others, so that the judge compares like with like.
"""

from dataclasses import dataclass
from math import log, log2

import numpy as np
from numpy.typing import NDArray

from extract.sheets.cells import CELL_NAMES, cell_table
from extract.sheets.evidence import Axis, Evidence
from extract.sheets.lattice import Cut, cuts, ends_drawn, gutter_lines, pairs
from extract.sheets.layout import LAYOUT_NAMES, WAYS, Way, describe_layout

Floats = NDArray[np.float64]

CUT_NAMES = (
    "log_tile", "count", "divides", "whole", "mod16", "mod8", "power2", "common", "margin", "spacing", "left_share",
    "left_fill", "step", "step_on", "step_side", "step_half", "cross", "cross_on", "cross_half", "flow", "flow_on",
    "flow_side", "flow_half", "empty", "empty_gain", "empty_side", "sharp", "worst", "echo_mask", "echo_mask_peak",
    "echo_mask_half", "echo_tone", "echo_tone_peak", "echo_tone_half", "gutter_even", "gutter_ink", "ink_told",
)  # fmt: skip
PAIR_NAMES = (*CELL_NAMES, "merit", "merit_gap")
PICTURE_NAMES = (
    "log_width", "log_height", "log_area", "log_aspect", "ground", "fill", "log_parts", "biggest_share",
    "part_w_spread", "part_h_spread", "log_colours", "half_seen", "step_x", "step_y", "flow_x", "flow_y", "w_mod32",
    "h_mod32", "w_mod16", "h_mod16", "empty_columns", "empty_rows", "runs_x", "runs_y", "log_median_part",
    "colours_share", "blank_right", "blank_bottom", "blank_left", "blank_top", "off_middle_x",
    "off_middle_y",
)  # fmt: skip
KINDS = ("is_grid", "is_single", "is_atlas", "atlas_way")
_BODY = (
    *(f"x_{n}" for n in CUT_NAMES),
    *(f"y_{n}" for n in CUT_NAMES),
    *(f"both_{n}" for n in CUT_NAMES[10:]),
    *PAIR_NAMES,
)
COMPARED_NAMES = (
    "both_step_on", "both_step_side", "both_step_half", "both_cross_on", "both_flow_on", "both_flow_half",
    "both_flow_side", "both_empty", "both_empty_gain", "both_sharp", "both_worst", "both_echo_mask",
    "both_echo_mask_peak", "both_echo_tone", "both_echo_tone_peak", "both_gutter_even", "both_gutter_ink",
    "repeat", "filled_cells", "tone_between", "centre_x_spread", "centre_y_spread", "half_filled", "full_cells",
    "parts_whole", "area_whole", "cells_of_one_part", "log_cells", "merit", "joined_are_cells", "grown_are_cells",
    "grown_whole",
)  # fmt: skip
_COMPARED = [_BODY.index(name) for name in COMPARED_NAMES]
NAMES = (
    *KINDS,
    *_BODY,
    *(f"gap_{n}" for n in COMPARED_NAMES),
    *(f"rank_{n}" for n in COMPARED_NAMES),
    *PICTURE_NAMES,
    *(f"sprite_{n}" for n in LAYOUT_NAMES),
)

_COMMON = frozenset({8, 16, 24, 32, 48, 64, 96, 128, 256})
_TINY = 1e-3
_DIGITS = 9
FIRST_GRID = 1 + WAYS


def describe(
    evidence: Evidence, seen: list[Way], asked: tuple[tuple[int, int], ...] = ()
) -> tuple[list[tuple[Cut, Cut]], Floats]:
    """List the grids to judge and a (`FIRST_GRID` + grids, len(NAMES)) table.

    Row 0 is "single", then come the ways `seen` to take it as an atlas (`layout.ways`), then the grids.

    Tile sizes (width, height) that are `asked` for are judged whether or not the pixels suggest them.
    """
    across = cuts(evidence.x, tuple(size[0] for size in asked))
    down = cuts(evidence.y, tuple(size[1] for size in asked))
    table_x, table_y = _cut_table(evidence.x, across), _cut_table(evidence.y, down)
    merit = np.full((2, max(len(across), len(down))), -9.0)
    merit[0, : len(across)], merit[1, : len(down)] = (
        _merit(table, np.array([ends_drawn(axis, cut) for cut in found], dtype=bool))
        for axis, found, table in ((evidence.x, across, table_x), (evidence.y, down, table_y))
    )
    chosen = pairs(across, down, merit, asked)
    picture = _picture(evidence)
    grids = [(across[i], down[j]) for i, j in chosen]
    rows_x, rows_y = table_x[chosen[:, 0]], table_y[chosen[:, 1]]
    total = merit[0, chosen[:, 0]] + merit[1, chosen[:, 1]]
    pair = _pair_table(evidence, grids, total, seen)
    body = np.concatenate([rows_x, rows_y, _pooled(grids, rows_x, rows_y), pair], axis=1)
    body = np.concatenate([body, _relative(body)], axis=1)
    layouts = np.array([describe_layout(evidence, way) for way in seen])
    heads = 1 + len(seen)
    best = body.max(axis=0, initial=-9.0) if len(body) else np.zeros(body.shape[1])
    kinds = np.zeros((heads + len(grids), len(KINDS)))
    kinds[0, 1], kinds[1:heads, 2], kinds[heads:, 0] = 1.0, 1.0, 1.0
    kinds[1:heads, 3] = np.arange(1, heads)
    around = np.repeat(layouts[:1], len(kinds), axis=0)
    around[1:heads] = layouts
    table = np.concatenate(
        [kinds, np.concatenate([np.repeat(best[None], heads, axis=0), body]), _repeated(picture, len(kinds)), around],
        axis=1,
    )
    return grids, np.nan_to_num(table, nan=0.0, posinf=99.0, neginf=-99.0)


def _repeated(row: Floats, times: int) -> Floats:
    return np.repeat(row[None], times, axis=0)


def _cut_table(axis: Axis, found: list[Cut]) -> Floats:
    lines = _Lines.of(axis)
    return np.array([_cut_row(axis, lines, cut) for cut in found]).reshape(-1, len(CUT_NAMES))


@dataclass(frozen=True)
class _Lines:
    """What is asked of boundaries for every cut: `values` (5, length + 1) with their `means` inside it.

    `ink` and `even` are the sum and the mean of these profiles.
    """

    values: Floats
    means: list[float]
    ink: float
    even: float

    @staticmethod
    def of(axis: Axis) -> "_Lines":
        """Ask it once for an axis; `sharp` are changes that are not less than those beside them."""
        step, cross = axis.step, axis.cross
        beside = np.maximum(np.roll(step, 1), np.append(step[1:], step[-1]))
        values = np.stack([step, cross, axis.flow, cross <= _TINY, (step >= beside) & (step > _TINY)])
        means = values[:, 1:-1].mean(axis=1).tolist() if len(step) > 2 else [0.0] * len(values)
        return _Lines(values, means, float(axis.ink.sum()), float(axis.even.mean()))


def _cut_row(axis: Axis, lines: _Lines, cut: Cut) -> list[float]:
    tile, left = cut.tile, axis.length - cut.margin - cut.count * cut.period + cut.spacing
    tail = axis.fill[axis.length - left :] if 0 < left < axis.length else axis.fill[:0]
    return [
        log2(tile),
        log2(cut.count),
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
        *_line_numbers(lines, cut),
        *_echo_numbers(axis, cut),
        _gutter_even(axis, lines, cut),
        *_ink_numbers(axis, lines, cut),
    ]


def _line_numbers(lines: _Lines, cut: Cut) -> list[float]:
    """Compare the boundaries where cells begin and end with those beside them, half-way, and everywhere."""
    seen = lines.values.shape[1] - 1
    begins = cut.margin + np.arange(1, cut.count) * cut.period
    begins = begins[begins < seen]
    if not len(begins) or seen < 4:
        return [0.0] * 16
    cuts = np.concatenate([begins, begins - cut.spacing]) if cut.spacing else begins
    on = lines.values[:, cuts]
    side = np.clip(np.concatenate([cuts - 1, cuts + 1]), 1, seen - 1)
    half = np.clip(begins - cut.spacing - cut.tile // 2, 1, seen - 1)
    step_on, cross_on, flow_on, empty_on, sharp = on.mean(axis=1).tolist()
    step_side, _, flow_side, empty_side = lines.values[:4, side].mean(axis=1).tolist()
    step_half, cross_half, flow_half = lines.values[:3, half].mean(axis=1).tolist()
    step, cross, flow, empty, _ = lines.means
    return [
        step_on,
        _ratio(step_on, step),
        _ratio(step_on, step_side),
        _ratio(step_on, step_half),
        cross_on,
        _ratio(cross_on, cross),
        _ratio(cross_on, cross_half),
        flow_on,
        _ratio(flow_on, flow),
        _ratio(flow_on, flow_side),
        _ratio(flow_on, flow_half),
        empty_on,
        empty_on - empty,
        empty_side,
        sharp,
        _ratio(float(on[2].max()), flow),
    ]


def _ratio(one: float, other: float) -> float:
    return log((one + _TINY) / (other + _TINY))


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


def _gutter_even(axis: Axis, lines: _Lines, cut: Cut) -> float:
    """Share of one-coloured neighbours along the gutters, against the whole picture; 0 without gutters."""
    if not cut.spacing or cut.count < 2:
        return 0.0
    gutters = cut.margin + np.arange(1, cut.count) * cut.period - 1
    gutters = gutters[gutters < len(axis.even)]
    return float(axis.even[gutters].mean()) - lines.even if len(gutters) else 0.0


def _ink_numbers(axis: Axis, lines: _Lines, cut: Cut) -> list[float]:
    """Tell how much more of the colour of drawn lines lies on the gutters than off, and what share of it they hold."""
    gutters = gutter_lines(cut, len(axis.ink)) if lines.ink else ()
    if not len(gutters):
        return [0.0, 0.0]
    held = float(axis.ink[gutters].sum())
    off = (lines.ink - held) / max(1, len(axis.ink) - len(gutters))
    return [held / len(gutters) - off, held / lines.ink]


def _merit(table: Floats, ends: NDArray[np.bool_]) -> Floats:
    """Give a rough worth per cut, only to thin out the pairs; `ends` tells which end where drawing does.

    Told of that, the judge learned nothing that holds for other authors.
    """
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
        + 0.8 * ends
        + 0.4 * column["common"]
        + 0.3 * column["mod8"]
        + 1.5 * (column["gutter_even"] > 0.05)
        + 2.0 * np.clip(column["gutter_ink"], 0, 1)
    )
    return np.asarray(np.where(one_cell > 0, 1.2, worth), dtype=np.float64)


def _pooled(grids: list[tuple[Cut, Cut]], rows_x: Floats, rows_y: Floats) -> Floats:
    """Average what both axes say about their cut lines, weighted by how many lines each has."""
    lines = np.array([[one.count - 1, two.count - 1] for one, two in grids], dtype=np.float64).reshape(-1, 2)
    weight = lines / np.maximum(lines.sum(axis=1, keepdims=True), 1.0)
    pooled: Floats = rows_x[:, 10:] * weight[:, :1] + rows_y[:, 10:] * weight[:, 1:]
    return pooled


def _pair_table(evidence: Evidence, grids: list[tuple[Cut, Cut]], merit: Floats, seen: list[Way]) -> Floats:
    top = float(merit.max(initial=-9.0))
    return np.concatenate([cell_table(evidence, grids, seen), merit[:, None], (top - merit)[:, None]], axis=1)


def _relative(body: Floats) -> Floats:
    """Compare the telling numbers of each grid with the best any grid of this picture reaches, and rank them."""
    # Rounded: two numbers that differ by the order in which something was summed are of one rank.
    chosen = body[:, _COMPARED].round(_DIGITS)
    if not len(chosen):
        return np.zeros((0, 2 * len(_COMPARED)))
    ranks = np.argsort(np.argsort(-chosen, axis=0, kind="stable"), axis=0, kind="stable") / len(chosen)
    return np.concatenate([chosen - chosen.max(axis=0), ranks], axis=1)


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
    ends = [measure(a) for measure in (_blank_end, _blank_start, _off_middle) for a in (x, y)]
    return np.array([*size, *more, *ends])


def _blank_end(axis: Axis) -> float:
    drawn = np.flatnonzero(axis.fill > 0)
    return 1.0 - (int(drawn[-1]) + 1) / len(axis.fill) if len(drawn) else 1.0


def _off_middle(axis: Axis) -> float:
    """Tell how far right of (below) the middle the drawn extent lies: packers start at a corner, logos are centred."""
    drawn = np.flatnonzero(axis.fill > 0)
    return float((int(drawn[0]) + int(drawn[-1]) + 1) / (2 * len(axis.fill)) - 0.5) if len(drawn) else 0.0


def _blank_start(axis: Axis) -> float:
    drawn = np.flatnonzero(axis.fill > 0)
    return float(min(int(drawn[0]), 32)) if len(drawn) else 32.0
