"""PostgreSQL with the pgvector extension: a table of half-precision vectors with an HNSW index for each model.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
graphs", 2018. The table is filled in the transaction that stores the rows. When a filter leaves few rows they are
compared exactly: an approximate index looks at the nearest of all, and few of those would pass.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from db import Catalog
from db.engine import Database
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import ImageIds, Near
from index.features.interface import Distance, Model, Rows
from index.store import Computed

MOST_DIMENSIONS = 4000
"""An HNSW index of half-precision vectors takes no more."""

BUILD_MEMORY = "1GB"
EF_SEARCH = 200
EXACT_BELOW = 20_000
"""A filter that leaves fewer rows than this is answered by comparing them all."""


def has_pgvector(database: Database) -> bool:
    """Tell whether the extension is there, making it if the server has it and lets us."""
    if database.engine.dialect.name != "postgresql":
        return False
    installed = text("SELECT count(*) FROM pg_extension WHERE extname = 'vector'")
    available = text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
    with database.read() as connection:
        if connection.scalar(installed):
            return True
        if not connection.scalar(available):
            return False
    try:
        with database.write() as connection:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    except DBAPIError:
        return False  # not allowed to: exact search needs nobody's leave
    return True


class PgvectorEngine:
    """Searches by HNSW, exactly where a filter leaves few rows; hashes and long vectors are left to the exact scan."""

    name = "pgvector"

    def __init__(self, catalog: Catalog) -> None:
        self._database = catalog.database
        self._exact = ExactEngine(catalog)

    def prepare(self, model: Model, model_id: int) -> None:
        """Make the model's table and index, and fill it with rows that are there already."""
        if self._serves(model) and not self._has_table(model_id):
            self.rebuild(model, model_id)

    def save(self, connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
        """Store the vectors in the same transaction."""
        if not self._serves(model):
            return
        rows = [done for done in computed if done.vector is not None]
        _insert(
            connection, model_id, [done.image_id for done in rows], store.decode(model, [d.vector or b"" for d in rows])
        )

    def search(self, model: Model, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Return the nearest images."""
        if not (self._serves(model) and self._has_table(model_id)):
            return self._exact.search(model, model_id, row, count, allowed)
        if allowed is None:
            return self._by_index(model_id, row, count)
        if len(allowed) <= EXACT_BELOW:
            return self._compare(model_id, row, count, allowed)
        return self._by_index(model_id, row, count, allowed)

    def rebuild(self, model: Model, model_id: int) -> int:
        """Make table and index anew, in one transaction."""
        if not self._serves(model):
            return self._exact.rebuild(model, model_id)
        table = _table(model_id)
        done = 0
        with self._database.write() as connection:
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
            connection.execute(
                text(f"CREATE TABLE {table} (image_id bigint PRIMARY KEY, v halfvec({model.dimension}) NOT NULL)")
            )
            for _, images, rows in store.read_rows(self._database, model, model_id):
                _insert(connection, model_id, images.tolist(), rows)
                done += len(images)
            # A graph that does not fit is built on disk, several times more slowly.
            connection.execute(text(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'"))
            connection.execute(text(f"CREATE INDEX ON {table} USING hnsw (v halfvec_ip_ops)"))
        return done

    def _serves(self, model: Model) -> bool:
        return model.distance is Distance.COSINE and model.dimension <= MOST_DIMENSIONS

    def _has_table(self, model_id: int) -> bool:
        with self._database.read() as connection:
            return inspect(connection).has_table(_table(model_id))

    def _by_index(self, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Ask the index; with a wide filter it goes on until enough have passed."""
        where = "" if allowed is None else "WHERE image_id = ANY(:allowed)"
        settings = [f"SET LOCAL hnsw.ef_search = {min(1000, max(EF_SEARCH, 2 * count))}"]
        settings.append("SET LOCAL hnsw.iterative_scan = strict_order")
        return self._ask(model_id, row, count, where, allowed, settings)

    def _compare(self, model_id: int, row: Rows, count: int, allowed: ImageIds) -> list[Near]:
        """Compare with the allowed rows only, without the index."""
        settings = ["SET LOCAL enable_indexscan = off", "SET LOCAL enable_bitmapscan = on"]
        return self._ask(model_id, row, count, "WHERE image_id = ANY(:allowed)", allowed, settings)

    def _ask(
        self, model_id: int, row: Rows, count: int, where: str, allowed: ImageIds | None, settings: list[str]
    ) -> list[Near]:
        query = text(
            f"SELECT image_id, -(v <#> CAST(:row AS halfvec)) FROM {_table(model_id)} {where}"  # noqa: S608 - our names
            " ORDER BY v <#> CAST(:row AS halfvec) LIMIT :count"
        )
        values = {"row": _literal(row), "count": count}
        if allowed is not None:
            values["allowed"] = allowed.tolist()
        with self._database.read() as connection:
            for setting in settings:
                connection.execute(text(setting))
            found = [Near(image_id, float(score)) for image_id, score in connection.execute(query, values)]
        return sorted(found, key=lambda near: (-near.score, near.image_id))


def _table(model_id: int) -> str:
    return f"feature_vector_{int(model_id)}"


def _literal(row: Rows) -> str:
    return "[" + ",".join(f"{value:.5g}" for value in np.asarray(row, np.float32)) + "]"


def _insert(connection: Connection, model_id: int, images: Sequence[int], rows: Rows) -> None:
    statement = text(
        f"INSERT INTO {_table(model_id)} VALUES (:id, CAST(:v AS halfvec)) ON CONFLICT DO NOTHING"  # noqa: S608
    )
    values = [{"id": image, "v": _literal(row)} for image, row in zip(images, rows, strict=True)]
    if values:
        connection.execute(statement, values)
