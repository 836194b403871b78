"""A page of search results (Drupal Views): which content it lists, how much there is, where the next page is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from lxml.etree import _Element as Element

from crawler.errors import PageShapeError
from crawler.pages.document import absolute, attribute, first_with_class, inside, parse_html, text_of, with_class

RESULTS = "view-display-id-search_art_advanced"


@dataclass(frozen=True)
class Listing:
    """`content` are absolute URLs in the page's order; `total` as the header says; `next_url` '' on the last page."""

    content: tuple[str, ...]
    total: int | None
    next_url: str
    last_page: int | None


def read_listing(html: str, url: str) -> Listing:
    """Read a result page. Raises PageShapeError when it is none, with the site's own message if it shows one."""
    page = parse_html(html)
    results = first_with_class(page, RESULTS)
    said = text_of(first_with_class(page, "messages", "error"))
    if results is None or said:
        raise PageShapeError(f"no search results on {url}" + (f": {said}" if said else ""))
    total = re.search(r"of\s+([\d,]+)", text_of(first_with_class(results, "view-header")))
    last = attribute(next(pager_links(results, "last"), None), "href")
    return Listing(
        content=card_urls(results, url),
        total=int(total[1].replace(",", "")) if total else None,
        next_url=absolute(url, next(pager_links(results, "next"), None)),
        last_page=page_number(last) if last else None,
    )


def card_urls(box: Element, url: str, around: str = "views-row") -> tuple[str, ...]:
    """Return what the cards in a list lead to, each once; `around` names what encloses those that belong to it."""
    titles = (title for title in with_class(box, "art-preview-title") if inside(title, around))
    links = (link for title in titles for link in title.iterdescendants("a") if link.get("href") is not None)
    return tuple(dict.fromkeys(absolute(url, link) for link in links))


def pager_links(box: Element, which: str) -> Iterator[Element]:
    """Yield the links that a list's pagers have to the `next` or `last` page."""
    for pager in with_class(box, "pager", "ul"):
        for item in with_class(pager, f"pager-{which}", "li"):
            yield from item.iterdescendants("a")


def page_number(url: str) -> int:
    """Return the 0-based page a listing URL asks for."""
    values = parse_qs(urlsplit(url).query).get("page", ["0"])
    return int(values[0]) if values[0].isdigit() else 0
