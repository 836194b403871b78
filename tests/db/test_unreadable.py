"""A blob that is missing or damaged costs an export its own images and no others, and is told."""

import hashlib
import json
import tarfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from db import Catalog
from db.blobs import BlobStore
from db.cli import catalog as catalog_commands
from db.errors import BlobMissingError, BlobStoreError
from extract.review.cli import review
from extract.tiles.cli import tiles
from tests.db.building import add_sheets, image_record, png

LEFT_OUT = "10 images left out; see quarry catalog verify --hashes --repair"
"""Two sheets with four tiles each."""


@pytest.fixture
def harmed(catalog: Catalog) -> Catalog:
    """Three sheets: one cut short, one gone, one as it should be."""
    first, second, _ = add_sheets(catalog, 3)
    catalog.blobs.path(sha(first)).write_bytes(png(first)[:40])
    catalog.blobs.discard(sha(second))
    return catalog


def sha(rgba: object) -> bytes:
    return hashlib.sha256(png(rgba)).digest()  # type: ignore[arg-type]


def run(harmed: Catalog, command: click.Command, *words: str) -> Result:
    places = ["--catalog", harmed.settings.catalog_url, "--blobs", harmed.settings.blobs_url]
    done = CliRunner().invoke(command, [*places, *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def command(name: str) -> click.Command:
    found = catalog_commands.get_command(click.Context(catalog_commands), name)
    assert found is not None
    return found


def export(harmed: Catalog, *words: str) -> Result:
    return run(harmed, command("export"), *words)


def test_exports_of_pixels_leave_them_out(harmed: Catalog, tmp_path: Path) -> None:
    for form in ("webdataset", "datasets"):
        done = export(harmed, "--format", form, "--out", str(tmp_path / form))
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, LEFT_OUT)
    with tarfile.open(next((tmp_path / "webdataset").glob("*.tar"))) as shard:
        assert len(shard.getnames()) == 2 * 5


def test_reports_leave_them_out(harmed: Catalog, tmp_path: Path) -> None:
    done = run(harmed, command("report"), "--out", str(tmp_path / "report"))
    assert (done.exit_code, done.stderr.splitlines()[-1][:18]) == (1, "2 images left out;")
    assert len(list((tmp_path / "report" / "img").glob("*.png"))) == 1
    pages = [page.read_text() for page in (tmp_path / "report").glob("page-*.html")]
    assert sum("<img" in page for page in pages) == 1


def test_tiles_leave_them_out_until_they_are_back(harmed: Catalog, tmp_path: Path) -> None:
    for form in ((), ("--webdataset",), ("--parquet",)):
        out = tmp_path / "-".join(("tiles", *form))
        done = run(harmed, tiles, "--out", str(out), "--json", *form)
        assert (done.exit_code, done.stderr.splitlines()[-1][:18]) == (1, "8 images left out;")
        assert json.loads(done.stdout)["tiles"] == 4
    for rgba in add_sheets(harmed, 3):
        harmed.blobs.path(sha(rgba)).write_bytes(png(rgba))
    for form in ((), ("--webdataset",), ("--parquet",)):
        out = tmp_path / "-".join(("tiles", *form))
        done = run(harmed, tiles, "--out", str(out), "--json", *form)
        assert (done.exit_code, json.loads(done.stdout)["tiles"]) == (0, 12)
        assert json.loads(done.stdout)["written"] == (12 if form else 8)


def test_the_review_leaves_them_out(harmed: Catalog, tmp_path: Path) -> None:
    from sqlalchemy import text

    with harmed.database.write() as connection:
        connection.execute(text("UPDATE sheet SET confidence = 0.1, candidates = '[]' WHERE kind = 'grid'"))
    done = run(harmed, review, "--out", str(tmp_path / "review"))
    assert (done.exit_code, done.stderr.splitlines()[-1][:18]) == (1, "2 images left out;")
    assert done.stdout.startswith("1 sheets")


def test_a_store_out_of_reach_is_still_an_error(harmed: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [image.id for image in harmed.images()]
    assert len(list(harmed.open_many(ids, leave_out=True))) == 5
    assert sorted(harmed.unreadable) == sorted(set(ids) - {one for one, _ in harmed.open_many(ids, leave_out=True)})
    with pytest.raises(BlobMissingError):
        list(harmed.open_many([image_id for image_id, why in harmed.unreadable.items() if "Missing" in why]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("db.blobs_s3.RETRIES", 0)
    harmed.blobs = BlobStore("s3://nowhere/blobs")
    harmed._frame.cache_clear()
    with pytest.raises(BlobStoreError):
        list(harmed.open_many(ids, leave_out=True))


def test_a_sheet_that_shrank_has_no_tiles(catalog: Catalog) -> None:
    (rgba,) = add_sheets(catalog, 1)
    catalog.blobs.path(sha(rgba)).write_bytes(png(rgba[:, :6]))
    assert image_record(rgba[:, :6]).width == 6
    whole, *cut = [image.id for image in catalog.images()]
    assert [image_id for image_id, _ in catalog.open_many([whole, *cut], leave_out=True)] == [whole, cut[0]]
