"""Small readings of a parsed document that several page objects share."""

from functools import lru_cache
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag


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


def absolute(base_url: str, element: Tag | None, name: str = "href") -> str:
    """Return a link's absolute URL; '' when it is missing."""
    value = attribute(element, name).strip()
    return urljoin(base_url, value) if value else ""
