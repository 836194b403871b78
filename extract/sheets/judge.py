"""The judge: whether a picture is a sheet, and if so, which of the cuts described is the intended one.

Two small forests. The *ranker* compares all cuts of one picture (the ways to see an atlas, the grids) by a softmax; it
was trained on sheets only. The *detector* says how likely the picture is a sheet at all, from the picture, from its
layout, and from how the ranker's favourite stands out. Both probabilities are calibrated on pictures of authors that
the forests had not seen when they judged them, so that of the answers given with 90 % nine in ten are right.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from extract.sheets.features import FIRST_GRID, KINDS, NAMES, PICTURE_NAMES
from extract.sheets.forest import Floats, Forest, softmax
from extract.sheets.layout import WAYS

_OF_PICTURE = NAMES.index(PICTURE_NAMES[0])
_OF_LAYOUT = [i for i, name in enumerate(NAMES) if name.startswith("sprite_")]
_NO_GRID = -9.0


@dataclass(frozen=True)
class Verdict:
    """`sheet`: calibrated probability of a sheet. `shares`: of each cut (ways of an atlas, then grids), given a sheet.

    `sure`: calibrated probability that the favourite cut is the intended one, given that the picture is a sheet.
    """

    sheet: float
    shares: Floats
    sure: float


@dataclass(frozen=True)
class Scale:
    """A rising piecewise linear map from the logit of a raw probability to a calibrated probability."""

    logits: Floats
    chances: Floats

    def read(self, raw: float) -> float:
        """Calibrate one raw probability."""
        return float(np.interp(logit(raw), self.logits, self.chances))


@dataclass(frozen=True)
class Judge:
    """The two forests with their scales; `names` are the features they were trained on."""

    names: tuple[str, ...]
    ranker: Forest
    detector: Forest
    sheet_scale: Scale
    cut_scale: Scale

    def weigh(self, table: Floats) -> Verdict:
        """Judge a picture from the table that `features.describe` made of it."""
        scores = self.ranker.scores(table[1:])
        raw = float(1.0 / (1.0 + np.exp(-self.detector.scores(picture_row(table, scores)[None])[0])))
        shares = softmax(scores)
        return Verdict(self.sheet_scale.read(raw), shares, self.cut_scale.read(float(shares.max())))


def logit(probability: float) -> float:
    """Give the natural logarithm of the odds, bounded to what forests can say."""
    bounded = min(max(probability, 1e-6), 1.0 - 1e-6)
    return float(np.log(bounded / (1.0 - bounded)))


def picture_row(table: Floats, scores: Floats) -> Floats:
    """Describe the whole picture for the detector: best and favourite cut, picture, layouts, and the ranker's view."""
    ways, grids = scores[:WAYS], scores[WAYS:]
    order = np.argsort(-grids, kind="stable")
    favourite = table[FIRST_GRID + order[0]] if len(order) else np.zeros(table.shape[1])
    first = float(grids[order[0]]) if len(order) else _NO_GRID
    second = float(grids[order[1]]) if len(order) > 1 else first
    shares = softmax(scores)
    best_way = float(ways.max())
    view = [
        first,
        first - second,
        best_way,
        best_way - first,
        float(shares.max()),
        float(shares[WAYS:].max(initial=0.0)),
        float(shares[:WAYS].sum()),
        float(-(shares * np.log(shares + 1e-12)).sum()),
    ]
    split = _OF_PICTURE
    layouts = [table[way, _OF_LAYOUT] for way in range(2, FIRST_GRID)]
    return np.concatenate([table[0, len(KINDS) : split], favourite[:split], table[0, split:], *layouts, view])


def to_json(judge: Judge) -> str:
    """Write a judge as JSON that `from_json` reads back."""
    content = {
        "names": list(judge.names),
        "ranker": judge.ranker.to_lists(),
        "detector": judge.detector.to_lists(),
        "sheet_scale": [judge.sheet_scale.logits.tolist(), judge.sheet_scale.chances.tolist()],
        "cut_scale": [judge.cut_scale.logits.tolist(), judge.cut_scale.chances.tolist()],
    }
    return json.dumps(content, separators=(",", ":"))


def from_json(text: str) -> Judge:
    """Read what `to_json` wrote."""
    content = json.loads(text)
    scales = [Scale(np.array(content[n][0]), np.array(content[n][1])) for n in ("sheet_scale", "cut_scale")]
    return Judge(
        tuple(content["names"]),
        Forest.from_lists(content["ranker"]),
        Forest.from_lists(content["detector"]),
        *scales,
    )


@cache
def shipped() -> Judge:
    """Load the judge shipped with the package (read once)."""
    return from_json(resources.files("extract.sheets").joinpath("judge.json").read_text(encoding="utf-8"))
