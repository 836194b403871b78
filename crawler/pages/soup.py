"""Small readings of a parsed document that several page objects share."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import urldefrag, urljoin

from bs4 import BeautifulSoup, Tag
from lxml import etree
from w3lib.url import safe_url_string


@lru_cache(maxsize=2)
def parse_html(html: str) -> BeautifulSoup:
    """Parse with lxml, which forgives what real sites do. The last documents are kept: do not change the tree."""
    return _lean(html)


@lru_cache(maxsize=2)
def parse_parts(html: str, matters: Callable[[etree._Element], bool]) -> BeautifulSoup:
    """Parse only what matters: elements that `matters` accepts, with all that is in them, and what encloses them.

    The same tree as `parse_html` gives, without the rest: Beautiful Soup takes twenty times as long for an element as
    lxml alone, and of most pages a small part is read. What encloses an element keeps its attributes.
    """
    parser = etree.HTMLParser()
    try:
        parser.feed(html)
        root = parser.close()
    except (etree.LxmlError, ValueError):
        return _lean(html)
    if root is None:
        return _lean(html)
    kept = {element for element in root.iter(etree.Element) if matters(element)}
    around = {enclosing for element in kept for enclosing in element.iterancestors()}
    left = [] if root in kept else [root]
    while left:
        enclosing = left.pop()
        for child in list(enclosing):
            if child in kept:
                continue
            if child in around:
                left.append(child)
            else:
                enclosing.remove(child)
    return _lean(etree.tostring(root, encoding="unicode", method="html"))


def _lean(html: str) -> BeautifulSoup:
    """Leave attributes as they are, `class` as one string: splitting them all takes a quarter of the time."""
    return BeautifulSoup(html, "lxml", multi_valued_attributes=None, attribute_dict_class=dict)


def classes(element: Tag) -> list[str]:
    """Return the names in an element's `class`."""
    return attribute(element, "class").split()


def tags_in(element: Tag) -> Iterator[Tag]:
    """Yield all elements inside, in the document's order."""
    return (found for found in element.descendants if isinstance(found, Tag))


def by_class(element: Tag) -> dict[str, list[Tag]]:
    """Return all elements inside by the names in their `class`, in the document's order."""
    found: dict[str, list[Tag]] = {}
    for tag in tags_in(element):
        for name in set(classes(tag)):
            found.setdefault(name, []).append(tag)
    return found


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
