from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from db import Catalog
from db.engine import Database
from db.errors import CatalogVersionError
from db.migrate import HEAD, make_config, upgrade
from db.models import Base


def test_migrations_make_what_the_models_say(catalog: Catalog) -> None:
    with catalog.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        inspector = inspect(connection)
        indexes = {index["name"] for table in Base.metadata.tables for index in inspector.get_indexes(table)}
    assert {index.name for table in Base.metadata.tables.values() for index in table.indexes} <= indexes


def test_opening_again_migrates_nothing(catalog: Catalog) -> None:
    assert upgrade(catalog.database) is False


def test_a_newer_catalog_is_refused_with_the_way_out(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogVersionError, match="newer artquarry"):
        upgrade(database)
    database.close()


def test_the_head_known_without_alembic_is_alembics() -> None:
    assert ScriptDirectory.from_config(make_config()).get_current_head() == HEAD
