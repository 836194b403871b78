"""The judge: gradient-boosted trees that weigh the rows of one picture against each other.

Each row (the picture as "single", as "atlas", or under one grid) gets the sum of one leaf per tree; a softmax over
the rows of the picture turns sums into probabilities. The trees are complete binary trees kept as flat arrays, so
judging is a few array look-ups. They are trained by `train.py` and stored as JSON beside this module.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forest:
    """Complete trees of one depth: `feature` and `threshold` (trees, 2^depth - 1), `leaf` (trees, 2^depth).

    A row goes right when its feature exceeds the threshold. `names` are the features the trees were trained on.
    """

    names: tuple[str, ...]
    feature: NDArray[np.int64]
    threshold: Floats
    leaf: Floats

    def scores(self, table: Floats) -> Floats:
        """Sum the leaves each row (rows, features) falls into."""
        if not len(self.feature):
            return np.zeros(len(table))
        trees = np.arange(len(self.feature))[None, :]
        rows = np.arange(len(table))[:, None]
        node = np.zeros((len(table), len(self.feature)), dtype=np.int64)
        inner = self.feature.shape[1]
        while int(node[0, 0]) < inner if len(table) else False:
            value = table[rows, self.feature[trees, node]]
            node = 2 * node + 1 + (value > self.threshold[trees, node])
        total: Floats = self.leaf[trees, node - inner].sum(axis=1)
        return total

    def probabilities(self, table: Floats) -> Floats:
        """Softmax of `scores` over all rows of one picture."""
        return softmax(self.scores(table))

    def to_json(self) -> str:
        """Write the forest as JSON that `from_json` reads back exactly."""
        content = {
            "names": list(self.names),
            "feature": self.feature.tolist(),
            "threshold": [[float(f"{v:.6g}") for v in tree] for tree in self.threshold],
            "leaf": [[round(v, 5) for v in tree] for tree in self.leaf.tolist()],
        }
        return json.dumps(content, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Forest":
        """Read what `to_json` wrote."""
        content = json.loads(text)
        return Forest(
            tuple(content["names"]),
            np.array(content["feature"], dtype=np.int64),
            np.array(content["threshold"], dtype=np.float64),
            np.array(content["leaf"], dtype=np.float64),
        )


def softmax(scores: Floats) -> Floats:
    """Turn scores into probabilities that sum to 1."""
    raised = np.exp(scores - scores.max())
    shares: Floats = raised / raised.sum()
    return shares


@cache
def judge() -> Forest:
    """Load the trained forest shipped with the package (read once)."""
    return Forest.from_json(resources.files("extract.sheets").joinpath("judge.json").read_text(encoding="utf-8"))
