"""pgvector of any age, and rows that were stored while another engine was chosen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, text

from db import Catalog
from index import store
from index.engines import open_engine, pgvector
from index.engines.exact import ExactEngine
from index.engines.pgvector import PgvectorEngine, has_pgvector
from tests.index.vectors import MODEL, add_rows

OLD = {"0.8.0": "halfvec", "0.7.4": "halfvec", "0.6.2": "vector", "0.5.0": "vector", "0.4.4": None}


@pytest.fixture
def catalog(postgres_url: str, tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(postgres_url, str(tmp_path / "blobs")) as opened:
        if not has_pgvector(opened.database):
            pytest.skip("this PostgreSQL has no pgvector")
        yield opened


def make_old(catalog: Catalog, version: str) -> None:
    """Let the extension say that it is old, and take away what it had not."""
    with catalog.database.write() as connection:
        connection.execute(text("UPDATE pg_extension SET extversion = :v WHERE extname = 'vector'"), {"v": version})
        if OLD[version] != "halfvec":
            connection.execute(text("ALTER TYPE halfvec RENAME TO type_of_the_future"))


def agree(catalog: Catalog, rows: np.ndarray, allowed: Any = None) -> None:
    model_id = store.register(catalog.database, MODEL)
    for row in rows:
        unit = (row / np.linalg.norm(row)).astype(np.float32)
        one = PgvectorEngine(catalog).search(MODEL, model_id, unit, 7, allowed)
        other = ExactEngine(catalog).search(MODEL, model_id, unit, 7, allowed)
        assert [near.image_id for near in one] == [near.image_id for near in other]
        np.testing.assert_allclose([near.score for near in one], [near.score for near in other], atol=1e-2)


@pytest.mark.parametrize("version", sorted(OLD))
def test_an_old_pgvector_does_what_it_can(catalog: Catalog, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old(catalog, version)
    statements: list[str] = []
    event.listen(catalog.database.engine, "before_cursor_execute", lambda _c, _u, said, *_: statements.append(said))
    images, rows = add_rows(catalog, 1, 300)
    model_id = store.register(catalog.database, MODEL)
    engine = PgvectorEngine(catalog)
    engine.prepare(MODEL, model_id)
    assert engine._type(model_id) == OLD[version]
    agree(catalog, rows[:3])
    agree(catalog, rows[:3], np.array(images[::9]))
    monkeypatch.setattr(pgvector, "EXACT_BELOW", 10)
    agree(catalog, rows[:3], np.array(images[::30]))
    assert any("iterative_scan" in said for said in statements) == (version == "0.8.0")
    assert any("hnsw.ef_search" in said for said in statements) == (version != "0.4.4")


def test_a_table_older_than_the_extension_is_used_as_it_is(catalog: Catalog) -> None:
    make_old(catalog, "0.6.2")
    _, rows = add_rows(catalog, 1, 50)
    model_id = store.register(catalog.database, MODEL)
    PgvectorEngine(catalog).prepare(MODEL, model_id)
    with catalog.database.write() as connection:
        connection.execute(text("ALTER TYPE type_of_the_future RENAME TO halfvec"))
        connection.execute(text("UPDATE pg_extension SET extversion = '0.8.5' WHERE extname = 'vector'"))
    agree(catalog, rows[:2])
    agree(catalog, add_rows(catalog, 2, 5)[1][:2])
    engine = PgvectorEngine(catalog)
    assert (engine._type(model_id), engine.rebuild(MODEL, model_id), engine._type(model_id)) == (
        "vector",
        55,
        "halfvec",
    )
    agree(catalog, rows[:2])


@pytest.mark.parametrize("by", ["search", "prepare"])
def test_rows_stored_under_another_engine_reach_the_table(
    catalog: Catalog, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_rows(catalog, 1, 20)
    model_id = store.register(catalog.database, MODEL)
    PgvectorEngine(catalog).prepare(MODEL, model_id)
    monkeypatch.setenv("QUARRY_INDEX", "exact")
    assert open_engine(catalog).name == "exact"
    images, rows = add_rows(catalog, 2, 3)
    monkeypatch.delenv("QUARRY_INDEX")
    engine = open_engine(catalog)
    assert isinstance(engine, PgvectorEngine)
    if by == "prepare":
        engine.prepare(MODEL, model_id)
        with catalog.database.read() as connection:
            assert connection.scalar(text(f"SELECT count(*) FROM feature_vector_{model_id}")) == 23
    near = engine.search(MODEL, model_id, rows[1] / np.linalg.norm(rows[1]), 1)
    assert near[0].image_id == images[1]
