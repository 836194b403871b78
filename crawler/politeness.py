"""Manners: robots.txt with its Crawl-delay, and leaving a host alone when it asks for it."""

import logging
import time
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware

logger = logging.getLogger(__name__)

HELD_DELAY_S = 0.05
"""Scrapy looks at a slot's last fetch only when the slot has a delay at all."""


class PoliteRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's robots.txt middleware, which also keeps the Crawl-delay it finds there."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        crawler.signals.connect(self._keep_delay, signals.robots_parsed)

    def _keep_delay(self, robotparser: Any, request: Request) -> None:
        delay = robotparser.crawl_delay(self._robotstxt_useragent or self._default_useragent)
        if delay is None:
            return
        least = max(float(delay), self.crawler.settings.getfloat("DOWNLOAD_DELAY"))
        logger.info("robots.txt of %s asks for %s s between requests; keeping %s s", request.url, delay, least)
        downloader: Any = self.crawler.engine.downloader if self.crawler.engine else None
        key = downloader.get_slot_key(request)
        downloader.per_slot_settings[key] = {"concurrency": 1, "delay": least, "jitter": 0.0}
        if key in downloader.slots:
            downloader.slots[key].delay = least


def hold_host(crawler: Crawler, request: Request, seconds: float) -> None:
    """Send nothing more to a request's host for so long, not even what already waits in Scrapy's queue."""
    downloader: Any = crawler.engine.downloader if crawler.engine else None
    slot = downloader.slots.get(downloader.get_slot_key(request))
    if slot is not None:
        slot.delay = max(slot.delay, HELD_DELAY_S)
        slot.lastseen = max(slot.lastseen, time.monotonic() + seconds)
    logger.warning("%s asks us to wait %.0f s", request.url, seconds)
