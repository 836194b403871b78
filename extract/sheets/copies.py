"""Proposals of a second look: boxes beside sure ones, of the same size.

Where cubes of one size stand in rows without a gap, some are found and others are not, for what lies beside them. So
beside every box that is likely a sprite, and that has a twin in size, a box of that size is proposed on each side, and
judged like all others; beside those that are likely sprites again, and so on.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from extract.sheets.boxes import same_size
from extract.sheets.evidence import Evidence
from extract.sheets.forest import Floats, Forest
from extract.sheets.ground import prefix_sums, sum_over
from extract.sheets.grown import Proposals, trimmed
from extract.sheets.sprite_judge import chances, choose

Ints = NDArray[np.int64]

SURE = 0.5
GAPS_PX = (0, 1, 2)
ROUNDS = 6
MIN_TWINS = 2
MAX_SURE = 700
"""Nobody draws so many sprites on an atlas; a tile sheet of small cells has more."""

MAX_TRIMMED_PX = 1


def with_copies(forest: Forest, evidence: Evidence, found: Proposals, chance: Floats) -> tuple[Proposals, Floats]:
    """Add boxes of the sizes of sure ones beside them, and the chance of each, until no new one is sure."""
    for _ in range(ROUNDS):
        sure = _sure(found.boxes, chance)
        if len(sure) > MAX_SURE:
            break
        new = _beside_twins(evidence, sure)
        known = set(map(tuple, found.boxes.tolist()))
        new = np.array([box for box in new.tolist() if tuple(box) not in known], dtype=np.int64).reshape(-1, 4)
        if not len(new):
            break
        old = len(found.boxes)
        found = replace(
            found,
            boxes=np.concatenate([found.boxes, new]),
            votes=np.pad(found.votes, ((0, len(new)), (0, 0))),
            snaps=np.pad(found.snaps, (0, len(new))),
        )
        more = chances(forest, evidence, found, old)
        chance = np.concatenate([chance, more])
        if more.max() < SURE:
            break
    return found, chance


def _sure(boxes: Ints, chance: Floats) -> Ints:
    """Choose the boxes that are likely sprites; none overlaps another."""
    sure = chance >= SURE
    return choose(boxes[sure], chance[sure], np.zeros((0, 4), dtype=np.int64))


def _beside_twins(evidence: Evidence, sure: Ints) -> Ints:
    """Propose boxes (n, 4) beside those of which there are several of a size: drawn to their ends, on no sure box."""
    twins = sure[same_size(sure) >= MIN_TWINS]
    wide, high = (twins[:, 2:] - twins[:, :2]).T
    none = np.zeros_like(wide)
    steps = [
        np.stack(step * 2, axis=1)
        for gap in GAPS_PX
        for step in ((wide + gap, none), (-wide - gap, none), (none, high + gap), (none, -high - gap))
    ]
    boxes = np.unique(np.concatenate([twins + step for step in steps]), axis=0)
    boxes = boxes[(boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= evidence.crop).all(axis=1)]
    boxes = boxes[sum_over(_covered(evidence, sure), *boxes.T) == 0]
    drawn = trimmed(evidence, boxes)
    lost = (boxes[:, 2:] - boxes[:, :2]) - (drawn[:, 2:] - drawn[:, :2])
    return np.unique(drawn[(lost <= MAX_TRIMMED_PX).all(axis=1)], axis=0)


def _covered(evidence: Evidence, boxes: Ints) -> NDArray[np.int32]:
    """Give the summed-area table of the pixels in any of the boxes."""
    mask = np.zeros_like(evidence.ground.foreground)
    for x0, y0, x1, y1 in boxes.tolist():
        mask[y0:y1, x0:x1] = True
    return prefix_sums(mask)
