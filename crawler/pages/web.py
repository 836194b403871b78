"""Any web page: its title, whom to credit, its licence, what it links to and which pictures it shows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

from lxml.etree import _Element as Element
from w3lib.url import safe_url_string

from crawler.pages.document import attribute, first, parse_html, text_of
from crawler.pages.licences import BY_NAME, spdx_of
from db.records import LicenceRecord, PersonRecord
from db.vocabulary import PersonRole

CC_DEED = re.compile(
    r"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)/?(?:deed\.\w+|legalcode(?:\.\w+)?)?/?$", re.I
)
SPDX_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


@dataclass(frozen=True)
class Target:
    """A link or picture: its absolute URL without fragment, its text, and the file name that it suggests."""

    url: str
    label: str = ""
    name: str = ""


@dataclass(frozen=True)
class WebPage:
    """What a page says. `links` and `images` are in the page's order, each URL once."""

    title: str
    people: tuple[PersonRecord, ...]
    licences: tuple[LicenceRecord, ...]
    links: tuple[Target, ...]
    images: tuple[Target, ...]


def read_web_page(html: str, url: str) -> WebPage:
    """Read a page; what it does not say is empty."""
    page = parse_html(html)
    bases = (attribute(base, "href") for base in page.iterdescendants("base") if base.get("href") is not None)
    base = usable(url, next(bases, "")) or url
    return WebPage(
        title=_title(page),
        people=tuple(_people(page, base)),
        licences=tuple(dict.fromkeys(_licences(page, base))),
        links=_once(_links(page, base)),
        images=_once(_images(page, base)),
    )


def usable(base_url: str, reference: str) -> str:
    """Return a reference as an absolute http URL without fragment; '' when it is none."""
    try:
        joined, _ = urldefrag(urljoin(base_url, reference.strip()))
        parts = urlsplit(joined)
    except ValueError:
        return ""
    return str(safe_url_string(joined)) if parts.scheme in ("http", "https") and parts.hostname else ""


def licence_of(text: str) -> LicenceRecord:
    """Return the licence that somebody wrote down: an SPDX expression, or a name that becomes one."""
    name = " ".join(text.split())
    spdx = name if name not in BY_NAME and SPDX_EXPRESSION.fullmatch(name) else spdx_of(name, "")
    return LicenceRecord(name, "", spdx)


def _title(page: Element) -> str:
    shared = " ".join(_meta(page, "property", "og:title").split())
    return shared or text_of(first(page, "title"))


def _meta(page: Element, name: str, value: str) -> str:
    """Return the content of the first `meta` with an attribute of this value; '' for none."""
    found = (meta for meta in page.iterdescendants("meta") if meta.get(name) == value)
    return attribute(next(found, None), "content")


def _related(page: Element, rel: str) -> Iterator[Element]:
    """Yield the links that say how what they lead to is related to the page."""
    return (link for link in page.iterdescendants("a", "link") if rel in attribute(link, "rel").split())


def _people(page: Element, base: str) -> Iterator[PersonRecord]:
    linked = list(_related(page, "author"))
    for link in linked:
        name = text_of(link) or attribute(link, "title")
        if name:
            yield PersonRecord(PersonRole.AUTHOR, name, usable(base, attribute(link, "href")))
    named = _meta(page, "name", "author").strip()
    if named and not linked:
        yield PersonRecord(PersonRole.AUTHOR, named)


def _licences(page: Element, base: str) -> Iterator[LicenceRecord]:
    for link in _related(page, "license"):
        if link.get("href") is None:
            continue
        deed = usable(base, attribute(link, "href"))
        name = text_of(link) or attribute(first(link, "img"), "alt") or attribute(link, "title") or deed
        creative = CC_DEED.search(deed)
        yield LicenceRecord(name, deed, f"CC-{creative[1].upper()}-{creative[2]}" if creative else spdx_of(name, deed))


def _links(page: Element, base: str) -> Iterator[Target]:
    for link in page.iterdescendants("a", "area"):
        if link.get("href") is not None:
            yield Target(usable(base, attribute(link, "href")), text_of(link), attribute(link, "download"))


def _images(page: Element, base: str) -> Iterator[Target]:
    for image in page.iterdescendants("img", "source"):
        if image.tag == "source" and next(image.iterancestors("picture"), None) is None:
            continue
        largest = _largest(attribute(image, "srcset"))
        for reference in filter(None, (attribute(image, "src"), largest)):
            yield Target(usable(base, reference), attribute(image, "alt"))


def _largest(srcset: str) -> str:
    """Return the URL with the greatest width or density of a `srcset` (HTML standard, 4.8.4.2.1)."""
    candidates = re.findall(r"([^\s,]\S*[^\s,])(?:\s+([\d.]+)[wx])?\s*(?:,|$)", srcset)
    return max(candidates, key=lambda found: float(found[1] or 1), default=("", ""))[0]


def _once(targets: Iterator[Target]) -> tuple[Target, ...]:
    first: dict[str, Target] = {}
    for target in targets:
        if target.url:
            first.setdefault(target.url, target)
    return tuple(first.values())
