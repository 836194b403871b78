"""Requests that were handed to Scrapy but wait there for their turn: at a delay of 10 s, minutes of them.

They hold leases. When nothing more should be sent to a host, or at all, they are taken back, and their entries are
due again as if they had never been handed out. Only what is on the wire is waited for.
"""

from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler

from crawler.errors import NotSentError
from crawler.session import has_session, session_of


def hand_back_waiting(crawler: Crawler, request: Request, why: str, until: float = 0.0) -> None:
    """Take back what waits for a request's host."""
    downloader: Any = crawler.engine.downloader if crawler.engine else None
    slot = downloader.slots.get(downloader.get_slot_key(request))
    if slot is not None:
        _empty(slot, NotSentError(why, until))


def hand_back_all(crawler: Crawler, why: str) -> None:
    """Take back what waits for any host."""
    downloader: Any = crawler.engine.downloader if crawler.engine else None
    for slot in downloader.slots.values():
        _empty(slot, NotSentError(why))


def _empty(slot: Any, error: NotSentError) -> None:
    while slot.queue:
        _, waiting = slot.queue.popleft()
        waiting.errback(error)


class HandBack:
    """Extension: takes back what waits as soon as the crawl begins to close, whoever asked for it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler; the engine to listen to exists once the spider is opened."""
        self = cls(crawler)
        crawler.signals.connect(self._opened, signals.spider_opened)
        return self

    def _opened(self) -> None:
        # Scrapy 2.19 tells nobody that it begins to close; it only tells when it is done.
        engine: Any = self._crawler.engine
        close = engine.close_spider_async

        async def close_without_waiting(*, reason: str = "cancelled") -> None:
            if has_session(self._crawler):
                session_of(self._crawler).stopping = True
            hand_back_all(self._crawler, "the crawl is stopping")
            await close(reason=reason)

        engine.close_spider_async = close_without_waiting
