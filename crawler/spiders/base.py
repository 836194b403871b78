"""What every spider here shares: requests that say what they expect, and finished downloads."""

import ipaddress
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings

from crawler.errors import CrawlUsageError
from db.known_pages import KnownPage
from db.records import FetchedFile, NewEntry, PageRecord
from db.vocabulary import EntryKind

REFRESHES = {
    "": (),
    "pages": (EntryKind.LISTING, EntryKind.CONTENT),
    "files": (EntryKind.LISTING, EntryKind.CONTENT, EntryKind.FILE),
}
"""What `-a refresh=…` looks at again; `files` finds also what changed without its page saying so."""

PRIORITY = {EntryKind.LISTING: 20, EntryKind.FILE: 10, EntryKind.CONTENT: 0}
"""Listings first: they shift while one reads them. Then files, so that what is found is also had."""


CALLBACK = {EntryKind.LISTING: "parse_listing", EntryKind.CONTENT: "parse_content", EntryKind.FILE: "parse_file"}


class CatalogSpider(Spider):
    """A spider whose requests live in the catalog. Subclasses set `crawl_arguments` and maybe `page_limit`."""

    crawl_arguments: dict[str, Any]
    page_limit: int | None = None
    refresh: str = ""
    absent_is_normal = False
    """Whether a missing page or file (HTTP 404, 410) is an answer and not a failure."""
    skip_known_files = False
    """Whether seeds that are files may be left out when an earlier crawl brought them home."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, refresh: str = "", **kwargs: Any) -> Self:
        """Build, and say who is asking. `refresh` is for every spider: look again at what a finished crawl has."""
        contact = crawler.settings.get("QUARRY_CONTACT")
        if contact:
            crawler.settings.set("USER_AGENT", f"artquarry/0.1 (+{contact})", priority="spider")
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.refresh = refresh
        return spider

    @classmethod
    def check(cls, settings: BaseSettings, arguments: dict[str, str]) -> None:
        """Raise CrawlUsageError for arguments that make no sense, or when a stranger would not know who is asking."""
        if arguments.get("refresh", "") not in REFRESHES:
            raise CrawlUsageError(f"refresh={arguments['refresh']!r} is unknown; there are pages and files")
        for url in cls(**{name: value for name, value in arguments.items() if name != "refresh"}).start_urls:
            if not settings.get("QUARRY_CONTACT") and not _is_loopback(url):
                raise CrawlUsageError(
                    f"{urlsplit(url).netloc} should know whom to write to: add "
                    "-s QUARRY_CONTACT=you@example.org (or an https:// page about your project)"
                )

    async def start(self) -> AsyncIterator[Any]:
        """Yield nothing: the crawl begins with its seeds, which the scheduler puts into the frontier."""
        return
        yield  # which makes this a generator

    def seeds(self) -> Iterator[NewEntry | PageRecord]:
        """Yield what the crawl begins with."""
        for url in self.start_urls:
            yield self.entry(url, EntryKind.LISTING)

    def requests_for_known(self, page: KnownPage) -> "Iterator[Request | NewEntry] | None":
        """Return what to ask for when a content page need not be fetched; None where pages lead on to other pages.

        For QUARRY_PAGE_MAX_AGE.
        """
        return None

    def entry(self, url: str, kind: EntryKind) -> NewEntry:
        """Make a frontier entry without a request; its URL is asked for as it is. Callbacks may yield them, too."""
        return NewEntry(url, kind, CALLBACK[kind], priority=PRIORITY[kind])

    def listing(self, url: str) -> Request:
        """Ask for a page that lists content."""
        return self._request(url, EntryKind.LISTING, self.parse_listing)

    def content(self, url: str) -> Request:
        """Ask for a content page."""
        return self._request(url, EntryKind.CONTENT, self.parse_content)

    def file(self, url: str) -> Request:
        """Ask for a file, to be streamed to the blob store."""
        return self._request(url, EntryKind.FILE, self.parse_file)

    def _request(self, url: str, kind: EntryKind, callback: Any) -> Request:
        return Request(url, callback=callback, meta={"kind": kind.value}, priority=PRIORITY[kind], dont_filter=True)

    def parse_listing(self, response: Response) -> Iterator[Any]:
        """Read a listing."""
        raise NotImplementedError

    def parse_content(self, response: Response) -> Iterator[Any]:
        """Read a content page."""
        raise NotImplementedError

    def parse_file(self, response: Response) -> Iterator[FetchedFile]:
        """Hand on a finished download."""
        yield response.meta["fetched"]


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
