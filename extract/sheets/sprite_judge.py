"""The judge of sprites: which proposed boxes are one sprite each, and which of them together make the atlas.

A forest like those of `judge.py` gives each box a chance; then the best box is taken, all that overlap it are out, and
so on. Trained by `train.py` on atlases alone: whether a picture is one at all is not its business.
"""

import json
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from extract.sheets.boxes import BOX_NAMES, describe_boxes
from extract.sheets.evidence import Evidence
from extract.sheets.forest import Floats, Forest
from extract.sheets.grown import Proposals

Ints = NDArray[np.int64]

MIN_CHANCE = 0.1
"""A box is only taken with at least this chance of being a sprite, unless nothing else explains what it shows."""

AREA_POWER = 0.15
"""A box counts as its chance times its area to this power: one wrong large box costs all sprites inside it, but a
wrong small one costs the large sprite as well, and there are many more of those.
"""


def chances(forest: Forest, evidence: Evidence, found: Proposals, first: int = 0) -> Floats:
    """Give each proposal, from the `first` on, the chance of being one sprite."""
    if first >= len(found.boxes):
        return np.zeros(0)
    return np.asarray(1.0 / (1.0 + np.exp(-forest.scores(describe_boxes(evidence, found, first)))))


def choose(boxes: Ints, chance: Floats, parts: Ints) -> Ints:
    """Choose boxes (k, 4): best first, none that overlaps one taken before; then the parts that are left."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    best_first = np.argsort(-chance * area**AREA_POWER, kind="stable")
    order = boxes[best_first[chance[best_first] >= MIN_CHANCE]]
    order = np.concatenate([order, parts])
    taken: list[Ints] = []
    while len(order):
        best = order[0]
        taken.append(best)
        order = order[(order[:, :2] >= best[2:]).any(axis=1) | (order[:, 2:] <= best[:2]).any(axis=1)]
    return np.array(taken, dtype=np.int64).reshape(-1, 4)


def to_json(forest: Forest) -> str:
    """Write a forest as JSON that `from_json` reads back."""
    return json.dumps({"names": list(BOX_NAMES), "sprites": forest.to_lists()}, separators=(",", ":"))


def from_json(text: str) -> Forest:
    """Read what `to_json` wrote.

    Raises:
        ValueError: the forest was trained on other features.

    """
    content = json.loads(text)
    if tuple(content["names"]) != BOX_NAMES:
        raise ValueError("sprites.json was trained on other features: run extract.sheets.train --write")
    return Forest.from_lists(content["sprites"])


@cache
def shipped() -> Forest:
    """Load the forest shipped with the package (read once)."""
    return from_json(resources.files("extract.sheets").joinpath("sprites.json").read_text(encoding="utf-8"))
