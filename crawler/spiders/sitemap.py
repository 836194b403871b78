"""A site's own list of its pages: robots.txt → sitemaps → pages → files.

scrapy crawl sitemap -a site=https://example.org -a match=/art/ -s QUARRY_CONTACT=you@example.org
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.http import Response

from crawler.errors import CrawlUsageError, PageShapeError
from crawler.pages.sitemaps import read_sitemap, robots_sitemaps
from crawler.spiders.base import PRIORITY
from crawler.spiders.links import LinksSpider, pattern, refuse_unknown, web_urls
from db.records import FileLink, NewEntry, PageRecord
from db.urls import host_of
from db.vocabulary import EntryKind, FileRole


class SitemapSpider(LinksSpider):
    """Reads the pages that sitemaps list, and takes the files that these link to.

    site (URL), match, collect (regular expressions), allow (more hosts), images=1, limit (pages).
    """

    name = "sitemap"
    absent_is_normal = True  # sitemaps are often out of date, and either place for them may be empty

    def __init__(self, **arguments: str) -> None:
        known = ("site", "match", "collect", "allow", "images", "limit")
        refuse_unknown(arguments, known)
        sites = web_urls("site", arguments.get("site", ""))
        if len(sites) != 1:
            raise CrawlUsageError("site should be one web address; crawl several sites one after the other")
        super().__init__(start=sites[0])
        self.obey(arguments, sites, depth="0")
        self.match = pattern("match", arguments.get("match", ""))
        self.crawl_arguments = {name: arguments[name] for name in known if arguments.get(name) and name != "limit"}

    def seeds(self) -> Iterator[NewEntry | PageRecord]:
        """Begin with both places where a site may say what it has."""
        site = self.seed_urls[0]
        yield NewEntry(
            urljoin(site, "/robots.txt"), EntryKind.LISTING, "parse_robots", priority=PRIORITY[EntryKind.LISTING]
        )
        yield self.entry(urljoin(site, "/sitemap.xml"), EntryKind.LISTING)

    def parse_robots(self, response: Response) -> Iterator[Request]:
        """Ask for the sitemaps that robots.txt names."""
        for url in robots_sitemaps(response.body, response.url):
            if self.rules.allows(url):
                yield self.listing(url)

    def parse_listing(self, response: Response) -> Iterator[Any]:
        """Ask for what a sitemap lists: sitemaps, pages, and files, whose page is the sitemap itself."""
        sitemap = read_sitemap(response.body, response.url)
        listed = (*sitemap.sitemaps, *sitemap.pages)
        if listed and not any(map(self.rules.allows, listed)):
            raise PageShapeError(f"it lists only another host's pages; add -a allow={host_of(listed[0])} to read them")
        for url in filter(self.rules.allows, sitemap.sitemaps):
            yield self.listing(url)
        pages = [url for url in sitemap.pages if self.match.search(url)]
        for url in filter(self.rules.follows, pages):
            yield self.content(url)
        files = tuple(FileLink(url, FileRole.FILE) for url in filter(self.rules.collects, pages))
        if files:
            host = urlsplit(response.url).netloc
            yield PageRecord(url=response.url, site=host, title=f"Sitemap of {host}", files=files)
        for link in files:
            yield self.file(link.url)
