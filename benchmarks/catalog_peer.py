"""What a database can do at best with the rows of a settle: its driver's own bulk insert, and nothing else.

The newest images, tiles and sightings are inserted again, a thousand to a transaction, into empty tables with the same
indexes: SQLite by `executemany`, PostgreSQL by `COPY`. There are no triggers, nothing is looked up, no row depends on
what another got as its id; on PostgreSQL there are no references to check either.
"""

import re
import time
from typing import Any

from sqlalchemy import text

from db import Catalog

TABLES = ("image", "tile", "sighting")
NEWEST, AT_ONCE = 30_000, 1000
_CLONE = re.compile(r"(CREATE (?:TABLE|INDEX|UNIQUE INDEX)) (\w+)(?: ON (\w+))?")


def peer_rate(catalog: Catalog) -> float:
    """Return rows per second."""
    postgresql = catalog.database.engine.dialect.name == "postgresql"
    rows = {table: _newest(catalog, table) for table in TABLES}
    _clone(catalog, postgresql)
    try:
        seconds = _insert(catalog, rows, postgresql)
    finally:
        with catalog.database.write() as connection:
            for table in TABLES:
                connection.execute(text(f"DROP TABLE peer_{table}"))
    return sum(map(len, rows.values())) / seconds


def _newest(catalog: Catalog, table: str) -> list[tuple[Any, ...]]:
    with catalog.database.read() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY id DESC LIMIT {NEWEST}"))
        return [tuple(row) for row in found][::-1]


def _clone(catalog: Catalog, postgresql: bool) -> None:
    with catalog.database.write() as connection:
        for table in TABLES:
            if postgresql:
                connection.execute(text(f"CREATE TABLE peer_{table} (LIKE {table} INCLUDING ALL)"))
                continue
            made = text("SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type <> 'trigger' AND sql <> ''")
            for statement in connection.scalars(made, {"table": table}).all():
                connection.exec_driver_sql(_CLONE.sub(_renamed, statement.replace('"', ""), count=1))


def _renamed(found: "re.Match[str]") -> str:
    return f"{found[1]} peer_{found[2]}" + (f" ON peer_{found[3]}" if found[3] else "")


def _insert(catalog: Catalog, rows: dict[str, list[tuple[Any, ...]]], postgresql: bool) -> float:
    connection = catalog.database.engine.raw_connection()
    start = time.perf_counter()
    for at in range(0, NEWEST, AT_ONCE):
        cursor: Any = connection.cursor()
        if not postgresql:
            cursor.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            part = rows[table][at : at + AT_ONCE]
            if postgresql:
                with cursor.copy(f"COPY peer_{table} FROM STDIN") as copy:
                    for row in part:
                        copy.write_row(row)
            elif part:
                places = ", ".join("?" * len(part[0]))
                cursor.executemany(f"INSERT INTO peer_{table} VALUES ({places})", part)
        cursor.execute("COMMIT")
    seconds = time.perf_counter() - start
    connection.close()
    return seconds
