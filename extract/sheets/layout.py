"""The picture as an atlas: ways to see sprites in its connected parts, and how sprite-like and packed they lie.

Parts are joined by how near they come; or boxes grow that may cut parts which are several sprites (`grown.py`).

Packers leave the same gap between neighbours, start at a corner and align boxes; letters of a title share one colour
and one line; bits of one drawing overlap or lie at any distance. These numbers tell them apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.components import join, sprite_boxes
from extract.sheets.copies import with_copies
from extract.sheets.evidence import Evidence, find_parts
from extract.sheets.forest import Forest
from extract.sheets.ground import sum_over
from extract.sheets.grown import Proposals, propose
from extract.sheets.palettes import palettes_of_boxes
from extract.sheets.sprite_judge import chances, choose

Floats = NDArray[np.float64]
Boxes = NDArray[np.int64]

JOINS_PX = (0, 2, 4)
"""Parts this near to each other become one sprite, one way per distance; 0 joins what overlaps and loose specks."""

WAYS = len(JOINS_PX) + 1
"""The last way is that of grown boxes."""

MIN_REST = 0.25
"""What chosen boxes leave over is kept when it shows so much of what the typical box shows."""

_KIN_BOXES, _KIN_SIDES = 200, 0.12
"""Sides are compared among so many boxes; those this near to each other (logarithm) are alike."""

MAX_JOINED_PARTS = 700
"""Joining parts costs the square of their number; with more, the picture is not described as an atlas."""

LAYOUT_NAMES = (
    "log_sprites", "cover", "biggest", "w_spread", "h_spread", "log_side", "per_part", "at_edge", "gap_mode",
    "gap_mode_share", "gap_small_share", "gap_least", "gap_median", "left_shared", "top_shared", "bottom_shared",
    "same_size", "box_fill", "big_share", "tone_spread", "tone_inside", "lines", "log_least_side", "elongated",
    "alike", "held", "chance", "chance_low", "palette_shared", "palette_shared_least", "turned_size", "drawn_spread",
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One way to see an atlas: `boxes` (n, 4) x0, y0, x1, y1, and the `chance` of each (n) to be one sprite.

    Parts within `join_px` of each other were joined; None when the boxes were grown.
    """

    boxes: Boxes
    chance: Floats
    join_px: int | None


def joined_ways(evidence: Evidence) -> list[Boxes]:
    """Join the parts into sprites: one (n, 4) table of boxes per distance in `JOINS_PX`."""
    if not 0 < len(evidence.parts) <= MAX_JOINED_PARTS:
        return [np.zeros((0, 4), dtype=np.int64) for _ in JOINS_PX]
    found = [sprite_boxes(evidence.parts)]
    for near in JOINS_PX[1:]:
        found.append(join(found[-1], near))
    return found


def proposals(evidence: Evidence, joined: list[Boxes]) -> Proposals | None:
    """Propose boxes for sprites that may touch; None for a picture without background, which shows no sprite's end."""
    return None if evidence.ground.kind == "opaque" or not len(evidence.parts) else propose(evidence, joined)


def ways(evidence: Evidence, sprites: Forest) -> list[Way]:
    """List the `WAYS` to see the picture as an atlas; `sprites` tells sprites from other boxes (`sprite_judge`)."""
    joined = joined_ways(evidence)
    found = proposals(evidence, joined)
    known: dict[tuple[int, ...], float] = {}
    chosen: Boxes = np.zeros((0, 4), dtype=np.int64)
    if found is not None:
        found, chance = with_copies(sprites, evidence, found, chances(sprites, evidence, found))
        known = dict(zip(map(tuple, found.boxes.tolist()), chance.tolist(), strict=True))
        chosen = choose(found.boxes, chance, joined[0])
    tables = [*joined, chosen]
    each = [np.array([known.get(tuple(box), 0.0) for box in table.tolist()]) for table in tables]
    return [Way(*way) for way in zip(tables, each, (*JOINS_PX, None), strict=True)]


def with_rest(evidence: Evidence, boxes: Boxes) -> Boxes:
    """Add to chosen boxes what they leave over, part by part, so that no art is lost: slivers aside.

    What is left over was not recognised; its boxes may overlap the chosen ones.
    """
    drawn = evidence.ground.foreground.copy()
    x0, y0, x1, y1 = boxes.T
    typical = float(np.median(evidence.count(x0, y0, x1, y1))) if len(boxes) else 0.0
    for left, top, right, low in boxes.tolist():
        drawn[top:low, left:right] = False
    parts = find_parts(drawn)
    large = parts[parts[:, 4] >= max(1.0, MIN_REST * typical)]
    return np.concatenate([boxes, join(large[:, :4], 0)]) if len(large) <= MAX_JOINED_PARTS else boxes


def describe_layout(evidence: Evidence, way: Way) -> Floats:
    """Describe a way in `LAYOUT_NAMES`; -1 everywhere when it has no box."""
    boxes = way.boxes
    if not len(boxes):
        return np.full(len(LAYOUT_NAMES), -1.0)
    seen_w, seen_h = evidence.crop
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    areas = sides.prod(axis=1)
    edge = (boxes[:, :2] <= 0).any(axis=1) | (boxes[:, 2] >= seen_w) | (boxes[:, 3] >= seen_h)
    x0, y0, x1, y1 = boxes.T
    drawn = evidence.count(x0, y0, x1, y1)
    size = [
        float(np.log2(len(boxes))),
        float(areas.sum() / (seen_w * seen_h)),
        float(areas.max() / areas.sum()),
        float(sides[:, 0].std() / sides[:, 0].mean()),
        float(sides[:, 1].std() / sides[:, 1].mean()),
        float(np.log2(np.median(sides.max(axis=1)))),
        len(boxes) / len(evidence.parts),
        float(edge.mean()),
    ]
    shared = [_shared(boxes[:, i]) for i in (0, 1, 3)]
    shape = [
        _shared(sides[:, 0] * 4096 + sides[:, 1]),
        float(drawn.sum() / areas.sum()),
        float((areas * 8 >= areas.max()).mean()),
    ]
    ends = [
        len(np.unique(y1)) / len(boxes),
        float(np.log2(sides.min(axis=1).min())),
        float((sides.max(axis=1) / sides.min(axis=1) > 3).mean()),
        float((np.abs(np.log(areas / np.median(areas))) < 0.15).mean()),
        float(drawn.sum() / max(1, int(evidence.drawn[-1, -1]))),
        float(way.chance.mean()),
        float(np.quantile(way.chance, 0.2)),
    ]
    return np.array(
        [
            *size,
            *_gap_numbers(boxes, sides),
            *shared,
            *shape,
            *_tone_numbers(evidence, boxes),
            *ends,
            *_kinship(evidence, boxes),
        ]
    )


def _kinship(evidence: Evidence, boxes: Boxes) -> list[float]:
    """Tell how much the boxes look like views of one thing: palettes, sides either way round, and drawn pixels.

    The palette of each is compared with that of all others together, the mean and the least of it counts.
    """
    own = palettes_of_boxes(evidence, boxes)
    others = (own.sum(axis=0) - own) / max(1, len(boxes) - 1)
    common = np.minimum(own, others).sum(axis=1)
    sides = np.sort(boxes[:, 2:] - boxes[:, :2], axis=1)
    some = sides[:: max(1, len(sides) // _KIN_BOXES)]
    near = (np.abs(np.log(some[:, None] / some[None])) < _KIN_SIDES).all(axis=2).sum(axis=1) > 1
    drawn = np.log(np.maximum(evidence.count(*boxes.T), 1))
    return [float(common.mean()), float(common.min()), float(near.mean()), float(drawn.std())]


def _shared(values: NDArray[np.int64] | Floats) -> float:
    """Tell which share of the values occurs more than once."""
    _, counts = np.unique(values, return_counts=True)
    return float(counts[counts > 1].sum() / len(values))


def _gap_numbers(boxes: Boxes, sides: Floats) -> list[float]:
    """Measure the distance from each box to the next one to its right and below, where there is one."""
    gaps = np.concatenate([_gaps(boxes, 0), _gaps(boxes, 1)])
    if not len(gaps):
        return [-1.0, 0.0, 0.0, -1.0, -1.0]
    values, counts = np.unique(gaps, return_counts=True)
    mode = int(counts.argmax())
    median = float(np.median(gaps) / max(1.0, float(np.median(sides))))
    return [
        float(min(values[mode], 32)),
        float(counts[mode] / len(gaps)),
        float((gaps <= 4).mean()),
        float(min(values[0], 32)),
        min(median, 4.0),
    ]


def _gaps(boxes: Boxes, axis: int) -> Boxes:
    """List the distance along an axis from each box to the nearest one that begins after it, side by side with it."""
    begin, end = boxes[:, axis], boxes[:, axis + 2]
    low, high = boxes[:, 1 - axis], boxes[:, 3 - axis]
    distance = begin[None, :] - end[:, None]
    beside = (np.minimum(high[None, :], high[:, None]) > np.maximum(low[None, :], low[:, None])) & (distance >= 0)
    nearest: Boxes = np.where(beside, distance, 1 << 20).min(axis=1)
    kept: Boxes = nearest[nearest < 1 << 20]
    return kept


def _tone_numbers(evidence: Evidence, boxes: Boxes) -> list[float]:
    """Spread of the mean tone over the boxes, and the mean spread within a box (0 to 1): letters have neither."""
    x0, y0, x1, y1 = boxes.T
    drawn = np.maximum(evidence.count(x0, y0, x1, y1), 1)
    mean = sum_over(evidence.tones, x0, y0, x1, y1) / drawn
    square = sum_over(evidence.squares, x0, y0, x1, y1) / drawn
    inside = np.sqrt(np.maximum(square - mean**2, 0.0))
    return [float(mean.std()) / 255, float((inside * drawn).sum() / drawn.sum()) / 255]
