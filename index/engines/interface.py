"""What an engine does: keep up with the catalog's rows, and return the nearest of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from index.features.interface import Distance, Model, Rows
from index.store import Computed

ImageIds = NDArray[np.int64]


class Near(NamedTuple):
    """An image and its similarity: 1 is equal, 0 unrelated."""

    image_id: int
    score: float


class Engine(Protocol):
    """Searches the features of one catalog."""

    name: str

    def prepare(self, model: Model, model_id: int) -> None:
        """Make what `save` needs."""

    def save(self, connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
        """Take note of new rows inside the transaction that stores them (or do nothing, and catch up later)."""

    def search(self, model: Model, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Return the nearest images to one row, nearest first; only `allowed` ones (sorted ids) if given."""

    def rebuild(self, model: Model, model_id: int) -> int:
        """Make the engine's copy anew from the catalog's rows; return how many."""


def similarities(model: Model, rows: Rows, row: Rows) -> NDArray[np.float32]:
    """Return the similarity of each of `rows` (as stored, or float32) to `row`."""
    if model.distance is Distance.COSINE:
        return np.asarray(rows @ np.asarray(row, rows.dtype), np.float32)
    if model.distance is Distance.HAMMING:
        return np.asarray(1 - _bits(rows, row) / model.dimension, np.float32)
    if model.distance is Distance.L1:
        return np.asarray(1 / (1 + np.abs(rows.astype(np.float32) - row.astype(np.float32)).sum(-1)), np.float32)
    one, other = rows.astype(np.float32), np.asarray(row, np.float32)
    length = np.linalg.norm(one, axis=-1) + np.linalg.norm(other)
    return np.asarray(1 - np.linalg.norm(one - other, axis=-1) / np.maximum(length, 1e-9), np.float32)


def _bits(rows: Rows, row: Rows) -> NDArray[Any]:
    """Count the bits that differ, eight bytes at a time."""
    wide = np.ascontiguousarray(rows).view(np.uint64) ^ np.ascontiguousarray(row).view(np.uint64)
    return np.asarray(np.bitwise_count(wide).sum(-1, dtype=np.int32))


def nearest(scores: NDArray[np.float32], images: ImageIds, count: int) -> list[Near]:
    """Return the best, best first; equal ones in order of id."""
    count = min(count, len(scores))
    if not count:
        return []
    best = np.argpartition(-scores, count - 1)[:count]
    best = best[np.lexsort((images[best], -scores[best]))]
    return [Near(int(images[at]), float(scores[at])) for at in best]
