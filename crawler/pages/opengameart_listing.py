"""A page of search results (Drupal Views): which content it lists, how much there is, where the next page is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from lxml.etree import _Element as Element

from crawler.errors import PageShapeError
from crawler.pages.soup import absolute, attribute, parse_parts, text_of

RESULTS = "view-display-id-search_art_advanced"
PARTS = frozenset({"art-preview-title", "view-header", "pager", "messages"})


@dataclass(frozen=True)
class Listing:
    """`content` are absolute URLs in the page's order; `total` as the header says; `next_url` '' on the last page."""

    content: tuple[str, ...]
    total: int | None
    next_url: str
    last_page: int | None


def read_listing(html: str, url: str) -> Listing:
    """Read a result page. Raises PageShapeError when it is none, with the site's own message if it shows one."""
    soup = parse_parts(html, _parts)
    results = soup.select_one(f".{RESULTS}")
    said = text_of(soup.select_one(".messages.error"))
    if results is None or said:
        raise PageShapeError(f"no search results on {url}" + (f": {said}" if said else ""))
    links = results.select(".views-row .art-preview-title a[href]")
    total = re.search(r"of\s+([\d,]+)", text_of(results.select_one(".view-header")))
    last = attribute(results.select_one("ul.pager li.pager-last a"), "href")
    return Listing(
        content=tuple(dict.fromkeys(absolute(url, link) for link in links)),
        total=int(total[1].replace(",", "")) if total else None,
        next_url=absolute(url, results.select_one("ul.pager li.pager-next a")),
        last_page=page_number(last) if last else None,
    )


def _parts(root: Element) -> Iterator[Element]:
    """Find what is read of a page of results; each shows 144 cards with their pictures, of which the titles matter."""
    for element in root.iter("*"):
        names = element.get("class", "").split()
        if not PARTS.isdisjoint(names) or (RESULTS in names and not _any_part(element)):
            yield element


def _any_part(element: Element) -> bool:
    return any(not PARTS.isdisjoint(inner.get("class", "").split()) for inner in element.iter("*"))


def page_number(url: str) -> int:
    """Return the 0-based page a listing URL asks for."""
    values = parse_qs(urlsplit(url).query).get("page", ["0"])
    return int(values[0]) if values[0].isdigit() else 0
