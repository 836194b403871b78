"""Small readings of a parsed document that several page objects share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urldefrag, urljoin

from bs4 import BeautifulSoup, Tag
from bs4.builder._lxml import LXMLTreeBuilder
from lxml import etree
from w3lib.url import safe_url_string


@lru_cache(maxsize=1)
def parse_html(html: str) -> BeautifulSoup:
    """Parse with lxml, which forgives what real sites do. The last document is kept: do not change the tree."""
    return _lean(html)


@lru_cache(maxsize=1)
def parse_parts(html: str, parts: Callable[[etree._Element], Iterator[etree._Element]]) -> BeautifulSoup:
    """Parse only what `parts` finds in the document, with all that is in them, and what encloses them.

    The same tree as `parse_html` gives, without the rest: Beautiful Soup takes twenty times as long for an element as
    lxml alone, and of most pages a small part is read. What encloses a part keeps its attributes.
    """
    parser = etree.HTMLParser()
    try:
        parser.feed(html)
        root = parser.close()
    except (etree.LxmlError, ValueError):
        return _lean(html)
    if root is None:
        return _lean(html)
    kept = set(parts(root))
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


class LeanBuilder(LXMLTreeBuilder):
    """Beautiful Soup on lxml without what HTML has no use for: namespaces are half of its work per element.

    Attributes stay as they are, `class` as one string.
    """

    def __init__(self) -> None:
        super().__init__(multi_valued_attributes=None, attribute_dict_class=dict)
        self._parser: Any = None

    def parser_for(self, encoding: str | None) -> Any:
        """Return lxml's parser, one for all documents: making one takes as long as parsing a small page."""
        if self._parser is None:
            self._parser = super().parser_for(encoding)
        return self._parser

    def feed(self, markup: Any) -> None:
        """Parse a document; a parser that failed is not used again."""
        try:
            super().feed(markup)
        except BaseException:
            self._parser = None
            raise

    def start(self, tag: Any, attrib: Any, nsmap: Any = None) -> None:
        """Take an element's beginning from lxml."""
        assert self.soup is not None  # noqa: S101 - set before anything is fed
        self.soup.handle_starttag(tag, None, None, dict(attrib))

    def end(self, tag: Any) -> None:
        """Take an element's end from lxml."""
        assert self.soup is not None  # noqa: S101 - set before anything is fed
        self.soup.handle_endtag(tag)


def _lean(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, builder=BUILDER)


BUILDER = LeanBuilder()


def classes(element: Tag) -> list[str]:
    """Return the names in an element's `class`."""
    names = element.attrs.get("class")
    return names.split() if isinstance(names, str) else []


def tags_in(element: Tag) -> Iterator[Tag]:
    """Yield all elements inside, in the document's order."""
    return (found for found in element.descendants if isinstance(found, Tag))


@dataclass(frozen=True)
class Index:
    """All elements inside one, in the document's order, by their name and by the names in their `class`."""

    by_name: dict[str, list[Tag]]
    by_class: dict[str, list[Tag]]

    @classmethod
    def of(cls, element: Tag) -> "Index":
        """Read an element once, instead of once for every question."""
        by_name: dict[str, list[Tag]] = {}
        by_class: dict[str, list[Tag]] = {}
        for tag in tags_in(element):
            by_name.setdefault(tag.name, []).append(tag)
            for name in set(classes(tag)):
                by_class.setdefault(name, []).append(tag)
        return cls(by_name, by_class)


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
