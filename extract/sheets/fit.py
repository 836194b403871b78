"""How the judge is fitted: LightGBM for the forests, held-out authors for everything that is quoted or calibrated.

The detector reads what the ranker thinks, so for its training every picture is ranked by a ranker that has not seen
its author. All is deterministic: one thread, fixed seeds. Only `train.py` and benchmarks import this.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from extract.sheets.features import FIRST_GRID, NAMES
from extract.sheets.forest import Floats, averaged, from_lightgbm, softmax
from extract.sheets.forked import answers
from extract.sheets.judge import Judge, Scale, logit, picture_row

SHARED: dict[str, Any] = {
    "bagging_freq": 1, "bagging_fraction": 0.7, "lambda_l2": 6.0, "max_bin": 63, "num_threads": 1, "verbose": -1,
    "deterministic": True, "force_row_wise": True, "seed": 1, "use_missing": False,
}  # fmt: skip
RANKER = SHARED | {
    "learning_rate": 0.08, "num_leaves": 8, "feature_fraction": 0.15, "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 0.5,
}  # fmt: skip
DETECTOR = SHARED | {
    "learning_rate": 0.04, "num_leaves": 12, "feature_fraction": 0.2, "min_data_in_leaf": 8, "objective": "binary",
}  # fmt: skip
SEEDS = (1, 2, 3, 4)
"""Each judge is the mean of forests grown with these seeds: what one sees by chance, the other does not."""

RANKER_TREES = 300
DETECTOR_TREES = 500
WEAK_WEIGHT, MADE_WEIGHT = 0.3, 0.4
AUTHOR_FULL, MADE_FULL = 12, 40
"""Authors with more pictures than this weigh less per picture, so that none dominates."""

KEPT_BEST, KEPT_CHANCE = 30, 15
"""Of a picture's wrong grids the ranker learns from the best by rough merit and some of the others."""

MIN_ATLAS_QUALITY = 0.5
STEEP = 0.05
"""Every calibrated probability rises a little with the raw one, so that ties keep their order."""

_MERIT = NAMES.index("merit")


@dataclass(frozen=True)
class Example:
    """One picture: its feature table, how good each row would be as an answer (0 to 1), and where it comes from.

    `made` marks pictures made up for training; quality is never measured on them. `sprites` (n, 4) are the boxes of
    the last way to see an atlas, as chosen by a judge of sprites that has not seen the author.
    """

    picture: str
    table: NDArray[np.float32]
    quality: NDArray[np.float32]
    kind: str
    author: str
    sprites: NDArray[np.int64]
    weak: bool = False
    made: bool = False


@dataclass(frozen=True)
class Judged:
    """What a judge that has not seen the author says: raw probability of a sheet, and the share of each cut."""

    sheet: float
    shares: Floats


def deal(sizes: Counter[str], count: int, seed: int = 0) -> dict[str, int]:
    """Deal authors, given with how many pictures each has, to folds: large ones first, each to the emptiest fold."""
    chance = np.random.default_rng(seed)
    names = sorted(sizes)
    order = sorted(chance.permutation(len(names)), key=lambda i: -(sizes[names[i]] + 6 * chance.random()))
    load, place = [0] * count, {}
    for i in order:
        place[names[i]] = load.index(min(load))
        load[place[names[i]]] += sizes[names[i]]
    return place


class Lesson(Protocol):
    """A picture to learn from: whose it is, whether its truth is weak, whether it was made up."""

    @property
    def author(self) -> str: ...  # noqa: D102
    @property
    def weak(self) -> bool: ...  # noqa: D102
    @property
    def made(self) -> bool: ...  # noqa: D102


def weights(lessons: Sequence[Lesson], made_weight: float = MADE_WEIGHT) -> Floats:
    """Weigh lessons: less when weak, made up, or by an author with many."""
    many = Counter((e.author, e.made) for e in lessons)

    def weight(e: Lesson) -> float:
        full, base = (MADE_FULL, made_weight) if e.made else (AUTHOR_FULL, WEAK_WEIGHT if e.weak else 1.0)
        return base * min(1.0, float(np.sqrt(full / many[e.author, e.made])))

    return np.array([weight(e) for e in lessons])


def goal(example: Example) -> Floats:
    """Give the worth of each cut (all rows but "single"): exact or not for grids, steep in F1 for atlases."""
    worth = example.quality[1:].astype(np.float64)
    return np.where(worth >= MIN_ATLAS_QUALITY, worth**2, 0.0) if example.kind == "atlas" else worth


def fit_ranker(examples: list[Example], seed: int) -> lightgbm.Booster:
    """Boost trees against a softmax over the cuts of each sheet, divided among right cuts by their present share."""
    chance = np.random.default_rng(seed)
    weight = weights(examples)
    used = [(e, w) for e, w in zip(examples, weight, strict=True) if e.kind != "single" and goal(e).any()]
    rows = [_thinned(e, chance) for e, _ in used]
    table = np.concatenate([e.table[1:][kept] for (e, _), kept in zip(used, rows, strict=True)])
    worth = np.concatenate([goal(e)[kept] for (e, _), kept in zip(used, rows, strict=True)])
    sizes = np.array([len(kept) for kept in rows])
    first = np.r_[0, np.cumsum(sizes)[:-1]]
    each = np.repeat([w for _, w in used], sizes)

    def objective(scores: Floats, _: lightgbm.Dataset) -> tuple[Floats, Floats]:
        raised = np.exp(scores - np.repeat(np.maximum.reduceat(scores, first), sizes))
        share = raised / np.repeat(np.add.reduceat(raised, first), sizes)
        due = share * worth
        wanted = due / np.maximum(np.repeat(np.add.reduceat(due, first), sizes), 1e-12)
        return (share - wanted) * each, np.maximum(share * (1 - share), 1e-6) * each

    settings = RANKER | {"objective": objective, "seed": seed}
    return lightgbm.train(settings, lightgbm.Dataset(table, label=worth, params=SHARED), RANKER_TREES)


def _thinned(example: Example, chance: np.random.Generator) -> NDArray[np.int64]:
    """Choose the rows (counted from the first cut) to learn from; right ones always stay."""
    ways, total = FIRST_GRID - 1, len(example.table) - 1
    order = np.argsort(-example.table[FIRST_GRID:, _MERIT], kind="stable") + ways
    kept = np.r_[np.arange(ways), order[:KEPT_BEST], np.flatnonzero(goal(example))]
    if len(order) > KEPT_BEST:
        kept = np.r_[kept, chance.choice(order[KEPT_BEST:], min(KEPT_CHANCE, len(order) - KEPT_BEST), replace=False)]
    return np.unique(kept[kept < total])


def fit_detector(rows: Floats, examples: list[Example], seed: int) -> lightgbm.Booster:
    """Boost trees that tell sheets from whole pictures, one row a picture (`judge.picture_row`)."""
    labels = np.array([e.kind != "single" for e in examples])
    data = lightgbm.Dataset(rows, label=labels, weight=weights(examples), params=SHARED)
    return lightgbm.train(DETECTOR | {"seed": seed}, data, DETECTOR_TREES)


@dataclass(frozen=True)
class CrossFit:
    """What rankers say that have not seen the author: `scores` of all cuts and the detector's row, per example."""

    place: dict[str, int]
    rows: Floats
    scores: list[Floats]


def cross_fit(examples: list[Example], place: dict[str, int], jobs: int = 1) -> CrossFit:
    """Fit rankers per fold left out, and rank each example by those that have not seen its author."""
    folds = np.array([place[e.author] for e in examples])
    asked = [(fold, seed) for fold in range(int(folds.max()) + 1) for seed in SEEDS]
    total: list[Floats] = [np.zeros(len(e.table) - 1) for e in examples]
    for (fold, _), said in zip(asked, answers(_rank_fold, (examples, folds), asked, jobs), strict=True):
        for i, scores in zip(np.flatnonzero(folds == fold), said, strict=True):
            total[i] += scores / len(SEEDS)
    rows = [picture_row(e.table.astype(np.float64), s) for e, s in zip(examples, total, strict=True)]
    return CrossFit(place, np.array(rows), total)


def _rank_fold(kept: tuple[list[Example], NDArray[np.int64]], asked: tuple[int, int]) -> list[Floats]:
    """Score the cuts of a fold's pictures by a ranker fitted on the other folds."""
    (examples, folds), (fold, seed) = kept, asked
    ranker = fit_ranker([e for e, f in zip(examples, folds, strict=True) if f != fold], seed)
    mine = [examples[i] for i in np.flatnonzero(folds == fold)]
    return [np.asarray(ranker.predict(e.table[1:]), dtype=np.float64) for e in mine]


def held_out(examples: list[Example], fit: CrossFit) -> dict[str, Judged]:
    """Judge every picture by forests that have not seen its author."""
    judged: dict[str, Judged] = {}
    fold_of = np.array([fit.place[e.author] for e in examples])
    for fold in range(max(fit.place.values()) + 1):
        seen, mine = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        total = np.zeros(len(mine))
        for seed in SEEDS:
            detector = fit_detector(fit.rows[seen], [examples[i] for i in seen], seed)
            total += np.asarray(detector.predict(fit.rows[mine], raw_score=True), dtype=np.float64)
        chances = 1.0 / (1.0 + np.exp(-total / len(SEEDS)))
        for i, chance in zip(mine, chances, strict=True):
            judged[examples[i].picture] = Judged(float(chance), softmax(fit.scores[i]))
    return judged


def scale(raw: list[float], right: list[float], weight: list[float]) -> Scale:
    """Fit a rising map from raw to true probability on held-out pictures."""
    logits = np.array([logit(v) for v in raw])
    order = np.argsort(logits, kind="stable")
    logits, goals, shares = logits[order], np.array(right)[order], np.array(weight)[order]
    rising = isotonic_regression(goals, weights=shares).x
    at = np.unique(np.quantile(logits, np.linspace(0, 1, 17)).round(4))
    # Averaged over a neighbourhood: the steps of an isotonic fit are chance.
    near = at[:, None] + np.linspace(-0.6, 0.6, 13)[None, :]
    smooth = np.interp(near, logits, rising).mean(axis=1)
    chances = np.clip((1 - STEEP) * smooth + STEEP / (1 + np.exp(-at)), 0.002, 0.995)
    return Scale(at, chances.round(5))


def fit_judge(examples: list[Example], fit: CrossFit, judged: dict[str, Judged]) -> Judge:
    """Fit the judge to ship: forests on everything, scales on what was held out."""
    rankers = [from_lightgbm(fit_ranker(examples, seed).dump_model()) for seed in SEEDS]
    # The detector must read rankings of the kind it will meet: made by a ranker that has not seen the picture.
    detectors = [from_lightgbm(fit_detector(fit.rows, examples, seed).dump_model()) for seed in SEEDS]
    real = [e for e in examples if not e.made]
    weight = [WEAK_WEIGHT if e.weak else 1.0 for e in real]
    sheets = [(e, w) for e, w in zip(real, weight, strict=True) if e.kind != "single"]
    return Judge(
        NAMES,
        averaged(rankers),
        averaged(detectors),
        scale([judged[e.picture].sheet for e in real], [float(e.kind != "single") for e in real], weight),
        scale(
            [float(judged[e.picture].shares.max()) for e, _ in sheets],
            [float(e.quality[1 + int(judged[e.picture].shares.argmax())]) for e, _ in sheets],
            [w for _, w in sheets],
        ),
    )
