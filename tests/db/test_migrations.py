from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from db import Catalog
from db.engine import Database
from db.errors import CatalogVersionError
from db.migrate import upgrade
from db.models import Base


def test_migrations_make_what_the_models_say(catalog: Catalog) -> None:
    with catalog.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        indexes = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
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
