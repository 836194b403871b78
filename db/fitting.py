"""What fits into a catalog: PostgreSQL's indexes take no more than some 2,700 bytes, and a page may say anything.

So that both databases hold the same, what is a key is limited on both. A tag is cut, a link whose URL is too long is
left out, and the page's `extra` says so; other URLs are refused with TooLongError.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from db.errors import TooLongError
from db.records import PageRecord

MAX_KEY_BYTES = 2500
MAX_HOST_CHARACTERS = 255
"""No name in the DNS is longer."""
LEFT_OUT = "left_out"
"""The key in a page's `extra` under which it is told what did not fit."""


def is_refusal(error: Exception) -> bool:
    """Tell whether the database refuses these data, and would refuse them again: the fault of what was found.

    Class 54 of PostgreSQL's SQLSTATE (program limit exceeded) is such a refusal, though it comes as OperationalError.
    """
    if isinstance(error, DataError | IntegrityError):
        return True
    return isinstance(error, DBAPIError) and str(getattr(error.orig, "sqlstate", None) or "").startswith("54")


def key_bytes(key: str) -> int:
    """Return how long a key is, in bytes of UTF-8."""
    return len(key) if key.isascii() else len(key.encode("utf-8", "surrogatepass"))


def too_long(url: str) -> str:
    """Return why a URL does not fit; '' if it does."""
    size = key_bytes(url)
    return f"URL too long: {size} bytes, limit {MAX_KEY_BYTES}" if size > MAX_KEY_BYTES else ""


def check_urls(urls: Iterable[str]) -> None:
    """Raise TooLongError for the first URL that does not fit."""
    for url in urls:
        if why := too_long(url):
            raise TooLongError(f"{url[:100]}…: {why}")


def fitting(page: PageRecord) -> PageRecord:
    """Return the page as it fits. Raises TooLongError if its own URL does not."""
    check_urls([page.url])
    urls = [*(link.url for link in page.files), *(item.url for item in page.collections)]
    if not any(key_bytes(key) > MAX_KEY_BYTES for key in (*page.tags, *urls)):
        return page
    left_out: list[dict[str, Any]] = [{"url": url, "why": too_long(url)} for url in urls if too_long(url)]
    return replace(
        page,
        tags=tuple(map(_cut, page.tags)),
        files=tuple(link for link in page.files if not too_long(link.url)),
        collections=tuple(item for item in page.collections if not too_long(item.url)),
        extra={**page.extra, LEFT_OUT: left_out} if left_out else page.extra,
    )


def _cut(tag: str) -> str:
    if key_bytes(tag) <= MAX_KEY_BYTES:
        return tag
    return tag.encode("utf-8", "replace")[: MAX_KEY_BYTES - 3].decode("utf-8", "ignore") + "…"
