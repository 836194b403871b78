"""The featurize stage on both databases: once each, together with its flag, whatever kills it."""

import json
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
from index.computing import compute
from index.engines import open_engine
from index.errors import OutageError, UnknownFeatureError
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


def blob_of(catalog: Catalog, image_id: int) -> Path:
    query = "SELECT b.sha256 FROM frame f JOIN blob b ON b.id = f.blob_id WHERE f.image_id = :id"
    with catalog.database.read() as connection:
        return catalog.blobs.path(bytes(connection.scalar(text(query), {"id": image_id})))


def test_an_outage_of_the_blob_store_stops_the_run_and_is_no_pictures_fault(home: Home) -> None:
    """The kernel refuses to open a file (here: a link that leads to itself), as it does when a mount fails."""
    with home.open() as catalog:
        gallery = fill(catalog)
        images = len(list(catalog.images()))
        blob = blob_of(catalog, list(gallery.sprites)[-1])
        kept = blob.read_bytes()
        blob.unlink()
        blob.symlink_to(blob.name)
    command = ("index", "featurize", "--model", "art", "--model", "pdq", "--pool", "processes:1")
    struck = home.quarry(*command, "--json")
    assert struck.returncode == 3, struck.stderr
    said = json.loads(struck.stdout)
    assert said["stopped"] and "symbolic links" in said["cause"] and said["problems"] == []
    assert "no picture is blamed" in home.quarry(*command).stdout
    with home.open() as catalog:
        with catalog.database.read() as connection:
            problems = select(func.count()).select_from(Feature).where(Feature.vector.is_(None))
            assert connection.scalar(problems) == 0
        stored = [sum(name == model for name, *_ in rows(catalog)) for model in ("art", "pdq")]
        assert said["due"] == {"art": images - stored[0], "pdq": images - stored[1]} and 0 not in said["due"].values()
    blob.unlink()
    blob.write_bytes(kept)
    assert home.quarry(*command).returncode == 0
    with home.open() as catalog:
        assert flags(catalog) == (images, images, images)


def test_an_outage_of_the_catalog_is_no_pictures_fault(postgres_url: str, tmp_path: Path) -> None:
    """The database does not answer in time, here because somebody holds a table."""
    with Catalog(postgres_url, str(tmp_path / "blobs")) as catalog:
        image_id = add_picture(catalog, 1, sprite(1))
        patience = "options=-c lock_timeout=200"
        with catalog.database.write() as connection:
            connection.execute(text("LOCK TABLE frame IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(OutageError, match="lock timeout"):
                compute(f"{postgres_url}&{patience}", str(tmp_path / "blobs"), ("phash",), (image_id,))


def test_only_what_is_lacking_is_computed(gallery: Gallery) -> None:
    catalog = gallery.catalog
    images = len(list(catalog.images()))
    featurize_catalog(catalog, ("phash",), "processes:1")
    assert featurize_catalog(catalog, ("phash", "dhash"), "processes:1").stored == {"dhash": images}
    new = add_picture(catalog, 700, sprite(700))
    model_id = store.register(catalog.database, open_feature("phash").model)
    with catalog.database.write() as connection:
        store.save(connection, open_feature("phash").model, model_id, [store.Computed(new, None, "broken")])
    assert featurize_catalog(catalog, ("phash", "dhash"), "processes:1").stored == {"dhash": 1}


def test_a_vector_takes_the_place_of_a_problem_everywhere(gallery: Gallery) -> None:
    """Row, flag and the engine's copy say the same, also where the problem was found by another run meanwhile."""
    catalog, feature = gallery.catalog, open_feature("art")
    featurize_catalog(catalog, ("art",), "processes:1")
    new = add_picture(catalog, 701, sprite(701))
    engine, model_id = open_engine(catalog), store.register(catalog.database, feature.model)
    row = feature.compute([sprite(701)])[0]
    vector = store.encode(feature.model, row[None])[0]
    for found, problem, kept in ((None, "broken", "broken"), (vector, "", ""), (None, "broken", "")):
        computed = [store.Computed(new, found, problem)]
        with catalog.database.write() as connection:
            store.save(connection, feature.model, model_id, computed)
            engine.save(connection, feature.model, model_id, computed)
        near = engine.search(feature.model, model_id, row, 1)
        with catalog.database.read() as connection:
            query = select(Feature.problem).where(Feature.model_id == model_id, Feature.image_id == new)
            assert connection.scalars(query).all() == [kept]
        assert (near[0].image_id == new) == (kept == "")
    assert_rows_and_flags_agree(catalog)


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
