"""Datasette opens a catalog with the metadata that docs/datasette.md names."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db import Catalog
from tests.db.building import add_sheets

METADATA = Path(__file__).parents[2] / "docs" / "datasette.json"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    pytest.importorskip("datasette")
    with Catalog(f"sqlite:///{tmp_path / 'catalog.db'}", str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 2)
    return tmp_path / "catalog.db"


def get(database: Path, path: str) -> Any:
    command = [sys.executable, "-m", "datasette", str(database), "--metadata", str(METADATA), "--get", path]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_the_catalog_is_browsed_and_our_bookkeeping_is_hidden(database: Path) -> None:
    found = get(database, "/catalog.json")
    assert "image_catalog" in {view["name"] for view in found["views"]}
    hidden = {table["name"] for table in found["tables"] if table["hidden"]}
    assert {"tally", "change", "consumer_todo", "alembic_version"} <= hidden
    assert {query["name"] for query in found["queries"]} == {"image", "tiles_of", "failures"}


@pytest.mark.parametrize(
    ("path", "count"), [("image.json?image_id=3", 1), ("tiles_of.json?sheet=1", 4), ("failures.json", 0)]
)
def test_its_questions_are_answered(database: Path, path: str, count: int) -> None:
    assert (
        len(get(database, f"/catalog/{path}&_shape=array" if "?" in path else f"/catalog/{path}?_shape=array")) == count
    )
