"""Content-addressed blob store in a folder: bytes are named by their SHA-256.

Bytes are written under a temporary name and renamed when complete, so a name in `sha256/` always holds the whole
blob. Whoever writes a row that names a blob does so after `commit`; a crash in between leaves an unreferenced blob.
"""

import errno
import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from db.errors import BlobMissingError, BlobStoreError

BLOB_NAME = re.compile("[0-9a-f]{2}/[0-9a-f]{62}")
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


def is_disk_error(error: BaseException) -> bool:
    """Tell whether the disk or the bucket is at fault: no input is, and going on would lose something."""
    return isinstance(error, BlobStoreError) or (isinstance(error, OSError) and error.errno in DISK_ERRORS)


@dataclass(frozen=True)
class Stored:
    """A blob in the store: 32 bytes of SHA-256 and its size."""

    sha256: bytes
    size_bytes: int


class BlobWriter:
    """Bytes on their way into the store."""

    def __init__(self, store: "BlobStore", temporary: Path, *, durable: bool) -> None:
        self._store = store
        self._temporary = temporary
        self._durable = durable
        self._hash = hashlib.sha256()
        self._stream: BinaryIO = temporary.open("xb")
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._stream.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    def digest(self) -> bytes:
        """Return the SHA-256 of what was written so far."""
        return self._hash.digest()

    def commit(self) -> Stored:
        """Put the bytes in place; with `durable`, only after they reached the disk."""
        self._stream.close()
        stored = Stored(self._hash.digest(), self.size_bytes)
        self._store.adopt(self._temporary, stored, durable=self._durable)
        return stored

    def discard(self) -> None:
        """Forget what was written; harmless after `commit`."""
        self._stream.close()
        self._temporary.unlink(missing_ok=True)


class BlobStore:
    """Blobs in a folder: `sha256/ab/cd…` for blobs, `tmp/` for bytes on their way.

    Like `pathlib.Path`, this makes the kind that its argument asks for: `BlobStore("s3://bucket/prefix")` keeps blobs
    in a bucket (see db.blobs_s3). `url` names the store for other processes; `root` is its folder on this machine.
    """

    is_remote = False
    """Whether storing a blob waits for another machine."""

    def __new__(cls, url: str) -> "BlobStore":
        """Choose the store by its URL."""
        if cls is BlobStore and url.startswith("s3://"):
            from db.blobs_s3 import BucketBlobStore  # and with it a client that few need

            return super().__new__(BucketBlobStore)
        return super().__new__(cls)

    def __init__(self, url: str) -> None:
        self.url = url
        self.root = Path(url.removeprefix("file://")).absolute()
        self._blobs = self.root / "sha256"
        self.temporary = self.root / "tmp"
        self._make_shards()
        self.temporary.mkdir(parents=True, exist_ok=True)

    def _make_shards(self) -> None:
        """Make all 256 folders at once, on the disk for sure: a blob's own folder never has to be waited for again."""
        if (self._blobs / "ff").exists():
            return
        for shard in range(256):
            (self._blobs / f"{shard:02x}").mkdir(parents=True, exist_ok=True)
        _sync(self._blobs)

    @contextmanager
    def writer(self, *, durable: bool = False) -> Iterator[BlobWriter]:
        """Open a writer; without `commit` its bytes are dropped on exit."""
        writer = BlobWriter(self, self.temporary / uuid.uuid4().hex, durable=durable)
        try:
            yield writer
        finally:
            writer.discard()

    def put(self, data: bytes, *, durable: bool = False) -> Stored:
        """Store bytes at hand."""
        with self.writer(durable=durable) as writer:
            writer.write(data)
            return writer.commit()

    def adopt(self, temporary: Path, stored: Stored, *, durable: bool = False) -> None:
        """Rename a complete file of this store's disk to its blob's name; `durable` waits until that is on the disk."""
        target = self.path(stored.sha256)
        if durable:
            _sync(temporary)
        temporary.replace(target)
        if durable:
            _sync(target.parent)

    def adopt_all(self, files: Sequence[tuple[Path, Stored]]) -> None:
        """Adopt complete files durably."""
        for temporary, _ in files:
            _sync(temporary)
        for temporary, stored in files:
            self.adopt(temporary, stored)
        for folder in sorted({self.path(stored.sha256).parent for _, stored in files}):
            _sync(folder)

    def path(self, sha256: bytes) -> Path:
        """Return where a blob is, or would be."""
        name = sha256.hex()
        return self._blobs / name[:2] / name[2:]

    def has(self, sha256: bytes) -> bool:
        """Tell whether the store holds these bytes."""
        return self.path(sha256).exists()

    def has_here(self, sha256: bytes) -> bool:
        """Tell whether the bytes are on this machine, asking nobody: all that a child without network can know."""
        return BlobStore.path(self, sha256).exists()

    def modified_at(self, sha256: bytes) -> float:
        """Return when a blob was written (seconds since 1970), 0 if it is gone."""
        here = BlobStore.path(self, sha256)
        return here.stat().st_mtime if here.exists() else 0.0

    def discard(self, sha256: bytes) -> None:
        """Delete a blob; harmless if it is gone."""
        BlobStore.path(self, sha256).unlink(missing_ok=True)

    def is_sound(self, sha256: bytes) -> bool:
        """Read a blob where it is kept and tell whether it is what its name says. Raises BlobMissingError."""
        with self.open(sha256) as stream:
            return hashlib.file_digest(stream, "sha256").digest() == sha256  # type: ignore[arg-type] # a real file

    def set_aside(self, sha256: bytes) -> None:
        """Move damaged bytes to `damaged/`, so that nothing takes them for the blob: they may be all that is left."""
        damaged = self.root / "damaged"
        damaged.mkdir(exist_ok=True)
        BlobStore.path(self, sha256).replace(damaged / sha256.hex())

    def keep(self, sha256: bytes) -> bool:
        """Tell whether a blob is there, before it is named: from now on it is no old leftover that may be removed.

        Puts back a lost one from another copy that this store keeps, if there is one.
        """
        try:
            os.utime(BlobStore.path(self, sha256))
        except FileNotFoundError:
            return False
        return True

    def open(self, sha256: bytes) -> BinaryIO:
        """Open a blob for reading. Raises BlobMissingError."""
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError as error:
            raise BlobMissingError(f"blob {sha256.hex()} is not in {self.root}") from error

    def __iter__(self) -> Iterator[bytes]:
        """Yield the SHA-256 of every blob, in order."""
        return (sha256 for sha256, _ in self.sizes())

    def sizes(self) -> Iterator[tuple[bytes, int]]:
        """Yield the SHA-256 and the size in bytes of every blob, in order of the first."""
        for name, size in self._files():
            if (sha256 := blob_of(name)) is not None:
                yield sha256, size

    def strays(self) -> Iterator[str]:
        """Yield the paths of files among the blobs that are none: left by a backup or a file manager."""
        return (f"sha256/{name}" for name, _ in self._files() if blob_of(name) is None)

    def _files(self) -> Iterator[tuple[str, int]]:
        """Yield what lies in `sha256/`, in order: paths below it, and sizes."""
        for shard in sorted(self._blobs.iterdir()):
            for file in sorted(shard.iterdir()) if shard.is_dir() else [shard]:
                with suppress(FileNotFoundError):  # discarded meanwhile
                    yield file.relative_to(self._blobs).as_posix(), file.stat().st_size


def blob_of(name: str) -> bytes | None:
    """Return the SHA-256 that a path below `sha256/` stands for; None if no blob has that name."""
    return bytes.fromhex(name.replace("/", "")) if BLOB_NAME.fullmatch(name) else None


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
