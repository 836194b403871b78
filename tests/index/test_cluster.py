"""Featurizing on a Dask cluster of separate processes: the same rows as here, whoever dies."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from db import Catalog
from db.models import Feature
from index.cli import index
from index.featurizing import featurize_catalog
from pools.cluster import DaskExecutor
from tests.conftest import Home
from tests.index.conftest import add_picture, fill, sprite
from tests.index.test_featurize import assert_rows_and_flags_agree, rows

pytest.importorskip("distributed", reason="Dask comes with artquarry[cluster]")
from tests.extract.test_cluster import Cluster, cluster_of, free_port

MODELS = ("--model", "art", "--model", "pdq")


def command(home: Home, cluster: Cluster) -> list[str]:
    pool = f"dask://127.0.0.1:{cluster.port}"
    return home.command("quarry", "index", "featurize", *MODELS, "--pool", pool, "--json")


def test_a_cluster_that_is_not_there_ends_with_a_line(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DaskExecutor.__init__, "__kwdefaults__", {"wait_s": 0.0})
    places = ["--catalog", catalog.settings.catalog_url, "--blobs", catalog.settings.blobs_url]
    done = CliRunner().invoke(index, ["featurize", *places, "--pool", f"dask://127.0.0.1:{free_port()}"])
    assert (done.exit_code, done.exception.__class__) == (3, SystemExit)
    assert "no Dask scheduler" in done.output


PICTURES = 100


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """What workers of this machine store."""
    folder = tmp_path_factory.mktemp("here")
    with Catalog(f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs")) as catalog:
        bring(catalog)
        featurize_catalog(catalog, ("art", "pdq"), "processes:1")
        return [row[:2] for row in rows(catalog)]


def bring(catalog: Catalog) -> None:
    fill(catalog)
    for number in range(200, 200 + PICTURES):
        add_picture(catalog, number, sprite(number, 24))


def stored(catalog: Catalog) -> int:
    with catalog.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(Feature)) or 0


@pytest.mark.parametrize("victim", [1, 0], ids=["a worker", "the scheduler"])
def test_a_cluster_stores_what_this_machine_stores_whoever_dies(
    catalog_url: str, tmp_path: Path, victim: int, expected: list[tuple[str, bytes]]
) -> None:
    with Catalog(catalog_url, str(tmp_path / "blobs")) as catalog:
        bring(catalog)
    home = Home(tmp_path, catalog_url)
    with cluster_of(2) as cluster, home.open() as catalog:
        process = home.start(command(home, cluster))
        while not stored(catalog):
            assert process.poll() is None
        cluster.kill(victim)
        assert process.wait(120) == 0
        assert_rows_and_flags_agree(catalog)
        done = home.run(command(home, cluster))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["problems"] == []
        assert [row[:2] for row in rows(catalog)] == expected
        assert_rows_and_flags_agree(catalog)
