"""Moves a whole catalog to another database and its bytes to another store: SQLite or PostgreSQL, folder or bucket.

Bytes come first, so that at no moment a row names bytes that are not there. Rows are copied table by table in the
order of their keys, so that what arrived is always a first part, and counting it tells where to go on. Ids and cursors
stay what they were, also the highest ever given out. At the end every table of both sides is compared.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text, tuple_

from db.bookkeeping import Tally
from db.catalog import Catalog
from db.engine import Database, insert_new
from db.errors import CopyError
from db.models import Base, Blob
from db.tallies import recount
from db.triggers import create_triggers, drop_triggers

BATCH = 5000
READ_BYTES = 1024 * 1024
MARK = "_copied_from"

Step = Callable[[str, int], None]


def copy_catalog(source: Catalog, target: Catalog, step: Step = lambda what, count: None) -> None:
    """Copy everything; the same call goes on after a kill. `step` hears of each table and the number of rows done.

    Nobody should write the source meanwhile: if somebody did, the comparison at the end fails. Raises CopyError.
    """
    _begin(source, target)
    copy_blobs(source, target, step)
    for table in _tables():
        _copy_table(source.database, target.database, table, step)
    for table in _tables():
        if _digest(source.database, table) != _digest(target.database, table):
            raise CopyError(
                f"{table.name} differs: somebody wrote the source meanwhile; copy to an empty catalog again"
            )
    _finish(source.database, target.database)


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table.name != Tally.__tablename__]


def _begin(source: Catalog, target: Catalog) -> None:
    """Mark the target as ours; until the end it has no triggers, and totals only of what it was before: nothing."""
    with target.database.write() as connection:
        mark = select(Tally.key).where(Tally.name == MARK)
        known = connection.scalar(mark)
        if known is None and any(connection.scalar(select(table).limit(1)) is not None for table in _tables()):
            raise CopyError(f"{target.settings.catalog_url} is not empty; copy to a new one")
        if known is not None and known != source.settings.catalog_url:
            raise CopyError(f"{target.settings.catalog_url} is being copied from {known}; copy to a new one")
        if known is None:
            drop_triggers(connection)
            connection.execute(insert(Tally).values(name=MARK, key=source.settings.catalog_url, number=0))


def copy_blobs(source: Catalog, target: Catalog, step: Step) -> None:
    """Copy the bytes that rows speak of, hashing them on the way. Raises CopyError for bytes that are not right."""
    if source.blobs.url == target.blobs.url:
        return
    last, count = b"", 0
    while True:
        query = select(Blob.sha256).where(Blob.sha256 > last).order_by(Blob.sha256).limit(BATCH)
        with source.database.read() as connection:
            found = list(connection.scalars(query))
        if not found:
            return
        for sha256 in found:
            if not target.blobs.has(sha256):
                _copy_blob(source, target, sha256)
        count += len(found)
        step("bytes", count)
        last = found[-1]


def _copy_blob(source: Catalog, target: Catalog, sha256: bytes) -> None:
    with source.blobs.open(sha256) as stream, target.blobs.writer(durable=True) as writer:
        while chunk := stream.read(READ_BYTES):
            writer.write(chunk)
        if writer.digest() != sha256:
            raise CopyError(f"blob {sha256.hex()} holds other bytes than its name says; see quarry catalog verify")
        writer.commit()


def _copy_table(source: Database, target: Database, table: Table, step: Step) -> None:
    model = _model(table)
    with target.read() as connection:
        done = connection.scalar(select(func.count()).select_from(table)) or 0
    for batch in _batches(source, table, done):
        with target.write() as connection:
            insert_new(connection, model, batch)
        done += len(batch)
        step(table.name, done)


def _model(table: Table) -> type[Base]:
    return next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is table)


def _batches(database: Database, table: Table, skip: int = 0) -> Iterator[list[dict[str, Any]]]:
    keys = list(table.primary_key.columns)
    query = select(table).order_by(*keys).limit(BATCH)
    last: Any = None
    while True:
        page = query.offset(skip) if last is None else query.where(tuple_(*keys) > tuple_(*last))
        with database.read() as connection:
            rows = [dict(row) for row in connection.execute(page).mappings()]
        if not rows:
            return
        yield rows
        last = [rows[-1][key.name] for key in keys]


def _digest(database: Database, table: Table) -> tuple[int, int]:
    """Return the number of rows and the sum of their hashes: the same in whatever order."""
    count = total = 0
    for batch in _batches(database, table):
        for row in batch:
            said = repr([bytes(v) if isinstance(v, memoryview) else v for v in row.values()])
            total += int.from_bytes(hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest())
            count += 1
    return count, total % 2**64


def _finish(source: Database, target: Database) -> None:
    """Let ids go on after the highest that the source ever gave out, and let triggers take over."""
    with source.read() as connection:
        highest = {table.name: _highest(connection, table) for table in _tables() if _counts_up(table)}
    with target.write() as connection:
        for name, number in highest.items():
            _go_on_after(connection, name, number)
        recount(connection)
        create_triggers(connection)


def _counts_up(table: Table) -> bool:
    return bool(table.dialect_options["sqlite"].get("autoincrement"))


def _highest(connection: Connection, table: Table) -> int:
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(connection.scalar(query, {"name": table.name}) or 0)
    sequence = connection.scalar(_SEQUENCE, {"table": table.name, "column": _key(table.name)})
    said = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608
    return int(said.last_value) if said.is_called else 0


_SEQUENCE = text("SELECT pg_get_serial_sequence(:table, :column)")


def _key(table: str) -> str:
    return next(iter(Base.metadata.tables[table].primary_key.columns)).name


def _go_on_after(connection: Connection, table: str, number: int) -> None:
    if number == 0:
        return
    if connection.dialect.name == "postgresql":
        sequence = connection.scalar(_SEQUENCE, {"table": table, "column": _key(table)})
        connection.execute(text("SELECT setval(:name, :number)"), {"name": sequence, "number": number})
        return
    known = connection.scalar(text("SELECT 1 FROM sqlite_sequence WHERE name = :name"), {"name": table})
    change = "UPDATE sqlite_sequence SET seq = :n WHERE name = :name"
    make = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :n)"
    connection.execute(text(change if known else make), {"name": table, "n": number})
