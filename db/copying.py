"""Moves a whole catalog to another database and its bytes to another store: SQLite or PostgreSQL, folder or bucket.

Bytes come first, so that at no moment a row names bytes that are not there. Rows are compared by their keys and made
equal, so the same call begins a copy, goes on with one after a kill, and brings a finished one up to
date. Ids and cursors stay what they were, also the highest ever given out. At the end every table of both sides is
compared as a whole, and what the copy then held is noted in it: a copy that somebody wrote since is not written over.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, text, tuple_

from db.bookkeeping import Tally
from db.catalog import Catalog
from db.engine import Database, chunked, insert_new, insert_or_replace
from db.errors import CopyError
from db.models import Base, Blob
from db.tallies import COPIED_FROM, NOTE, recount
from db.triggers import create_triggers, drop_triggers
from db.urls import shown

BATCH = 5000
READ_BYTES = 1024 * 1024
HELD = NOTE + "copied_table"
UNFINISHED, FINISHED = 0, 1

Step = Callable[[str, int], None]
Row = dict[str, Any]
Key = tuple[Any, ...]


def copy_catalog(
    source: Catalog, target: Catalog, step: Step = lambda what, count: None, *, discard: bool = False
) -> None:
    """Make the target a copy; the same call goes on after a kill, and later brings the copy up to date.

    `step` hears of each table and the number of rows done. With `discard` what was written into a finished copy is
    given up. Nobody should write the source meanwhile: if somebody did, the comparison at the end fails. Raises
    CopyError.
    """
    _begin(source, target, discard)
    copy_blobs(source, target, step)
    for table in reversed(_tables()):
        _drop_extra(source.database, target.database, table)
    for table in _tables():
        _bring_rows(source.database, target.database, table, step)
    held = {table.name: _digest(source.database, table) for table in _tables()}
    for table in _tables():
        if held[table.name] != _digest(target.database, table):
            raise CopyError(f"{table.name} differs: somebody wrote the source meanwhile; the same command copies again")
    _finish(source, target, held)


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table.name != Tally.__tablename__]


def _begin(source: Catalog, target: Catalog, discard: bool) -> None:
    """Mark the target as ours; until the end it has no triggers, and no totals."""
    here, there = shown(source.settings.catalog_url), shown(target.settings.catalog_url)
    with target.database.read() as connection:
        known = connection.execute(select(Tally.key, Tally.number).where(Tally.name == COPIED_FROM)).first()
        if known is None and any(connection.scalar(select(table).limit(1)) is not None for table in _tables()):
            raise CopyError(f"{there} is not empty, and not a copy; copy to a new one")
        if known is not None and shown(known.key) != here:
            raise CopyError(f"{there} is a copy of {shown(known.key)}; copy to a new one")
    if known is not None and known.number == FINISHED and not discard:
        _refuse_written(target)
    with target.database.write() as connection:
        drop_triggers(connection)  # also those that a migration made since
        connection.execute(delete(Tally).where(Tally.name.in_([COPIED_FROM, HELD])))
        connection.execute(insert(Tally).values(name=COPIED_FROM, key=here, number=UNFINISHED))


def _refuse_written(target: Catalog) -> None:
    """Raise CopyError if the copy is no longer what it was when it was finished."""
    with target.database.read() as connection:
        held = set(connection.scalars(select(Tally.key).where(Tally.name == HELD)))
    written = [table.name for table in _tables() if _said(table.name, _digest(target.database, table)) not in held]
    if written:
        here = shown(target.settings.catalog_url)
        raise CopyError(
            f"{here} was written since it was copied ({', '.join(sorted(written))}); copy to a new one, or give that "
            "up with --discard"
        )


def _said(table: str, digest: tuple[int, int]) -> str:
    return f"{table}/{digest[0]}/{digest[1]}"


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


def _drop_extra(source: Database, target: Database, table: Table) -> None:
    """Delete from the target what the source does not hold (any more)."""
    for batch in _batches(target, table):
        ours = {_key_of(table, row): row for row in batch}
        extra = ours.keys() - _those_of(source, table, list(ours)).keys()
        if extra:
            with target.write() as connection:
                for chunk in chunked(extra):
                    connection.execute(delete(table).where(_keys(table).in_(chunk)))


def _bring_rows(source: Database, target: Database, table: Table, step: Step) -> None:
    """Insert what is missing in the target, and replace what differs."""
    model, names = Base.by_name[table.name], tuple(key.name for key in table.primary_key.columns)
    with target.read() as connection:
        empty = connection.execute(select(table).limit(1)).first() is None
    done = 0
    for batch in _batches(source, table):
        theirs = {_key_of(table, row): row for row in batch}
        ours = {} if empty else _those_of(target, table, list(theirs))
        missing = [row for key, row in theirs.items() if key not in ours]
        differing = [row for key, row in theirs.items() if key in ours and _plain(row) != _plain(ours[key])]
        if missing or differing:
            with target.write() as connection:
                insert_or_replace(connection, model, differing, names)
                insert_new(connection, model, missing)
        done += len(theirs)
        step(table.name, done)


def _those_of(database: Database, table: Table, keys: list[Key]) -> dict[Key, Row]:
    """Return the rows with these keys. By key and not by ranges of keys: databases sort text in orders of their own."""
    found: dict[Key, Row] = {}
    with database.read() as connection:
        for chunk in chunked(keys):
            rows = connection.execute(select(table).where(_keys(table).in_(chunk))).mappings()
            found |= {_key_of(table, dict(row)): dict(row) for row in rows}
    return found


def _keys(table: Table) -> Any:
    return tuple_(*table.primary_key.columns)


def _key_of(table: Table, row: Row) -> Key:
    return tuple(_value(row[key.name]) for key in table.primary_key.columns)


def _batches(database: Database, table: Table) -> Iterator[list[Row]]:
    query = select(table).order_by(*table.primary_key.columns).limit(BATCH)
    after: Key | None = None
    while True:
        page = query if after is None else query.where(_keys(table) > tuple_(*after))
        with database.read() as connection:
            rows = [dict(row) for row in connection.execute(page).mappings()]
        if not rows:
            return
        yield rows
        after = _key_of(table, rows[-1])


def _value(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _plain(row: Row) -> list[Any]:
    return [_value(value) for value in row.values()]


def _digest(database: Database, table: Table) -> tuple[int, int]:
    """Return the number of rows and the sum of their hashes: the same in whatever order."""
    count = total = 0
    for batch in _batches(database, table):
        for row in batch:
            said = repr(_plain(row))
            total += int.from_bytes(hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest())
            count += 1
    return count, total % 2**64


def _finish(source: Catalog, target: Catalog, held: dict[str, tuple[int, int]]) -> None:
    """Let ids go on after the highest that the source ever gave out, let triggers take over, note what is held."""
    with source.database.read() as connection:
        highest = {table.name: _highest(connection, table) for table in _tables() if _counts_up(table)}
    notes = [{"name": HELD, "key": _said(*each), "number": FINISHED} for each in held.items()]
    notes.append({"name": COPIED_FROM, "key": shown(source.settings.catalog_url), "number": FINISHED})
    with target.database.write() as connection:
        for name, number in highest.items():
            _go_on_after(connection, name, number)
        recount(connection)
        create_triggers(connection)
        connection.execute(delete(Tally).where(Tally.name == COPIED_FROM))
        connection.execute(insert(Tally), notes)


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
