"""Pinecone, through its official client: `QUARRY_INDEX=pinecone:https://INDEX-HOST` of an index that you made.

The index must have the feature's dimension and the metric `dotproduct`; each model is a namespace of it. The key is
taken from PINECONE_API_KEY.
"""

import os
import time
from typing import Any

import numpy as np

from index.engines.interface import ImageIds, Near
from index.errors import EngineError, ExtraMissingError
from index.features.interface import Rows

VALUES_A_REQUEST = 90_000
"""A request may have 2 MB; a value takes up to 20 bytes of JSON."""
SETTLE_S, POLL_S = 120.0, 0.5
BLANK = 1e-9
"""Rows of zeros (blank pictures) are refused; this is as far from everything."""


class PineconeCopy:
    """A namespace whose vectors are named by image ids."""

    most_allowed = 10_000
    most_found = 10_000

    def __init__(self, place: str, name: str, dimension: int) -> None:
        try:
            import pinecone
        except ImportError as error:
            raise ExtraMissingError("pinecone", "pinecone") from error
        self.failures: tuple[type[Exception], ...] = (pinecone.PineconeError,)
        self._not_found: type[Exception] = pinecone.NotFoundError
        key = os.environ.get("PINECONE_API_KEY")
        if not key:
            raise EngineError("PINECONE_API_KEY is not set")
        self._index: Any = pinecone.Pinecone(api_key=key).index(host=place)
        self._name, self._dimension = name, dimension

    def count(self) -> int | None:
        """Return how many vectors there are."""
        namespace = self._index.describe_index_stats().namespaces.get(self._name)
        return None if namespace is None else int(namespace.vector_count)

    def clear(self) -> None:
        """Empty the namespace."""
        try:
            self._index.delete(delete_all=True, namespace=self._name)
        except self._not_found:
            return  # nothing was ever written to it
        self._settle(0)

    def add(self, images: ImageIds, rows: Rows) -> None:
        """Write vectors by image id."""
        batch = max(1, min(1000, VALUES_A_REQUEST // self._dimension))
        filled = np.where(rows.any(1, keepdims=True), rows, np.float32(BLANK))
        for at in range(0, len(images), batch):
            part = zip(images[at : at + batch].tolist(), filled[at : at + batch].tolist(), strict=True)
            vectors = [{"id": str(i), "values": row, "metadata": {"image_id": i}} for i, row in part]
            self._index.upsert(vectors=vectors, namespace=self._name)

    def finish(self, expected: int) -> None:
        """Wait until what was acknowledged is counted: Pinecone's reads lag behind its writes."""
        self._settle(expected)

    def search(self, row: Rows, count: int, allowed: ImageIds | None) -> list[Near]:
        """Return the nearest."""
        condition = None if allowed is None else {"image_id": {"$in": allowed.tolist()}}
        found = self._index.query(top_k=count, vector=row.tolist(), namespace=self._name, filter=condition)
        return [Near(int(match.id), float(match.score)) for match in found.matches]

    def close(self) -> None:
        """Let go of connections."""
        self._index.close()

    def _settle(self, expected: int) -> None:
        until = time.monotonic() + SETTLE_S
        while (self.count() or 0) != expected and time.monotonic() < until:
            time.sleep(POLL_S)
