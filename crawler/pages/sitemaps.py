"""Sitemaps (https://www.sitemaps.org/protocol.html): XML or plain text, maybe gzipped, and indexes of them."""

import gzip
from dataclasses import dataclass
from io import BytesIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from crawler.errors import PageShapeError
from crawler.pages.web import usable

MAX_BYTES = 64 * 1024**2
"""The protocol allows 50 MiB; more is somebody's joke."""


@dataclass(frozen=True)
class Sitemap:
    """`sitemaps`: further sitemaps that this one lists; `pages`: what it lists itself."""

    sitemaps: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Read a sitemap or an index. Raises PageShapeError when it is neither."""
    text = _unpacked(body, url).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith(b"<"):
        lines = (usable("", line) for line in text.decode("utf-8", "replace").splitlines())
        return Sitemap(pages=tuple(dict.fromkeys(filter(None, lines))))
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise PageShapeError(f"{url} is no readable sitemap: {error}") from error
    kind = _local(root.tag)
    if kind not in ("urlset", "sitemapindex"):
        raise PageShapeError(f"{url} is no sitemap but <{kind}>")
    places = (child.text or "" for item in root for child in item if _local(child.tag) == "loc")
    found = tuple(dict.fromkeys(filter(None, (usable(url, place) for place in places))))
    return Sitemap(sitemaps=found) if kind == "sitemapindex" else Sitemap(pages=found)


def robots_sitemaps(body: bytes, url: str) -> tuple[str, ...]:
    """Return the URLs of a robots.txt's Sitemap lines."""
    found = []
    for line in body.decode("utf-8", "replace").splitlines():
        field, _, value = line.partition(":")
        if field.strip().lower() == "sitemap" and value.strip():
            found.append(usable(url, value))
    return tuple(dict.fromkeys(filter(None, found)))


def _unpacked(body: bytes, url: str) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as packed:
            text = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise PageShapeError(f"{url} is a damaged gzip file: {error}") from error
    if len(text) > MAX_BYTES:
        raise PageShapeError(f"{url} unpacks to more than {MAX_BYTES} bytes")
    return text


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
