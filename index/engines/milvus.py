"""Milvus: Milvus Lite in a file, or a server. `QUARRY_INDEX=milvus:FILE.db` or `milvus:http://HOST:19530`.

Milvus Lite is meant for trying things out. A server's token is taken from MILVUS_TOKEN.
"""

import os
from typing import Any

from index.engines.interface import ImageIds, Near
from index.errors import EngineError, ExtraMissingError
from index.features.interface import Rows

BATCH = 1000


class MilvusCopy:
    """A collection of (image_id, vector), compared exactly by Lite, by an index of its own choice on a server."""

    most_allowed = 20_000
    most_found = 10_000

    def __init__(self, place: str, name: str, dimension: int) -> None:
        try:
            from pymilvus import DataType, MilvusClient, MilvusException
        except ImportError as error:
            raise ExtraMissingError("pymilvus", "milvus") from error
        self._types: Any = DataType
        self.failures: tuple[type[Exception], ...] = (MilvusException,)
        self._is_server = place.startswith(("http://", "https://"))
        token = os.environ.get("MILVUS_TOKEN", "") if self._is_server else ""
        try:
            self._client: Any = MilvusClient(place, token=token)
        except MilvusException as error:
            raise EngineError(f"milvus:{place} failed: {error}") from error
        self._name, self._dimension = name, dimension

    def count(self) -> int | None:
        """Return how many rows there are."""
        if not self._client.has_collection(self._name):
            return None
        self._client.load_collection(self._name)
        return int(self._client.query(self._name, filter="", output_fields=["count(*)"])[0]["count(*)"])

    def clear(self) -> None:
        """Make an empty collection."""
        if self._client.has_collection(self._name):
            self._client.drop_collection(self._name)
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("image_id", self._types.INT64, is_primary=True)
        schema.add_field("vector", self._types.FLOAT_VECTOR, dim=self._dimension)
        indexes = self._client.prepare_index_params()
        indexes.add_index("vector", index_type="AUTOINDEX" if self._is_server else "FLAT", metric_type="IP")
        self._client.create_collection(self._name, schema=schema, index_params=indexes, consistency_level="Strong")

    def add(self, images: ImageIds, rows: Rows) -> None:
        """Write rows by image id."""
        for at in range(0, len(images), BATCH):
            part = zip(images[at : at + BATCH].tolist(), rows[at : at + BATCH], strict=True)
            self._client.upsert(self._name, [{"image_id": image, "vector": row} for image, row in part])

    def finish(self, expected: int) -> None:
        """Write what is in memory to its segment."""
        self._client.flush(self._name)
        self._client.load_collection(self._name)

    def search(self, row: Rows, count: int, allowed: ImageIds | None) -> list[Near]:
        """Return the nearest."""
        condition = "" if allowed is None else f"image_id in {allowed.tolist()}"
        (found,) = self._client.search(
            self._name, data=[row.tolist()], limit=count, filter=condition, output_fields=["image_id"]
        )
        return [Near(int(entry["image_id"]), float(entry["distance"])) for entry in found]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()
