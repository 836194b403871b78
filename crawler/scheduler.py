"""A Scrapy scheduler whose queue is the catalog's frontier.

Requests come from the catalog as leases and go back to it only through the recorder's settlement, so a crawl that
dies loses nothing: what was in flight is leased again. Redirected requests stay the same entry.
"""

import asyncio
import gc
import logging
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.defer import deferred_from_coro
from sqlalchemy.exc import DBAPIError
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from crawler.errors import DownloadError
from crawler.findings import Findings
from crawler.progress import tally_of
from crawler.recorder import on_failure
from crawler.session import (
    ENTRY_META,
    CrawlSession,
    as_entry,
    end_early,
    has_session,
    open_session,
    session_of,
    stop_crawl,
    wake,
)
from crawler.settings import usual_threshold
from crawler.settling import Settlement, settler_of
from db.crawls import mark_seeded
from db.engine import chunked
from db.frontier import LEASE_S, Entry, Settled
from db.known_pages import KnownPage, known_pages
from db.recording import record_pages, unfetched
from db.records import NewEntry, PageRecord
from db.urls import host_of
from db.vocabulary import EntryKind

logger = logging.getLogger(__name__)

SEED_BATCH = 1000
KEPT_AT_WORK = 4
"""One in so many stays on the wire while the others are committed, together: a commit costs the same for one."""
POLL_S = 1.0
"""How often an empty queue is asked again: other processes may have found more."""


class CatalogScheduler(BaseScheduler):
    """Leases entries, hands them to the engine, and keeps the leases alive."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.in_flight_limit = crawler.settings.getint("CONCURRENT_REQUESTS")
        self._page_max_age_s = crawler.settings.getfloat("QUARRY_PAGE_MAX_AGE")
        self._ready: deque[Request] = deque()
        self._ask_again_at = 0.0
        self._heartbeat = create_looping_call(self._beat)
        self._look_again: asyncio.TimerHandle | None = None
        self._filling: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler."""
        return cls(crawler)

    @property
    def session(self) -> CrawlSession:
        """The running crawl."""
        return session_of(self.crawler)

    def open(self, spider: Spider) -> "Deferred[None] | None":
        """Open the catalog and begin to keep leases alive."""
        if open_session(self.crawler) is None:
            return None
        try:
            if not self.session.crawl.seeded:
                self._seed(spider)
        except DBAPIError as error:
            stop_crawl(self.crawler, error)
        self._heartbeat.start(LEASE_S / 4, now=False)
        gc.freeze()  # what is loaded by now stays: looking for garbage in it again and again finds none
        gc.set_threshold(*usual_threshold)
        return None

    def _seed(self, spider: Any) -> None:
        """Put what the crawl begins with into the frontier; killed in the middle, it is simply done again."""
        database, queue = self.session.catalog.database, self.session.queue
        for batch in chunked(spider.seeds(), SEED_BATCH):
            with database.write() as connection:
                record_pages(connection, [page for page in batch if isinstance(page, PageRecord)])
                entries = [entry for entry in batch if isinstance(entry, NewEntry)]
                if spider.skip_known_files:
                    missing = set(unfetched(connection, [e.url for e in entries if e.kind is EntryKind.FILE]))
                    entries = [e for e in entries if e.kind is not EntryKind.FILE or e.url in missing]
                queue.enqueue(connection, entries)
        with database.write() as connection:
            mark_seeded(connection, self.session.crawl.id)

    def close(self, reason: str) -> "Deferred[None] | None":
        """Hand back what was not finished; note a finished crawl."""
        if self._heartbeat.running:
            self._heartbeat.stop()
        return deferred_from_coro(self._close(reason)) if has_session(self.crawler) else None

    async def _close(self, reason: str) -> None:
        if self._filling is not None:
            await asyncio.wait([self._filling])
        await settler_of(self.crawler).close()
        queue = self.session.queue
        try:
            queue.release()
            if reason == "finished" and queue.next_due() is None:
                queue.finish_crawl()
        except DBAPIError as error:
            logger.error("leases could not be handed back, they will run out: %s", error.orig)  # noqa: TRY400 - said above

    def _beat(self) -> None:
        try:
            self.session.queue.heartbeat()
        except DBAPIError as error:
            stop_crawl(self.crawler, error)

    def enqueue_request(self, request: Request) -> bool:
        """Take a redirected request back at once if it stays on its host; write any other one into the frontier."""
        entry = self.session.entry_of(request)
        if entry is not None and host_of(request.url) == entry.host:
            self._ready.append(request)
            return True
        if entry is not None:  # the other host may be served by another process
            hops = (*request.meta["redirect_urls"][1:], request.url)
            moved = Settlement(entry, lambda connection: self.session.queue.move(connection, entry, hops))
            settler_of(self.crawler).add(moved)
            return True
        with self.session.catalog.database.write() as connection:
            self.session.queue.enqueue(connection, [as_entry(request)])
        self.session.found_more = True
        return True

    def next_request(self) -> Request | None:
        """Hand out a leased entry, leasing more when there is room."""
        if not has_session(self.crawler) or self.session.stopping:
            return None
        if not self._ready and self._filling is None:
            settler = settler_of(self.crawler)
            at_work = len(self.session.in_flight) - settler.unfinished
            if at_work <= self.in_flight_limit // KEPT_AT_WORK and (settler.waiting or self._worth_asking()):
                self._filling = asyncio.ensure_future(self._fill())
        return self._ready.popleft() if self._ready else None

    def _worth_asking(self) -> bool:
        return self.session.found_more or time.monotonic() >= self._ask_again_at

    async def _fill(self) -> None:
        """Settle what waits and fill up, in one transaction: a commit costs a wait for the disk."""
        settler = settler_of(self.crawler)
        room = max(self.in_flight_limit - len(self.session.in_flight) + settler.waiting, 0)
        self._ask_again_at = time.monotonic() + POLL_S
        try:
            entries = await settler.flush(room)
            known = self._known_pages(entries)
        except DBAPIError as error:
            stop_crawl(self.crawler, error)
            return
        except Exception as error:
            logger.exception("nothing could be leased")
            end_early(self.crawler, f"nothing could be leased: {type(error).__name__}")
            return
        finally:
            self._filling = None
        self.session.found_more = len(entries) == room
        self.session.in_flight.update({entry.id: entry for entry in entries})
        for entry in entries:
            if not self._settle_known(entry, known.get(entry.url)):
                self._ready.append(self._request(entry))

    def _known_pages(self, entries: Sequence[Entry]) -> dict[str, KnownPage]:
        """Return the content pages among these that need not be fetched (QUARRY_PAGE_MAX_AGE)."""
        spider: Any = self.crawler.spider
        content = [entry.url for entry in entries if entry.kind is EntryKind.CONTENT]
        if not self._page_max_age_s or not content or spider.refresh:
            return {}
        since = datetime.now(UTC) - timedelta(seconds=self._page_max_age_s)
        with self.session.catalog.database.read() as connection:
            return known_pages(connection, self.session.crawl.id, content, since)

    def _settle_known(self, entry: Entry, page: KnownPage | None) -> bool:
        spider: Any = self.crawler.spider
        wanted = None if page is None else spider.requests_for_known(page)
        if page is None or wanted is None:
            return False
        settled = Settled(entry.id, None, page.etag, page.last_modified)
        settler_of(self.crawler).add(Settlement(entry, Findings(settled, wanted=tuple(map(as_entry, wanted)))))
        if self.crawler.stats is not None:
            self.crawler.stats.inc_value("quarry/pages_known")
        return True

    def _request(self, entry: Entry) -> Request:
        spider: Any = self.crawler.spider
        if entry.attempts:
            tally_of(self.crawler).asked_again()
        validators = {"If-None-Match": entry.etag, "If-Modified-Since": entry.last_modified}
        way = (entry.url, *entry.hops)
        redirected = {"redirect_urls": list(way[:-1]), "redirect_times": len(entry.hops)} if entry.hops else {}
        return Request(
            way[-1],
            headers={name: value for name, value in validators.items() if value},
            callback=getattr(spider, entry.callback),
            errback=self._failed,
            cb_kwargs=entry.data,
            meta={
                ENTRY_META: entry.id,
                "kind": entry.kind.value,
                "to_blob": entry.kind is EntryKind.FILE,
                **redirected,
            },
            dont_filter=True,
        )

    def _failed(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined] # Scrapy sets it
        on_failure(self.crawler, request, failure.value or DownloadError("unknown"))

    def has_pending_requests(self) -> bool:
        """Tell whether the crawl may still get work, from here or from another process."""
        if not has_session(self.crawler) or self._ready or self.session.stopping:
            return True
        settler = settler_of(self.crawler)
        if self._filling is not None or settler.unfinished:
            if settler.waiting and not settler.at_it:
                settler.hurry()
            return True
        try:
            self._fail_dropped()
            # A response that the downloader is done with and the scraper has not begun with may yet bring more: for a
            # moment neither of them counts it as theirs.
            pending = bool(self.session.in_flight) or self.session.queue.next_due() is not None
        except DBAPIError as error:
            stop_crawl(self.crawler, error)
            return True
        if pending:
            self._look_again_soon()
        return pending

    def _look_again_soon(self) -> None:
        """Have the engine, which is idle, ask before its own slow heartbeat does: pauses end."""
        if self._look_again is None:
            self._look_again = asyncio.get_running_loop().call_later(POLL_S, self._wake)

    def _wake(self) -> None:
        self._look_again = None
        wake(self.crawler)

    def _fail_dropped(self) -> None:
        """Settle what some component swallowed: the engine is done with it, but nobody said how it ended."""
        engine: Any = self.crawler.engine
        at_work = {request.meta.get(ENTRY_META) for request in engine._slot.inprogress}  # noqa: SLF001 - no public twin
        known = at_work | self.session.settling
        for entry in [e for e in self.session.in_flight.values() if e.id not in known]:
            logger.error("%s: dropped inside Scrapy; settled as failed", entry.url)
            with self.session.catalog.database.write() as connection:
                self.session.queue.fail(connection, entry.id, "dropped inside Scrapy by a component")
            self.session.done_with(entry)
