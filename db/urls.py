"""URLs as keys: what is one document to a server is one fingerprint here."""

import hashlib
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import make_url


def fingerprint(url: str) -> bytes:
    """Return 20 bytes that name a URL whatever the spelling of its escapes, query order and host case."""
    from w3lib.url import canonicalize_url  # of use to crawls only

    return hashlib.sha1(canonicalize_url(url).encode(), usedforsecurity=False).digest()


def host_of(url: str) -> str:
    """Return `host` or `host:port` in lower case."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def stored_name(url: str) -> str:
    """Return the last path segment, percent-decoded exactly once: `200%25_0.png` is the file `200%_0.png`."""
    return unquote(urlsplit(url).path.rpartition("/")[2], errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def shown(catalog_url: str) -> str:
    """Return a catalog's URL as it may be shown and kept: without the password."""
    return make_url(catalog_url).render_as_string(hide_password=True)
