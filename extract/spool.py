"""Bytes on their way from the child that found them to the blob store, through a folder between the two.

The child writes what it finds under its hash (`SpoolSink`), unless the store has it already. The parent, which alone
may write to the store, hashes it again and moves it there (`Adoption`).
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from db.blobs import BlobStore, Stored
from extract.errors import ExtractError

_SMALL_BYTES = 256 * 1024
"""Smaller members wait in memory until their hash is known: most often they are in the store already."""


class UnknownBytesError(ExtractError):
    """A child told of bytes that it did not hand over."""


class SpoolSink:
    """Where the child puts members."""

    def __init__(self, folder: Path, blobs: BlobStore) -> None:
        self._folder = folder
        self._blobs = blobs
        self._done: set[bytes] = set()
        self._count = 0

    @contextmanager
    def writer(self) -> Iterator["_SpoolWriter"]:
        """Open a writer for one member; without `commit` its bytes are dropped on exit."""
        self._count += 1
        writer = _SpoolWriter(self, self._folder / f"{self._count}.part")
        try:
            yield writer
        finally:
            writer.discard()

    def keep(self, sha256: bytes, data: bytes, part: Path | None) -> None:
        """Keep one member's bytes, in memory or in a file, unless they are here or in the store."""
        if sha256 in self._done or self._blobs.has_here(sha256):
            return
        if part is None:
            part = self._folder / f"{self._count}.part"
            part.write_bytes(data)
        part.rename(self._folder / sha256.hex())  # whole at once: the parent may be taking the same bytes right now
        self._done.add(sha256)


class _SpoolWriter:
    def __init__(self, sink: SpoolSink, part: Path) -> None:
        self._sink = sink
        self._part = part
        self._stream: BinaryIO | None = None
        self._data = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._hash.update(chunk)
        self._size += len(chunk)
        if self._stream is None and self._size > _SMALL_BYTES:
            self._stream = self._part.open("xb")
            self._stream.write(self._data)
            self._data.clear()
        if self._stream is None:
            self._data += chunk
        else:
            self._stream.write(chunk)

    def commit(self) -> Stored:
        """Keep the bytes for the parent to fetch."""
        if self._stream is not None:
            self._stream.close()
        digest = self._hash.digest()
        self._sink.keep(digest, bytes(self._data), None if self._stream is None else self._part)
        return Stored(digest, self._size)

    def discard(self) -> None:
        """Forget what was not committed."""
        if self._stream is not None:
            self._stream.close()
            self._part.unlink(missing_ok=True)


class Adoption:
    """What the parent does with a child's folder."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.fresh: set[bytes] = set()
        """What the store did not have before."""

    def take(self, folder: Path, hashes: Iterable[bytes]) -> None:
        """Move bytes into the store. Raises UnknownBytesError when they are neither in the folder nor in the store."""
        for sha256 in dict.fromkeys(hashes):
            path = folder / sha256.hex()
            if path.is_file() and not path.is_symlink():
                self._adopt(path, sha256)
            elif not self._blobs.keep(sha256):
                raise UnknownBytesError(f"its reader told of {sha256.hex()[:12]}…, but handed nothing over")

    def _adopt(self, path: Path, sha256: bytes) -> None:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").digest()
            size = stream.tell()
        if found != sha256:
            raise UnknownBytesError(f"its reader called other bytes {sha256.hex()[:12]}…")
        if self._blobs.keep(sha256):
            path.unlink()
        else:
            self._blobs.adopt(path, Stored(sha256, size))
            self.fresh.add(sha256)
