"""OpenGameArt: search results, collections or users → content pages → files.

scrapy crawl opengameart -a query=castle -a type=2d -a licence=cc0,cc-by-4.0 -a limit=20
scrapy crawl opengameart -a start=/content/some-collection
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from scrapy.http import Response
from w3lib.url import safe_url_string

from crawler.errors import CrawlUsageError
from crawler.pages.opengameart_content import is_art, read_content
from crawler.pages.opengameart_listing import page_number, read_listing
from crawler.pages.opengameart_lists import read_list
from crawler.spiders.base import CatalogSpider
from db.known_pages import KnownPage
from db.records import FileLink, NewEntry
from db.vocabulary import EntryKind, FileRole

SITE = "https://opengameart.org"
SEARCH = "/art-search-advanced"
ENTRANCE = re.compile(r"/(content|users)/[^/]+/?$")
TYPES = {"2d": 9, "3d": 10, "concept": 7273, "texture": 14, "music": 12, "sound": 13, "document": 11}
LICENCES = {
    "cc-by-3.0": 2,
    "cc-by-sa-3.0": 3,
    "cc0": 4,
    "gpl-2.0": 5,
    "gpl-3.0": 6,
    "lgpl-2.1": 7,
    "lgpl-3.0": 8,
    "oga-by-3.0": 10310,
    "cc-by-4.0": 17981,
    "cc-by-sa-4.0": 17982,
    "oga-by-4.0": 31772,
}
SORTS = {"score": "score", "created": "created", "favourites": "count", "views": "totalcount"}
PER_PAGE = {str(number): number for number in (6, 12, 24, 48, 144)}
YES = frozenset({"1", "yes", "true"})


DEFAULTS = {
    "site": SITE,
    "start": "",
    "query": "",
    "type": "2d",
    "licence": "",
    "tags": "",
    "sort": "created",
    "order": "desc",
    "per_page": "144",
    "previews": "",
    "mentions": "",
}
SEARCH_ONLY = ("query", "type", "licence", "tags", "sort", "order", "per_page")


class OpenGameArtSpider(CatalogSpider):
    """Walks `/art-search-advanced`. All arguments are optional.

    query, type (2d, 3d, concept, texture, music, sound, document), licence, tags (comma-separated), sort (created,
    favourites, views, score), order (desc, asc), per_page, limit (content pages), previews=1, mentions=1, site; or
    instead of a search: start (`/content/…` of a collection or submission, `/users/…`; comma-separated).
    """

    name = "opengameart"

    def __init__(self, limit: str = "", **arguments: str) -> None:
        super().__init__()
        unknown = sorted(set(arguments) - set(DEFAULTS))
        if unknown:
            raise CrawlUsageError(f"unknown arguments {', '.join(unknown)}; see the README's table")
        given = {**DEFAULTS, **arguments}
        self.page_limit = _count("limit", limit) if limit else None
        self.roles = {FileRole.FILE}
        self.roles |= {FileRole.PREVIEW} if given["previews"].lower() in YES else set()
        self.roles |= {FileRole.MENTION} if given["mentions"].lower() in YES else set()
        if given["start"]:
            _refuse_search(arguments)
            given = {name: value for name, value in given.items() if name not in SEARCH_ONLY}
            self.start_urls = _starts(given["site"], given["start"])
        else:
            self.start_urls = [_search(given)]
        self.crawl_arguments = {name: value for name, value in given.items() if value}

    def parse_listing(self, response: Response, before: str = "") -> Iterator[Any]:
        """Ask for every submission listed and for the next page; a start may be a submission itself.

        `before` names what the page before listed: beyond the end, the site repeats the last page for ever.
        """
        if is_art(response.text):
            yield from self.parse_content(response)
            return
        searched = urlsplit(response.url).path == SEARCH
        listing = (read_listing if searched else read_list)(response.text, response.url)
        listed = hashlib.sha256("\n".join(listing.content).encode()).hexdigest()[:16]
        if listed == before:
            return
        for url in listing.content:
            yield self.content(url)
        if listing.next_url and page_number(listing.next_url) > page_number(response.url):
            yield self.listing(listing.next_url).replace(cb_kwargs={"before": listed})

    def parse_content(self, response: Response) -> Iterator[Any]:
        """Record a submission and ask for its files; collections, FAQ and posts are left alone."""
        if not is_art(response.text):
            return
        page = read_content(response.text, response.url)
        yield page
        yield from self._wanted(page.files, response.url)

    def requests_for_known(self, page: KnownPage) -> Iterator[NewEntry]:
        """Ask for the files that a submission showed when it was fetched."""
        return self._wanted(page.files, page.url)

    def _wanted(self, files: Sequence[FileLink], page_url: str) -> Iterator[NewEntry]:
        """Mentions may point anywhere; only what the site itself stores is ours to take."""
        site = urljoin(page_url, "/")
        for link in files:
            if link.role in self.roles and link.url.startswith(site):
                yield self.entry(link.url, EntryKind.FILE)


def _search(given: dict[str, str]) -> str:
    parameters = [
        ("keys", given["query"]),
        ("field_art_tags_tid_op", "or"),
        ("field_art_tags_tid", given["tags"]),
        *(("field_art_type_tid[]", number) for number in _chosen("type", given["type"], TYPES)),
        *(("field_art_licenses_tid[]", number) for number in _chosen("licence", given["licence"], LICENCES)),
        ("sort_by", _choice("sort", given["sort"], SORTS)),
        ("sort_order", _choice("order", given["order"], {"desc": "DESC", "asc": "ASC"})),
        ("items_per_page", _choice("per_page", given["per_page"], PER_PAGE)),
    ]
    return urljoin(given["site"], f"{SEARCH}?{urlencode(parameters)}")


def _refuse_search(arguments: dict[str, str]) -> None:
    searching = [name for name in SEARCH_ONLY if arguments.get(name)]
    if searching:
        raise CrawlUsageError(f"start takes the place of a search; leave out {', '.join(searching)}")


def _starts(site: str, text: str) -> list[str]:
    """Return where to begin, on the site's own host whatever form of its address was pasted."""
    found = []
    for word in filter(None, map(str.strip, text.split(","))):
        parts = urlsplit(word)
        if parts.netloc.removeprefix("www.") not in ("", urlsplit(site).netloc) or not ENTRANCE.match(parts.path):
            raise CrawlUsageError(f"start={word!r} should be /content/… or /users/… of {site}")
        found.append(safe_url_string(urljoin(site, parts.path)))
    return list(dict.fromkeys(found))


def _chosen(name: str, value: str, choices: dict[str, int]) -> list[int]:
    return [_choice(name, word.strip(), choices) for word in value.split(",") if word.strip()]


def _choice(name: str, value: str, choices: dict[str, Any]) -> Any:
    try:
        return choices[value.lower()]
    except KeyError:
        raise CrawlUsageError(f"{name}={value!r} is unknown; there are {', '.join(choices)}") from None


def _count(name: str, value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise CrawlUsageError(f"{name}={value!r} should be a whole number from 1")
    return int(value)
