"""HTTP's conditions and ranges as pure functions, the way Apache answers them."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate, parsedate_to_datetime

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Version:
    """What identifies a file's content: length and modification time in unix seconds."""

    size_bytes: int
    mtime: int

    @property
    def etag(self) -> str:
        """Apache's form: size and microseconds, both in hex."""
        return f'"{self.size_bytes:x}-{self.mtime * 1_000_000:x}"'

    @property
    def last_modified(self) -> str:
        """The HTTP date."""
        return formatdate(self.mtime, usegmt=True)


class Unsatisfiable(Exception):  # noqa: N818 - RFC 9110's word
    """The range lies outside the file."""


def parse_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """Return (first, end) byte offsets, end exclusive; None for what has to be ignored: several ranges, bad syntax.

    Raises ``Unsatisfiable``.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if not match or match[1] == match[2] == "":
        return None
    if match[1] == "":
        first, end = max(0, size_bytes - int(match[2])), size_bytes
    else:
        first = int(match[1])
        end = min(size_bytes, int(match[2]) + 1) if match[2] else size_bytes
        if match[2] and int(match[2]) < first:
            return None
    if first >= end:
        raise Unsatisfiable
    return first, end


def not_modified(version: Version, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Tell whether 304 is due; ``If-None-Match`` decides alone when given."""
    if if_none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return "*" in tags or version.etag in tags
    since = _date(if_modified_since)
    return since is not None and version.mtime <= since.timestamp()


def range_holds(version: Version, if_range: str | None) -> bool:
    """Tell whether ``If-Range`` lets the range stand: absent, the very ETag, or the very date."""
    return if_range is None or if_range in (version.etag, version.last_modified)


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
