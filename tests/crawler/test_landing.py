"""Finished downloads reach the blob store together, and one that is not right does not keep the others back."""

import asyncio
import errno
import hashlib
from pathlib import Path

import pytest

from crawler.errors import TruncatedDownloadError
from crawler.landing import Landing, land_now
from crawler.partial import Partial, Version
from db.blobs import BlobStore, Stored, is_disk_error
from demo.replica import Site
from tests.conftest import ROOT, Home


def downloaded(blobs: BlobStore, name: str, *, length_known: bool = True) -> Partial:
    """Make a finished download; of a small one whose length is not known, the bytes are on the disk already."""
    partial = Partial(blobs, f"http://s/{name}")
    partial.begin(Version("", "", len(name) if length_known else None), resume_at=0)
    partial.write(name.encode())
    partial.pause()
    return partial


def land(blobs: BlobStore, partials: list[Partial]) -> list[Stored | BaseException]:
    async def all_of_them() -> list[Stored | BaseException]:
        landing = Landing(blobs)
        landed = asyncio.gather(*map(landing.land, partials), return_exceptions=True)
        return await asyncio.wait_for(landed, 60)  # rather than never

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("length_known", [True, False])
def test_several_files_land_at_once(tmp_path: Path, length_known: bool) -> None:
    blobs = BlobStore(str(tmp_path))
    names = [f"file {number}" for number in range(40)]
    stored = land(blobs, [downloaded(blobs, name, length_known=length_known) for name in names])
    assert stored == [Stored(hashlib.sha256(name.encode()).digest(), len(name)) for name in names]
    assert sorted(blobs) == sorted(hashlib.sha256(name.encode()).digest() for name in names)
    assert [path for folder in ("partial", "tmp") for path in (tmp_path / folder).glob("*")] == []


def test_a_small_file_cut_off_is_kept_to_be_continued(tmp_path: Path) -> None:
    blobs = BlobStore(str(tmp_path))
    cut = Partial(blobs, "http://s/small")
    cut.begin(Version('"v1"', "", 10), resume_at=0)
    cut.write(b"01234")
    cut.pause()
    again = Partial(blobs, "http://s/small")
    assert again.continue_headers() == {"Range": "bytes=5-", "If-Range": '"v1"'}
    again.begin(Version('"v1"', "", 10, start=5), resume_at=5)
    again.write(b"56789")
    again.pause()
    assert land(blobs, [again]) == [Stored(hashlib.sha256(b"0123456789").digest(), 10)]
    assert [path for folder in ("partial", "tmp") for path in (tmp_path / folder).glob("*")] == []


@pytest.mark.parametrize("harm", ["grown", "gone"])
def test_a_file_that_somebody_changed_does_not_keep_the_others_back(tmp_path: Path, harm: str) -> None:
    blobs = BlobStore(str(tmp_path))
    partials = [downloaded(blobs, name, length_known=False) for name in ("one", "two", "three")]
    if harm == "grown":
        partials[1].path.write_bytes(b"two and more")
    else:
        partials[1].path.unlink()
    first, second, third = land(blobs, partials)
    assert isinstance(second, TruncatedDownloadError if harm == "grown" else FileNotFoundError)
    assert [blobs.has(found.sha256) for found in (first, third) if isinstance(found, Stored)] == [True, True]


def test_who_waits_hears_of_a_bucket_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARRY_CACHE", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("db.blobs_s3.RETRIES", 0)
    blobs = BlobStore("s3://nowhere/blobs")
    partials = [downloaded(blobs, name) for name in ("one", "two")]
    for found in land(blobs, partials):
        assert isinstance(found, Exception)
        assert is_disk_error(found)
    assert [partial.path.read_bytes() for partial in partials] == [b"one", b"two"]


PIPELINE = """
from pathlib import Path
from db.records import FetchedFile

class Look:
    def process_item(self, item):
        if isinstance(item, FetchedFile):
            name = item.sha256.hex()
            there = Path({blobs!r}, "sha256", name[:2], name[2:]).exists()
            with Path({seen!r}).open("a") as seen:
                seen.write(f"{{there}}\\n")
        return item
"""


def test_a_pipeline_finds_the_file_in_the_store(site: Site, home: Home, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "looking.py").write_text(PIPELINE.format(blobs=str(home.folder / "blobs"), seen=str(seen)))
    looking = Home(home.folder, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    done = looking.crawl(site.url, "-s", 'ITEM_PIPELINES={"looking.Look": 1}')
    assert seen.exists(), done.stderr
    told = seen.read_text().split()
    with looking.open() as catalog:
        assert told == ["True"] * len(list(catalog.blobs))
    assert told


def test_a_file_that_cannot_land_is_heard_of_when_it_is_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = BlobStore(str(tmp_path))
    partials = [downloaded(blobs, name) for name in ("one", "two")]

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as struck:
        struck.setattr("db.blobs._sync", full)
        with pytest.raises(OSError, match="No space"):
            land_now(blobs, partials)
    assert list(blobs) == []
    land_now(blobs, partials)
    assert len(list(blobs)) == 2
    land_now(blobs, partials)
