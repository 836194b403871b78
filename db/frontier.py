"""The crawl's to-do list: add, lease, settle.

An entry is handed out as a lease: a claim with an owner and an end. Whoever finishes the work settles the entry in
the transaction that records what was found; that write is fenced by the owner, so a process that lost its lease
cannot write. A killed process's leases are free as soon as anyone sees that it is dead (at once on the same machine,
else when they run out). Hosts are leased too, so that one server is fetched from by one process at a time.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from db.engine import Database, insert_new
from db.errors import LeaseLostError
from db.fitting import MAX_HOST_CHARACTERS, too_long
from db.frontier_sql import (
    CLAIM_ENTRIES,
    CLAIM_HOSTS,
    DUE_OF_HOST,
    FAILED,
    HOSTS_WITH_WORK,
    LEASED,
    MARK_DONE,
    NTH_PAGE,
    PAGE_LIMIT,
    PENDING,
    within,
)
from db.models import Crawl, Frontier, Host
from db.owners import is_known_dead, new_owner
from db.records import NewEntry
from db.urls import fingerprint, host_of
from db.vocabulary import CrawlState, EntryKind, EntryState

LEASE_S = 120.0
MAX_ATTEMPTS = 5
LOOK_FOR_DEAD_S = 2.0
HOPS, LED_TO = "redirected to", "led to"
"""Keys in an entry's data, not for its callback: where redirects have led it, and where they led it in the end."""


@dataclass(frozen=True)
class Entry:
    """A leased frontier entry. `attempts` counts failed tries; `etag` and `last_modified` name what we have already.

    `hops`: where redirects have led from `url` so far; the last one, on `host`, is to be asked.
    """

    id: int
    url: str
    host: str
    kind: EntryKind
    callback: str
    data: dict[str, Any]
    attempts: int
    etag: str = ""
    last_modified: str = ""
    hops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settled:
    """How a request for an entry ended well: HTTP status and, to ask again with, its validators."""

    id: int
    status: int | None = None
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class _Limit:
    """The last content page, by its id, that the crawl's limit allows."""

    last_id: int


class FrontierQueue:
    """One crawl's frontier as seen by one process."""

    def __init__(self, database: Database, crawl_id: int, *, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self.crawl_id = crawl_id
        self.owner = new_owner()
        self._clock = clock
        self._look_for_dead_at = 0.0

    def enqueue(self, connection: Connection, entries: Sequence[NewEntry]) -> None:
        """Add entries, inside the caller's transaction; what the crawl knows already stays as it is.

        A URL that does not fit into the catalog fails at once, with that cause.
        """
        hosts = sorted({host_of(entry.url)[:MAX_HOST_CHARACTERS] for entry in entries})
        insert_new(connection, Host, [{"name": name, "lease_until": 0.0, "paused_until": 0.0} for name in hosts])
        rows = [
            {
                "crawl_id": self.crawl_id,
                "fingerprint": fingerprint(entry.url),
                "url": entry.url,
                "host": host_of(entry.url)[:MAX_HOST_CHARACTERS],
                "kind": entry.kind.value,
                "callback": entry.callback,
                "data": entry.data,
                "rank": -entry.priority,
                "state": (EntryState.FAILED if why else EntryState.PENDING).value,
                "lease_until": 0.0,
                "not_before": 0.0,
                "attempts": 0,
                "reason": why,
            }
            for entry, why in ((entry, too_long(entry.url)) for entry in entries)
        ]
        insert_new(connection, Frontier, rows)

    def lease(self, count: int, connection: Connection | None = None) -> list[Entry]:
        """Claim up to `count` entries that are due, of hosts that are ours or free; inside a transaction if given."""
        now = self._clock()
        with self.database.write() if connection is None else nullcontext(connection) as turn:
            if now >= self._look_for_dead_at:
                self._free_dead(turn, now)
                self._look_for_dead_at = now + LOOK_FOR_DEAD_S
            entries: list[Entry] = []
            limit = self._limit(turn)
            hosts = self._free_hosts_with_work(turn, count, now, limit)
            share = -(-count // max(len(hosts), 1))
            for host in hosts:
                entries += self._lease_of_host(turn, host, min(share, count - len(entries)), now, limit)
                if len(entries) >= count:
                    break
            claim = {"me": self.owner, "until": now + LEASE_S}
            if entries:
                turn.execute(CLAIM_ENTRIES, {**claim, "ids": [entry.id for entry in entries]})
                turn.execute(CLAIM_HOSTS, {**claim, "names": sorted({entry.host for entry in entries})})
        return entries

    def _free_dead(self, connection: Connection, now: float) -> None:
        owners = connection.scalars(
            select(Host.owner)
            .where(Host.owner.is_not(None), Host.owner != self.owner)
            .distinct()
            .union(select(Frontier.owner).where(LEASED, Frontier.owner != self.owner).distinct())
        ).all()
        dead = [owner for owner in owners if owner is not None and is_known_dead(owner)]
        if dead:
            self._free_hosts(connection, Host.owner.in_(dead), now)
        gone = or_(Frontier.lease_until < now, Frontier.owner.in_(dead))
        connection.execute(
            update(Frontier)
            .where(LEASED, Frontier.owner.in_(owners), gone)
            .values(state=EntryState.PENDING, owner=None)
        )

    def _free_hosts(self, connection: Connection, which: ColumnElement[bool], now: float) -> None:
        """Free hosts for others, who must not come sooner after the last request than the host's delay."""
        wait = now + func.coalesce(Host.crawl_delay_s, 0.0)
        later = _greatest(connection, Host.paused_until, wait)
        connection.execute(update(Host).where(which).values(owner=None, lease_until=0.0, paused_until=later))

    def note_delay(self, host: str, delay_s: float) -> None:
        """Keep the delay that a host asks for, for whoever serves it next."""
        with self.database.write() as connection:
            connection.execute(update(Host).where(Host.name == host).values(crawl_delay_s=delay_s))

    def _free_hosts_with_work(
        self, connection: Connection, count: int, now: float, limit: "_Limit | None"
    ) -> list[str]:
        due = {"crawl": self.crawl_id, "now": now, "me": self.owner, "count": count, **_bound(limit)}
        return list(connection.scalars(HOSTS_WITH_WORK[limit is not None], due))

    def delay_of(self, host: str) -> float:
        """Return the delay in seconds that a host asked for when it was last heard; 0 if it never asked."""
        with self.database.read() as connection:
            return connection.scalar(select(Host.crawl_delay_s).where(Host.name == host)) or 0.0

    def _lease_of_host(
        self, connection: Connection, host: str, count: int, now: float, limit: "_Limit | None"
    ) -> list[Entry]:
        due = {"crawl": self.crawl_id, "now": now, "host": host, "count": count, **_bound(limit)}
        return [
            Entry(
                row.id,
                row.url,
                row.host,
                EntryKind(row.kind),
                row.callback,
                {name: value for name, value in row.data.items() if name not in (HOPS, LED_TO)},
                row.attempts,
                row.etag,
                row.last_modified,
                tuple(row.data.get(HOPS, ())),
            )
            for row in connection.execute(DUE_OF_HOST[limit is not None], due)
        ]

    def _limit(self, connection: Connection) -> "_Limit | None":
        """Keep to the first `page_limit` content pages ever found; once that many are known, listings can wait.

        The limit acts here and not on what is added, so that a crawl can be continued with a larger one.
        """
        limit = connection.scalar(PAGE_LIMIT, {"crawl": self.crawl_id})
        if limit is None:
            return None
        last = connection.scalar(NTH_PAGE, {"crawl": self.crawl_id, "before": max(limit - 1, 0)})
        return None if last is None else _Limit(last)

    def next_due(self) -> float | None:
        """Return when the next entry could be leased (seconds since 1970; the past means now), None when none is left.

        Entries leased by others count as due: their owner may yet fail, or find more.
        """
        now = self._clock()
        with self.database.read() as connection:
            limit = self._limit(connection)
            allowed = within(limit is not None)
            bound = _bound(limit)
            # A million entries may be due: one is enough to know; only what is put off is worth comparing.
            pending = (Frontier.crawl_id == self.crawl_id, PENDING)
            due = select(Frontier.id).where(*pending, Frontier.not_before <= now, allowed).limit(1)
            if connection.scalar(due, bound) is not None:
                return now
            first = connection.scalar(select(func.min(Frontier.not_before)).where(*pending, allowed), bound)
            if first is not None:
                return float(first)
            leased = connection.scalar(
                select(func.min(Frontier.lease_until)).where(
                    Frontier.crawl_id == self.crawl_id,
                    LEASED,
                    Frontier.owner != self.owner,
                )
            )
            return None if leased is None else float(leased)

    def heartbeat(self) -> None:
        """Extend this process's leases."""
        until = self._clock() + LEASE_S
        with self.database.write() as connection:
            connection.execute(update(Host).where(Host.owner == self.owner).values(lease_until=until))
            connection.execute(update(Frontier).where(LEASED, Frontier.owner == self.owner).values(lease_until=until))

    def settle(
        self, connection: Connection, entry_id: int, status: int | None = None, reason: str = "", **validators: str
    ) -> None:
        """Mark an entry done, in the transaction that records what it brought; with `etag` and `last_modified`."""
        self._finish(connection, entry_id, EntryState.DONE, status, reason, **validators)

    def settle_all(self, connection: Connection, settled: "Sequence[Settled]") -> None:
        """Mark entries done, as `settle` does. Raises LeaseLostError unless all of them are ours."""
        now = datetime.now(UTC)
        marked = connection.execute(MARK_DONE, [{"me": self.owner, "at": now, **_ended(entry)} for entry in settled])
        ids = {entry.id for entry in settled}
        if marked.rowcount != len(ids):
            raise LeaseLostError(f"not all frontier entries of {sorted(ids)} are still leased by this process")

    def requeue(self, connection: Connection, urls: Sequence[str]) -> None:
        """Make settled entries due again: their page says that they have changed."""
        for url in urls:
            known = (Frontier.crawl_id == self.crawl_id, Frontier.fingerprint == fingerprint(url))
            again = {"state": EntryState.PENDING, "attempts": 0, "not_before": 0.0}
            settled = Frontier.state.in_((EntryState.DONE, EntryState.FAILED))
            connection.execute(update(Frontier).where(*known, settled).values(**again))

    def reopen(self, connection: Connection, entry_ids: Sequence[int], not_before: float) -> None:
        """Take back that entries failed: it was the host that refused everything. It counts as a try."""
        again = {"state": EntryState.PENDING, "not_before": not_before, "attempts": Frontier.attempts + 1}
        few_tries = Frontier.attempts + 1 < MAX_ATTEMPTS
        failed = (Frontier.id.in_(entry_ids), FAILED, few_tries)
        connection.execute(update(Frontier).where(*failed).values(**again))

    def fail(self, connection: Connection, entry_id: int, reason: str, status: int | None = None) -> None:
        """Mark an entry failed for good; it stays visible, and `retry` makes it due again."""
        self._finish(connection, entry_id, EntryState.FAILED, status, reason)

    def _finish(
        self,
        connection: Connection,
        entry_id: int,
        state: EntryState,
        status: int | None,
        reason: str,
        **validators: str,
    ) -> None:
        settled = datetime.now(UTC)
        ended = {"state": state, "http_status": status, "reason": reason, "settled_at": settled}
        self._change(connection, entry_id, **ended, **validators)

    def postpone(
        self,
        connection: Connection,
        entry_id: int,
        until: float,
        reason: str,
        status: int | None = None,
        *,
        counts: bool = True,
    ) -> None:
        """Make the entry due again at `until` (seconds since 1970), and count a failed try unless told otherwise."""
        self._change(
            connection,
            entry_id,
            state=EntryState.PENDING,
            not_before=until,
            reason=reason,
            http_status=status,
            attempts=Frontier.attempts + int(counts),
        )

    def move(self, connection: Connection, entry: Entry, hops: Sequence[str]) -> None:
        """Follow redirects to another host: the entry is due there, for whoever serves that host."""
        host = host_of(hops[-1])
        insert_new(connection, Host, [{"name": host, "lease_until": 0.0, "paused_until": 0.0}])
        data = {**entry.data, HOPS: list(hops)}
        self._change(connection, entry.id, state=EntryState.PENDING, host=host, data=data, not_before=0.0)

    def come_home(self, connection: Connection, entry: Entry) -> None:
        """Put an entry that was moved, if it is settled now, back under its own host: asked again, it begins there."""
        settled = (Frontier.id == entry.id, Frontier.state.in_((EntryState.DONE, EntryState.FAILED)))
        home = {"host": host_of(entry.url), "data": {**entry.data, LED_TO: entry.hops[-1]}}
        connection.execute(update(Frontier).where(*settled).values(**home))

    def _change(self, connection: Connection, entry_id: int, **values: Any) -> None:
        mine = (Frontier.id == entry_id, LEASED, Frontier.owner == self.owner)
        if connection.execute(update(Frontier).where(*mine).values(owner=None, **values)).rowcount != 1:
            raise LeaseLostError(f"frontier entry {entry_id} is no longer leased by this process")

    def pause_host(self, connection: Connection, host: str, until: float, reason: str) -> None:
        """Leave a host alone until then (seconds since 1970)."""
        later = _greatest(connection, Host.paused_until, until)
        connection.execute(update(Host).where(Host.name == host).values(paused_until=later, pause_reason=reason))

    def forgive(self, connection: Connection, entry_ids: Sequence[int]) -> None:
        """Take back a failed try of each entry, and that it failed for good: it was the host."""
        mine = Frontier.id.in_(entry_ids)
        tried = (mine, ~FAILED, Frontier.attempts > 0)
        connection.execute(update(Frontier).where(*tried).values(attempts=Frontier.attempts - 1))
        failed = (mine, FAILED)
        connection.execute(update(Frontier).where(*failed).values(state=EntryState.PENDING, not_before=0.0))

    def fail_host(self, connection: Connection, host: str, reason: str) -> None:
        """Mark everything failed that is due from a host; `retry` makes it due again."""
        due = (Frontier.crawl_id == self.crawl_id, Frontier.host == host, PENDING)
        ended = {"state": EntryState.FAILED, "reason": reason, "settled_at": datetime.now(UTC)}
        connection.execute(update(Frontier).where(*due).values(**ended))

    def release(self) -> None:
        """Hand back everything this process holds, untouched."""
        with self.database.write() as connection:
            self._free_hosts(connection, Host.owner == self.owner, self._clock())
            connection.execute(
                update(Frontier)
                .where(LEASED, Frontier.owner == self.owner)
                .values(state=EntryState.PENDING, owner=None)
            )

    def finish_crawl(self) -> None:
        """Note that nothing is left to do."""
        with self.database.write() as connection:
            finished = {"state": CrawlState.FINISHED, "finished_at": datetime.now(UTC)}
            connection.execute(update(Crawl).where(Crawl.id == self.crawl_id).values(**finished))


def _ended(entry: Settled) -> dict[str, Any]:
    return {
        "of": entry.id,
        "status": entry.status,
        "etag": entry.etag,
        "last_modified": entry.last_modified,
    }


def _greatest(connection: Connection, column: Any, value: Any) -> ColumnElement[float]:
    """Return the larger of two: SQLite and PostgreSQL call it differently."""
    larger: ColumnElement[float] = (
        func.max(column, value) if connection.dialect.name == "sqlite" else func.greatest(column, value)
    )
    return larger


def _bound(limit: _Limit | None) -> dict[str, int]:
    return {} if limit is None else {"last": limit.last_id}
