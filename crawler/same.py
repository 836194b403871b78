"""Is the picture at this URL the one I have? Asked as cheaply as possible: headers, then bytes, then pixels.

Pictures that differ in pixels may still show the same (recompressed, scaled): that is a matter of degree, and of a
metric, which belongs to the consumers of the catalog.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from PIL import Image, UnidentifiedImageError
from sqlalchemy import select
from yarl import URL

from crawler.errors import DownloadError, FileTooLargeError
from db import Catalog
from db.models import Blob, File
from db.pixels import canonical_rgba, pixel_hash

MAX_PIXELS = 89_478_485


@dataclass(frozen=True)
class Known:
    """What we have: where its bytes are, and what the server said of them when they came."""

    path: Path
    size_bytes: int
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Answer:
    """`same` and how that is known (headers, bytes, pixels), and how many bytes of body it cost."""

    same: bool
    by: str
    downloaded_bytes: int


def known_from_catalog(catalog: Catalog, url: str) -> Known | None:
    """Return what the catalog has of this URL, if anything."""
    with catalog.database.read() as connection:
        row = connection.execute(
            select(Blob.sha256, Blob.size_bytes, File.etag, File.last_modified)
            .join(Blob, Blob.id == File.blob_id)
            .where(File.url == url)
        ).first()
    return None if row is None else Known(catalog.blobs.path(row[0]), row[1], row[2], row[3])


async def is_same(url: str, known: Known, *, user_agent: str, max_bytes: int) -> Answer:
    """Compare what a URL gives with what we have. Raises DownloadError."""
    target = URL(url, encoded=True)
    headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as client:
            async with client.head(target, allow_redirects=True) as head:
                if head.status == 200 and _headers_tell(head, known):
                    return Answer(True, "headers", 0)
            async with client.get(target) as answer:
                body = await _body(answer, max_bytes)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DownloadError(f"{url}: {type(error).__name__}: {error}") from error
    return _compare(body, known)


def _headers_tell(head: aiohttp.ClientResponse, known: Known) -> bool:
    """Tell whether headers alone prove sameness: a strong ETag or a date that we know, with the size that we have."""
    etag = head.headers.get("ETag", "")
    by_etag = bool(etag) and not etag.startswith("W/") and etag == known.etag
    by_date = bool(known.last_modified) and head.headers.get("Last-Modified") == known.last_modified
    return (by_etag or (not etag and by_date)) and head.headers.get("Content-Length") == str(known.size_bytes)


async def _body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if answer.status != 200:
        raise DownloadError(f"{answer.url}: HTTP {answer.status}")
    body = bytearray()
    async for chunk in answer.content.iter_chunked(256 * 1024):
        body += chunk
        if len(body) > max_bytes:
            raise FileTooLargeError(f"{answer.url}: more than {max_bytes} bytes, the limit")
    return bytes(body)


def _compare(body: bytes, known: Known) -> Answer:
    ours = known.path.read_bytes()
    if hashlib.sha256(body).digest() == hashlib.sha256(ours).digest():
        return Answer(True, "bytes", len(body))
    theirs_pixels, our_pixels = _pixels(body), _pixels(ours)
    if theirs_pixels is None or our_pixels is None:
        return Answer(False, "bytes", len(body))
    return Answer(theirs_pixels == our_pixels, "pixels", len(body))


COMPARED = ("PNG", "GIF", "JPEG", "WEBP", "BMP", "TIFF")
"""No format whose plugin runs a program (EPS), whatever a stranger's server sends."""


def _pixels(data: bytes) -> bytes | None:
    """Return the pixel hash of a picture's first frame; None when it is none that can be compared."""
    try:
        with Image.open(io.BytesIO(data), formats=COMPARED) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            return pixel_hash(canonical_rgba(picture))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None
