"""The stage ledger: what is due, and how each unit of work ended.

A row appears as `pending` in the transaction that makes its subject (a blob, an image), and is settled in the
transaction that records the result. So what is due is a range of an index however large the catalog grows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from db.engine import chunked, insert_new, insert_or_replace, insert_rows
from db.models import IS_PROBLEM, Blob, Ledger
from db.tallies import total, totals
from db.vocabulary import Outcome, Stage


def ids_by_key(
    connection: Connection,
    id_column: "InstrumentedAttribute[int]",
    key_column: "InstrumentedAttribute[bytes]",
    keys: Sequence[bytes],
) -> dict[bytes, int]:
    """Map keys that exist to their row ids."""
    found: dict[bytes, int] = {}
    for chunk in chunked(keys):
        for key, identity in connection.execute(select(key_column, id_column).where(key_column.in_(chunk))):
            found[key] = identity
    return found


def due(connection: Connection, stage: Stage, subject_ids: Iterable[int]) -> None:
    """Note that subjects are due, unless the ledger knows them."""
    insert_new(connection, Ledger, [_pending(stage, subject) for subject in subject_ids])


def due_again(connection: Connection, stage: Stage, subject_ids: Iterable[int]) -> None:
    """Make subjects due whatever the ledger says: what they depend on has changed."""
    rows = [_pending(stage, subject) for subject in subject_ids]
    insert_rows(connection, Ledger, rows, _make_due)


def _make_due(statement: Any) -> Any:
    again = {"outcome": Outcome.PENDING.value}
    return statement.on_conflict_do_update(index_elements=["stage", "subject_id"], set_=again)


def _pending(stage: Stage, subject: int) -> dict[str, Any]:
    return {
        "stage": stage.value,
        "subject_id": subject,
        "outcome": Outcome.PENDING.value,
        "version": 0,
        "format": "",
        "reason": "",
    }


@dataclass(frozen=True)
class Settled:
    """How a subject's work ended."""

    subject_id: int
    outcome: Outcome
    version: int
    format: str = ""
    reason: str = ""


def settle_all(connection: Connection, stage: Stage, ends: Sequence[Settled]) -> None:
    """Record how subjects' work ended."""
    now = datetime.now(UTC)
    rows = [
        {
            "stage": stage.value,
            "subject_id": end.subject_id,
            "outcome": end.outcome.value,
            "version": end.version,
            "format": end.format,
            "reason": end.reason,
            "settled_at": now,
        }
        for end in ends
    ]
    insert_or_replace(connection, Ledger, rows, ("stage", "subject_id"))


def refuse(connection: Connection, stage: Stage, subject_id: int, reason: str) -> None:
    """Note that what a settled subject gave is no longer taken in full; what is due stays due."""
    here = (Ledger.stage == stage, Ledger.subject_id == subject_id, Ledger.outcome != Outcome.PENDING)
    connection.execute(update(Ledger).where(*here).values(outcome=Outcome.REFUSED.value, reason=reason))


def lock_all(connection: Connection, stage: Stage, subject_ids: Sequence[int]) -> set[int]:
    """Wait for whoever is settling these subjects right now; return those that ever had a result.

    They may be due again since. SQLite has one writer: nobody is waited for.
    """
    settled: set[int] = set()
    for chunk in chunked(sorted(subject_ids)):
        found = connection.execute(LOCK, {"stage": stage.value, "subjects": chunk})
        settled.update(subject_id for subject_id, settled_at in found if settled_at is not None)
    return settled


LOCK = (
    select(Ledger.subject_id, Ledger.settled_at)
    .where(Ledger.stage == bindparam("stage"), Ledger.subject_id.in_(bindparam("subjects", expanding=True)))
    .order_by(Ledger.subject_id)
    .with_for_update()
)
"""Built once: a crawl asks it for every download."""


@dataclass(frozen=True)
class DueBlob:
    """A blob that is due to be read."""

    id: int
    sha256: bytes
    size_bytes: int


def due_blobs(connection: Connection, after_id: int, count: int) -> list[DueBlob]:
    """Return blobs due to be read with ids above `after_id`, in order of id."""
    rows = connection.execute(
        select(Blob.id, Blob.sha256, Blob.size_bytes)
        .join(Ledger, (Ledger.subject_id == Blob.id) & (Ledger.stage == Stage.READ))
        .where(Ledger.outcome == Outcome.PENDING, Ledger.subject_id > after_id)
        .order_by(Ledger.subject_id)
        .limit(count)
    )
    return [DueBlob(*row) for row in rows]


def due_images(connection: Connection, after_id: int, count: int) -> list[int]:
    """Return ids of images due to be sliced above `after_id`, in order."""
    return list(
        connection.scalars(
            select(Ledger.subject_id)
            .where(Ledger.stage == Stage.SLICE, Ledger.outcome == Outcome.PENDING, Ledger.subject_id > after_id)
            .order_by(Ledger.subject_id)
            .limit(count)
        )
    )


def count_due(connection: Connection, stage: Stage) -> int:
    """Tell how much is due."""
    return total(connection, "ledger", f"{stage.value}/{Outcome.PENDING.value}")


def outdate(connection: Connection, stage: Stage, versions: dict[str, int], default: int) -> int:
    """Make due again what an older version settled; `versions` by format, `default` for formats not named there."""
    settled_by = [key.split("/", 2) for key in totals(connection, "settled") if key.startswith(f"{stage.value}/")]
    if all(int(version) >= versions.get(name, default) for _, version, name in settled_by):
        return 0  # the usual case, known without looking at a ledger of millions
    older = [
        (Ledger.format == name) & (Ledger.version < version) for name, version in versions.items() if version != default
    ]
    older.append(
        Ledger.format.not_in([name for name, version in versions.items() if version != default])
        & (Ledger.version < default)
    )
    settled = (Ledger.stage == stage, Ledger.outcome != Outcome.PENDING, or_(*older))
    return connection.execute(update(Ledger).where(*settled).values(outcome=Outcome.PENDING)).rowcount


def retry(connection: Connection, outcomes: Sequence[Outcome]) -> int:
    """Make due again what ended so; return how many."""
    return connection.execute(
        update(Ledger).where(text(IS_PROBLEM), Ledger.outcome.in_(outcomes)).values(outcome=Outcome.PENDING)
    ).rowcount
