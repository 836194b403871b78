"""A single file inside a compressed stream: `.gz`, `.bz2`, `.xz`, `.zst`, `.Z` that holds no TAR.

The member's name is the one in the gzip header (RFC 1952, ISO 8859-1) or, without it, the archive's own name without
its compression suffix.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from extract.archives.interface import Entry, Limits, Name, Source
from extract.archives.streams import STREAM_FORMATS, decompress

_SUFFIX = re.compile(r"(?i)\.(gz|bz2|bzip2|xz|lzma|zst|zstd|lz4|z)$")
_SHORT = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar", ".svgz": ".svg"}


class SingleReader:
    """Yields the one file of a compressed stream."""

    name = "single stream"
    skips = True
    formats = STREAM_FORMATS

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield one entry."""
        yield Entry(_name(source), "file", None, lambda: decompress(source, limits))


def _name(source: Source) -> Name:
    if source.format == "gzip":
        with source.open() as raw:
            if stored := gzip_name(raw.read(4096)):
                return Name(stored)
    own = PurePosixPath(source.name).name
    suffix = PurePosixPath(own).suffix
    if suffix.lower() in _SHORT:
        own = own.removesuffix(suffix) + _SHORT[suffix.lower()]
    return Name((_SUFFIX.sub("", own) or own).encode("utf-8", "surrogateescape"))


def gzip_name(head: bytes) -> bytes:
    """Return the file name in a gzip header, b'' when there is none or it does not end within `head`."""
    if len(head) < 10 or not head[3] & 8:
        return b""
    at = 10
    if head[3] & 4:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    name, end, _ = head[at:].partition(b"\0")
    return name if end else b""
