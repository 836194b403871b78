"""Stock Scrapy on the same site: a plain spider, FilesPipeline, JOBDIR, items as JSON lines.

scrapy runspider benchmarks/peers/stock.py -a site=URL -s JOBDIR=… -s FILES_STORE=… -O items.jsonl

With `-a parser=ours` the pages are read by our page object instead of a few selectors, to tell what reading costs.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar
from urllib.parse import urljoin

import scrapy
from scrapy.http import Response

LISTING = (
    "/art-search-advanced?keys=&field_art_tags_tid_op=or&field_art_tags_tid=&sort_by=created&sort_order=DESC"
    "&items_per_page=144"
)


class StockSpider(scrapy.Spider):
    name = "stock"
    custom_settings: ClassVar[dict[str, Any]] = {
        "ROBOTSTXT_OBEY": True,
        "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1},
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }

    def __init__(self, site: str, parser: str = "selectors") -> None:
        super().__init__()
        self.site = site
        self.read = {"selectors": by_selectors, "ours": by_our_parser}[parser]

    async def start(self) -> AsyncIterator[Any]:
        yield scrapy.Request(urljoin(self.site, LISTING), self.parse_listing, priority=20)

    def parse_listing(self, response: Response) -> Iterator[Any]:
        yield from response.follow_all(css=".views-row .art-preview-title a", callback=self.parse_content)
        yield from response.follow_all(css="li.pager-next a", callback=self.parse_listing, priority=20)

    def parse_content(self, response: Response) -> Iterator[Any]:
        if response.css(".node-art.view-mode-full"):
            yield self.read(response)


def by_selectors(response: Response) -> dict[str, Any]:
    node = response.css(".node-art.view-mode-full")
    return {
        "url": response.url,
        "title": node.css(".field-name-title h2::text").get(),
        "author": node.css(".field-name-author-submitter .username ::text").get(),
        "licences": node.css(".field-name-field-art-licenses .license-name::text").getall(),
        "tags": node.css(".field-name-field-art-tags .field-item a::text").getall(),
        "file_urls": node.css(".field-name-field-art-files span.file a::attr(href)").getall(),
    }


def by_our_parser(response: Response) -> dict[str, Any]:
    from crawler.pages.opengameart_content import read_content

    page = read_content(response.text, response.url)
    files = [link.url for link in page.files if link.role == "file"]
    return {"url": page.url, "title": page.title, "authors": [p.name for p in page.people], "file_urls": files}
