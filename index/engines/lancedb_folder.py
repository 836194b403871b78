"""LanceDB in a folder, or at a URI that it understands (s3://…): `QUARRY_INDEX=lancedb:FOLDER`."""

from typing import Any

import numpy as np

from index.engines.interface import ImageIds, Near
from index.errors import ExtraMissingError
from index.features.interface import Rows

INDEX_FROM_ROWS = 100_000
"""Below this many rows LanceDB compares with all of them, which is exact and quick enough."""
REFINE, PROBES = 10, 40


class LanceDbCopy:
    """A Lance table of (image_id, vector)."""

    most_allowed = 200_000
    most_found = 10_000
    failures = (RuntimeError, OSError)

    def __init__(self, place: str, name: str, dimension: int) -> None:
        try:
            import lancedb
        except ImportError as error:
            raise ExtraMissingError("lancedb", "lancedb") from error
        self._connection: Any = lancedb.connect(place)
        self._name, self._dimension = name, dimension
        self._table: Any = None
        if name in self._connection.list_tables().tables:
            self._table = self._connection.open_table(name)

    def count(self) -> int | None:
        """Return how many rows there are."""
        return None if self._table is None else int(self._table.count_rows())

    def clear(self) -> None:
        """Make an empty table."""
        import pyarrow

        vector = pyarrow.list_(pyarrow.float32(), self._dimension)
        schema = pyarrow.schema([("image_id", pyarrow.int64()), ("vector", vector)])
        self._table = self._connection.create_table(self._name, schema=schema, mode="overwrite")

    def add(self, images: ImageIds, rows: Rows) -> None:
        """Write rows by image id."""
        import pyarrow

        vectors = pyarrow.FixedSizeListArray.from_arrays(np.ascontiguousarray(rows).ravel(), self._dimension)
        part = pyarrow.table({"image_id": images, "vector": vectors})
        merge = self._table.merge_insert("image_id")
        merge.when_matched_update_all().when_not_matched_insert_all().execute(part)

    def finish(self, expected: int) -> None:
        """Index a large table."""
        self._table.optimize()
        if expected >= INDEX_FROM_ROWS:
            self._table.create_index(metric="dot", vector_column_name="vector", replace=True)

    def search(self, row: Rows, count: int, allowed: ImageIds | None) -> list[Near]:
        """Return the nearest."""
        query = self._table.search(np.asarray(row, np.float32)).distance_type("dot").limit(count)
        if self._table.count_rows() >= INDEX_FROM_ROWS:
            query = query.nprobes(PROBES).refine_factor(REFINE)
        if allowed is not None:
            query = query.where(f"image_id IN ({', '.join(map(str, allowed.tolist()))})", prefilter=True)
        found = query.select(["image_id", "_distance"]).to_arrow().to_pylist()
        # LanceDB's dot distance is 1 minus the product.
        return [Near(entry["image_id"], 1 - float(entry["_distance"])) for entry in found]

    def close(self) -> None:
        """Nothing is held."""
