"""Qdrant: a folder for its client's local mode, or a server. `QUARRY_INDEX=qdrant:FOLDER` or `qdrant:http://HOST:6333`.

The local mode is meant for some 20,000 vectors: it holds all of them in memory and compares with each. A server's key
is taken from QDRANT_API_KEY.
"""

import os
from typing import Any

from index.engines.interface import ImageIds, Near
from index.errors import EngineError, ExtraMissingError
from index.features.interface import Rows

BATCH = 1000


class QdrantCopy:
    """A collection whose points are named by image ids."""

    most_allowed = 20_000
    most_found = 10_000

    def __init__(self, place: str, name: str, dimension: int) -> None:
        try:
            import qdrant_client
        except ImportError as error:
            raise ExtraMissingError("qdrant-client", "qdrant") from error
        self._models: Any = qdrant_client.models
        self._client: Any = _client(qdrant_client, place, name)
        refused = qdrant_client.http.exceptions
        self.failures: tuple[type[Exception], ...] = (refused.UnexpectedResponse, refused.ResponseHandlingException)
        self._name, self._dimension = name, dimension

    def count(self) -> int | None:
        """Return how many points there are."""
        if not self._client.collection_exists(self._name):
            return None
        return int(self._client.count(self._name, exact=True).count)

    def clear(self) -> None:
        """Make an empty collection."""
        self._client.delete_collection(self._name)
        vectors = self._models.VectorParams(size=self._dimension, distance=self._models.Distance.DOT)
        self._client.create_collection(self._name, vectors_config=vectors)

    def add(self, images: ImageIds, rows: Rows) -> None:
        """Write points by image id."""
        for at in range(0, len(images), BATCH):
            ids, vectors = images[at : at + BATCH].tolist(), rows[at : at + BATCH].tolist()
            self._client.upsert(self._name, points=self._models.Batch(ids=ids, vectors=vectors), wait=True)

    def finish(self, expected: int) -> None:
        """Nothing to do: a server indexes by itself, and searches meanwhile."""

    def search(self, row: Rows, count: int, allowed: ImageIds | None) -> list[Near]:
        """Return the nearest."""
        condition = None
        if allowed is not None:
            condition = self._models.Filter(must=[self._models.HasIdCondition(has_id=allowed.tolist())])
        found = self._client.query_points(
            self._name, query=row.tolist(), limit=count, query_filter=condition, with_payload=False
        )
        return [Near(int(point.id), float(point.score)) for point in found.points]

    def close(self) -> None:
        """Let go of the folder's lock."""
        self._client.close()


def _client(qdrant_client: Any, place: str, name: str) -> Any:
    """Open a server or a folder; a folder is held by one client at a time, so each collection has its own."""
    if place.startswith(("http://", "https://")):
        key = os.environ.get("QDRANT_API_KEY")
        # The check runs in a thread of its own, and warns there when nobody answers.
        return qdrant_client.QdrantClient(url=place, api_key=key, check_compatibility=False)
    try:
        return qdrant_client.QdrantClient(path=f"{place}/{name}")
    except RuntimeError as error:
        raise EngineError(f"qdrant:{place} is in use by another program; a server can be shared") from error
