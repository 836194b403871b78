"""ZIP without its directory: entries are found by their local headers, front to back.

For archives whose directory is missing, cut short or contradicts itself. The archive counts as whole when the entries
run without a gap up to where a directory starts; otherwise it is damaged behind the last good entry. Local headers
say nothing about links, so a link comes out as the text of its target. Source: PKWARE APPNOTE 6.3.10, 4.3.7-4.3.9.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from extract.archives.interface import Entry, Limits, Name, Source
from extract.errors import DamagedError, EncryptedError, UnsupportedError

_CHUNK = 256 * 1024
_LOCAL, _DIRECTORY, _DESCRIPTOR = b"PK\x03\x04", (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06"), b"PK\x07\x08"
_ENCRYPTED, _DESCRIBED, _UTF8 = 0x1, 0x8, 0x800
_STORED, _DEFLATED = 0, 8
_ZIP64 = 0xFFFFFFFF


@dataclass(frozen=True)
class _Header:
    """A local header: the fields needed, and where the data starts."""

    flags: int
    method: int
    crc32: int
    packed_bytes: int
    size_bytes: int
    raw_name: bytes
    data_at: int

    @property
    def described(self) -> bool:
        """Sizes and CRC stand behind the data."""
        return bool(self.flags & _DESCRIBED) and not self.packed_bytes


class ZipLocalReader:
    """Reads stored and deflated entries by their local headers."""

    name = "zip local headers"
    skips = False
    formats = frozenset({"zip"})

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries front to back. Raises DamagedError unless a directory follows the last one directly."""
        with source.open() as raw:
            walk = _Walk(raw)
            while (header := walk.header()) is not None:
                yield walk.entry(header)
                walk.step(header)
            walk.check_end()


class _Walk:
    """The position between two entries, moved by reading them."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._at = 0
        self._done_at: int | None = None

    def header(self) -> _Header | None:
        """Parse the local header at the position; None when there is none."""
        self._raw.seek(self._at)
        fixed = self._raw.read(30)
        if len(fixed) < 30 or fixed[:4] != _LOCAL:
            return None
        flags, method = struct.unpack_from("<HH", fixed, 6)
        crc, packed, size, name_length, extra_length = struct.unpack_from("<IIIHH", fixed, 14)
        name = self._raw.read(name_length)
        data_at = self._at + 30 + name_length + extra_length
        return _Header(flags, method, crc, packed, size, name, data_at)

    def entry(self, header: _Header) -> Entry:
        """Make an entry of a header. Raises ArchiveProblem when the walk cannot go on behind it."""
        self._done_at = None if header.described else header.data_at + header.packed_bytes
        raw = header.raw_name
        name = Name(raw, _text(raw) if header.flags & _UTF8 else None)
        if raw.endswith((b"/", b"\\")) and not header.size_bytes:
            self._done_at = header.data_at + header.packed_bytes
            return Entry(name, "folder")
        if header.flags & _ENCRYPTED:
            raise EncryptedError("password needed")
        if header.method not in (_STORED, _DEFLATED) or _ZIP64 in (header.packed_bytes, header.size_bytes):
            raise UnsupportedError(f"zip: method {header.method} without a directory")
        size = None if header.described else header.size_bytes
        return Entry(name, "file", size, partial(self._chunks, header))

    def step(self, header: _Header) -> None:
        """Move behind the entry. Raises DamagedError when nobody knows where it ends."""
        if self._done_at is None:
            raise DamagedError(f"zip: no end of the entry at byte {header.data_at}")
        self._at = self._done_at

    def check_end(self) -> None:
        """Raise DamagedError unless a directory starts here."""
        self._raw.seek(self._at)
        if self._raw.read(4) not in _DIRECTORY:
            raise DamagedError(f"zip: neither an entry nor the directory at byte {self._at}")

    def _chunks(self, header: _Header) -> Iterator[bytes]:
        if header.method == _DEFLATED:
            yield from self._deflated(header)
        elif header.described:
            yield from self._stored_until_descriptor(header)
        else:
            yield from _verified(self._stored(header), header.crc32, header.size_bytes)

    def _stored(self, header: _Header) -> Iterator[bytes]:
        self._raw.seek(header.data_at)
        left = header.packed_bytes
        while left > 0 and (chunk := self._raw.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk

    def _deflated(self, header: _Header) -> Iterator[bytes]:
        decoder = zlib.decompressobj(wbits=-15)
        self._raw.seek(header.data_at)
        crc = size = taken = 0
        while not decoder.eof:
            data = decoder.unconsumed_tail or self._raw.read(_CHUNK)
            if not data:
                raise DamagedError("zip: ends inside an entry")
            piece = _inflate(decoder, data)
            taken += len(data) - len(decoder.unconsumed_tail) - len(decoder.unused_data)
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if piece:
                yield piece
        if header.described:
            self._done_at = self._descriptor_end(header.data_at + taken, crc, taken, size)
        elif (crc, size) != (header.crc32, header.size_bytes):
            raise DamagedError(f"zip: CRC {crc:08x} of {size} bytes, want {header.crc32:08x} of {header.size_bytes}")

    def _stored_until_descriptor(self, header: _Header) -> Iterator[bytes]:
        """Yield bytes up to the first descriptor whose CRC and size fit what came before it."""
        crc = size = 0
        self._raw.seek(header.data_at)
        data = self._raw.read(_CHUNK)
        while data:
            at = data.find(_DESCRIPTOR)
            position = header.data_at + size + max(at, 0)
            piece = data[:at] if at >= 0 else data[: max(len(data) - 3, 1)]
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if piece:
                yield piece
            if at >= 0 and (end := self._described_at(position, crc, size, size)):
                self._done_at = end
                return
            if at >= 0:
                crc, size = zlib.crc32(_DESCRIPTOR[:1], crc), size + 1
                yield _DESCRIPTOR[:1]
            self._raw.seek(header.data_at + size)
            data = self._raw.read(_CHUNK)
        raise DamagedError("zip: no descriptor behind an entry")

    def _descriptor_end(self, at: int, crc: int, packed: int, size: int) -> int:
        end = self._described_at(at, crc, packed, size)
        if not end:
            raise DamagedError(f"zip: descriptor at byte {at} does not fit the data")
        return end

    def _described_at(self, at: int, crc: int, packed: int, size: int) -> int:
        """Return the end of a fitting descriptor at `at`, with or without signature, in either width; 0 for none."""
        self._raw.seek(at)
        data = self._raw.read(24)
        signature = 4 if data[:4] == _DESCRIPTOR else 0
        for shape in ("<IQQ", "<III"):
            length = signature + struct.calcsize(shape)
            if len(data) >= length and struct.unpack_from(shape, data, signature) == (crc, packed, size):
                return at + length
        return 0


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _inflate(decoder: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return decoder.decompress(data, _CHUNK)
    except zlib.error as error:
        raise DamagedError(f"zip: {error}") from error


def _verified(chunks: Iterator[bytes], crc32: int, size_bytes: int) -> Iterator[bytes]:
    crc = seen = 0
    for chunk in chunks:
        crc, seen = zlib.crc32(chunk, crc), seen + len(chunk)
        yield chunk
    if (crc, seen) != (crc32, size_bytes):
        raise DamagedError(f"zip: CRC {crc:08x} of {seen} bytes, want {crc32:08x} of {size_bytes}")
