"""Proposals for sprites that touch each other: boxes that grow from seeds until little crosses their sides.

A sprite is connected widely inside and touches its neighbours along little of its box. So a small box inside a sprite
whose sides move outward wherever more than a given share of them is crossed comes to rest on the box of the sprite.
Which share and which kind of crossing (`crossings.MEASURES`) does it differs from sheet to sheet, so several are tried
from many seeds; what the parts, joined parts and pages of glyphs suggest is proposed, too. All of it is proposed once
more with sides moved to quieter lines nearby (`snapped.py`), and without edges that were repeated into the padding.
Which of the thousand or so are sprites is for the judge (`sprite_judge.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.crossings import Crossings, crossings
from extract.sheets.evidence import Evidence
from extract.sheets.lettering import pages
from extract.sheets.matching import trim_all
from extract.sheets.snapped import snapped

Ints = NDArray[np.int64]

SETTINGS = ((1, 0.06), (2, 0.12), (0, 0.3), (2, 0.02), (0, 0.12))
"""(measure, share of a side that may be crossed) at which boxes come to rest, most fruitful first."""

MAX_SEEDS = 1000
FINE_SEEDS = 4000
"""Spread so densely where small sprites hide: near blanks, in large connected parts, outside pages of glyphs."""

MAX_MORE_SEEDS = 1000
"""Of these, every second, third and so on is taken when there are more: boxes cost time."""

NEAR_BLANK_PX = 12
LARGE_STEPS = 8
"""Connected parts of so many steps between seeds are large: others are a few sprites, all of which have seeds."""

MAX_PARTS = 1000
MIN_STEP_PX = 4
SEED_RADIUS_PX = 3
MIN_AREA_PX = 4
_OUTWARD = np.array([-1, -1, 1, 1])
_MERGED_EVERY = 8
_WORTHWHILE = 0.75
_MOST_PX = 1 << 13
REPEATED_EDGE = 0.95
"""Edges of which such a share equals the next line inside may be repeated ones."""


@dataclass(frozen=True)
class Proposals:
    """Boxes (n, 4) x0, y0, x1, y1, trimmed and none twice; `votes` (n, settings) tells which settings found them.

    `snaps` (n) counts the boxes whose sides moved to these (`snapped.py`); `pages` are boxes of pages of glyphs, in no
    order.
    """

    boxes: Ints
    votes: NDArray[np.bool_]
    snaps: Ints
    pages: Ints
    crossings: Crossings


def propose(evidence: Evidence, joined: list[Ints]) -> Proposals:
    """Propose boxes of sprites, those that are `joined` from parts among them."""
    table, text = crossings(evidence), pages(evidence)
    grown, found = _grown_everywhere(table, _seeds(evidence, text))
    others = np.concatenate([*joined, text, _largest_parts(evidence)])
    votes = np.concatenate([found, np.zeros((len(others), len(SETTINGS)), dtype=bool)])
    boxes, votes, _ = _merged(trimmed(evidence, np.concatenate([grown, others])), votes)
    moved = trimmed(evidence, snapped(table, boxes))
    snaps = np.repeat([0, 1], [len(boxes), len(moved)])
    boxes, votes, snaps = _merged(np.concatenate([boxes, moved]), np.concatenate([votes, votes]), snaps)
    inner, less = _less_repeated(boxes, table)
    boxes = np.concatenate([boxes, trimmed(evidence, less)])
    boxes, votes, snaps = _merged(boxes, np.concatenate([votes, votes[inner]]), np.r_[snaps, snaps[inner]])
    return Proposals(boxes, votes, snaps, text, table)


def _grown_everywhere(table: Crossings, seeds: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Grow boxes by every setting from seeds; give them with the settings that found each."""
    boxes, setting = grow(table, seeds)
    return _merged(boxes, np.eye(len(SETTINGS), dtype=bool)[setting])[:2]


def _largest_parts(evidence: Evidence) -> Ints:
    """Give the boxes of connected parts: joining makes one of all that some wide, hollow part lies around."""
    parts = evidence.parts
    return parts[np.argsort(-parts[:, 4], kind="stable")[:MAX_PARTS], :4]


def _seeds(evidence: Evidence, text: Ints) -> Ints:
    """Spread small boxes (n, 4) evenly over the drawn pixels, and more of them where small sprites may hide."""
    x, y = _spread(evidence, MAX_SEEDS)
    fine_x, fine_y = _spread(evidence, FINE_SEEDS)
    hidden = _near_blank(evidence, fine_x, fine_y) & _in_large_part(evidence, fine_x, fine_y)
    for x0, y0, x1, y1 in text.tolist():
        hidden &= (fine_x < x0) | (fine_x >= x1) | (fine_y < y0) | (fine_y >= y1)
    more = np.flatnonzero(hidden)
    more = more[:: 1 + len(more) // MAX_MORE_SEEDS]
    x, y = np.concatenate([x, fine_x[more]]), np.concatenate([y, fine_y[more]])
    r, (width, height) = SEED_RADIUS_PX, evidence.crop
    ends = np.minimum(x + r + 1, width), np.minimum(y + r + 1, height)
    return np.unique(np.stack([np.maximum(x - r, 0), np.maximum(y - r, 0), *ends], axis=1), axis=0)


def _step(evidence: Evidence, most: int) -> int:
    return max(MIN_STEP_PX, int(np.sqrt(int(evidence.drawn[-1, -1]) / most)))


def _spread(evidence: Evidence, most: int) -> tuple[Ints, Ints]:
    """Spread about so many points x, y evenly over the drawn pixels."""
    drawn, step = evidence.ground.foreground, _step(evidence, most)
    y, x = (a.ravel() for a in np.mgrid[step // 2 : drawn.shape[0] : step, step // 2 : drawn.shape[1] : step])
    hit = drawn[y, x]
    return x[hit].astype(np.int64), y[hit].astype(np.int64)


def _near_blank(evidence: Evidence, x: Ints, y: Ints) -> NDArray[np.bool_]:
    r, (width, height) = NEAR_BLANK_PX, evidence.crop
    square = np.maximum(x - r, 0), np.maximum(y - r, 0), np.minimum(x + r, width), np.minimum(y + r, height)
    return np.asarray(evidence.count(*square) < (square[2] - square[0]) * (square[3] - square[1]))


def _in_large_part(evidence: Evidence, x: Ints, y: Ints) -> NDArray[np.bool_]:
    parts = evidence.parts
    large = np.zeros(int(evidence.labels.max(initial=0)) + 1, dtype=bool)
    area = (parts[:, 2] - parts[:, 0]) * (parts[:, 3] - parts[:, 1])
    large[1 : len(parts) + 1] = area > (LARGE_STEPS * _step(evidence, MAX_SEEDS)) ** 2
    return np.asarray(large[evidence.labels[y, x]])


def grow(table: Crossings, seeds: Ints) -> tuple[Ints, Ints]:
    """Move sides of boxes (n, 4) outward, pixel by pixel, while more than the share of a setting is crossed.

    Gives the boxes at rest (m, 4) and the place in `SETTINGS` by which each was found.
    """
    measure, share = np.array([m for m, _ in SETTINGS]), np.array([s for _, s in SETTINGS])
    ends = np.ascontiguousarray(np.tile(seeds, (len(SETTINGS), 1)).T)
    setting = np.repeat(np.arange(len(SETTINGS)), len(seeds))
    resting: list[Ints] = [np.zeros((5, 0), dtype=np.int64)]
    step = 0
    while len(setting):
        moves = table.sides(measure[setting], ends) > share[setting] * (ends[2:] - ends[:2])[[1, 1, 0, 0]]
        ends += moves[[0, 2, 1, 3]] * _OUTWARD[:, np.newaxis]
        step += 1
        moving = moves.any(axis=0)
        # A box at rest stays as it is, so it may be asked again: taking out a few costs more.
        if np.count_nonzero(moving) < _WORTHWHILE * len(moving) or step % _MERGED_EVERY == 0:
            resting.append(np.concatenate([ends, setting[np.newaxis]])[:, ~moving])
            ends, setting = ends[:, moving], setting[moving]
        if step % _MERGED_EVERY == 0:
            ends, setting = _without_twins(ends, setting)
    every = np.concatenate(resting, axis=1)
    return every[:4].T, every[4]


def _without_twins(ends: Ints, setting: Ints) -> tuple[Ints, Ints]:
    """Go on with only one of the boxes (4, n) that have become the same: they stay the same."""
    key = setting
    for one in ends:
        key = key * _MOST_PX + one
    _, first = np.unique(key, return_index=True)
    return ends[:, first], setting[first]


def trimmed(evidence: Evidence, boxes: Ints) -> Ints:
    """Shrink boxes to their drawn pixels; those that show nothing become empty."""
    result = np.zeros_like(boxes)
    some = evidence.count(*boxes.T) > 0
    result[some] = trim_all(evidence.drawn, boxes[some])
    return result


def _merged(boxes: Ints, votes: NDArray[np.bool_], snaps: Ints | None = None) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """Keep each box once, with all its votes and snaps; drop those of almost no area."""
    fair = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) >= MIN_AREA_PX
    unique, place = np.unique(boxes[fair], axis=0, return_inverse=True)
    total, count = np.zeros((len(unique), len(SETTINGS)), dtype=bool), np.zeros(len(unique), dtype=np.int64)
    np.logical_or.at(total, place.ravel(), votes[fair])
    if snaps is not None:
        np.add.at(count, place.ravel(), snaps[fair])
    return unique, total, count


def _less_repeated(boxes: Ints, table: Crossings) -> tuple[Ints, Ints]:
    """Leave off the outermost line at sides where it repeats the one before it: (indices of boxes, what is left)."""
    repeated = (table.same(boxes, 1) >= REPEATED_EDGE)[:, [0, 2, 1, 3]]
    some = np.flatnonzero(((boxes[:, 2:] - boxes[:, :2]) > 2).all(axis=1) & repeated.any(axis=1))
    return some, boxes[some] - repeated[some] * _OUTWARD
