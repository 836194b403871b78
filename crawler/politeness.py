"""Manners: robots.txt with its Crawl-delay, and leaving a host alone when it asks for it."""

import logging
import time
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

from crawler.session import session_of
from crawler.verdicts import BACKOFF_BASE_S, HOLD_STATUSES, retry_after_s
from db.urls import host_of

logger = logging.getLogger(__name__)

LEAST_DELAY_S = 0.001
"""Without any delay Scrapy 2.19 starts everything that waits for a host before it counts what it started, whatever
the concurrency says, and it would not wait when asked to."""


LONGEST_DELAY_S = 3600.0
SLOT = "download_slot"


class PoliteRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's robots.txt middleware, which also keeps the Crawl-delay it finds there and heeds Retry-After."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        crawler.signals.connect(self._keep_delay, signals.robots_parsed)
        crawler.signals.connect(self._one_at_a_time, signals.request_reached_downloader)
        crawler.signals.connect(self._heed, signals.response_downloaded)

    async def process_request(self, request: Request) -> None:  # type: ignore[override] # the decorator hides its shape
        """Obey robots.txt. A redirect to another host must not travel in the first one's slot, with its delay."""
        if request.meta.get(SLOT) not in (None, urlsplit(request.url).hostname):
            del request.meta[SLOT]
        await super().process_request(request)

    def _keep_delay(self, robotparser: Any, request: Request) -> None:
        delay = robotparser.crawl_delay(self._robotstxt_useragent or self._default_useragent)
        if delay is None:
            return
        settings = self.crawler.settings
        least = max(min(float(delay), LONGEST_DELAY_S), settings.getfloat("DOWNLOAD_DELAY"), LEAST_DELAY_S)
        mean, jitter = with_jitter(least, settings.getfloat("QUARRY_DELAY_JITTER"))
        logger.info("robots.txt of %s asks for %s s between requests; keeping at least %s s", request.url, delay, least)
        downloader: Any = self.crawler.engine.downloader if self.crawler.engine else None
        key = downloader.get_slot_key(request)
        downloader.per_slot_settings[key] = {"concurrency": 1, "delay": mean, "jitter": jitter}
        if key in downloader.slots:
            downloader.slots[key].delay = mean
            downloader.slots[key].jitter = jitter
            downloader.slots[key].concurrency = 1
        session_of(self.crawler).queue.note_delay(host_of(request.url), least)

    def _one_at_a_time(self, request: Request) -> None:
        slot = _slot(self.crawler, request)
        slot.delay = max(slot.delay, LEAST_DELAY_S)

    def _heed(self, response: Response, request: Request) -> None:
        """Stop a host's queue while the answer that asks for it is still in the slot, so that nothing slips out."""
        if response.status in HOLD_STATUSES:
            asked = retry_after_s(response.headers.get(b"Retry-After"), time.time())
            hold(self.crawler, request, BACKOFF_BASE_S if asked is None else asked, f"HTTP {response.status}")


class PoliteThrottle(AutoThrottle):
    """Scrapy's AutoThrottle (AUTOTHROTTLE_ENABLED), which may slow down but never go below a host's own delay."""

    def _adjust_delay(self, slot: Any, latency: float, response: Response) -> None:
        super()._adjust_delay(slot, latency, response)
        request = response.request
        engine: Any = self.crawler.engine
        if request is not None and engine is not None:
            asked = engine.downloader.per_slot_settings.get(engine.downloader.get_slot_key(request), {})
            slot.delay = max(slot.delay, asked.get("delay", LEAST_DELAY_S))


def with_jitter(least_s: float, share: float) -> tuple[float, float]:
    """Return mean delay and symmetrical jitter, as Scrapy wants them, for `least_s` to `least_s × (1 + share)`."""
    mean = least_s * (1 + share / 2)
    return mean, (mean - least_s) / mean


def hold(crawler: Crawler, request: Request, seconds: float, why: str) -> None:
    """Send nothing more to a request's host for so long, not even what already waits in Scrapy's queue."""
    slot = _slot(crawler, request)
    slot.lastseen = max(slot.lastseen, time.monotonic() + seconds)
    logger.warning("%s: %s; leaving the host alone for %.0f s", request.url, why, seconds)


def trip(crawler: Crawler, request: Request, why: str) -> float:
    """Break the circuit to a host; return until when (seconds since 1970)."""
    seconds = crawler.settings.getfloat("QUARRY_BREAKER_PAUSE")
    hold(crawler, request, seconds, why)
    return time.time() + seconds


def _slot(crawler: Crawler, request: Request) -> Any:
    downloader: Any = crawler.engine.downloader if crawler.engine else None
    return downloader.slots[downloader.get_slot_key(request)]
