"""Crawls: what was asked of a spider. The same request continues the same crawl."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select, update

from db.engine import Database, upsert
from db.frontier_sql import FAILED, PENDING
from db.models import Crawl, Frontier, Host
from db.tallies import frontier_totals
from db.vocabulary import CrawlState, EntryKind, EntryState

SETTLED = (EntryState.DONE, EntryState.FAILED)


@dataclass(frozen=True)
class OpenedCrawl:
    """A crawl to work on; `known`: begun before; `seeded`: all it begins with is in the frontier."""

    id: int
    known: bool
    seeded: bool


def open_crawl(
    database: Database,
    spider: str,
    arguments: dict[str, Any],
    page_limit: int | None,
    refresh: Sequence[EntryKind] = (),
) -> OpenedCrawl:
    """Begin a crawl, or continue the one with the same spider and arguments. The limit may change between runs.

    With `refresh`, a crawl that has nothing left to do looks at its entries of these kinds again.
    """
    key = hashlib.sha256(json.dumps([spider, arguments], sort_keys=True).encode()).hexdigest()
    with database.write() as connection:
        known = connection.execute(select(Crawl.state, Crawl.seeded).where(Crawl.key == key)).first()
        fresh = {
            "key": key,
            "spider": spider,
            "arguments": arguments,
            "page_limit": page_limit,
            "state": CrawlState.RUNNING,
            "seeded": False,
            "refreshes": 0,
            "started_at": datetime.now(UTC),
        }
        again = {"page_limit": page_limit, "state": CrawlState.RUNNING}
        connection.execute(
            upsert(connection, Crawl).values(**fresh).on_conflict_do_update(index_elements=["key"], set_=again)
        )
        crawl_id = connection.scalars(select(Crawl.id).where(Crawl.key == key)).one()
        if refresh and known is not None and known.seeded and _has_nothing_left(connection, crawl_id, known.state):
            _begin_refresh(connection, crawl_id, refresh)
    return OpenedCrawl(crawl_id, known is not None, known is not None and known.seeded)


def _has_nothing_left(connection: Connection, crawl_id: int, state: str) -> bool:
    """Tell whether a crawl came to its end, be it that it was killed before it could say so."""
    if state == CrawlState.FINISHED:
        return True
    return not frontier_totals(connection, crawl_id).keys() & {EntryState.PENDING, EntryState.LEASED}


@dataclass(frozen=True)
class CrawlCounts:
    """Entries of a crawl by state and kind, and why some failed (reason → entries)."""

    by_state: dict[str, dict[str, int]]
    failures: dict[str, int]


def count_crawl(database: Database, crawl_id: int) -> CrawlCounts:
    """Count a crawl's frontier; takes no longer with a longer one, only with more failures."""
    with database.read() as connection:
        failed = connection.execute(
            select(Frontier.reason, func.count())
            .where(Frontier.crawl_id == crawl_id, FAILED)
            .group_by(Frontier.reason)
            .order_by(Frontier.reason)
        ).all()
        return CrawlCounts(frontier_totals(connection, crawl_id), dict(failed))


def retry_failed(database: Database) -> int:
    """Make every failed frontier entry due again; return how many."""
    with database.write() as connection:
        again = {"state": EntryState.PENDING, "attempts": 0, "not_before": 0.0}
        return connection.execute(update(Frontier).where(FAILED).values(**again)).rowcount


def mark_seeded(connection: Connection, crawl_id: int) -> None:
    """Note that everything the crawl begins with is in the frontier."""
    connection.execute(update(Crawl).where(Crawl.id == crawl_id).values(seeded=True))


def _begin_refresh(connection: Connection, crawl_id: int, kinds: Sequence[EntryKind]) -> None:
    """Make settled entries of these kinds due again, to be asked for conditionally."""
    settled = (Frontier.crawl_id == crawl_id, Frontier.kind.in_(kinds), Frontier.state.in_(SETTLED))
    again = {"state": EntryState.PENDING, "attempts": 0, "not_before": 0.0, "reason": ""}
    connection.execute(update(Frontier).where(*settled).values(**again))
    connection.execute(update(Crawl).where(Crawl.id == crawl_id).values(refreshes=Crawl.refreshes + 1))


def paused_hosts(database: Database, crawl_id: int, now: float) -> list[tuple[str, float]]:
    """Return the hosts with something due in a crawl that are paused, and until when (seconds since 1970)."""
    pending = (Frontier.crawl_id == crawl_id, Frontier.host == Host.name, PENDING)
    query = select(Host.name, Host.paused_until).where(Host.paused_until > now, exists().where(*pending))
    with database.read() as connection:
        return [(row.name, row.paused_until) for row in connection.execute(query.order_by(Host.name))]
