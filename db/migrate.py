"""Bring a catalog's schema to this program's version (Alembic)."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from db.engine import Database
from db.errors import CatalogVersionError
from db.tallies import recount
from db.triggers import create_triggers, drop_triggers
from db.urls import shown
from db.views import create_views, drop_views

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0007"
"""The newest schema, known without loading Alembic: every command opens a catalog, few have to migrate one."""


def upgrade(database: Database) -> bool:
    """Migrate to the newest schema; return whether anything was done. Raises CatalogVersionError."""
    current = _current(database)
    if current == HEAD:
        return False
    _migrate(database, current)
    return True


def _current(database: Database) -> str | None:
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return version


def _migrate(database: Database, current: str | None) -> None:
    from alembic import command
    from alembic.util import CommandError

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = make_config()
    with database.write_much() as connection:
        config.attributes["connection"] = connection
        if connection.dialect.name == "postgresql":
            # Several crawlers may open a new catalog at once; SQLite's write transaction waits by itself.
            connection.execute(text("SET LOCAL lock_timeout = 0"))  # migrating a large catalog takes its time
            connection.execute(text("SELECT pg_advisory_xact_lock(7251893)"))
        try:
            drop_triggers(connection)
            drop_views(connection)
            command.upgrade(config, "head")
            create_views(connection)
            recount(connection)
            create_triggers(connection)
        except CommandError as error:
            raise CatalogVersionError(
                f"{shown(database.url)} was made by a newer artquarry (schema {current}); update this one"
            ) from error


def make_config() -> "Config":
    """Return Alembic's configuration for our migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
