"""Manners: robots.txt with its Crawl-delay, and leaving a host alone when it asks for it."""

import logging
import time
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.http import Response

from crawler.verdicts import BACKOFF_BASE_S, HOLD_STATUSES, retry_after_s

logger = logging.getLogger(__name__)

LEAST_DELAY_S = 0.001
"""Without any delay Scrapy 2.19 starts everything that waits for a host before it counts what it started, whatever
the concurrency says, and it would not wait when asked to."""


class PoliteRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's robots.txt middleware, which also keeps the Crawl-delay it finds there and heeds Retry-After."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        crawler.signals.connect(self._keep_delay, signals.robots_parsed)
        crawler.signals.connect(self._one_at_a_time, signals.request_reached_downloader)
        crawler.signals.connect(self._heed, signals.response_downloaded)

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

    def _one_at_a_time(self, request: Request) -> None:
        slot = self._slot(request)
        slot.delay = max(slot.delay, LEAST_DELAY_S)

    def _slot(self, request: Request) -> Any:
        downloader: Any = self.crawler.engine.downloader if self.crawler.engine else None
        return downloader.slots[downloader.get_slot_key(request)]

    def _heed(self, response: Response, request: Request) -> None:
        """Stop a host's queue while the answer that asks for it is still in the slot, so that nothing slips out."""
        if response.status not in HOLD_STATUSES:
            return
        asked = retry_after_s(response.headers.get(b"Retry-After"), time.time())
        seconds = BACKOFF_BASE_S if asked is None else asked
        slot = self._slot(request)
        slot.lastseen = max(slot.lastseen, time.monotonic() + seconds)
        logger.warning("%s: HTTP %s; leaving the host alone for %.0f s", request.url, response.status, seconds)
