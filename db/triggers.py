"""Triggers that keep totals, consumers' to-do lists and the log of changes, inside whatever transaction writes.

On SQLite a trigger acts on each row. On PostgreSQL it acts once a statement, on all its rows together, which is why
`db.engine` inserts many rows with one statement there. Triggers are code: made anew after each migration, like views.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, text

from db.counters import COUNTED_TABLES, Counter, counters_of

PREFIX = "quarry_"
COMPACT_ONE_IN = 200
"""On PostgreSQL, one statement in so many also sums up the parts of all totals that nobody else is summing up."""


def create_triggers(connection: Connection) -> None:
    """Create every trigger."""
    make = _postgresql if connection.dialect.name == "postgresql" else _sqlite
    for statement in make():
        connection.exec_driver_sql(statement.replace("%", "%%") if make is _postgresql else statement)


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of the triggers that should be there and are not."""
    make = _postgresql if connection.dialect.name == "postgresql" else _sqlite
    wanted = [match[1] for statement in make() if (match := re.match(r"CREATE TRIGGER (\w+)", statement))]
    there = "SELECT tgname FROM pg_trigger" if make is _postgresql else "SELECT name FROM sqlite_master"
    return sorted(set(wanted) - set(connection.scalars(text(there))))


def drop_triggers(connection: Connection) -> None:
    """Drop every trigger of ours: bulk work without them is followed by `recount`."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(_DROP_POSTGRESQL))
        return
    named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'quarry\\_%' ESCAPE '\\'")
    for name in connection.scalars(named).all():
        connection.execute(text(f"DROP TRIGGER {name}"))


_DROP_POSTGRESQL = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT tgname, tgrelid::regclass AS of_table FROM pg_trigger
               WHERE NOT tgisinternal AND tgname LIKE 'quarry\\_%' LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.of_table);
    END LOOP;
END $$
"""


def _sqlite() -> Iterator[str]:
    for table in COUNTED_TABLES:
        counters = counters_of(table)
        added = [_count_sqlite(counter, "NEW", "+") for counter in counters]
        gone = [_count_sqlite(counter, "OLD", "-") for counter in counters]
        yield _trigger(f"{table}_added", f"INSERT ON {table}", [*_flat(added), *ALSO_ADDED.get(table, ())])
        yield _trigger(f"{table}_gone", f"DELETE ON {table}", [*_flat(gone), *ALSO_GONE.get(table, ())])
        for counter in counters:
            if counter.watched:
                both = [*_count_sqlite(counter, "OLD", "-"), *_count_sqlite(counter, "NEW", "+")]
                changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in counter.watched)
                event = f"UPDATE OF {', '.join(counter.watched)} ON {table}"
                yield _trigger(f"{counter.name}_moved", event, both, changed)
    yield _trigger("page_file_moved", "UPDATE OF withdrawn_at ON page_file", [RECHECK_FILE], LINK_CHANGED)
    yield _trigger("page_file_shown", "INSERT ON page_file", [RECHECK_FILE], LINK_IS_NEW)
    yield _trigger("file_replaced", "UPDATE OF blob_id ON file", [RECHECK_REPLACED], REPLACED)
    yield _trigger("sighting_back", "INSERT ON sighting", [RECHECK_IMAGE.format("NEW")], IS_WITHDRAWN)
    both = [RECHECK_IMAGE.format("OLD"), RECHECK_IMAGE.format("NEW")]
    yield _trigger("sighting_moved", "UPDATE OF image_id ON sighting", both, "OLD.image_id <> NEW.image_id")


ALSO_ADDED = {
    "image": (
        "INSERT INTO change (image_id, kind) VALUES (NEW.id, 'new')",
        "INSERT INTO consumer_todo (consumer_id, image_id) SELECT id, NEW.id FROM consumer",
    )
}
RECHECK_IMAGE = "INSERT INTO recheck (image_id) VALUES ({}.image_id)"
ALSO_GONE = {"sighting": (RECHECK_IMAGE.format("OLD"),)}
RECHECK_FILE = "INSERT INTO recheck (file_id) VALUES (NEW.file_id)"
RECHECK_REPLACED = "INSERT INTO recheck (file_id) VALUES (NEW.id)"
LINK_CHANGED = "(OLD.withdrawn_at IS NULL) <> (NEW.withdrawn_at IS NULL)"
LINK_IS_NEW = (
    "NEW.withdrawn_at IS NULL AND EXISTS"
    " (SELECT 1 FROM page_file WHERE file_id = NEW.file_id AND withdrawn_at IS NOT NULL)"
)
"""A page begins to show what another showed no longer."""
REPLACED = "OLD.blob_id <> NEW.blob_id"
IS_WITHDRAWN = "EXISTS (SELECT 1 FROM withdrawn WHERE image_id = NEW.image_id)"


def _count_sqlite(counter: Counter, row: str, sign: str) -> list[str]:
    """Add a row to a total or take it away. A trigger inside an upsert may not itself upsert, hence two steps."""
    key, amount = counter.key.format(r=row), counter.amount.format(r=row)
    where = f" AND {counter.where.format(r=row)}" if counter.where else ""
    bump = f"UPDATE tally SET number = number {sign} {amount} WHERE name = '{counter.name}' AND key = {key}{where}"
    if counter.key == "''":
        return [bump]  # recount made its only row
    # The second step asks how many rows the first one changed: looking for the row again costs as much as changing it.
    ensure = f"INSERT INTO tally (name, key, number) SELECT '{counter.name}', {key}, {sign}{amount} WHERE changes() = 0"
    return [bump, ensure + where]


def _trigger(name: str, event: str, body: Iterable[str], when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return f"CREATE TRIGGER {PREFIX}{name} AFTER {event} {condition}BEGIN {'; '.join(body)}; END"


def _flat(statements: Iterable[list[str]]) -> list[str]:
    return [statement for several in statements for statement in several]


def _postgresql() -> Iterator[str]:
    yield COMPACT
    for table in COUNTED_TABLES:
        counters = counters_of(table)
        yield from _for_statement(f"{table}_added", table, "INSERT", [_count_postgresql(counters, "+")], ADDED_TOO)
        yield from _for_statement(f"{table}_gone", table, "DELETE", [_count_postgresql(counters, "-")], GONE_TOO)
        moving = [counter for counter in counters if counter.watched]
        if moving:
            yield from _for_statement(f"{table}_moved", table, "UPDATE", [_count_postgresql(moving, "±")], MOVED_TOO)
    yield from _for_statement("page_file_shown", "page_file", "INSERT", [], ADDED_TOO)
    for table in ("page_file", "sighting"):
        yield from _for_statement(f"{table}_moved", table, "UPDATE", [], MOVED_TOO)


COMPACT = f"""
CREATE OR REPLACE FUNCTION {PREFIX}compact() RETURNS void LANGUAGE sql AS $$
    WITH parts AS (SELECT id FROM tally ORDER BY id FOR UPDATE SKIP LOCKED),
         gone AS (DELETE FROM tally USING parts WHERE tally.id = parts.id RETURNING name, key, number)
    INSERT INTO tally (name, key, number)
    SELECT name, key, sum(number) FROM gone GROUP BY name, key HAVING sum(number) <> 0
$$"""
ADDED_TOO = {
    "image": (
        "INSERT INTO change_pending (image_id, kind) SELECT id, 'new' FROM fresh ORDER BY id",
        "INSERT INTO consumer_todo (consumer_id, image_id) SELECT c.id, n.id FROM fresh n CROSS JOIN consumer c",
    ),
    "sighting": (
        "INSERT INTO recheck (image_id) SELECT DISTINCT n.image_id FROM fresh n JOIN withdrawn USING (image_id)",
    ),
    "page_file": (
        "INSERT INTO recheck (file_id) SELECT DISTINCT n.file_id FROM fresh n WHERE n.withdrawn_at IS NULL AND EXISTS"
        " (SELECT 1 FROM page_file pf WHERE pf.file_id = n.file_id AND pf.withdrawn_at IS NOT NULL)",
    ),
}
GONE_TOO = {"sighting": ("INSERT INTO recheck (image_id) SELECT DISTINCT image_id FROM gone",)}
MOVED_TOO = {
    "sighting": (
        "INSERT INTO recheck (image_id) SELECT unnest(ARRAY[o.image_id, n.image_id]) FROM fresh n"
        " JOIN gone o USING (id) WHERE o.image_id <> n.image_id",
    ),
    "page_file": (
        "INSERT INTO recheck (file_id) SELECT DISTINCT n.file_id FROM fresh n"
        " JOIN gone o USING (page_id, file_id, role) WHERE (o.withdrawn_at IS NULL) <> (n.withdrawn_at IS NULL)",
    ),
    "file": (
        "INSERT INTO recheck (file_id) SELECT n.id FROM fresh n JOIN gone o USING (id) WHERE o.blob_id <> n.blob_id",
    ),
}


def _count_postgresql(counters: list[Counter], sign: str) -> str:
    """Add to all totals of a table with one statement; nothing is written where nothing changed."""
    parts = []
    for counter in counters:
        for rows, factor in (("fresh", ""), ("gone", "-")):
            if sign == "±" or rows == ("fresh" if sign == "+" else "gone"):
                where = f" WHERE {counter.where.format(r='r')}" if counter.where else ""
                key, amount = counter.key.format(r="r"), counter.amount.format(r="r")
                parts.append(
                    f"SELECT '{counter.name}' AS name, {key} AS key, {factor}{amount} AS n FROM {rows} r{where}"
                )
    return (
        "INSERT INTO tally (name, key, number) SELECT name, key, sum(n) FROM ("
        + " UNION ALL ".join(parts)
        + ") AS part GROUP BY name, key HAVING sum(n) <> 0"
    )


def _for_statement(
    name: str, table: str, event: str, counting: list[str], also: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    body = "; ".join((*counting, *also.get(table, ())))
    compact = f"IF random() < {1 / COMPACT_ONE_IN} THEN PERFORM {PREFIX}compact(); END IF;" if counting else ""
    yield (
        f"CREATE OR REPLACE FUNCTION {PREFIX}{name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {body}; {compact} RETURN NULL; END $$"
    )
    rows = {"INSERT": "NEW TABLE AS fresh", "DELETE": "OLD TABLE AS gone"}
    both = "NEW TABLE AS fresh OLD TABLE AS gone"
    yield (
        f"CREATE TRIGGER {PREFIX}{name} AFTER {event} ON {table} REFERENCING {rows.get(event, both)} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {PREFIX}{name}()"
    )
