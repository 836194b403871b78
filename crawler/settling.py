"""Settling: what responses brought, and that their entries are done, in one transaction.

Several settlements may share a commit, since a commit that survives a power cut costs a wait for the disk. It is made
in a thread, one at a time, while the crawl goes on. Until it returns, their entries count as in flight.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from scrapy.crawler import Crawler
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from crawler.findings import Findings, record
from crawler.landing import land_now
from crawler.partial import Partial
from crawler.session import CrawlSession, keep, session_of, stop_crawl, wake
from crawler.verdicts import Verdict, carry_out, judge
from db.blobs import is_disk_error
from db.errors import CatalogError, LeaseLostError
from db.fitting import is_refusal
from db.frontier import Entry

logger = logging.getLogger(__name__)

FLUSH_AFTER_S = 0.25
"""A settlement waits no longer than this for company."""


@dataclass(frozen=True)
class Settlement:
    """An entry, and what to write for it: findings, together with those of others, or whatever a function writes.

    It may be written more than once, each time in a fresh transaction.
    """

    entry: Entry
    outcome: Findings | Callable[[Connection], None]
    landing: Partial | None = None
    """The file among the findings, if it is still to be put into the blob store."""


class Settler:
    """Collects settlements and commits them in groups."""

    def __init__(self, crawler: Crawler, session: CrawlSession) -> None:
        self._crawler = crawler
        self._session = session
        self._waiting: list[Settlement] = []
        self._to_land: list[Partial] = []
        self._timer: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalog")
        self._committing = 0

    @property
    def waiting(self) -> int:
        """Return how many settlements wait for their commit to begin."""
        return len(self._waiting)

    @property
    def unfinished(self) -> int:
        """Return how many settlements are not committed yet."""
        return self._committing + len(self._waiting)

    @property
    def at_it(self) -> bool:
        """Tell whether a transaction is under way."""
        return self._turn.locked()

    def add(self, settlement: Settlement) -> None:
        """Take a settlement; it is committed with the next group, soon."""
        self._waiting.append(settlement)
        self._session.settling.add(settlement.entry.id)
        if settlement.landing is not None:
            self._to_land.append(settlement.landing)
            self._thread.submit(self._land_early)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self.hurry)

    def hurry(self) -> None:
        """Commit what waits as soon as the transaction under way has ended."""
        keep(asyncio.ensure_future(self.flush()))

    async def flush(self, room: int = 0) -> list[Entry]:
        """Commit what waits, and in the same transaction lease up to `room` entries, which are returned.

        If one of a group cannot be written, the others are, and nothing is leased for now.
        """
        async with self._turn:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            group, self._waiting = self._waiting, []
            if not group and not room:
                return []
            self._committing = len(group)
            try:
                return await self._settle(group, room)
            finally:
                self._committing = 0
                wake(self._crawler)

    async def close(self) -> None:
        """Commit what waits, the last of all."""
        await self.flush()
        self._thread.shutdown(wait=False)

    async def _settle(self, group: list[Settlement], room: int) -> list[Entry]:
        try:
            entries = await self._write(group, room)
        except Exception as error:
            if not self._stops(error):
                if not group:
                    raise
                for settlement in group:
                    await self._settle_alone(settlement)
            return []
        return entries

    async def _write(self, group: Sequence[Settlement], room: int = 0) -> list[Entry]:
        entries = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, group, room)
        for settlement in group:
            self._session.done_with(settlement.entry)
        return entries

    def _stops(self, error: Exception) -> bool:
        """Stop the crawl if catalog or blobs cannot be written; data that a database refuses is the input's fault."""
        ours = not is_refusal(error) if isinstance(error, DBAPIError) else is_disk_error(error)
        if ours:
            stop_crawl(self._crawler, error)
        return ours

    def _land_early(self) -> None:
        """Begin to wait for the disk while others are being fetched. What is left out here lands when it is settled."""
        partials, self._to_land = self._to_land, []
        with suppress(Exception):  # it is tried again, and heard, when it is settled
            land_now(self._session.catalog.blobs, partials)

    def _commit(self, group: Sequence[Settlement], room: int = 0) -> list[Entry]:
        """Write a group and lease, in this thread; what is in flight is none of its business."""
        queue, catalog = self._session.queue, self._session.catalog
        land_now(catalog.blobs, [settlement.landing for settlement in group if settlement.landing is not None])
        with catalog.database.write() as connection:
            found = [settlement.outcome for settlement in group if isinstance(settlement.outcome, Findings)]
            if found:
                record(connection, queue, found)
            for settlement in group:
                if not isinstance(settlement.outcome, Findings):
                    settlement.outcome(connection)
                if settlement.entry.hops:
                    queue.come_home(connection, settlement.entry)
            return queue.lease(room, connection) if room else []

    async def _settle_alone(self, settlement: Settlement) -> None:
        entry, queue = settlement.entry, self._session.queue
        try:
            await self._write([settlement])
        except LeaseLostError as error:
            logger.warning("%s: %s; its new owner records it", entry.url, error)
            self._session.done_with(entry)
        except Exception as error:
            if self._stops(error):
                return
            if isinstance(error, OSError):  # its file could not land, as any download may fail
                logger.warning("%s: %s", entry.url, error)
                verdict = judge(error, entry.attempts)
            else:
                logger.exception("%s: what it brought could not be recorded", entry.url)
                why = str(error) if isinstance(error, CatalogError) else type(error).__name__
                verdict = Verdict(f"could not be recorded: {why}")
            await self._give_up(Settlement(entry, lambda connection: carry_out(connection, queue, entry, verdict)))

    async def _give_up(self, settlement: Settlement) -> None:
        try:
            await self._write([settlement])
        except LeaseLostError:
            self._session.done_with(settlement.entry)
        except DBAPIError as error:
            stop_crawl(self._crawler, error)


_settlers: "WeakKeyDictionary[Crawler, Settler]" = WeakKeyDictionary()


def settler_of(crawler: Crawler) -> Settler:
    """Return what commits the running crawl's settlements."""
    settler = _settlers.get(crawler)
    if settler is None:
        settler = _settlers[crawler] = Settler(crawler, session_of(crawler))
    return settler
