"""Blobs in a bucket, spoken to over HTTP."""

import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from db import Catalog
from db.blobs import BlobStore, is_disk_error
from db.blobs_s3 import MULTIPART_BYTES, BucketBlobStore
from db.cli_care import verify as verify_command
from db.errors import BlobDamagedError, BlobMissingError, BlobStoreError
from db.verify import verify
from tests.conftest import Home
from tests.db.building import add_file, add_page, add_sheets
from tests.s3_server import serve_s3


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with serve_s3() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty place in a bucket, and the environment to get there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("QUARRY_CACHE", str(tmp_path / "cache"))
    return f"s3://blobs/{uuid.uuid4().hex}"


def elsewhere(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    """Open the store as another machine would: with an empty folder of its own."""
    monkeypatch.setenv("QUARRY_CACHE", str(folder))
    return BlobStore(url)


@pytest.mark.parametrize("size", [0, 5, MULTIPART_BYTES - 1, 2 * MULTIPART_BYTES + 3])
def test_what_one_machine_stores_another_reads(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    data = os.urandom(size)
    store = BlobStore(bucket)
    assert isinstance(store, BucketBlobStore)
    stored = store.put(data)
    assert store.put(data) == stored
    other = elsewhere(bucket, tmp_path / "other", monkeypatch)
    assert not other.has_here(stored.sha256)
    assert other.has(stored.sha256)
    with other.open(stored.sha256) as stream:
        assert stream.read() == data
    assert other.has_here(stored.sha256)
    assert list(other) == [hashlib.sha256(data).digest()]
    assert list(other.temporary.iterdir()) == []


def test_missing_and_discarded_blobs_say_so(bucket: str) -> None:
    store = BlobStore(bucket)
    assert list(store) == []
    with pytest.raises(BlobMissingError, match="s3://"):
        store.open(b"\0" * 32)
    stored = store.put(b"x")
    store.discard(stored.sha256)
    assert not store.has(stored.sha256)
    with pytest.raises(BlobMissingError):
        store.path(stored.sha256)


def test_bytes_that_are_not_what_their_name_says_are_refused(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    store = BlobStore(bucket)
    assert isinstance(store, BucketBlobStore)
    sha = hashlib.sha256(b"right").digest()
    obstore.put(store._store, store._key(sha), b"wrong")
    with pytest.raises(BlobDamagedError, match="other bytes"):
        store.open(sha)
    assert not store.has_here(sha)


def test_writers_at_once_of_the_same_bytes_all_succeed(bucket: str) -> None:
    store = BlobStore(bucket)
    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(lambda _: store.put(b"the same"), range(24)))
    assert len(stored) == len(list(store)) == 1


def test_the_folder_keeps_to_its_limit(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARRY_CACHE_BYTES", "5000")
    monkeypatch.setattr("db.blobs_s3.KEEP_S", -1.0)
    store = BlobStore(bucket)
    stored = [store.put(os.urandom(1000)) for _ in range(30)]
    here = [one for one in stored if store.has_here(one.sha256)]
    assert 0 < len(here) <= 10
    assert all(store.path(one.sha256).stat().st_size == 1000 for one in stored)


def test_a_bucket_out_of_reach_is_nobodys_input(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("db.blobs_s3.RETRIES", 0)
    with pytest.raises(BlobStoreError) as caught:
        BlobStore(bucket).has(b"\0" * 32)
    assert is_disk_error(caught.value)


def test_a_catalog_works_on_a_bucket(bucket: str, tmp_path: Path) -> None:
    with Catalog(f"sqlite:///{tmp_path / 'c.db'}", bucket) as catalog:
        add_sheets(catalog, 2)
        assert [catalog.open(image.id).shape[0] for image in catalog.images()] == [4] * 10
        assert len(list(catalog.blobs)) == 2


def test_extraction_runs_on_a_bucket(bucket: str, tmp_path: Path) -> None:
    from tests.extract.test_run import bring, packed, png

    home = Home(tmp_path / "home", env={"QUARRY_BLOBS": bucket})
    with home.open() as catalog:
        bring(catalog, pack_DOT_zip=packed(a_DOT_png=png(1), b_DOT_png=png(2)), c_DOT_png=png(3))
    env = {**home.environment, "QUARRY_BLOBS": bucket, "QUARRY_CACHE": str(tmp_path / "another")}
    command = [sys.executable, "-m", "quarry", "extract", "run", "--pool", "processes:1"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    with home.open() as catalog:
        assert len(list(catalog.images())) == 3
        assert len(list(catalog.blobs)) == 4


PRECIOUS = b"the only copy that the site no longer has"


def bring_precious(catalog: Catalog) -> bytes:
    add_page(catalog, "p", "http://s/f.zip")
    add_file(catalog, "http://s/f.zip", PRECIOUS)
    return hashlib.sha256(PRECIOUS).digest()


@pytest.fixture
def on_bucket(bucket: str, tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(f"sqlite:///{tmp_path / 'c.db'}", bucket) as catalog:
        yield catalog


def test_a_rotten_copy_in_the_folder_costs_the_bucket_nothing(on_bucket: Catalog) -> None:
    sha = bring_precious(on_bucket)
    on_bucket.blobs.path(sha).write_bytes(b"bit rot")
    assert verify(on_bucket, hashes=True, repair=True).findings == []
    assert on_bucket.blobs.path(sha).read_bytes() == PRECIOUS


def test_a_bucket_that_does_not_answer_is_not_judged(on_bucket: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = bring_precious(on_bucket)
    monkeypatch.setattr("db.blobs_s3.RETRIES", 0)
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        places = ["--catalog", on_bucket.settings.catalog_url, "--blobs", on_bucket.blobs.url]
        said = CliRunner().invoke(verify_command, [*places, "--hashes", "--repair"])
    assert said.exit_code == 3
    assert said.stderr.startswith("stopped: s3://blobs")
    assert on_bucket.blobs.is_sound(sha)


def test_damaged_bytes_in_a_bucket_are_kept_aside(on_bucket: Catalog) -> None:
    import obstore

    sha, store = bring_precious(on_bucket), on_bucket.blobs
    assert isinstance(store, BucketBlobStore)
    obstore.put(store._store, store._key(sha), b"damaged")
    assert len(verify(on_bucket, hashes=True, repair=True).findings) == 1
    assert not store.has(sha)
    assert bytes(obstore.get(store._store, f"damaged/{sha.hex()}").bytes()) == b"damaged"


def test_what_a_bucket_lost_is_put_back_from_the_folder(on_bucket: Catalog) -> None:
    import obstore

    sha, store = bring_precious(on_bucket), on_bucket.blobs
    assert isinstance(store, BucketBlobStore)
    obstore.delete(store._store, store._key(sha))
    assert verify(on_bucket, repair=True).mended == 1
    assert store.is_sound(sha)
