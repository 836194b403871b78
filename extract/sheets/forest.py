"""Boosted trees, read from a file and walked with numpy: what the judge is made of.

LightGBM grows the trees (`train.py`); to use them takes a few array look-ups, so nothing but numpy is needed then.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_AT_ONCE = 1 << 17
"""Rows go through the trees in parts of so many pairs of row and tree: more do not fit the processor's cache."""


@dataclass(frozen=True)
class _Flat:
    """Nodes and leaves of all trees one after the other; `child` holds two places for each, left and right."""

    feature: Ints
    threshold: Floats
    child: Ints
    worth: Floats
    roots: Ints


@dataclass(frozen=True)
class Forest:
    """Trees of any shape, padded to one size: all arrays are (trees, nodes), `leaf` is (trees, leaves).

    At node i a row goes `left` when its `feature` does not exceed the `threshold`, else `right`; a negative target
    -1 - k is leaf k. `deepest` is the longest way from a root to a leaf.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    leaf: Floats
    deepest: int

    def scores(self, table: Floats) -> Floats:
        """Sum the leaves each row of (rows, features) falls into."""
        at_once = max(1, _AT_ONCE // len(self.feature))
        parts = [self._scores(table[first : first + at_once]) for first in range(0, len(table), at_once)]
        return np.concatenate([np.zeros(0), *parts])

    def _scores(self, table: Floats) -> Floats:
        flat = self._flat
        values, row = np.ascontiguousarray(table).ravel(), np.arange(len(table))[:, None] * table.shape[1]
        place = np.repeat(flat.roots[None], len(table), axis=0)
        for _ in range(self.deepest):
            right = values.take(row + flat.feature.take(place)) > flat.threshold.take(place)
            place = flat.child.take(2 * place + right)
        total: Floats = flat.worth.take(place).sum(axis=1)
        return total

    @cached_property
    def _flat(self) -> "_Flat":
        """Lay all trees out in one row, leaves as nodes that lead to themselves: a step is a few plain look-ups."""
        trees, nodes = self.feature.shape
        leaves = self.leaf.shape[1]
        first = np.arange(trees)[:, None] * (nodes + leaves)
        own = first + nodes + np.arange(leaves)[None]
        down = [np.where(way < 0, first + nodes - 1 - way, first + way) for way in (self.left, self.right)]
        child = np.stack([np.concatenate([way, own], axis=1) for way in down], axis=2)
        return _Flat(
            np.pad(self.feature, ((0, 0), (0, leaves))).ravel(),
            np.pad(self.threshold, ((0, 0), (0, leaves))).ravel(),
            child.ravel(),
            np.pad(self.leaf, ((0, 0), (nodes, 0))).ravel(),
            first[:, 0],
        )

    def to_lists(self) -> dict[str, Any]:
        """Give the trees as plain lists, thresholds to nine digits, leaves to five."""
        return {
            "feature": self.feature.tolist(),
            "threshold": [[float(f"{v:.9g}") for v in tree] for tree in self.threshold],
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "leaf": [[round(v, 5) for v in tree] for tree in self.leaf.tolist()],
            "deepest": self.deepest,
        }

    @staticmethod
    def from_lists(content: dict[str, Any]) -> "Forest":
        """Read what `to_lists` gave."""
        return Forest(
            np.array(content["feature"], dtype=np.int64),
            np.array(content["threshold"], dtype=np.float64),
            np.array(content["left"], dtype=np.int64),
            np.array(content["right"], dtype=np.int64),
            np.array(content["leaf"], dtype=np.float64),
            int(content["deepest"]),
        )


def averaged(forests: list[Forest]) -> Forest:
    """Join forests over the same features into one whose scores are the mean of theirs."""
    nodes = max(f.feature.shape[1] for f in forests)
    leaves = max(f.leaf.shape[1] for f in forests)

    def stack(name: str, width: int) -> NDArray[Any]:
        tables = [getattr(f, name) for f in forests]
        return np.concatenate([np.pad(t, ((0, 0), (0, width - t.shape[1]))) for t in tables])

    return Forest(
        stack("feature", nodes),
        stack("threshold", nodes),
        stack("left", nodes),
        stack("right", nodes),
        stack("leaf", leaves) / len(forests),
        max(f.deepest for f in forests),
    )


@dataclass
class _Growing:
    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    leaf: list[float]
    deepest: int = 0


def from_lightgbm(dump: dict[str, Any]) -> Forest:
    """Turn ``Booster.dump_model()`` of numerical splits without missing values into a forest."""
    grown: list[_Growing] = []
    for info in dump["tree_info"]:
        tree = _Growing([], [], [], [], [])
        _add(tree, info["tree_structure"], 0)
        if not tree.feature:
            tree.feature, tree.threshold, tree.left, tree.right, tree.deepest = [0], [np.inf], [-1], [-1], 1
        grown.append(tree)
    nodes, leaves = max(len(t.feature) for t in grown), max(len(t.leaf) for t in grown)

    def stack(name: str, width: int) -> NDArray[Any]:
        return np.array([np.pad(getattr(t, name), (0, width - len(getattr(t, name)))) for t in grown])

    return Forest(
        stack("feature", nodes).astype(np.int64),
        np.clip(stack("threshold", nodes).astype(np.float64), -1e300, 1e300),
        stack("left", nodes).astype(np.int64),
        stack("right", nodes).astype(np.int64),
        stack("leaf", leaves).astype(np.float64),
        max(t.deepest for t in grown),
    )


def _add(tree: _Growing, node: dict[str, Any], depth: int) -> int:
    """Add a node and all below it; give its number, negative for a leaf."""
    tree.deepest = max(tree.deepest, depth)
    if "leaf_value" in node:
        tree.leaf.append(float(node["leaf_value"]))
        return -len(tree.leaf)
    index = len(tree.feature)
    tree.feature.append(int(node["split_feature"]))
    tree.threshold.append(float(node["threshold"]))
    tree.left.append(0)
    tree.right.append(0)
    tree.left[index] = _add(tree, node["left_child"], depth + 1)
    tree.right[index] = _add(tree, node["right_child"], depth + 1)
    return index


def softmax(scores: Floats) -> Floats:
    """Turn scores into shares that sum to 1."""
    raised = np.exp(scores - scores.max())
    shares: Floats = raised / raised.sum()
    return shares
