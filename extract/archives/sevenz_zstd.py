"""7z whose folders are plain Zstandard, decoded frame after frame.

Writers that compress in several threads put many frames into one folder; `py7zr` stops at the end of the first one
and the official `7zz` has no Zstandard in 7z. The headers are still read by `py7zr`. Source: 7-Zip ZS, method
04F71101; RFC 8878.
"""

import zlib
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from typing import IO, Any, BinaryIO, cast

import zstandard

from extract.archives.interface import Entry, Limits, Name, Source
from extract.archives.sevenz_reader import check_claims, kind_of, open_archive
from extract.errors import DamagedError, UnsupportedError

_ZSTD = b"\x04\xf7\x11\x01"
_CHUNK = 256 * 1024


class SevenZipZstdReader:
    """Reads 7z archives of which every folder has Zstandard as its only method."""

    name = "zstandard in 7z"
    skips = False
    formats = frozenset({"7z"})

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries in archive order. Raises UnsupportedError when another method occurs."""
        with source.open() as raw:
            archive = open_archive(raw)
            check_claims(list(archive.files), source, limits)
            rows = _Rows(archive, raw, limits)
            for file in archive.files:
                name = Name(file.filename.encode("utf-8", "surrogatepass"), file.filename)
                kind = kind_of(file)
                chunks = partial(rows.read, file) if kind == "file" else None
                yield Entry(name, kind, file.uncompressed or 0, chunks)


class _Rows:
    """The folders' contents, each one row of members."""

    def __init__(self, archive: Any, raw: BinaryIO, limits: Limits) -> None:
        streams = getattr(archive.header, "main_streams", None)
        folders = streams.unpackinfo.folders if streams else []
        if any([coder.get("method") for coder in folder.coders] != [_ZSTD] for folder in folders):
            raise UnsupportedError("7z: methods other than Zstandard")
        sizes = streams.packinfo.packsizes if streams else []
        first = archive.afterheader + (streams.packinfo.packpos if streams else 0)
        self._spans = {
            id(folder): (first + start, size)
            for folder, start, size in zip(folders, accumulate(sizes, initial=0), sizes, strict=False)
        }
        self._raw = raw
        self._limits = limits
        self._folder: Any = None
        self._row: Iterator[bytes] = iter(())
        self._left = b""

    def read(self, file: Any) -> Iterator[bytes]:
        """Yield one member's bytes, checked. Members of a folder come in order."""
        if file.emptystream:
            return
        if file.folder is not self._folder:
            self._folder, self._left = file.folder, b""
            self._row = self._frames(*self._spans[id(file.folder)])
        crc, missing = 0, file.uncompressed
        while missing > 0:
            data = self._left or next(self._row, b"")
            if not data:
                raise DamagedError(f"7z: {missing} bytes missing")
            piece, self._left = data[:missing], data[missing:]
            crc, missing = zlib.crc32(piece, crc), missing - len(piece)
            yield piece
        if file.crc32 is not None and crc != file.crc32:
            raise DamagedError(f"7z: CRC {crc:08x}, want {file.crc32:08x}")

    def _frames(self, at: int, size: int) -> Iterator[bytes]:
        decoder = zstandard.ZstdDecompressor(max_window_size=self._limits.dictionary_bytes)
        self._raw.seek(at)
        packed = _Window(self._raw, size)
        try:
            with decoder.stream_reader(
                cast("IO[bytes]", packed), read_size=_CHUNK, read_across_frames=True, closefd=False
            ) as reader:
                while piece := reader.read(_CHUNK):
                    yield piece
        except zstandard.ZstdError as error:
            raise DamagedError(f"7z: {error}") from error


class _Window:
    """The next `size` bytes of a file, as the decoder wants to read them."""

    def __init__(self, raw: BinaryIO, size: int) -> None:
        self._raw = raw
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Read up to the end of the window."""
        data = self._raw.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data
