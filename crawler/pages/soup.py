"""Small readings of a parsed document that several page objects share."""

from functools import lru_cache
from urllib.parse import urldefrag, urljoin

from bs4 import BeautifulSoup, Tag
from w3lib.url import safe_url_string


@lru_cache(maxsize=2)
def parse_html(html: str) -> BeautifulSoup:
    """Parse with lxml, which forgives what real sites do. The last documents are kept: do not change the tree."""
    return BeautifulSoup(html, "lxml")


def text_of(element: Tag | None) -> str:
    """Return an element's text with white space folded; '' for none."""
    return " ".join(element.get_text(" ").split()) if element is not None else ""


def attribute(element: Tag | None, name: str) -> str:
    """Return an attribute as text; '' when it is missing."""
    value = element.get(name) if element is not None else None
    if value is None:
        return ""
    return value if isinstance(value, str) else " ".join(value)


def file_url(base_url: str, link: str) -> str:
    """Return a file's absolute URL as it will be asked for: escaped, without fragment; '' when it is no URL."""
    try:
        return str(safe_url_string(urldefrag(urljoin(base_url, link.strip()))[0]))
    except ValueError:
        return ""


def absolute(base_url: str, element: Tag | None, name: str = "href") -> str:
    """Return a link's absolute URL; '' when it is missing."""
    value = attribute(element, name).strip()
    return urljoin(base_url, value) if value else ""
