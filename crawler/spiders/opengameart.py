"""OpenGameArt: search results → content pages → files.

scrapy crawl opengameart -a query=castle -a type=2d -a licence=cc0,cc-by-4.0 -a limit=20
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urljoin

from scrapy.http import Response

from crawler.errors import CrawlUsageError
from crawler.pages.opengameart_content import is_art, read_content
from crawler.pages.opengameart_listing import page_number, read_listing
from crawler.spiders.base import CatalogSpider
from db.records import FileLink
from db.vocabulary import FileRole

SITE = "https://opengameart.org"
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


class OpenGameArtSpider(CatalogSpider):
    """Walks `/art-search-advanced`. All arguments are optional.

    query, type (2d, 3d, concept, texture, music, sound, document), licence, tags (comma-separated), sort (created,
    favourites, views, score), order (desc, asc), per_page, limit (content pages), previews=1, mentions=1, site.
    """

    name = "opengameart"

    def __init__(
        self,
        query: str = "",
        type: str = "2d",
        licence: str = "",
        tags: str = "",
        sort: str = "created",
        order: str = "desc",
        per_page: str = "144",
        limit: str = "",
        previews: str = "",
        mentions: str = "",
        site: str = SITE,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if kwargs:
            raise CrawlUsageError(f"unknown arguments {', '.join(sorted(kwargs))}; see the README's table")
        self.page_limit = _count("limit", limit) if limit else None
        self.roles = {FileRole.FILE}
        self.roles |= {FileRole.PREVIEW} if previews.lower() in YES else set()
        self.roles |= {FileRole.MENTION} if mentions.lower() in YES else set()
        parameters = [
            ("keys", query),
            ("field_art_tags_tid_op", "or"),
            ("field_art_tags_tid", tags),
            *(("field_art_type_tid[]", number) for number in _chosen("type", type, TYPES)),
            *(("field_art_licenses_tid[]", number) for number in _chosen("licence", licence, LICENCES)),
            ("sort_by", _choice("sort", sort, SORTS)),
            ("sort_order", _choice("order", order, {"desc": "DESC", "asc": "ASC"})),
            ("items_per_page", _choice("per_page", per_page, PER_PAGE)),
        ]
        self.start_urls = [urljoin(site, "/art-search-advanced?" + urlencode(parameters))]
        self.crawl_arguments = {
            name: value
            for name, value in (
                ("site", site),
                ("query", query),
                ("type", type),
                ("licence", licence),
                ("tags", tags),
                ("sort", sort),
                ("order", order),
                ("per_page", per_page),
                ("previews", previews),
                ("mentions", mentions),
            )
            if value
        }

    def parse_listing(self, response: Response) -> Iterator[Any]:
        """Ask for every submission listed and for the next page."""
        listing = read_listing(response.text, response.url)
        for url in listing.content:
            yield self.content(url)
        if listing.next_url and page_number(listing.next_url) > page_number(response.url):
            yield self.listing(listing.next_url)

    def parse_content(self, response: Response) -> Iterator[Any]:
        """Record a submission and ask for its files; collections, FAQ and posts are left alone."""
        if not is_art(response.text):
            return
        page = read_content(response.text, response.url)
        yield page
        for link in page.files:
            if link.role in self.roles and self._same_site(link, response.url):
                yield self.file(link.url)

    def _same_site(self, link: FileLink, page_url: str) -> bool:
        """Mentions may point anywhere; only what the site itself stores is ours to take."""
        return urljoin(link.url, "/") == urljoin(page_url, "/")


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
