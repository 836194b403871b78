"""What the parts of one running crawl share: the catalog, the queue, what is in flight."""

import logging
from asyncio import Future, ensure_future
from typing import Any
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.crawler import Crawler
from sqlalchemy.exc import DBAPIError

from crawler.errors import CrawlUsageError
from crawler.spiders.base import REFRESHES
from db import Catalog
from db.crawls import OpenedCrawl, open_crawl
from db.frontier import Entry, FrontierQueue
from db.records import NewEntry
from db.vocabulary import EntryKind

ENTRY_META = "frontier_entry"

logger = logging.getLogger(__name__)


class CrawlSession:
    """One process at work on one crawl."""

    def __init__(self, catalog: Catalog, crawl: OpenedCrawl) -> None:
        self.catalog = catalog
        self.crawl = crawl
        self.queue = FrontierQueue(catalog.database, crawl.id)
        self.in_flight: dict[int, Entry] = {}
        self.settling: set[int] = set()
        self.refusals: dict[str, list[int]] = {}
        self.found_more = True
        self.stopping = False
        self.broken = False

    def entry_of(self, request: Request) -> Entry | None:
        """Return the entry that a request stands for, unless its outcome is known already."""
        entry_id = request.meta.get(ENTRY_META, 0)
        return None if entry_id in self.settling else self.in_flight.get(entry_id)

    def done_with(self, entry: Entry) -> None:
        """Forget an entry whose settlement is committed."""
        self.in_flight.pop(entry.id, None)
        self.settling.discard(entry.id)
        self.found_more = True


_sessions: "WeakKeyDictionary[Crawler, CrawlSession]" = WeakKeyDictionary()


def session_of(crawler: Crawler) -> CrawlSession:
    """Return the running crawl's session, opening the catalog at first use."""
    session = _sessions.get(crawler)
    if session is None:
        session = _sessions[crawler] = _open(crawler)
    return session


def open_session(crawler: Crawler) -> CrawlSession | None:
    """Open the catalog; if that cannot be had, say why, end the crawl before it begins, and return None."""
    try:
        return session_of(crawler)
    except (DBAPIError, OSError) as error:
        logger.error("stopping: %s", explain(error))  # noqa: TRY400 - said in a line
        _close(crawler, "the catalog cannot be opened")
        return None


def has_session(crawler: Crawler) -> bool:
    """Tell whether the catalog could be opened."""
    return crawler in _sessions


def _open(crawler: Crawler) -> CrawlSession:
    spider = crawler.spider
    arguments = getattr(spider, "crawl_arguments", None)
    if spider is None or arguments is None:
        raise CrawlUsageError(f"spider {spider} does not say what it was asked to do (crawl_arguments)")
    catalog = Catalog(crawler.settings["QUARRY_CATALOG"], crawler.settings["QUARRY_BLOBS"], durable=True)
    limit = getattr(spider, "page_limit", None)
    crawl = open_crawl(catalog.database, spider.name, arguments, limit, REFRESHES[getattr(spider, "refresh", "")])
    return CrawlSession(catalog, crawl)


def stop_crawl(crawler: Crawler, error: Exception) -> None:
    """End the crawl because something that must not be lost cannot be written."""
    session = session_of(crawler)
    if not session.broken:
        session.broken = session.stopping = True
        logger.error("stopping: %s", explain(error))
        _close(crawler, "the catalog or the blobs cannot be written")


def end_early(crawler: Crawler, why: str) -> None:
    """End the crawl with everything due that is not done."""
    if not session_of(crawler).stopping:
        logger.error("stopping: %s; give the same command again later", why)
        session_of(crawler).stopping = True
        _close(crawler, "nothing answers")


def explain(error: Exception) -> str:
    """Say in a line what cannot be written, and the way out."""
    cause = (getattr(error, "orig", None) or error) if isinstance(error, DBAPIError) else error
    said = " ".join(str(cause).split())
    way_out = next((way for sign, way in WAYS_OUT.items() if sign in said.lower()), "mend that")
    what = "the catalog" if isinstance(error, DBAPIError) else "the blob store"
    return f"{what} cannot be written: {said}; {way_out} and give the same command again, which goes on from here"


WAYS_OUT = {
    "locked": "end the other program that holds the catalog",
    "lock timeout": "end the other program that holds the catalog",
    "full": "make room on its disk",
    "no space": "make room on its disk",
    "quota": "make room in your quota",
    "read-only": "make its disk writable",
    "readonly": "make it writable",
    "connection": "see that the database server runs",
    "terminating": "see that the database server runs",
    "closed": "see that the database server runs",
}


def _close(crawler: Crawler, reason: str) -> None:
    if crawler.engine is not None:
        keep(ensure_future(crawler.engine.close_spider_async(reason=reason)))


def keep(work: "Future[Any]") -> None:
    """Hold on to something that runs by itself: asyncio keeps only weak references."""
    _running.add(work)
    work.add_done_callback(_running.discard)


_running: "set[Future[Any]]" = set()


def wake(crawler: Crawler) -> None:
    """Have the engine ask for requests now; it may be idle, and its own heartbeat is slow."""
    slot = getattr(crawler.engine, "_slot", None)  # no public twin
    if slot is not None and slot.closing is None:
        slot.nextcall.schedule()


def as_entry(request: Request | NewEntry) -> NewEntry:
    """Turn a spider's request into a frontier entry. `meta["kind"]` says what it is; cb_kwargs must be JSON."""
    if isinstance(request, NewEntry):
        return request
    callback = getattr(request.callback, "__name__", "parse")
    kind = EntryKind(request.meta.get("kind", EntryKind.CONTENT))
    return NewEntry(request.url, kind, callback, dict(request.cb_kwargs), request.priority)
