"""One response, one transaction.

A spider middleware that collects everything a callback yields and, when the callback is exhausted, writes it all
together with the entry's "done": pages, files, new frontier entries. If the callback raises, nothing it yielded is
kept and the entry fails with the cause.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from sqlalchemy import Connection

from crawler.session import CrawlSession, as_entry, session_of
from crawler.verdicts import Verdict, judge
from db.errors import LeaseLostError
from db.frontier import Entry
from db.recording import record_fetched, record_page, unfetched
from db.records import FetchedFile, PageRecord
from db.vocabulary import EntryKind

logger = logging.getLogger(__name__)


class Recorder:
    """Settles each response in the catalog."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler."""
        return cls(crawler)

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Collect, settle, and pass on the items; the requests are in the frontier."""
        session = session_of(self.crawler)
        entry = None if response.request is None else session.entry_of(response.request)
        yielded: list[Any] = []
        try:
            async for output in result:
                yielded.append(output)
        except Exception as error:
            if entry is not None:
                reason = f"{type(error).__name__}: {error}"
                _fail(session, entry, Verdict(f"the page could not be understood: {reason}", status=response.status))
            raise
        if entry is not None:
            _settle(session, entry, yielded, response.status)
        for output in yielded:
            if not isinstance(output, Request):
                yield output


def _settle(session: CrawlSession, entry: Entry, yielded: Iterable[Any], status: int) -> None:
    requests = [output for output in yielded if isinstance(output, Request)]
    try:
        with session.catalog.database.write() as connection:
            for output in yielded:
                if isinstance(output, PageRecord):
                    record_page(connection, output)
                elif isinstance(output, FetchedFile):
                    record_fetched(connection, output)
            session.queue.enqueue(connection, [as_entry(request) for request in _still_needed(connection, requests)])
            session.queue.settle(connection, entry.id, status)
    except LeaseLostError as error:
        logger.warning("%s: %s; its new owner records it", entry.url, error)
    session.done_with(entry)


def _still_needed(connection: Connection, requests: list[Request]) -> list[Request]:
    """Leave out files that an earlier crawl brought home already."""
    files = [request.url for request in requests if request.meta.get("kind") == EntryKind.FILE]
    missing = set(unfetched(connection, files))
    return [r for r in requests if r.meta.get("kind") != EntryKind.FILE or r.url in missing]


def on_failure(crawler: Crawler, request: Request, error: BaseException) -> None:
    """Settle an entry whose download failed: put it off, or record why it cannot be had."""
    session = session_of(crawler)
    entry = session.entry_of(request)
    if entry is None:
        return
    verdict = judge(error, entry.attempts)
    _fail(session, entry, verdict)


def _fail(session: CrawlSession, entry: Entry, verdict: Verdict) -> None:
    level = logging.WARNING if verdict.retry_at is None else logging.INFO
    logger.log(level, "%s: %s", entry.url, verdict.reason)
    try:
        with session.catalog.database.write() as connection:
            if verdict.hold_host and verdict.retry_at is not None:
                session.queue.pause_host(connection, entry.host, verdict.retry_at, verdict.reason)
            if verdict.retry_at is None:
                session.queue.fail(connection, entry.id, verdict.reason, verdict.status)
            else:
                session.queue.postpone(connection, entry.id, verdict.retry_at, verdict.reason, verdict.status)
    except LeaseLostError as error:
        logger.warning("%s: %s", entry.url, error)
    session.done_with(entry)
