"""The stage ledger: what is due, and how each unit of work ended.

A row appears as `pending` in the transaction that makes its subject (a blob, an image), and is settled in the
transaction that records the result. So what is due is a range of an index however large the catalog grows.
What becomes due again while somebody is at work on it stays due: the row counts how often it was asked for, and a
result settles only what was asked when its work began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnClause, Connection, bindparam, case, or_, select, text, update

from db.engine import among_keys, chunked, insert_new, insert_rows
from db.models import IS_PROBLEM, Blob, Frame, Ledger
from db.tallies import total, totals
from db.vocabulary import Outcome, Stage


def ids_by_key(
    connection: Connection,
    id_column: "ColumnClause[int]",
    key_column: "ColumnClause[bytes]",
    keys: Sequence[bytes],
) -> dict[bytes, int]:
    """Map keys that exist to their row ids."""
    found: dict[bytes, int] = {}
    for chunk in chunked(keys):
        here = among_keys(connection, key_column, chunk)
        found.update((key, identity) for key, identity in connection.execute(select(key_column, id_column).where(here)))
    return found


def due(connection: Connection, stage: Stage, subject_ids: Iterable[int]) -> None:
    """Note that subjects are due, unless the ledger knows them."""
    insert_new(connection, Ledger, [_pending(stage, subject) for subject in subject_ids])


def due_again(connection: Connection, stage: Stage, subject_ids: Iterable[int]) -> None:
    """Make subjects due whatever the ledger says: what they depend on has changed."""
    rows = [_pending(stage, subject) for subject in subject_ids]
    insert_rows(connection, Ledger, rows, _make_due)


def _make_due(statement: Any) -> Any:
    return statement.on_conflict_do_update(index_elements=["stage", "subject_id"], set_=AGAIN)


AGAIN: dict[str, Any] = {"outcome": Outcome.PENDING.value, "asked": Ledger.asked + 1}
"""What makes a row due again, and tells whoever is at work on it that this is news."""


def _pending(stage: Stage, subject: int) -> dict[str, Any]:
    return {
        "stage": stage.value,
        "subject_id": subject,
        "outcome": Outcome.PENDING.value,
        "version": 0,
        "format": "",
        "reason": "",
    }


FOR_WANT_OF_BYTES = (Ledger.outcome == Outcome.FAILED) & or_(
    Ledger.reason.startswith("BlobMissingError: "), Ledger.reason.startswith("BlobDamagedError: ")
)


def due_with_bytes(connection: Connection, blob_ids: Sequence[int]) -> None:
    """Make due again what failed for want of these bytes, which are there now: reading them, slicing what they show."""
    for stage, subject, blob in ((Stage.READ, Blob.id, Blob.id), (Stage.SLICE, Frame.image_id, Frame.blob_id)):
        if not total(connection, "ledger", f"{stage.value}/{Outcome.FAILED.value}"):
            continue  # the usual case, and every download and archive asks
        for chunk in chunked(blob_ids):
            failed = (Ledger.stage == stage, Ledger.subject_id.in_(select(subject).where(blob.in_(chunk))))
            connection.execute(update(Ledger).where(*failed, FOR_WANT_OF_BYTES).values(AGAIN))


ANY = -1


@dataclass(frozen=True)
class Settled:
    """How a subject's work ended. `asked` is what the row said when the work began; `ANY`: nobody could ask since."""

    subject_id: int
    outcome: Outcome
    version: int
    format: str = ""
    reason: str = ""
    asked: int = ANY


def settle_all(connection: Connection, stage: Stage, ends: Sequence[Settled]) -> None:
    """Record how subjects' work ended. Those that were asked for again since it began stay due."""
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
            "asked": end.asked,
        }
        for end in ends
    ]
    insert_rows(connection, Ledger, rows, _settle)


def _settle(statement: Any) -> Any:
    new = statement.excluded
    current = or_(new.asked == ANY, new.asked == Ledger.asked)
    ended = {name: new[name] for name in ("version", "format", "settled_at")}
    ended["outcome"] = case((current, new.outcome), else_=Outcome.PENDING.value)
    ended["reason"] = case((current, new.reason), else_="")
    return statement.on_conflict_do_update(index_elements=["stage", "subject_id"], set_=ended)


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
    asked: int


def due_blobs(connection: Connection, after_id: int, count: int) -> list[DueBlob]:
    """Return blobs due to be read with ids above `after_id`, in order of id."""
    rows = connection.execute(
        select(Blob.id, Blob.sha256, Blob.size_bytes, Ledger.asked)
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


def asked_of(connection: Connection, stage: Stage, subject_ids: Iterable[int]) -> dict[int, int]:
    """Return how often each subject was asked for; to be read before anything that the work depends on."""
    found: dict[int, int] = {}
    for chunk in chunked(subject_ids):
        rows = (Ledger.stage == stage, Ledger.subject_id.in_(chunk))
        found.update(connection.execute(select(Ledger.subject_id, Ledger.asked).where(*rows)).all())
    return found


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
    return connection.execute(update(Ledger).where(*settled).values(AGAIN)).rowcount


def retry(connection: Connection, outcomes: Sequence[Outcome]) -> int:
    """Make due again what ended so; return how many."""
    return connection.execute(
        update(Ledger).where(text(IS_PROBLEM), Ledger.outcome.in_(outcomes)).values(AGAIN)
    ).rowcount
