"""Engine and transactions from one URL: SQLite (WAL) or PostgreSQL.

SQLite has one writer. A write transaction therefore begins with BEGIN IMMEDIATE: it waits its turn at the start
instead of failing in the middle. Nobody waits for a lock longer than 30 s; `?timeout=SECONDS` in an SQLite URL, or
`?options=-c lock_timeout=MILLISECONDS` in a PostgreSQL one, says otherwise.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    LargeBinary,
    Text,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    from db.models.base import Base

BUSY_TIMEOUT_MS = 30_000
CHUNK_ROWS = 500
CHUNK_ROWS_POSTGRESQL = 5000
MAX_IDS_PER_QUERY = 500
OnConflict = Callable[[Any], Any]


class Database:
    """Read and write transactions on one catalog.

    `durable` asks that a commit survives a power cut (SQLite `synchronous=FULL`, PostgreSQL `synchronous_commit=on`):
    the crawl asks for it because fetching again costs the site. Derived rows can be derived again: the last commits
    before a power cut may be missing, whole, and what they settled is due still.
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
    def write_much(self) -> Iterator[Connection]:
        """One transaction that may sort or change more than memory holds: slower for small ones."""
        with self.engine.connect().execution_options(quarry_write=True) as connection:
            driver: Any = connection.connection.dbapi_connection
            if connection.dialect.name == "sqlite":
                driver.execute("PRAGMA temp_store=FILE")
            try:
                with connection.begin():
                    yield connection
            finally:
                if connection.dialect.name == "sqlite" and not connection.closed:
                    driver.execute("PRAGMA temp_store=MEMORY")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One view for several statements, whoever writes meanwhile. SQLite's transactions see one anyway."""
        with self.read() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _make_engine(url: str, *, durable: bool) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        asked = str(parsed.query.get("options", f"-c lock_timeout={BUSY_TIMEOUT_MS}"))
        options = asked if durable else f"-c synchronous_commit=off {asked}"
        parsed = parsed.difference_update_query(["options"])
        engine = create_engine(parsed, pool_pre_ping=True, connect_args={"options": options})
        event.listen(engine, "connect", _send_arrays_in_binary)
        return engine
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
            # What undoes a half done statement. In files it was nine tenths of all that settling wrote to the disk.
            "temp_store=MEMORY",
            # Hashes are everywhere in their indexes: with few pages at hand, and written back after every few commits,
            # the same pages come and go. In KiB, and in pages of 4 KiB.
            "cache_size=-32768",
            "wal_autocheckpoint=8192",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows ASCII only. No index, view or trigger may use it: other programs open the file, too.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("quarry_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _send_arrays_in_binary(connection: Any, _record: Any) -> None:
    """Spare both sides the text of arrays: rows travel as arrays (see `insert_rows`), hashes as hexadecimal digits."""
    from psycopg.types.array import ListBinaryDumper

    connection.adapters.register_dumper(list, ListBinaryDumper)


def alone(connection: Connection, *tables: "type[Base]") -> None:
    """Let nobody else write these tables until the transaction ends; waits for those who are at it.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql" and tables:
        names = ", ".join(table.__tablename__ for table in tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def settled_up_to(database: Database, table: Any) -> int:
    """Return the highest id of a table (0 if it is empty), knowing that no row below it appears later.

    PostgreSQL gives out ids before the commit, and commits in any order: those who are writing now are waited for.
    """
    with database.read() as connection:
        alone(connection, table)
        return int(connection.scalar(select(func.max(table.id))) or 0)


def upsert(connection: Connection, table: "type[Base]") -> "sqlite.Insert | postgresql.Insert":
    """Return an INSERT that knows ON CONFLICT, in the connection's dialect."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: "type[Base]") -> "sqlite.Insert | postgresql.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # slow to import, and of use to few

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def _statement(dialect: str, table: "type[Base]", names: tuple[str, ...], conflict: OnConflict) -> Insert:
    """Build an INSERT once: crawling and reading run the same few thousands of times."""
    statement = _insert(dialect, table)
    built: Insert = conflict(_from_arrays(statement, table, names) if dialect == "postgresql" else statement)
    return built


def _keep(statement: Any) -> Any:
    return statement.on_conflict_do_nothing()


@cache
def _replacing(keys: tuple[str, ...], others: tuple[str, ...]) -> OnConflict:
    def replace(statement: Any) -> Any:
        taken = {name: statement.excluded[name] for name in others}
        return statement.on_conflict_do_update(index_elements=keys, set_=taken)

    return replace


def insert_new(connection: Connection, table: "type[Base]", rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, leaving those that exist already as they are."""
    insert_rows(connection, table, rows, _keep)


def insert_or_replace(
    connection: Connection, table: "type[Base]", rows: Sequence[dict[str, Any]], keys: tuple[str, ...]
) -> None:
    """Insert rows; one that exists with the same keys takes over all other columns given."""
    others = tuple(name for name in (rows[0] if rows else ()) if name not in keys)
    insert_rows(connection, table, rows, _replacing(keys, others))


def insert_rows(
    connection: Connection, table: "type[Base]", rows: Sequence[dict[str, Any]], conflict: OnConflict
) -> None:
    """Insert rows that all have the same columns; `conflict`, a function that lives on, says what to do with twins.

    PostgreSQL gets a column at a time and makes the rows itself: one statement instead of one a row, so that it is
    faster, and triggers act once. No two of the rows may conflict with each other if `conflict` updates.
    """
    if not rows:
        return
    names = tuple(rows[0])
    statement = _statement(connection.dialect.name, table, names, conflict)  # type: ignore[arg-type] # a class has a hash
    if connection.dialect.name != "postgresql":
        for chunk in chunked(rows, CHUNK_ROWS):
            connection.execute(statement, chunk)
    else:
        for chunk in chunked(rows, CHUNK_ROWS_POSTGRESQL):
            connection.execute(statement, {name: _column(table, name, chunk) for name in rows[0]})


def _column(table: "type[Base]", name: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
    values = [row[name] for row in rows]
    if not isinstance(table.__table__.columns[name].type, JSON):
        return values
    # As text: a list in a list would be taken for an array of more dimensions.
    return [None if value is None else json.dumps(value) for value in values]


def _from_arrays(statement: Any, table: "type[Base]", names: tuple[str, ...]) -> Any:
    from sqlalchemy import cast, column

    types = {name: table.__table__.columns[name].type for name in names}
    handed = {name: Text() if isinstance(type_, JSON) else type_ for name, type_ in types.items()}
    arrays = [bindparam(name, type_=ARRAY(handed[name])) for name in names]
    rows = func.unnest(*arrays).table_valued(*(column(name, handed[name]) for name in names)).render_derived()
    values = [cast(rows.c[name], type_) if handed[name] is not type_ else rows.c[name] for name, type_ in types.items()]
    return statement.from_select(list(names), select(*values))


def among_keys(connection: Connection, column: Any, keys: Sequence[bytes]) -> ColumnElement[bool]:
    """Return `column IN (keys)`, on PostgreSQL as `among`; no more than 500 at a time."""
    if connection.dialect.name == "postgresql":
        wanted: ColumnElement[bool] = column == any_(bindparam(None, list(keys), ARRAY(LargeBinary)))
        return wanted
    found: ColumnElement[bool] = column.in_(keys)
    return found


def among(connection: Connection, column: Any, ids: Iterable[int]) -> ColumnElement[bool]:
    """Return `column IN (ids)` with all ids in one parameter: a statement that is built and planned once.

    A list of 500 parameters takes the driver longer than the database takes to look the rows up.
    """
    if connection.dialect.name == "postgresql":
        wanted: ColumnElement[bool] = column == any_(bindparam(None, list(ids), ARRAY(BigInteger)))
        return wanted
    listed = func.json_each(json.dumps(list(ids))).table_valued("value")
    found: ColumnElement[bool] = column.in_(select(listed.c.value))
    return found


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
