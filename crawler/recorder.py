"""One response, one transaction.

A spider middleware that collects everything a callback yields and, when the callback is exhausted, has it all written
together with the entry's "done": pages, files, new frontier entries. If the callback raises, nothing it yielded is
kept and the entry fails with the cause.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.spidermiddlewares.referer import RefererMiddleware
from sqlalchemy import Connection

from crawler.consent import withhold
from crawler.errors import NotSentError
from crawler.findings import Findings
from crawler.outages import outages_of
from crawler.politeness import trip
from crawler.session import as_entry, session_of, stop_crawl
from crawler.settling import Settlement, settler_of
from crawler.verdicts import ABSENT_STATUSES, BREAKING_STATUSES, NO_ANSWER, Verdict, carry_out, judge
from db.blobs import is_disk_error
from db.frontier import MAX_ATTEMPTS, Entry, Settled
from db.records import FetchedFile, NewEntry, PageRecord
from db.vocabulary import EntryKind

logger = logging.getLogger(__name__)

WANTED = (Request, NewEntry)
"""What a callback yields to have something fetched; all else is an item."""


class Recorder:
    """Settles each response in the catalog."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._has_pipelines = bool(crawler.settings.getdict("ITEM_PIPELINES"))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler."""
        return cls(crawler)

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Collect, settle, and pass on the items; the requests are in the frontier.

        Without item pipelines, items end here, told to all who count them: Scrapy's way with them takes several tasks.
        """
        session = session_of(self.crawler)
        entry = None if response.request is None else session.entry_of(response.request)
        yielded: list[Any] = []
        try:
            async for output in result:
                yielded.append(output)
        except Exception as error:
            if entry is not None:
                reason = f"the page could not be understood: {type(error).__name__}: {error}"
                _fail(self.crawler, entry, Verdict(reason, status=response.status))
            raise
        if entry is not None:
            session.refusals.pop(entry.host, None)
            if entry.kind is EntryKind.CONTENT and self.crawler.settings.getbool("QUARRY_RESPECT_NOAI"):
                yielded = withhold(response, yielded)
            settler_of(self.crawler).add(_settlement(entry, yielded, response))
        for item in [output for output in yielded if not isinstance(output, WANTED)]:
            if self._has_pipelines:
                yield item
            else:
                self._tell(item, response)

    def _tell(self, item: Any, response: Response) -> None:
        told = {"item": item, "response": response, "spider": self.crawler.spider}
        self.crawler.signals.send_catch_log(signals.item_scraped, **told)


class RefererOfRedirects(RefererMiddleware):
    """Scrapy's Referer for redirected requests. Those that callbacks yield end here, so they are not gone through."""

    process_spider_output = None  # type: ignore[assignment] # Scrapy leaves out what is None
    process_spider_output_async = None  # type: ignore[assignment]


def _settlement(entry: Entry, yielded: Sequence[Any], response: Response) -> Settlement:
    etag, modified = response.headers.get(b"ETag"), response.headers.get(b"Last-Modified")
    settled = Settled(entry.id, response.status, (etag or b"").decode("latin-1"), (modified or b"").decode("latin-1"))
    found = Findings(
        settled,
        pages=tuple(output for output in yielded if isinstance(output, PageRecord)),
        files=tuple(output for output in yielded if isinstance(output, FetchedFile)),
        wanted=tuple(as_entry(output) for output in yielded if isinstance(output, WANTED)),
    )
    return Settlement(entry, found, response.meta.get("landing") if found.files else None)


def on_failure(crawler: Crawler, request: Request, error: BaseException) -> None:
    """Settle an entry whose download failed: put it off, or record why it cannot be had."""
    entry = session_of(crawler).entry_of(request)
    if entry is None:
        return
    if isinstance(error, NotSentError):
        _hand_back(crawler, entry, error)
    elif isinstance(error, Exception) and is_disk_error(error):
        stop_crawl(crawler, error)
    else:
        _settle_failure(crawler, entry, request, error)


def _settle_failure(crawler: Crawler, entry: Entry, request: Request, error: BaseException) -> None:
    if isinstance(error, NO_ANSWER):
        outages_of(crawler).suspect(entry, request)
    status = error.response.status if isinstance(error, HttpError) else None
    if status == 304:
        session_of(crawler).refusals.pop(entry.host, None)
    if status == 304 or (status in ABSENT_STATUSES and getattr(crawler.spider, "absent_is_normal", False)):
        _settle_without_body(crawler, entry, status)
        return
    if status is not None and status not in BREAKING_STATUSES:
        session_of(crawler).refusals.pop(entry.host, None)
    verdict = judge(error, entry.attempts)
    if status in BREAKING_STATUSES and _breaks_the_circuit(crawler, entry, request, status, verdict.retry_at or 0.0):
        return
    _fail(crawler, entry, verdict)


def _hand_back(crawler: Crawler, entry: Entry, error: NotSentError) -> None:
    """Make an entry due again that was never asked for."""
    session = session_of(crawler)
    if session.stopping:
        session.done_with(entry)  # all leases are given back at the end
        return

    def write(connection: Connection) -> None:
        session.queue.postpone(connection, entry.id, error.until, str(error) if error.until else "", counts=False)

    settler_of(crawler).add(Settlement(entry, write))


def _settle_without_body(crawler: Crawler, entry: Entry, status: int) -> None:
    """Settle what is not there, or is as we have it."""
    queue, reason = session_of(crawler).queue, "" if status == 304 else "absent"
    settler_of(crawler).add(Settlement(entry, lambda connection: queue.settle(connection, entry.id, status, reason)))


def _breaks_the_circuit(crawler: Crawler, entry: Entry, request: Request, status: int, asked_until: float) -> bool:
    """Pause a host that refuses one request after the other, and take back what failed because of it."""
    session = session_of(crawler)
    refused = session.refusals.setdefault(entry.host, [])
    refused.append(entry.id)
    if len(refused) < crawler.settings.getint("QUARRY_BREAKER_AFTER"):
        return False
    until = max(asked_until, trip(crawler, request, f"HTTP {status}, {len(refused)} times in a row"))
    before, session.refusals[entry.host] = refused[:-1], []

    def write(connection: Connection) -> None:
        reason = f"HTTP {status}; the host refuses everything"
        session.queue.pause_host(connection, entry.host, until, reason)
        session.queue.reopen(connection, before, until)
        if entry.attempts + 1 < MAX_ATTEMPTS:
            session.queue.postpone(connection, entry.id, until, reason, status)
        else:
            session.queue.fail(connection, entry.id, reason, status)

    settler_of(crawler).add(Settlement(entry, write))
    return True


def _fail(crawler: Crawler, entry: Entry, verdict: Verdict) -> None:
    queue = session_of(crawler).queue
    level = logging.WARNING if verdict.retry_at is None else logging.INFO
    logger.log(level, "%s: %s", entry.url, verdict.reason)
    settler_of(crawler).add(Settlement(entry, lambda connection: carry_out(connection, queue, entry, verdict)))
