"""Training of the judge: boosting of small trees against a softmax over the rows of each picture.

Only numpy, deterministic for a given seed. Used by `train.py`; nothing at run time imports it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.sheets.forest import Floats, Forest

BINS = 48
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """How to boost.

    `rows` and `columns` are the shares of rows and features each tree may look at; the first `always` features are
    never left out.
    """

    trees: int = 160
    depth: int = 4
    rate: float = 0.1
    ridge: float = 2.0
    rows: float = 0.5
    columns: float = 0.4
    always: int = 1
    seed: int = 7


@dataclass(frozen=True)
class Lessons:
    """Rows of many pictures: `table` (n, features), `right` (n,) bool, `picture` (n,) rising ids, `weight` (n,)."""

    table: Floats
    right: NDArray[np.bool_]
    picture: Ints
    weight: Floats


def boost(lessons: Lessons, names: tuple[str, ...], recipe: Recipe) -> Forest:
    """Train a forest that gives the right rows of each picture the largest share of its softmax."""
    chance = np.random.default_rng(recipe.seed)
    edges = _edges(lessons.table)
    binned = np.stack([np.searchsorted(edges[i], lessons.table[:, i]) for i in range(lessons.table.shape[1])], axis=1)
    binned = binned.astype(np.int64)
    first = np.flatnonzero(np.r_[True, np.diff(lessons.picture) > 0])
    sizes = np.diff(np.r_[first, len(lessons.picture)])
    score = np.zeros(len(lessons.table))
    trees: list[tuple[Ints, Floats, Floats]] = []
    for _ in range(recipe.trees):
        share, goal = _shares(score, first, sizes), _goal(score, lessons.right, first, sizes)
        slope = (share - goal) * lessons.weight
        curve = np.maximum(share * (1 - share), 1e-6) * lessons.weight
        used = _sample(slope, recipe.rows, chance)
        columns = np.flatnonzero(chance.random(binned.shape[1]) < recipe.columns)
        # What kind of row it is matters to every tree, so these columns are never left out.
        columns = np.union1d(np.arange(recipe.always), columns)
        tree = _tree(binned[np.ix_(used, columns)], slope[used], curve[used], recipe)
        feature = columns[tree[0]]
        threshold = np.array(
            [[edges[f][min(b, BINS - 2)] if b < BINS else np.inf for f, b in zip(feature, tree[1], strict=True)]]
        )[0]
        leaf = tree[2] * recipe.rate
        trees.append((feature, threshold, leaf))
        score += _apply(binned, feature, tree[1], leaf, recipe.depth)
    stacked = [np.stack([tree[i] for tree in trees]) for i in range(3)]
    limit = np.nan_to_num(stacked[1].astype(np.float64), posinf=1e30)
    return Forest(names, stacked[0].astype(np.int64), limit, stacked[2].astype(np.float64))


def _edges(table: Floats) -> list[Floats]:
    """Choose up to `BINS` - 1 cut values per feature by quantile, each half-way to the next larger value.

    Half-way, because a threshold that equals a value would flip with the last digit it is stored with.
    """
    edges: list[Floats] = []
    for column in table.T:
        present = np.unique(column)
        chosen = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
        place = np.searchsorted(present, chosen)
        place = place[place < len(present) - 1]
        values = (present[place] + present[place + 1]) / 2
        edges.append(np.pad(values, (0, BINS - 1 - len(values)), constant_values=np.inf))
    return edges


def _shares(score: Floats, first: Ints, sizes: Ints) -> Floats:
    top = np.repeat(np.maximum.reduceat(score, first), sizes)
    raised = np.exp(score - top)
    share: Floats = raised / np.repeat(np.add.reduceat(raised, first), sizes)
    return share


def _goal(score: Floats, right: NDArray[np.bool_], first: Ints, sizes: Ints) -> Floats:
    """Divide the truth among equally right rows in proportion to their present score."""
    masked = np.where(right, score, -1e9)
    return np.where(right, _shares(masked, first, sizes), 0.0)


def _sample(slope: Floats, share: float, chance: np.random.Generator) -> Ints:
    """Draw rows, preferring those with a large slope; the rest are nearly settled."""
    size = np.abs(slope)
    likely = (size > 0.002) * share + 0.04
    return np.flatnonzero(chance.random(len(slope)) < likely)


def _tree(binned: Ints, slope: Floats, curve: Floats, recipe: Recipe) -> tuple[Ints, Ints, Floats]:
    """Grow one complete tree level by level; a node that gains nothing sends every row left."""
    inner = (1 << recipe.depth) - 1
    feature, cut = np.zeros(inner, dtype=np.int64), np.full(inner, BINS, dtype=np.int64)
    node = np.zeros(len(binned), dtype=np.int64)
    for level in range(recipe.depth):
        start, width = (1 << level) - 1, 1 << level
        best_feature, best_cut = _best_cuts(binned, node - start, width, slope, curve, recipe.ridge)
        feature[start : start + width], cut[start : start + width] = best_feature, best_cut
        node = 2 * node + 1 + (binned[np.arange(len(binned)), feature[node]] > cut[node])
    leaf = node - inner
    total = np.bincount(leaf, slope, 1 << recipe.depth)
    weight = np.bincount(leaf, curve, 1 << recipe.depth)
    return feature, cut, -total / (weight + recipe.ridge)


def _best_cuts(binned: Ints, node: Ints, width: int, slope: Floats, curve: Floats, ridge: float) -> tuple[Ints, Ints]:
    """Find, per node of a level, the feature and bin that lower the loss most."""
    columns = binned.shape[1]
    key = (node[:, None] * columns + np.arange(columns)[None, :]) * BINS + binned
    size = width * columns * BINS
    grads = np.bincount(key.ravel(), np.repeat(slope, columns), size).reshape(width, columns, BINS)
    hess = np.bincount(key.ravel(), np.repeat(curve, columns), size).reshape(width, columns, BINS)
    left_g, left_h = grads.cumsum(axis=2), hess.cumsum(axis=2)
    all_g, all_h = left_g[:, :, -1:], left_h[:, :, -1:]
    gain = left_g**2 / (left_h + ridge) + (all_g - left_g) ** 2 / (all_h - left_h + ridge)
    gain -= all_g**2 / (all_h + ridge)
    gain[(left_h < 0.3) | (all_h - left_h < 0.3)] = 0.0
    flat = gain.reshape(width, -1)
    best = flat.argmax(axis=1)
    useful = flat[np.arange(width), best] > 1e-6
    feature, cut = best // BINS, np.where(useful, best % BINS, BINS)
    return np.asarray(feature, dtype=np.int64), np.asarray(cut, dtype=np.int64)


def _apply(binned: Ints, feature: Ints, cut: Ints, leaf: Floats, depth: int) -> Floats:
    node = np.zeros(len(binned), dtype=np.int64)
    rows = np.arange(len(binned))
    for _ in range(depth):
        node = 2 * node + 1 + (binned[rows, feature[node]] > cut[node])
    return np.asarray(leaf[node - len(feature)], dtype=np.float64)
