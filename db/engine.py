"""Engine and transactions from one URL: SQLite (WAL) or PostgreSQL.

SQLite has one writer. A write transaction therefore begins with BEGIN IMMEDIATE: it waits its turn at the start
instead of failing in the middle. Nobody waits for a lock longer than 30 s; `?timeout=SECONDS` in an SQLite URL, or
`?options=-c lock_timeout=MILLISECONDS` in a PostgreSQL one, says otherwise.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Insert, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_TIMEOUT_MS = 30_000
CHUNK_ROWS = 500
MAX_IDS_PER_QUERY = 500


class Database:
    """Read and write transactions on one catalog.

    `durable` asks that a commit survives a power cut (SQLite `synchronous=FULL`): the crawl asks for it because
    fetching again costs the site; derived rows can be derived again.
    """

    def __init__(self, url: str, *, durable: bool = False) -> None:
        self.url = url
        self.engine = _make_engine(url, durable=durable)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: everything or nothing."""
        with self.engine.connect().execution_options(quarry_write=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _make_engine(url: str, *, durable: bool) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        options = {} if "options" in parsed.query else {"options": f"-c lock_timeout={BUSY_TIMEOUT_MS}"}
        return create_engine(parsed, pool_pre_ping=True, connect_args=options)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    timeout_s = float(str(parsed.query.get("timeout", BUSY_TIMEOUT_MS / 1000)))
    engine = create_engine(parsed, connect_args={"timeout": timeout_s})
    synchronous = "FULL" if durable else "NORMAL"

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            f"busy_timeout={round(timeout_s * 1000)}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("quarry_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def upsert(connection: Connection, table: type[DeclarativeBase]) -> "sqlite.Insert | postgresql.Insert":
    """Return an INSERT that knows ON CONFLICT, in the connection's dialect."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: type[DeclarativeBase]) -> "sqlite.Insert | postgresql.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # slow to import, and of use to few

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def _insert_new(dialect: str, table: type[DeclarativeBase]) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _insert_or_replace(
    dialect: str, table: type[DeclarativeBase], keys: tuple[str, ...], replaced: tuple[str, ...]
) -> Insert:
    statement = _insert(dialect, table)
    values = {name: statement.excluded[name] for name in replaced}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def insert_new(connection: Connection, table: type[DeclarativeBase], rows: list[dict[str, Any]]) -> None:
    """Insert rows, leaving those that exist already as they are."""
    for chunk in chunked(rows, CHUNK_ROWS):
        connection.execute(_insert_new(connection.dialect.name, table), chunk)


def insert_or_replace(
    connection: Connection, table: type[DeclarativeBase], rows: list[dict[str, Any]], keys: tuple[str, ...]
) -> None:
    """Insert rows; where one with these keys exists, give it the new row's other values."""
    if rows:
        replaced = tuple(name for name in rows[0] if name not in keys)
        statement = _insert_or_replace(connection.dialect.name, table, keys, replaced)
        for chunk in chunked(rows, CHUNK_ROWS):
            connection.execute(statement, chunk)


def chunked(values: Iterable[Any], size: int = MAX_IDS_PER_QUERY) -> Iterator[list[Any]]:
    """Yield lists of at most `size` values."""
    chunk: list[Any] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
