"""From a path to a `Source`: its volumes, its format by content, and the TAR inside a compressed stream.

Formats here are those of `sniff`, plus `tar.gz`, `tar.bz2`, … for a TAR inside a stream.
"""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from extract.archives.clock import CLOCK
from extract.archives.interface import Limits, Source
from extract.archives.streams import STREAM_FORMATS, SUFFIXES, decompress
from extract.archives.volumes import find_volumes
from extract.errors import ArchiveProblem
from extract.sniff import HEAD_BYTES, is_tar_header, sniff

_PEEK_BYTES = 20_481


def locate(path: Path, name: str, limits: Limits) -> Source:
    """Find out what lies at `path`. `name` is what people call it, for blobs that have none; default the file's own.

    Raises OSError when the file itself cannot be read.
    """
    paths = find_volumes(path)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    source = Source(
        paths=paths,
        name=name or path.name,
        format=sniff(head, path),
        size_bytes=sum(volume.stat().st_size for volume in paths),
        deadline=CLOCK.now() + limits.seconds,
        seconds=limits.seconds,
    )
    if source.format == "unknown" and len(paths) > 1 and path.suffix.lower() == ".zip":
        return replace(source, format="zip")
    if source.format in STREAM_FORMATS and _holds_tar(source, limits):
        return replace(source, format=f"tar.{SUFFIXES[source.format]}")
    return source


def _holds_tar(source: Source, limits: Limits) -> bool:
    head = b""
    try:
        with closing(decompress(source, limits)) as chunks:  # type: ignore[type-var]  # these iterators are generators
            for chunk in chunks:
                head += chunk
                if len(head) >= _PEEK_BYTES:
                    break
    except ArchiveProblem:
        pass  # what came out so far decides; the reader will meet and report the problem
    return is_tar_header(head[:_PEEK_BYTES])
