"""TAR: v7, ustar, GNU and pax, plain or inside a compressed stream; sparse files are filled in.

Read forward only, through `tarfile` in stream mode. `tarfile` takes a broken header in the middle for the end of the
archive; here it is damage. TAR has no checksum over contents, so a member is good when all its bytes were there and,
for compressed ones, the stream around it is whole up to there. Names are bytes unless a pax header declares UTF-8.
Source: POSIX.1-2001 `pax`, the GNU tar manual's "Basic Tar Format".
"""

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, cast

from extract.archives.gate import Gate
from extract.archives.interface import Entry, Kind, Limits, Name, Source
from extract.archives.streams import STREAM_FORMATS, SUFFIXES, IterFile, decompress
from extract.errors import DamagedError

_CHUNK = 256 * 1024
TAR_OF_STREAM = {f"tar.{SUFFIXES[kind]}": kind for kind in sorted(STREAM_FORMATS)}


class _StrictHeader(tarfile.TarInfo):
    """Reports a broken header behind the first one instead of taking it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "_StrictHeader":
        try:
            return super().fromtarfile(tarfile)
        except _BROKEN as error:
            if tarfile.offset == 0:
                raise
            raise DamagedError(f"tar: header at byte {tarfile.offset}: {error}") from error


_BROKEN = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]  # not in typeshed


class TarReader:
    """Streams TAR, compressed or not."""

    name = "tarfile"
    formats = frozenset({"tar", *TAR_OF_STREAM})

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries. Raises DamagedError at the first header that is broken or cut short."""
        gate = Gate(limits, source.size_bytes, source.deadline)
        stream = IterFile(gate.through(_tar_bytes(source, limits)))
        try:
            with tarfile.open(
                fileobj=cast("IO[bytes]", stream),
                mode="r|",
                bufsize=_CHUNK,
                encoding="utf-8",
                errors="surrogateescape",
                tarinfo=_StrictHeader,
            ) as tar:
                for info in tar:
                    yield _entry(tar, info)
                    tar.members.clear()  # type: ignore[attr-defined]  # a plain list; else it grows with the archive
        except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError, OSError) as error:
            if "empty file" not in str(error):
                raise DamagedError(f"tar: {error}") from error


def _tar_bytes(source: Source, limits: Limits) -> Iterator[bytes]:
    kind = TAR_OF_STREAM.get(source.format)
    if kind is not None:
        yield from decompress(replace(source, format=kind), limits)
        return
    with source.open() as raw:
        while chunk := raw.read(_CHUNK):
            yield chunk


def _entry(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Entry:
    declared = "path" in info.pax_headers
    raw = info.name.encode("utf-8", "surrogateescape")
    name = Name(raw, info.name if declared and _clean(info.name) else None)
    kind = _kind(info)
    if kind != "file":
        return Entry(name, kind)
    return Entry(name, kind, info.size, lambda: _chunks(tar, info))


def _clean(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _kind(info: tarfile.TarInfo) -> Kind:
    if info.isdir():
        return "folder"
    if info.issym() or info.islnk():
        return "link"
    return "file" if info.isreg() else "special"


def _chunks(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    seen = 0
    try:
        stream = tar.extractfile(info)
        while stream is not None and (chunk := stream.read(_CHUNK)):
            seen += len(chunk)
            yield chunk
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise DamagedError(f"tar: {error}") from error
    if seen != info.size:
        raise DamagedError(f"tar: {seen} bytes of {info.size}")
