"""Bytes go from a child's folder to the store whole, once, and only if they are what the child says."""

import hashlib
import os
from contextlib import closing
from pathlib import Path

import pytest

from db.blobs import BlobStore
from extract import spool
from extract.spool import Adoption, SpoolSink, UnknownBytesError, pack_path

SIZES = (0, 1, 400, 64 * 1024, 64 * 1024 + 1, 300 * 1024)


def handed(sink: SpoolSink, data: bytes) -> bytes:
    with sink.writer() as writer:
        for at in range(0, len(data), 100_000):
            writer.write(data[at : at + 100_000])
        return writer.commit().sha256


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"))


@pytest.fixture
def folder(store: BlobStore) -> Path:
    made = store.temporary / "child-1"
    made.mkdir()
    return made


def test_members_of_every_size_arrive(store: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_PACK_BYTES", 1000)  # several packs
    adoption = Adoption(store)
    pieces = [os.urandom(size) for size in SIZES for _ in range(3)]
    late = [os.urandom(size) for size in SIZES[2:]]
    with closing(SpoolSink(folder, store)) as sink:
        for data in pieces:
            adoption.take(folder, [handed(sink, data)])
        hashes = [handed(sink, data) for data in late]
    adoption.take(folder, reversed(hashes))
    assert {store.path(sha256).read_bytes() for sha256 in store} == {*pieces, *late}
    assert adoption.fresh == {hashlib.sha256(data).digest() for data in (*pieces, *late)}
    assert [path.name for path in store.temporary.iterdir()] == ["child-1"]


def test_what_the_store_has_is_not_handed_over(store: BlobStore, folder: Path) -> None:
    stored = store.put(b"known")
    adoption = Adoption(store)
    assert handed(SpoolSink(folder, store), b"known") == stored.sha256
    assert list(folder.iterdir()) == []
    adoption.take(folder, [stored.sha256])
    assert not adoption.fresh


def test_another_child_has_packs_of_its_own(store: BlobStore, folder: Path) -> None:
    adoption, other = Adoption(store), store.temporary / "child-2"
    other.mkdir()
    for place, data in ((folder, b"one"), (other, b"other")):
        with closing(SpoolSink(place, store)) as sink:
            adoption.take(place, [handed(sink, data)])
    assert len(adoption.fresh) == 2


def test_archives_that_one_child_reads_share_its_folder(store: BlobStore, folder: Path) -> None:
    adoption = Adoption(store)
    for data in (b"one", b"other", b"one", b"third"):
        with closing(SpoolSink(folder, store)) as sink:
            known = handed(sink, data), handed(sink, data + b" more")
        adoption.take(folder, known)
    assert {store.path(sha256).read_bytes() for sha256 in store} == {
        data + more for data in (b"one", b"other", b"third") for more in (b"", b" more")
    }


def record(sha256: bytes, length: int, data: bytes) -> bytes:
    return sha256 + length.to_bytes(8, "little") + data


REAL = hashlib.sha256(b"real").digest()
LIES = {
    "other bytes": record(REAL, 4, b"fake"),
    "fewer bytes than it says": record(REAL, 400, b"real"),
    "more bytes than any small member has": record(REAL, 1 << 40, b"real"),
    "half a header": REAL[:20],
    "nothing": b"",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_child_that_lies_is_not_believed(store: BlobStore, folder: Path, lie: str) -> None:
    pack_path(folder, 0).write_bytes(LIES[lie])
    with pytest.raises(UnknownBytesError):
        Adoption(store).take(folder, [REAL])
    assert list(store) == []


def test_links_are_not_followed(store: BlobStore, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(record(REAL, 4, b"real"))
    pack_path(folder, 0).symlink_to(tmp_path / "secret")
    with pytest.raises(UnknownBytesError):
        Adoption(store).take(folder, [REAL])


def test_a_record_that_is_still_being_written_waits(store: BlobStore, folder: Path) -> None:
    adoption, whole = Adoption(store), record(REAL, 4, b"real")
    pack_path(folder, 0).write_bytes(whole[:-1])
    adoption.take(folder, [])
    pack_path(folder, 0).write_bytes(whole)
    adoption.take(folder, [REAL])
    assert store.path(REAL).read_bytes() == b"real"
