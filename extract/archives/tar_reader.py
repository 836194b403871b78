"""TAR: v7, ustar, GNU and pax, plain or inside a compressed stream; sparse files are filled in.

A sparse file that would grow past the limit on members is handed out condensed, its map in front of its data, as
readers of plain POSIX archives see it (GNU tar's `xsparse` expands it). Devices and pipes hold no bytes: they come out
empty. Types nobody knows are files, as POSIX asks.

Read forward only, through `tarfile` in stream mode. `tarfile` takes a broken header in the middle for the end of the
archive; here it is damage. TAR has no checksum over contents, so a member is good when all its bytes were there and,
for compressed ones, the stream around it is whole up to there. Names are bytes unless a pax header declares UTF-8.
Source: POSIX.1-2001 `pax`, the GNU tar manual's "Basic Tar Format".
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, cast

from extract.archives.gate import Gate
from extract.archives.interface import Entry, Kind, Limits, Name, Source
from extract.archives.streams import STREAM_FORMATS, SUFFIXES, IterFile, decompress
from extract.errors import DamagedError

_CHUNK = 256 * 1024
_BLOCK = tarfile.BLOCKSIZE
_GNU_NOTES = frozenset({b"D", b"M", b"N", b"V"})
"""What GNU tar writes for itself: folder lists, continued volumes, old long names, volume labels."""
TAR_OF_STREAM = {f"tar.{SUFFIXES[kind]}": kind for kind in sorted(STREAM_FORMATS)}


@dataclass(frozen=True)
class Condensed:
    """A sparse file as it is stored: the plain header's name, the map, and the size of map and data together."""

    name: str
    map: bytes
    size_bytes: int


class _StrictHeader(tarfile.TarInfo):
    """Reports a broken header behind the first one instead of taking it for the end."""

    condensed: Condensed | None = None

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "_StrictHeader":
        try:
            return super().fromtarfile(tarfile)
        except _BROKEN as error:
            if tarfile.offset == 0:
                raise
            raise DamagedError(f"tar: header at byte {tarfile.offset}: {error}") from error

    def _proc_gnusparse_10(
        self, next: "_StrictHeader", pax_headers: dict[str, str], tarfile: tarfile.TarFile
    ) -> None:  # one of the hooks that tarfile's source offers to subclasses
        """Read the map in front of the data, and remember it with the name and size that the plain header has."""
        stream = cast("IO[bytes]", tarfile.fileobj)
        stored_bytes = int(pax_headers.get("size", next.size))
        raw = b""
        while raw.count(b"\n") < 1 + 2 * int(raw.partition(b"\n")[0] or b"0"):
            block = stream.read(_BLOCK) if len(raw) < stored_bytes else b""
            if len(block) < _BLOCK:
                raise DamagedError("tar: the map of a sparse file is cut short")
            raw += block
        numbers = [int(number) for number in raw.split(b"\n", 2 * int(raw.partition(b"\n")[0]) + 1)[1:-1]]
        next.offset_data = stream.tell()
        next.sparse = list(zip(numbers[::2], numbers[1::2], strict=True))  # type: ignore[assignment]  # wrong there
        next.condensed = Condensed(next.name, raw, stored_bytes)

    def _proc_pax(self, tarfile: tarfile.TarFile) -> "_StrictHeader":
        """Find the header behind a sparse file: tarfile takes the size it expands to for the size it is stored in."""
        following = cast("_StrictHeader", super()._proc_pax(tarfile))  # type: ignore[misc]  # not in typeshed
        if following.condensed is not None:
            following.size = int(
                following.pax_headers.get("GNU.sparse.realsize", following.size)
            )  # whatever order the records come in
            left = following.condensed.size_bytes - len(following.condensed.map)
            tarfile.offset = following.offset_data + -(-left // _BLOCK) * _BLOCK
        return following


_BROKEN = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]  # not in typeshed


class TarReader:
    """Streams TAR, compressed or not."""

    name = "tarfile"
    skips = True
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
                    yield _entry(tar, cast("_StrictHeader", info), limits)
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


def _entry(tar: tarfile.TarFile, info: _StrictHeader, limits: Limits) -> Entry:
    kind = _kind(info)
    if info.condensed is not None and info.size > limits.member_bytes:
        name = Name(info.condensed.name.encode("utf-8", "surrogateescape"))
        return Entry(name, kind, info.condensed.size_bytes, partial(_condensed_chunks, tar, info, info.condensed))
    declared = "path" in info.pax_headers
    raw = info.name.encode("utf-8", "surrogateescape")
    name = Name(raw, info.name if declared and _clean(info.name) else None)
    if info.ischr() or info.isblk() or info.isfifo():
        return Entry(name, kind, 0, lambda: iter(()))
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
    return "special" if info.isdev() or info.type in _GNU_NOTES else "file"


def _condensed_chunks(tar: tarfile.TarFile, info: tarfile.TarInfo, condensed: Condensed) -> Iterator[bytes]:
    yield condensed.map
    stream = cast("IO[bytes]", tar.fileobj)
    stream.seek(info.offset_data)
    left = condensed.size_bytes - len(condensed.map)
    while left > 0:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise DamagedError(f"tar: {left} bytes missing")
        left -= len(chunk)
        yield chunk


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
