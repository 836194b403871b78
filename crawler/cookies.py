"""Scrapy's cookies, imported only by a crawl that wants them: importing them takes as long as opening a catalog."""

from typing import TYPE_CHECKING

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from scrapy.downloadermiddlewares.cookies import CookiesMiddleware


class Cookies:
    """Stands in for Scrapy's CookiesMiddleware until `COOKIES_ENABLED` is seen."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "CookiesMiddleware":
        """Build Scrapy's own. Raises NotConfigured unless cookies are wanted."""
        if not crawler.settings.getbool("COOKIES_ENABLED"):
            raise NotConfigured
        from scrapy.downloadermiddlewares.cookies import CookiesMiddleware

        return CookiesMiddleware.from_crawler(crawler)
