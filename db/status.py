"""What is pending, done and failed, and why, per stage."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from db.engine import Database
from db.models import Blob, Crawl, File, Frontier, Host, Image, Ledger, Member, Page, Sheet, Sighting, Tile
from db.provenance import url_of_blob, url_of_image
from db.vocabulary import PROBLEMS, EntryState, Outcome, Stage

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
    """Count everything."""
    with database.read() as connection:
        return Status(
            totals=_totals(connection),
            crawls=_crawls(connection),
            stages=_stages(connection),
            hosts=_paused_hosts(connection),
            problems=[*_crawl_problems(connection), *_stage_problems(connection)],
        )


def _totals(connection: Connection) -> dict[str, int]:
    def count(query: Any) -> int:
        return int(connection.scalar(query) or 0)

    return {
        "pages": count(select(func.count()).select_from(Page)),
        "files": count(select(func.count()).select_from(File).where(File.blob_id.is_not(None))),
        "files_known": count(select(func.count()).select_from(File)),
        "blobs": count(select(func.count()).select_from(Blob)),
        "blob_bytes": count(select(func.sum(Blob.size_bytes))),
        "members": count(select(func.count()).select_from(Member)),
        "images": count(select(func.count()).select_from(Image)),
        "sheets": count(select(func.count()).select_from(Sheet).where(Sheet.kind != "single")),
        "tiles": count(select(func.count()).select_from(Tile)),
        "sightings": count(select(func.count()).select_from(Sighting)),
        "featurized": count(select(func.count()).select_from(Image).where(Image.featurized)),
        "indexed": count(select(func.count()).select_from(Image).where(Image.indexed)),
    }


def _crawls(connection: Connection) -> list[dict[str, Any]]:
    counts: dict[int, dict[str, int]] = {}
    grouped = select(Frontier.crawl_id, Frontier.state, func.count()).group_by(Frontier.crawl_id, Frontier.state)
    for crawl_id, state, count in connection.execute(grouped):
        counts.setdefault(crawl_id, {})[state] = count
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


def _stages(connection: Connection) -> dict[str, dict[str, int]]:
    stages: dict[str, dict[str, int]] = {stage.value: {} for stage in Stage}
    for stage, outcome, count in connection.execute(
        select(Ledger.stage, Ledger.outcome, func.count()).group_by(Ledger.stage, Ledger.outcome)
    ):
        stages[stage][outcome] = count
    return stages


def _paused_hosts(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(Host.name, Host.paused_until, Host.pause_reason, Host.crawl_delay_s).order_by(Host.name)
    )
    return [dict(row) for row in rows.mappings()]


def _crawl_problems(connection: Connection) -> Iterable[Problem]:
    rows = connection.execute(
        select(Frontier.reason, func.count(), func.min(Frontier.url))
        .where(Frontier.state == EntryState.FAILED)
        .group_by(Frontier.reason)
        .order_by(Frontier.reason)
    )
    for reason, count, url in rows:
        yield Problem("crawl", "failed", reason, count, url, "`quarry catalog retry`, then crawl again")


def _stage_problems(connection: Connection) -> list[Problem]:
    rows = connection.execute(
        select(Ledger.stage, Ledger.outcome, Ledger.reason, func.count(), func.min(Ledger.subject_id))
        .where(Ledger.outcome.in_(sorted(PROBLEMS)))
        .group_by(Ledger.stage, Ledger.outcome, Ledger.reason)
        .order_by(Ledger.stage, Ledger.outcome, Ledger.reason)
    ).all()
    return [
        Problem(stage, outcome, reason, count, _example(connection, stage, subject), WAY_OUT[Outcome(outcome)])
        for stage, outcome, reason, count, subject in rows
    ]


def _example(connection: Connection, stage: str, subject_id: int) -> str:
    """Return a URL where the subject was seen."""
    return url_of_blob(connection, subject_id) if stage == Stage.READ else url_of_image(connection, subject_id)
