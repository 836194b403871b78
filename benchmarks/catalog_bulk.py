"""Fill tables fast: without indexes, keys and waiting for the disk, which are all put back afterwards.

Ten million rows with their indexes in place are ten million walks down a tree in no order; made afterwards, each
index is one sort.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

_CONSTRAINTS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS off,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname,
              pg_get_constraintdef(c.oid)) AS on_
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND c.contype = ANY (:kinds) ORDER BY c.contype, c.conname
"""
_INDEXES = """
SELECT 'DROP INDEX ' || i.indexrelid::regclass AS off, pg_get_indexdef(i.indexrelid) AS on_
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
_SQLITE = "SELECT 'DROP INDEX ' || name AS off, sql AS on_ FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """Drop all indexes and keys that can be dropped, and make them again at the end, in the same transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        connection.execute(text("SET LOCAL work_mem = '256MB'"))
        foreign = connection.execute(text(_CONSTRAINTS), {"kinds": ["f"]}).all()
        unique = connection.execute(text(_CONSTRAINTS), {"kinds": ["u", "p"]}).all()
        groups = [foreign, unique, connection.execute(text(_INDEXES)).all()]
    else:
        groups = [connection.execute(text(_SQLITE)).all()]
    for group in groups:
        for one in group:
            connection.exec_driver_sql(one.off)
    yield
    for group in reversed(groups):
        for one in group:
            connection.exec_driver_sql(
                one.on_.replace("%", "%%") if connection.dialect.name == "postgresql" else one.on_
            )
