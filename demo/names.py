"""Names as the site makes them: stored file names, their URL form, sizes and dates.

All functions are pure. A *stored* name is decoded text; only ``encode_path`` turns it into URL form, once.
"""

import re
from collections.abc import Container
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import quote

FILES_PREFIX = "/sites/default/files/"

# The upload field's list: parts with these endings are not munged.
_ALLOWED = frozenset(
    {"jpg", "jpeg", "png", "gif", "bmp", "svg", "xcf", "psd", "ai", "gz", "bz2", "zip", "7z", "blend", "mesh", "3ds"}
    | {"md2", "md3", "bsp", "obj", "x", "mid", "mp3", "ogg", "flac", "wav", "flp"}
)
_LOOKS_LIKE_EXTENSION = re.compile(r"[a-zA-Z]{2,5}\d?")
_MIME = {
    ".png": "image/png",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".zip": "application/zip",
    ".7z": "application/x-7z-compressed",
    ".rar": "application/rar",
    ".gz": "application/x-gzip",
    ".txt": "text/plain",
    ".wav": "audio/x-wav",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".tsx": "application/octet-stream",
    ".tmx": "application/octet-stream",
}


def encode_path(name: str) -> str:
    """Percent-encode each path segment like PHP's ``rawurlencode``: letters, digits and ``-_.~`` stay raw."""
    return quote(name, safe="/")


def file_path(stored: str) -> str:
    """Return the URL path of a stored file."""
    return FILES_PREFIX + encode_path(stored)


def munge(name: str) -> str:
    """Defuse inner extensions: ``art.tar.gz`` becomes ``art.tar_.gz``; allowed extensions stay."""
    first, *inner = name.split(".")
    if not inner:
        return name
    last = inner.pop()
    safe = [f"{part}_" if _needs_munging(part) else part for part in inner]
    return ".".join([first, *safe, last])


def _needs_munging(part: str) -> bool:
    return part.lower() not in _ALLOWED and _LOOKS_LIKE_EXTENSION.fullmatch(part) is not None


def stored_name(shown: str, taken: Container[str]) -> str:
    """Return the name the site stores an upload under: munged, then ``_0``, ``_1``… while taken (case matters)."""
    name = munge(shown)
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    candidate, number = name, 0
    while candidate in taken:
        candidate = f"{stem}_{number}{dot}{extension}"
        number += 1
    return candidate


def mime_of(name: str) -> str:
    """Guess the type the site announces from the name alone."""
    return _MIME.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def icon_of(mime: str) -> str:
    """Name of the file-type icon shown beside a file."""
    for start, icon in (("image/", "image-x-generic"), ("audio/", "audio-x-generic"), ("text/", "text-plain")):
        if mime.startswith(start):
            return icon
    return "application-octet-stream" if mime == "application/octet-stream" else "package-x-generic"


def size_text(size_bytes: int) -> str:
    """Decimal size as the site prints it: ``7 b``, ``90 Kb``, ``1.2 Mb``."""
    for unit, factor in (("Gb", 10**9), ("Mb", 10**6), ("Kb", 10**3)):
        if size_bytes >= factor:
            return f"{round(size_bytes / factor, 1):g} {unit}"
    return f"{size_bytes} b"


def long_date(unix_s: int) -> str:
    """``Thursday, February 16, 2017 - 16:35``: the day is not zero-padded."""
    when = datetime.fromtimestamp(unix_s, UTC)
    return f"{when:%A, %B} {when.day}, {when:%Y - %H:%M}"


def short_date(unix_s: int) -> str:
    """``02/10/2021 - 12:37``, the form comments use."""
    return f"{datetime.fromtimestamp(unix_s, UTC):%m/%d/%Y - %H:%M}"


def iso_date(unix_s: int) -> str:
    """ISO 8601 with offset, for the page's meta tags."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat()
