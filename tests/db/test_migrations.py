import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, func, inspect, select, text

from benchmarks.databases import new_database
from db import Catalog
from db.engine import Database
from db.errors import CatalogVersionError
from db.export import rows as catalog_rows
from db.migrate import HEAD, make_config, upgrade
from db.models import Base, name_conditions


def test_migrations_make_what_the_models_say(catalog: Catalog) -> None:
    with catalog.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        inspector = inspect(connection)
        indexes = {index["name"] for table in Base.metadata.tables for index in inspector.get_indexes(table)}
    assert {index.name for table in Base.metadata.tables.values() for index in table.indexes} <= indexes


def test_partial_indexes_have_the_conditions_of_the_models(
    catalog: Catalog, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    name_conditions(Base.metadata)
    if catalog.database.engine.dialect.name == "sqlite":
        by_models = Database(f"sqlite:///{tmp_path / 'by-models.db'}")
    else:
        by_models = Database(new_database(request.getfixturevalue("postgres_server")))
    Base.metadata.create_all(by_models.engine)
    assert conditions(catalog.database) == conditions(by_models)
    by_models.close()


def conditions(database: Database) -> dict[str | None, str]:
    with database.read() as connection:
        inspector = inspect(connection)
        found = {
            index["name"]: str(index.get("dialect_options", {}).get(f"{connection.dialect.name}_where", ""))
            for table in Base.metadata.tables
            for index in inspector.get_indexes(table)
        }
    assert len({where for where in found.values() if where}) >= 7
    return {name: where.strip("()") for name, where in found.items()}


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


RELEASED = sorted((Path(__file__).parent / "released").glob("*.json"))


def stored(value: Any) -> Any:
    if not isinstance(value, dict) or set(value) - {"hex", "time"} or len(value) != 1:
        return value
    return bytes.fromhex(value["hex"]) if "hex" in value else datetime.fromisoformat(value["time"])


def fill_as_released(database: Database, revision: str, content: dict[str, Any]) -> None:
    """Make the catalog that an older artquarry left behind: its schema, its views, its rows."""
    config = make_config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for view in content["views"]:
            connection.execute(text(view))
        old = MetaData()
        old.reflect(connection)
        for table in old.sorted_tables:
            rows = [{key: stored(value) for key, value in row.items()} for row in content["tables"].get(table.name, ())]
            if rows:
                connection.execute(table.insert(), rows)


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_a_released_catalog_is_brought_forward_and_loses_nothing(nothing: str, released: Path, tmp_path: Path) -> None:
    content = json.loads(released.read_text())
    database = Database(nothing)
    fill_as_released(database, released.stem, content)
    assert upgrade(database) is True
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        for name, rows in content["tables"].items():
            kept = Base.metadata.tables[name]
            assert connection.scalar(select(func.count()).select_from(kept)) == len(rows), name
    database.close()
    with Catalog(nothing, str(tmp_path / "blobs")) as catalog:
        found = list(catalog_rows(catalog.database))
    assert len(found) == len(content["tables"]["sighting"])
    assert all(row["url"].startswith("http://replica.test/") for row in found)
