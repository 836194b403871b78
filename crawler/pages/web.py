"""Any web page: its title, whom to credit, its licence, what it links to and which pictures it shows.

Read with Beautiful Soup: of a site that nobody has seen, selectors and a forgiving parser are worth more than speed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit

from w3lib.url import safe_url_string

from crawler.pages.licences import BY_NAME, spdx_of
from db.records import LicenceRecord, PersonRecord
from db.vocabulary import PersonRole

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

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
    soup = _parse(html)
    base = usable(url, attribute(soup.select_one("base[href]"), "href")) or url
    return WebPage(
        title=_title(soup),
        people=tuple(_people(soup, base)),
        licences=tuple(dict.fromkeys(_licences(soup, base))),
        links=_once(_links(soup, base)),
        images=_once(_images(soup, base)),
    )


def _parse(html: str) -> "BeautifulSoup":
    from bs4 import BeautifulSoup  # only where unknown sites are read: every crawl would wait for the import

    return BeautifulSoup(html, "lxml")


def text_of(element: "Tag | None") -> str:
    """Return an element's text with white space folded; '' for none."""
    return " ".join(element.get_text(" ").split()) if element is not None else ""


def attribute(element: "Tag | None", name: str) -> str:
    """Return an attribute as text; '' when it is missing."""
    value = element.get(name) if element is not None else None
    if value is None:
        return ""
    return value if isinstance(value, str) else " ".join(value)


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


def _title(soup: "Tag") -> str:
    shared = " ".join(attribute(soup.select_one("meta[property='og:title']"), "content").split())
    return shared or text_of(soup.select_one("title"))


def _people(soup: "Tag", base: str) -> Iterator[PersonRecord]:
    linked = soup.select("a[rel~=author], link[rel~=author]")
    for link in linked:
        name = text_of(link) or attribute(link, "title")
        if name:
            yield PersonRecord(PersonRole.AUTHOR, name, usable(base, attribute(link, "href")))
    named = attribute(soup.select_one("meta[name=author]"), "content").strip()
    if named and not linked:
        yield PersonRecord(PersonRole.AUTHOR, named)


def _licences(soup: "Tag", base: str) -> Iterator[LicenceRecord]:
    for link in soup.select("a[rel~=license][href], link[rel~=license][href]"):
        deed = usable(base, attribute(link, "href"))
        name = text_of(link) or attribute(link.select_one("img"), "alt") or attribute(link, "title") or deed
        creative = CC_DEED.search(deed)
        yield LicenceRecord(name, deed, f"CC-{creative[1].upper()}-{creative[2]}" if creative else spdx_of(name, deed))


def _links(soup: "Tag", base: str) -> Iterator[Target]:
    for link in soup.select("a[href], area[href]"):
        yield Target(usable(base, attribute(link, "href")), text_of(link), attribute(link, "download"))


def _images(soup: "Tag", base: str) -> Iterator[Target]:
    for image in soup.select("img, picture source"):
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
