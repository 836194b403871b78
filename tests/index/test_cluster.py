"""Featurizing on a Dask cluster of separate processes: the same rows as here, whoever dies."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db import Catalog
from db.models import Feature
from index.featurizing import featurize_catalog
from tests.conftest import Home
from tests.index.conftest import add_picture, fill, sprite
from tests.index.test_featurize import assert_rows_and_flags_agree, rows

pytest.importorskip("distributed", reason="Dask comes with artquarry[cluster]")
from tests.extract.test_cluster import Cluster, cluster_of

MODELS = ("--model", "art", "--model", "pdq")


def command(home: Home, cluster: Cluster) -> list[str]:
    pool = f"dask://127.0.0.1:{cluster.port}"
    return home.command("quarry", "index", "featurize", *MODELS, "--pool", pool, "--json")


def expected(folder: Path, pictures: int) -> list[tuple[str, bytes]]:
    """Return what workers of this machine store."""
    with Catalog(f"sqlite:///{folder / 'here.db'}", str(folder / "here")) as catalog:
        bring(catalog, pictures)
        featurize_catalog(catalog, ("art", "pdq"), "processes:1")
        return [row[:2] for row in rows(catalog)]


def bring(catalog: Catalog, pictures: int) -> None:
    fill(catalog)
    for number in range(200, 200 + pictures):
        add_picture(catalog, number, sprite(number, 24))


def stored(catalog: Catalog) -> int:
    with catalog.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(Feature)) or 0


@pytest.mark.parametrize("victim", [None, 1, 0], ids=["nobody", "a worker", "the scheduler"])
def test_a_cluster_stores_what_this_machine_stores_whoever_dies(
    catalog_url: str, tmp_path: Path, victim: int | None
) -> None:
    with Catalog(catalog_url, str(tmp_path / "blobs")) as catalog:
        bring(catalog, 150)
    home = Home(tmp_path, catalog_url)
    with cluster_of(2) as cluster, home.open() as catalog:
        process = home.start(command(home, cluster))
        while victim is not None and process.poll() is None:
            if stored(catalog):
                cluster.kill(victim)
                break
        returned = process.wait(120)
        assert_rows_and_flags_agree(catalog)
        assert returned == 0
        done = home.run(command(home, cluster))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["problems"] == []
        assert [row[:2] for row in rows(catalog)] == expected(tmp_path, 150)
        assert_rows_and_flags_agree(catalog)
