"""The featurize stage on both databases: once each, together with its flag, whatever kills it."""

import os
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select, text

from db import Catalog
from db.models import Feature, FeatureModel, Image
from index import store
from index.errors import UnknownFeatureError
from index.features import open_feature
from index.featurizing import featurize_catalog
from tests.conftest import Home
from tests.index.conftest import Gallery, add_picture, fill, sprite


def rows(catalog: Catalog) -> list[tuple[str, bytes, bytes | None]]:
    """Return every stored row by what does not depend on ids."""
    query = (
        select(FeatureModel.name, Image.pixel_hash, Feature.vector)
        .join(Feature, Feature.model_id == FeatureModel.id)
        .join(Image, Image.id == Feature.image_id)
        .order_by(FeatureModel.name, Image.pixel_hash)
    )
    with catalog.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def flags(catalog: Catalog) -> tuple[int, int, int]:
    with catalog.database.read() as connection:
        counted = connection.execute(
            select(
                func.count(),
                func.count().filter(Image.featurized),
                func.count().filter(Image.indexed),
            ).select_from(Image)
        ).one()
        return counted[0], counted[1], counted[2]


def test_each_distinct_image_gets_one_row_a_model_and_the_flag(gallery: Gallery) -> None:
    catalog = gallery.catalog
    outcome = featurize_catalog(catalog, ("art", "pdq"), "processes:1")
    images = len(list(catalog.images()))
    assert outcome.stored == {"art": images, "pdq": images}
    assert flags(catalog) == (images, images, images)
    assert featurize_catalog(catalog, ("art", "pdq"), "processes:1").stored == {}
    stored = {pixel_hash: vector for name, pixel_hash, vector in rows(catalog) if name == "pdq"}
    feature = open_feature("pdq")
    for image in catalog.images():
        (expected,) = store.encode(feature.model, feature.compute([catalog.open(image.id)]))
        with catalog.database.read() as connection:
            pixel_hash = connection.scalars(select(Image.pixel_hash).where(Image.id == image.id)).one()
        assert stored[pixel_hash] == expected


def test_another_model_does_not_touch_the_flags(gallery: Gallery) -> None:
    featurize_catalog(gallery.catalog, ("dhash",), "processes:1")
    assert flags(gallery.catalog)[1:] == (0, 0)


def test_new_images_are_added_and_old_rows_stay(gallery: Gallery) -> None:
    featurize_catalog(gallery.catalog, ("phash",), "processes:1")
    before = rows(gallery.catalog)
    add_picture(gallery.catalog, 500, sprite(500))
    assert featurize_catalog(gallery.catalog, ("phash",), "processes:1").stored == {"phash": 1}
    assert set(before) < set(rows(gallery.catalog))


def test_a_picture_that_cannot_be_opened_is_recorded_with_its_cause_and_the_rest_goes_on(gallery: Gallery) -> None:
    catalog = gallery.catalog
    victim = next(iter(gallery.sprites))
    with catalog.database.read() as connection:
        sha256 = connection.scalar(
            text("SELECT b.sha256 FROM frame f JOIN blob b ON b.id = f.blob_id WHERE f.image_id = :id"), {"id": victim}
        )
    path = next(catalog.blobs.root.rglob(f"*{bytes(sha256).hex()[4:]}*"), None) or next(
        p for p in catalog.blobs.root.rglob("*") if p.is_file() and bytes(sha256).hex() in "".join(p.parts)
    )
    kept = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(b"no picture")
    outcome = featurize_catalog(catalog, ("art",), "processes:1")
    assert [reason for _, reason in outcome.problems] and "cannot be opened" in next(iter(outcome.problems))[1]
    images = len(list(catalog.images()))
    assert outcome.stored["art"] == images - 1
    assert [image.id for image in catalog.images(lacking="featurized")] == [victim]
    assert featurize_catalog(catalog, ("art",), "processes:1").stored == {}
    path.write_bytes(kept)
    assert featurize_catalog(catalog, ("art",), "processes:1", retry=True).stored == {"art": 1}
    assert flags(catalog) == (images, images, images)


def test_an_unknown_model_is_refused_before_any_work(gallery: Gallery) -> None:
    with pytest.raises(UnknownFeatureError):
        featurize_catalog(gallery.catalog, ("nonsense",), "processes:1")


def test_rows_that_are_not_the_models_are_refused() -> None:
    model = open_feature("hog").model
    with pytest.raises(ValueError, match="announced"):
        store.encode(model, np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="no numbers"):
        store.encode(model, np.full((1, model.dimension), np.nan, np.float32))


def test_featurize_killed_many_times_ends_as_if_never_killed(catalog_url: str, tmp_path: Path) -> None:
    chance = random.Random(5)
    with Catalog(catalog_url, str(tmp_path / "blobs")) as catalog:
        fill(catalog)
        for number in range(200, 350):
            add_picture(catalog, number, sprite(number, 24))
    home = Home(tmp_path, catalog_url)
    command = home.command("quarry", "index", "featurize", "--model", "art", "--model", "pdq", "--pool", "processes:2")
    killed, seen = 0, 0
    with home.open() as catalog:
        total = len(list(catalog.images()))
        for _ in range(4):
            process = home.start(command)
            seen += chance.randint(1, total // 3)
            killed += kill_once_stored(process, catalog, seen)
            assert_rows_and_flags_agree(catalog)
        assert killed >= 1
    done = home.run(command)
    assert done.returncode == 0, done.stderr
    with Catalog(f"sqlite:///{tmp_path / 'whole.db'}", str(tmp_path / "blobs2")) as whole:
        fill(whole)
        for number in range(200, 350):
            add_picture(whole, number, sprite(number, 24))
        featurize_catalog(whole, ("art", "pdq"), "processes:1")
        with home.open() as catalog:
            assert [row[:2] for row in rows(catalog)] == [row[:2] for row in rows(whole)]
            assert flags(catalog) == flags(whole)


def kill_once_stored(process: "subprocess.Popen[bytes]", catalog: Catalog, count: int) -> bool:
    """Kill the command and its workers once so many rows are stored; return whether it was still running."""
    while process.poll() is None:
        with catalog.database.read() as connection:
            stored = connection.scalar(select(func.count()).select_from(Feature)) or 0
        if stored >= count:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


def assert_rows_and_flags_agree(catalog: Catalog) -> None:
    """A flag without its row, or a row without its flag, would be half a transaction."""
    query = """SELECT count(*) FROM image i WHERE i.featurized <> EXISTS (
        SELECT 1 FROM feature f JOIN feature_model m ON m.id = f.model_id
        WHERE f.image_id = i.id AND m.name = 'art' AND f.vector IS NOT NULL)"""
    with catalog.database.read() as connection:
        assert connection.scalar(text(query)) == 0
