"""What is pending, done and failed, and why, per stage."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select, text

from db.engine import Database
from db.frontier_sql import FAILED
from db.models import IS_PROBLEM, Crawl, Frontier, Host, Ledger
from db.provenance import url_of_blob, url_of_image
from db.tallies import all_totals
from db.vocabulary import Outcome, Stage

_NAME = re.compile(r"'[^']*'|\"[^\"]*\"|\b[\w./ -]*\.(?:rar|zip|7z|r\d\d|\d{3})\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
Totals = dict[tuple[str, str], int]

WAY_OUT = {
    Outcome.ENCRYPTED: "a password is needed; the archive is kept as it is",
    Outcome.DAMAGED: "the file is broken at its source; fetch it again or ask its author",
    Outcome.PARTIAL: "what could be verified was kept; the rest is broken at its source",
    Outcome.REFUSED: "a safety limit was met; raise that limit only for files you trust",
    Outcome.FAILED: "this is our fault, or the worker died: `quarry catalog retry`, then report it",
}


@dataclass(frozen=True)
class Problem:
    """A group of failures with one cause: where, how many, an example to look at, and the way out."""

    stage: str
    outcome: str
    reason: str
    count: int
    example: str
    way_out: str


@dataclass(frozen=True)
class Status:
    """Totals, entries by crawl, outcomes by stage, and problems by cause."""

    totals: dict[str, int]
    crawls: list[dict[str, Any]]
    stages: dict[str, dict[str, int]]
    hosts: list[dict[str, Any]]
    problems: list[Problem]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def read_status(database: Database) -> Status:
    """Read totals that are kept up to date, and group the problems; takes no longer with a larger catalog."""
    with database.read() as connection:
        totals = all_totals(connection)
        return Status(
            totals={name: totals.get((name, ""), 0) for name in TOTALS},
            crawls=_crawls(connection, totals),
            stages=_stages(totals),
            hosts=_paused_hosts(connection),
            problems=[*_crawl_problems(connection), *_stage_problems(connection)],
        )


TOTALS = (
    "pages",
    "files",
    "files_known",
    "blobs",
    "blob_bytes",
    "members",
    "images",
    "sheets",
    "tiles",
    "sightings",
    "featurized",
    "indexed",
)


def _crawls(connection: Connection, totals: Totals) -> list[dict[str, Any]]:
    counts: dict[int, dict[str, int]] = {}
    for key, number in _of(totals, "frontier"):
        crawl_id, state, _ = key.split("/")
        entries = counts.setdefault(int(crawl_id), {})
        entries[state] = entries.get(state, 0) + number
    crawls = connection.execute(
        select(Crawl.id, Crawl.spider, Crawl.arguments, Crawl.page_limit, Crawl.state).order_by(Crawl.id)
    )
    return [
        {
            "id": c.id,
            "spider": c.spider,
            "arguments": c.arguments,
            "limit": c.page_limit,
            "state": c.state,
            "entries": counts.get(c.id, {}),
        }
        for c in crawls
    ]


def _stages(totals: Totals) -> dict[str, dict[str, int]]:
    stages: dict[str, dict[str, int]] = {stage.value: {} for stage in Stage}
    for key, number in _of(totals, "ledger"):
        stage, _, outcome = key.partition("/")
        stages.setdefault(stage, {})[outcome] = number
    return stages


def _of(totals: Totals, name: str) -> Iterator[tuple[str, int]]:
    return ((key, number) for (of, key), number in sorted(totals.items()) if of == name)


def _paused_hosts(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(Host.name, Host.paused_until, Host.pause_reason, Host.crawl_delay_s).order_by(Host.name)
    )
    return [dict(row) for row in rows.mappings()]


def _crawl_problems(connection: Connection) -> Iterable[Problem]:
    rows = connection.execute(
        select(Frontier.reason, func.count(), func.min(Frontier.id))
        .where(FAILED)
        .group_by(Frontier.reason)
        .order_by(Frontier.reason)
    ).all()
    for reason, count, first in rows:
        url = connection.scalars(select(Frontier.url).where(Frontier.id == first)).one()
        yield Problem("crawl", "failed", reason, count, url, "`quarry catalog retry`, then crawl again")


def _stage_problems(connection: Connection) -> list[Problem]:
    rows = connection.execute(
        select(Ledger.stage, Ledger.outcome, Ledger.reason, func.count(), func.min(Ledger.subject_id))
        .where(text(IS_PROBLEM))
        .group_by(Ledger.stage, Ledger.outcome, Ledger.reason)
        .order_by(Ledger.stage, Ledger.outcome, Ledger.reason)
    ).all()
    groups: dict[tuple[str, str, str], list[tuple[str, int, int]]] = {}
    for stage, outcome, reason, count, subject in rows:
        groups.setdefault((stage, outcome, cause(reason)), []).append((reason, count, subject))
    problems = []
    for (stage, outcome, shared), members in groups.items():
        said = members[0][0] if len(members) == 1 else shared
        count, subject = sum(count for _, count, _ in members), min(subject for _, _, subject in members)
        example = _example(connection, stage, subject)
        problems.append(Problem(stage, outcome, said, count, example, WAY_OUT[Outcome(outcome)]))
    return problems


def cause(reason: str) -> str:
    """Return what reasons of one kind share: numbers, quoted names and what a limit saw are left out."""
    return _NUMBER.sub("N", _NAME.sub("…", reason))


def _example(connection: Connection, stage: str, subject_id: int) -> str:
    """Return a URL where the subject was seen."""
    return url_of_blob(connection, subject_id) if stage == Stage.READ else url_of_image(connection, subject_id)
