"""PostgreSQL with the pgvector extension (0.5 or newer): a table of vectors with an HNSW index for each model.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
graphs", 2018. The table is filled in the transaction that stores the rows. When a filter leaves few rows they are
compared exactly: an approximate index looks at the nearest of all, and few of those would pass.
Vectors are of half precision from pgvector 0.7 on, and the index is asked again until enough pass from 0.8 on.
"""

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from db import Catalog
from db.engine import Database
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import ImageIds, Near
from index.features.interface import Distance, Model, Rows
from index.store import Computed

Version = tuple[int, ...]
HNSW, HALF_PRECISION, ITERATIVE_SCAN = (0, 5), (0, 7), (0, 8)
"""The versions of pgvector that brought them."""
MOST_DIMENSIONS = {"halfvec": 4000, "vector": 2000}
"""An HNSW index takes no more."""

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
        if not self._serves(model):
            return
        if self._type(model_id) is None:
            self.rebuild(model, model_id)
        else:
            self._catch_up(model, model_id)

    def save(self, connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
        """Store the vectors in the same transaction."""
        if not self._serves(model):
            return
        rows = [done for done in computed if done.vector is not None]
        vectors = store.decode(model, [done.vector or b"" for done in rows])
        type_ = self._type(model_id, connection) or self._best
        _insert(connection, model_id, [done.image_id for done in rows], vectors, type_)

    def search(self, model: Model, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Return the nearest images."""
        if not (self._serves(model) and self._type(model_id)):
            return self._exact.search(model, model_id, row, count, allowed)
        if not self._has_newest(model_id):
            self._catch_up(model, model_id)
        if allowed is None:
            return self._by_index(model_id, row, count)
        if len(allowed) > EXACT_BELOW:
            found = self._by_index(model_id, row, count, allowed)
            if len(found) == count:
                return found
        return self._compare(model_id, row, count, allowed)

    def rebuild(self, model: Model, model_id: int) -> int:
        """Make table and index anew, in one transaction."""
        if not self._serves(model):
            return self._exact.rebuild(model, model_id)
        table = _table(model_id)
        done = 0
        with self._database.write() as connection:
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
            connection.execute(
                text(f"CREATE TABLE {table} (image_id bigint PRIMARY KEY, v {self._best}({model.dimension}) NOT NULL)")
            )
            for _, images, rows in store.read_rows(self._database, model, model_id):
                _insert(connection, model_id, images.tolist(), rows, self._best)
                done += len(images)
            # A graph that does not fit is built on disk, several times more slowly.
            connection.execute(text(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'"))
            connection.execute(text(f"CREATE INDEX ON {table} USING hnsw (v {self._best}_ip_ops)"))
        return done

    def _serves(self, model: Model) -> bool:
        fits = model.distance is Distance.COSINE and model.dimension <= MOST_DIMENSIONS[self._best]
        return fits and self._version >= HNSW

    @cached_property
    def _version(self) -> Version:
        with self._database.read() as connection:
            found = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        return tuple(int(number) for number in re.findall(r"\d+", found or ""))

    @property
    def _best(self) -> str:
        """Name the type that new tables get."""
        return "halfvec" if self._version >= HALF_PRECISION else "vector"

    def _type(self, model_id: int, connection: Connection | None = None) -> str | None:
        """Return the type of a table's vectors, which may be older than the extension; None where there is no table."""
        if connection is None:
            with self._database.read() as opened:
                return self._type(model_id, opened)
        query = text(
            "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = to_regclass(:t) AND attname = 'v'"
        )
        found = connection.scalar(query, {"t": _table(model_id)})
        return None if found is None else str(found).rpartition(".")[2]

    def _has_newest(self, model_id: int) -> bool:
        """Tell whether the table has the catalog's newest vector: another engine may have run meanwhile."""
        newest = text(
            f"SELECT EXISTS (SELECT 1 FROM {_table(model_id)} t WHERE t.image_id = f.image_id) FROM feature f"  # noqa: S608
            " WHERE f.model_id = :model AND f.vector IS NOT NULL ORDER BY f.id DESC LIMIT 1"
        )
        with self._database.read() as connection:
            return connection.scalar(newest, {"model": model_id}) is not False

    def _catch_up(self, model: Model, model_id: int) -> None:
        """Add the catalog's rows that the table lacks."""
        lacking = text(
            f"SELECT f.id, f.image_id, f.vector FROM feature f LEFT JOIN {_table(model_id)} t USING (image_id)"  # noqa: S608
            " WHERE f.model_id = :model AND f.vector IS NOT NULL AND t.image_id IS NULL AND f.id > :after"
            " ORDER BY f.id LIMIT :count"
        )
        after = 0
        with self._database.write() as connection:
            type_ = self._type(model_id, connection) or self._best
            while True:
                values = {"model": model_id, "after": after, "count": store.READ_ROWS}
                found = connection.execute(lacking, values).all()
                if not found:
                    return
                ids, images, vectors = zip(*found, strict=True)
                _insert(connection, model_id, images, store.decode(model, vectors), type_)
                after = ids[-1]

    def _by_index(self, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Ask the index; with a wide filter it goes on until enough have passed."""
        where = "" if allowed is None else "WHERE image_id = ANY(:allowed)"
        settings = [f"SET LOCAL hnsw.ef_search = {min(1000, max(EF_SEARCH, 2 * count))}"]
        if self._version >= ITERATIVE_SCAN:
            settings.append("SET LOCAL hnsw.iterative_scan = strict_order")
        return self._ask(model_id, row, count, where, allowed, settings)

    def _compare(self, model_id: int, row: Rows, count: int, allowed: ImageIds) -> list[Near]:
        """Compare with the allowed rows only, without the index."""
        settings = ["SET LOCAL enable_indexscan = off", "SET LOCAL enable_bitmapscan = on"]
        return self._ask(model_id, row, count, "WHERE image_id = ANY(:allowed)", allowed, settings)

    def _ask(
        self, model_id: int, row: Rows, count: int, where: str, allowed: ImageIds | None, settings: list[str]
    ) -> list[Near]:
        values = {"row": _literal(row), "count": count}
        if allowed is not None:
            values["allowed"] = allowed.tolist()
        with self._database.read() as connection:
            asked = f"v <#> CAST(:row AS {self._type(model_id, connection)})"
            query = text(f"SELECT image_id, -({asked}) FROM {_table(model_id)} {where} ORDER BY {asked} LIMIT :count")  # noqa: S608
            for setting in settings:
                connection.execute(text(setting))
            found = [Near(image_id, float(score)) for image_id, score in connection.execute(query, values)]
        return sorted(found, key=lambda near: (-near.score, near.image_id))


def _table(model_id: int) -> str:
    return f"feature_vector_{int(model_id)}"


def _literal(row: Rows) -> str:
    return "[" + ",".join(f"{value:.5g}" for value in np.asarray(row, np.float32)) + "]"


def _insert(connection: Connection, model_id: int, images: Sequence[int], rows: Rows, type_: str) -> None:
    statement = text(
        f"INSERT INTO {_table(model_id)} VALUES (:id, CAST(:v AS {type_})) ON CONFLICT DO NOTHING"  # noqa: S608
    )
    values = [{"id": image, "v": _literal(row)} for image, row in zip(images, rows, strict=True)]
    if values:
        connection.execute(statement, values)
