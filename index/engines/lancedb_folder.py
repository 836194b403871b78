"""LanceDB in a folder (or at a URI that it understands): a derived copy for catalogs past what a scan can do.

The copy is brought up to date before a search by the ids of the catalog's rows, so that a crash between the catalog's
commit and the copy loses nothing; `quarry index rebuild --engine lancedb:FOLDER` makes it anew.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from db import Catalog
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import ImageIds, Near
from index.errors import ExtraMissingError
from index.features.interface import Distance, Model, Rows
from index.store import Computed

INDEX_FROM_ROWS = 100_000
"""Below this many rows LanceDB compares with all of them, which is exact and quick enough."""
REFINE, PROBES = 10, 40


class LanceDbEngine:
    """Vectors in Lance tables; hashes are left to the exact scan."""

    name = "lancedb"

    def __init__(self, catalog: Catalog, place: str) -> None:
        try:
            import lancedb
        except ImportError as error:
            raise ExtraMissingError("lancedb") from error
        self._connection: Any = lancedb.connect(place)
        self._database = catalog.database
        self._exact = ExactEngine(catalog)

    def prepare(self, model: Model, model_id: int) -> None:
        """Nothing to make."""

    def save(self, connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
        """Nothing to do: the copy catches up before the next search."""

    def search(self, model: Model, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Return the nearest images."""
        if model.distance is not Distance.COSINE:
            return self._exact.search(model, model_id, row, count, allowed)
        table = self._caught_up(model, model_id)
        if table is None or (allowed is not None and not len(allowed)):
            return []
        query = table.search(np.asarray(row, np.float32)).distance_type("dot").limit(count)
        if table.count_rows() >= INDEX_FROM_ROWS:
            query = query.nprobes(PROBES).refine_factor(REFINE)
        if allowed is not None:
            query = query.where(f"image_id IN ({', '.join(map(str, allowed.tolist()))})", prefilter=True)
        found = query.select(["image_id", "_distance"]).to_arrow().to_pylist()
        # LanceDB's dot distance is 1 minus the product.
        near = [Near(entry["image_id"], 1 - float(entry["_distance"])) for entry in found]
        return sorted(near, key=lambda entry: (-entry.score, entry.image_id))

    def rebuild(self, model: Model, model_id: int) -> int:
        """Make the table anew."""
        if model.distance is not Distance.COSINE:
            return self._exact.rebuild(model, model_id)
        if self._name(model) in self._tables():
            self._connection.drop_table(self._name(model))
        table = self._caught_up(model, model_id)
        return 0 if table is None else int(table.count_rows())

    def _caught_up(self, model: Model, model_id: int) -> Any:
        """Return the table with all rows of the catalog in it, or None if there are none."""
        table = self._connection.open_table(self._name(model)) if self._name(model) in self._tables() else None
        last = 0 if table is None else _last_row(table)
        with self._database.read() as connection:
            newest, count = store.last_row(connection, model_id), store.count_rows(connection, model_id)
        if table is not None and last > newest:  # another catalog's copy
            self._connection.drop_table(self._name(model))
            return self._caught_up(model, model_id)
        for part in self._missing(model, model_id, last) if newest > last else ():
            if table is None:
                table = self._connection.create_table(self._name(model), part)
            else:
                table.add(part)
        if table is not None and newest > last and count >= INDEX_FROM_ROWS:
            table.create_index(metric="dot", vector_column_name="vector", replace=True)
        return table

    def _missing(self, model: Model, model_id: int, last: int) -> Iterator[list[dict[str, Any]]]:
        for row_ids, images, rows in store.read_rows(self._database, model, model_id, last):
            vectors = rows.astype(np.float32)
            yield [
                {"row_id": int(row_id), "image_id": int(image), "vector": vector}
                for row_id, image, vector in zip(row_ids, images, vectors, strict=True)
            ]

    def _tables(self) -> list[str]:
        return list(self._connection.list_tables().tables)

    def _name(self, model: Model) -> str:
        return f"{model.name}_{model.version}"


def _last_row(table: Any) -> int:
    from pyarrow import compute

    found = compute.max(table.search().select(["row_id"]).limit(None).to_arrow()["row_id"]).as_py()
    return int(found or 0)
