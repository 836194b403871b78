"""Elasticsearch (8.11 or newer), through its official client: `QUARRY_INDEX=elasticsearch:https://HOST:9200`.

A `dense_vector` field with an HNSW index; a filter is part of the kNN search, so it is met exactly. The key is taken
from ELASTICSEARCH_API_KEY.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from index.engines.interface import ImageIds, Near
from index.errors import EngineError, ExtraMissingError
from index.features.interface import Rows

BATCH = 500
CANDIDATES = 400
MOST = 10_000


class ElasticsearchCopy:
    """An index whose documents are named by image ids."""

    most_allowed = 60_000  # a `terms` query takes 65,536
    most_found = MOST

    def __init__(self, place: str, name: str, dimension: int) -> None:
        try:
            import elasticsearch
        except ImportError as error:
            raise ExtraMissingError("elasticsearch", "elasticsearch") from error
        self.failures: tuple[type[Exception], ...] = (elasticsearch.ApiError, elasticsearch.TransportError)
        key = os.environ.get("ELASTICSEARCH_API_KEY") or None
        self._client: Any = elasticsearch.Elasticsearch(place, api_key=key, request_timeout=60)
        self._name, self._dimension = name, dimension

    def count(self) -> int | None:
        """Return how many documents there are."""
        if not self._client.indices.exists(index=self._name):
            return None
        return int(self._client.count(index=self._name)["count"])

    def clear(self) -> None:
        """Make an empty index."""
        self._client.indices.delete(index=self._name, ignore_unavailable=True)
        # Inner products also take rows of zeros (blank pictures), which a cosine refuses.
        vector = {"type": "dense_vector", "dims": self._dimension, "index": True, "similarity": "max_inner_product"}
        properties = {"image_id": {"type": "long"}, "vector": vector}
        self._client.indices.create(index=self._name, mappings={"dynamic": False, "properties": properties})

    def add(self, images: ImageIds, rows: Rows) -> None:
        """Write documents by image id."""
        for at in range(0, len(images), BATCH):
            operations = list(_operations(images[at : at + BATCH], rows[at : at + BATCH]))
            answer = self._client.bulk(index=self._name, operations=operations)
            if answer["errors"]:
                failed = next(item["index"] for item in answer["items"] if "error" in item["index"])
                raise EngineError(f"elasticsearch refused image {failed['_id']}: {failed['error']}")

    def finish(self, expected: int) -> None:
        """Make what was written visible."""
        self._client.indices.refresh(index=self._name)

    def search(self, row: Rows, count: int, allowed: ImageIds | None) -> list[Near]:
        """Return the nearest."""
        knn: dict[str, Any] = {"field": "vector", "query_vector": row.tolist(), "k": count}
        knn["num_candidates"] = min(MOST, max(CANDIDATES, 2 * count))
        if allowed is not None:
            knn["filter"] = {"terms": {"image_id": allowed.tolist()}}
        found = self._client.search(index=self._name, knn=knn, size=count, source=False)
        return [Near(int(hit["_id"]), _product(float(hit["_score"]))) for hit in found["hits"]["hits"]]

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


def _operations(images: ImageIds, rows: Rows) -> Iterator[dict[str, Any]]:
    for image, row in zip(images.tolist(), np.asarray(rows, np.float64), strict=True):
        yield {"index": {"_id": str(image)}}
        yield {"image_id": image, "vector": row.tolist()}


def _product(score: float) -> float:
    """Undo Elasticsearch's score of an inner product, which is never negative."""
    return score - 1 if score >= 1 else 1 - 1 / score
