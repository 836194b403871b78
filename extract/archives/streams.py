"""Single-stream compression: gzip, bzip2, xz, lzma, zstd, lz4, compress.

Every decoder is asked for a bounded piece at a time, so a bomb costs one piece, not its size. Concatenated streams
are read on; padding and foreign bytes behind the last stream end it, as the formats' own tools do. Checksums inside
the formats are verified by the decoders. Sources: RFC 1952, RFC 8878, the .xz and LZ4 frame format documents.
"""

import bz2
import importlib
import importlib.util
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import zstandard

from extract.archives.interface import MIB, Limits, Source
from extract.errors import ArchiveProblem, DamagedError, RefusedError, UnsupportedError

PIECE = 256 * 1024
SUFFIXES = {"gzip": "gz", "bzip2": "bz2", "xz": "xz", "lzma": "lzma", "zstd": "zst", "lz4": "lz4", "compress": "Z"}
STREAM_FORMATS = frozenset(SUFFIXES)
_MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "lzma": b"\x5d\0\0"}


class _Decoder(Protocol):
    """What bz2 and lzma decoders share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _Gunzip:
    """zlib's decoder in the shape of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = PIECE) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def decompress(source: Source, limits: Limits) -> Iterator[bytes]:
    """Yield the decompressed bytes of a source whose `format` is one of STREAM_FORMATS. Raises ArchiveProblem."""
    if source.format == "compress":
        from extract.archives.sevenzip_tool import stream_one

        return stream_one(source, "Z")
    if source.format == "lz4":
        return _lz4(source)
    return _translated(source, limits)


def _translated(source: Source, limits: Limits) -> Iterator[bytes]:
    try:
        with source.open() as raw:
            yield from _zstd(raw, limits) if source.format == "zstd" else _concatenated(raw, source.format, limits)
    except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, zstandard.ZstdError) as error:
        raise _problem(source.format, error, limits) from error


def _problem(kind: str, error: Exception, limits: Limits) -> ArchiveProblem:
    text = str(error).lower()
    if "memory usage limit" in text or "memory limit" in text or "too much memory" in text:
        return RefusedError("dictionary bytes", limits.dictionary_bytes + 1, limits.dictionary_bytes)
    return DamagedError(f"{kind}: {error}")


def _factory(kind: str, limits: Limits) -> Callable[[], _Decoder]:
    memory = limits.dictionary_bytes + 64 * MIB
    factories: dict[str, Callable[[], _Decoder]] = {
        "gzip": _Gunzip,
        "bzip2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory),
        "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory),
    }
    return factories[kind]


def _concatenated(raw: io.BufferedIOBase | Any, kind: str, limits: Limits) -> Iterator[bytes]:
    """Yield one stream after another."""
    make, data = _factory(kind, limits), raw.read(PIECE)
    while True:
        decoder = make()
        while not decoder.eof:
            if decoder.needs_input and not data:
                data = raw.read(PIECE)
                if not data:
                    raise DamagedError(f"{kind}: ends before its end mark")
            piece, data = decoder.decompress(data, PIECE), b""
            if piece:
                yield piece
        data = decoder.unused_data + raw.read(PIECE)
        data = data.lstrip(b"\0") or raw.read(PIECE)
        if not data.startswith(_MAGIC[kind]):
            return


def _zstd(raw: Any, limits: Limits) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=limits.dictionary_bytes)
    seen = 0
    with decoder.stream_reader(raw, read_size=PIECE, read_across_frames=True, closefd=False) as reader:
        while piece := reader.read(PIECE):
            seen += len(piece)
            yield piece
    raw.seek(0)
    claimed = zstandard.frame_content_size(raw.read(32))
    if claimed > seen:
        raise DamagedError(f"zstd: {seen} bytes of {claimed}")


def _lz4(source: Source) -> Iterator[bytes]:
    if importlib.util.find_spec("lz4") is None:
        raise UnsupportedError("lz4: no decoder installed")
    frame = cast("Any", importlib.import_module("lz4.frame"))
    try:
        with source.open() as raw, frame.open(raw) as reader:
            while piece := reader.read(PIECE):
                yield piece
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise DamagedError(f"lz4: {error}") from error


class IterFile(io.RawIOBase):
    """An iterator of chunks as a readable, unseekable file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read exactly `size` bytes unless the chunks end; everything for a negative size."""
        parts, have = [self._left], len(self._left)
        while size < 0 or have < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        cut = have if size < 0 else size
        self._left = data[cut:]
        return data[:cut]
