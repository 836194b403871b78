"""Bytes on their way from the child that found them to the blob store, through a folder between the two.

The child writes what it finds under its hash, or if it is small behind others of its kind into a pack (`SpoolSink`),
unless the store has it already. The parent, which alone may write to the store, hashes it again and puts it there
(`Adoption`). Making a file and renaming it costs more than everything else that is done with a small member, so it is
done once for each, not twice.
"""

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from db.blobs import BlobStore, Stored
from extract.errors import ExtractError

_SMALL_BYTES = 256 * 1024
"""Smaller members wait in memory until their hash is known: most often they are in the store already."""
_PACKED_BYTES = 64 * 1024
_PACK_BYTES = 16 * 1024 * 1024
_HASH_BYTES, _LENGTH_BYTES = 32, 8
_HEADER_BYTES = _HASH_BYTES + _LENGTH_BYTES


class UnknownBytesError(ExtractError):
    """A child told of bytes that it did not hand over."""


def pack_path(folder: Path, number: int) -> Path:
    """Return where a pack lies: an append-only file of records, each a SHA-256, a length (little-endian) and bytes."""
    return folder / f"{number}.pack"


class SpoolSink:
    """Where the child puts members."""

    def __init__(self, folder: Path, blobs: BlobStore) -> None:
        self._folder = folder
        self._blobs = blobs
        self._done: set[bytes] = set()
        self._count = 0
        self._pack: BinaryIO | None = None
        self._packs = 0
        self._packed_bytes = 0

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
        if part is None and len(data) <= _PACKED_BYTES:
            self._append(sha256, data)
        else:
            if part is None:
                part = self._folder / f"{self._count}.part"
                part.write_bytes(data)
            part.rename(self._folder / sha256.hex())  # whole at once: the parent may be taking the same bytes right now
        self._done.add(sha256)

    def close(self) -> None:
        """Close the last pack; what is in it stays."""
        if self._pack is not None:
            self._pack.close()

    def _append(self, sha256: bytes, data: bytes) -> None:
        if self._pack is None or self._packed_bytes >= _PACK_BYTES:
            self.close()
            while pack_path(self._folder, self._packs).exists():  # of this archive, or of one read before it
                self._packs += 1
            self._pack = pack_path(self._folder, self._packs).open("xb", buffering=0)
            self._packed_bytes = 0
        record = sha256 + len(data).to_bytes(_LENGTH_BYTES, "little") + data
        written = self._pack.write(record)
        while written < len(record):
            written += self._pack.write(record[written:])
        self._packed_bytes += len(record)


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
        self._packs: tuple[Path, _Packs] | None = None
        self.fresh: set[bytes] = set()
        """What the store did not have before."""

    def take(self, folder: Path, hashes: Iterable[bytes]) -> None:
        """Bring bytes into the store. Raises UnknownBytesError when they are neither in the folder nor in the store."""
        if self._packs is None or self._packs[0] != folder:
            self._packs = folder, _Packs(folder)  # those of an earlier child are gone
        packs = self._packs[1]
        wanted = dict.fromkeys(hashes)
        if wanted:  # a picture has no members
            packs.look()
        for sha256, data in packs.read(wanted):
            path = folder / sha256.hex()
            if data is not None:
                self._adopt_bytes(data, sha256)
            elif path.is_file() and not path.is_symlink():
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

    def _adopt_bytes(self, data: bytes, sha256: bytes) -> None:
        if hashlib.sha256(data).digest() != sha256:
            raise UnknownBytesError(f"its reader called other bytes {sha256.hex()[:12]}…")
        if self._blobs.keep(sha256):
            return
        temporary = self._blobs.temporary / uuid.uuid4().hex
        try:
            temporary.write_bytes(data)
            self._blobs.adopt(temporary, Stored(sha256, len(data)))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self.fresh.add(sha256)


class _Packs:
    """What lies in the packs of one child, which may be appending to the last of them right now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._where: dict[bytes, tuple[int, int, int]] = {}
        self._number = 0
        self._at = 0

    def look(self) -> None:
        """Find what was added since; a record that is not whole yet waits."""
        while (path := pack_path(self._folder, self._number)).is_file() and not path.is_symlink():
            is_last = not pack_path(self._folder, self._number + 1).exists()
            with path.open("rb") as stream:
                self._look_into(stream)
            if is_last:
                return
            self._number, self._at = self._number + 1, 0

    def _look_into(self, stream: BinaryIO) -> None:
        size = stream.seek(0, os.SEEK_END)
        while self._at + _HEADER_BYTES <= size:
            stream.seek(self._at)
            header = stream.read(_HEADER_BYTES)
            length = int.from_bytes(header[_HASH_BYTES:], "little")
            end = self._at + _HEADER_BYTES + length
            if length > _PACKED_BYTES or end > size:
                return
            self._where.setdefault(header[:_HASH_BYTES], (self._number, end - length, length))
            self._at = end

    def read(self, hashes: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield hashes in order with their bytes as far as they are here, each pack opened once in a row."""
        number, descriptor = -1, -1
        try:
            for sha256 in hashes:
                if (where := self._where.pop(sha256, None)) is None:
                    yield sha256, None
                    continue
                if where[0] != number:
                    if descriptor >= 0:
                        os.close(descriptor)
                    number = where[0]
                    descriptor = os.open(pack_path(self._folder, number), os.O_RDONLY | os.O_NOFOLLOW)
                yield sha256, os.pread(descriptor, where[2], where[1])
        finally:
            if descriptor >= 0:
                os.close(descriptor)
