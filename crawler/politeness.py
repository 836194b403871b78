"""Manners: robots.txt with its Crawl-delay, and leaving a host alone when it asks for it.

robots.txt as RFC 9309 has it: a server that has none (HTTP 4xx) allows everything, one that cannot say (5xx, no
answer) allows nothing until it can, and what it said holds for a day.
"""

import asyncio
import logging
import time
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler
from sqlalchemy.exc import DBAPIError

from crawler.errors import NotSentError
from crawler.outages import outages_of
from crawler.session import session_of, stop_crawl
from crawler.verdicts import BACKOFF_BASE_S, HOLD_STATUSES, NO_ANSWER, retry_after_s
from db.urls import host_of

logger = logging.getLogger(__name__)

LEAST_DELAY_S = 0.001
"""Without any delay Scrapy 2.19 starts everything that waits for a host before it counts what it started, whatever
the concurrency says, and it would not wait when asked to."""


LONGEST_DELAY_S = 3600.0
SLOT = "download_slot"
RULES_HOLD_S = 24 * 3600.0
"""RFC 9309 section 2.4."""


class PoliteRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's robots.txt middleware, which also tells "has no rules" from "cannot say", and keeps the Crawl-delay."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._rules: dict[str, tuple[RobotParser, float]] = {}
        self._asking: dict[str, asyncio.Task[RobotParser]] = {}
        crawler.signals.connect(self._keep_delay, signals.robots_parsed)
        crawler.signals.connect(self._heed, signals.response_downloaded)

    async def process_request(self, request: Request) -> None:  # type: ignore[override] # the decorator hides its shape
        """Obey robots.txt. A redirect to another host must not travel in the first one's slot, with its delay."""
        if request.meta.get(SLOT) not in (None, urlparse_cached(request).hostname):
            del request.meta[SLOT]
        if not request.meta.get("dont_obey_robotstxt"):
            self.process_request_2(await self.robot_parser(request), request)
        if session_of(self.crawler).stopping:
            raise NotSentError("the crawl is stopping")

    async def robot_parser(self, request: Request) -> RobotParser:
        """Return the rules of a request's host, asking for them when they are unknown, old or in doubt."""
        host = host_of(request.url)
        rules, asked_at = self._rules.get(host, (None, 0.0))
        fresh = time.monotonic() - asked_at < RULES_HOLD_S
        if rules is not None and fresh and not outages_of(self.crawler).in_doubt(host):
            return rules
        if host not in self._asking:
            self._asking[host] = asyncio.ensure_future(self._ask(request))
            self._asking[host].add_done_callback(lambda _: self._asking.pop(host, None))
        return await asyncio.shield(self._asking[host])

    async def _ask(self, request: Request) -> RobotParser:
        body = await self._robots_txt(request)
        outages_of(self.crawler).over(host_of(request.url))
        rules: RobotParser = build_from_crawler(self._parserimpl, self.crawler, body)
        self._rules[host_of(request.url)] = (rules, time.monotonic())
        await self.crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=rules, request=request
        )
        return rules

    async def _robots_txt(self, request: Request) -> bytes:
        """Return what the host's robots.txt says, b"" where there is none (RFC 9309 section 2.3.1)."""
        parts = urlsplit(request.url)
        meta = {"dont_obey_robotstxt": True}
        asked = Request(
            f"{parts.scheme}://{parts.netloc}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta=meta,
            callback=NO_CALLBACK,
        )
        assert self.crawler.engine is not None  # noqa: S101 - it is what asks us
        try:
            response = await self.crawler.engine.download_async(asked)
        except (*NO_ANSWER, ResponseDataLossError) as error:
            raise outages_of(self.crawler).unreachable(request, f"robots.txt: {_named(error)}") from error
        except NotSentError:
            raise
        except IgnoreRequest:
            return b""  # redirected without end
        if response.status >= 500 or response.status == 429:
            wait = retry_after_s(response.headers.get(b"Retry-After"), time.time()) or 0.0
            raise outages_of(self.crawler).unreachable(request, f"robots.txt: HTTP {response.status}", wait)
        return response.body if response.status < 400 else b""

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
        try:
            session_of(self.crawler).queue.note_delay(host_of(request.url), least)
        except DBAPIError as error:
            stop_crawl(self.crawler, error)

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


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _slot(crawler: Crawler, request: Request) -> Any:
    downloader: Any = crawler.engine.downloader if crawler.engine else None
    return downloader.slots[downloader.get_slot_key(request)]
