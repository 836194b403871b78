"""Claims: which of the due work some run has in hand, so that several runs at once share it.

A claim stands in the `reason` of a pending row of the ledger, which says nothing else while a row is pending; settling
the row overwrites it. It names its owner and ends by itself: work of a run that died is taken over, at once where it
can be known that the process is gone, else when its time is up. Claims only save work: a row that two runs settle is
settled twice alike.
"""

import time
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, bindparam, select, update

from db.engine import chunked
from db.models import Ledger
from db.owners import is_known_dead, new_owner
from db.vocabulary import Outcome, Stage

LEASE_S = 1200.0
"""So long a claim holds unless renewed; longer than any task may take."""
_PREFIX = "claimed by "
_MARK = " until "
_ended: set[str] = set()
"""Owners of this process that gave up: what they left behind is free, though the process lives."""


class Claims:
    """The claims of one run."""

    def __init__(self, *, lease_s: float = LEASE_S) -> None:
        self._owner = new_owner()
        self._lease_s = lease_s

    def end(self) -> None:
        """Say that the run is over, however it ended."""
        _ended.add(self._owner)

    def take(self, connection: Connection, stage: Stage, subject_ids: Sequence[int]) -> set[int]:
        """Claim the pending ones that nobody else has in hand, renewing our own; return those. In a write transaction.

        Rows that another run is claiming or settling right now are left to it (PostgreSQL; SQLite has one writer).
        """
        taken: set[int] = set()
        for chunk in chunked(subject_ids):
            pending = select(Ledger.subject_id, Ledger.reason).where(
                Ledger.stage == stage, Ledger.subject_id.in_(chunk), Ledger.outcome == Outcome.PENDING
            )
            rows = connection.execute(pending.order_by(Ledger.subject_id).with_for_update(skip_locked=True))
            taken.update(subject_id for subject_id, reason in rows if self._may_take(reason))
        self._note(connection, stage, taken)
        return taken

    def _note(self, connection: Connection, stage: Stage, subject_ids: set[int]) -> None:
        if subject_ids:
            until = f"{_PREFIX}{self._owner}{_MARK}{time.time() + self._lease_s:.0f}"
            rows = [{"of_stage": stage.value, "of_subject": subject, "until": until} for subject in subject_ids]
            connection.execute(_CLAIM, rows)

    def _may_take(self, reason: str) -> bool:
        owner, until = _claim(reason)
        return not owner or owner == self._owner or until < time.time() or _is_over(owner)

    def others(self, connection: Connection, stage: Stage, subject_ids: Sequence[int]) -> bool:
        """Tell whether one of these is pending in the hands of another run."""
        for chunk in chunked(subject_ids):
            pending = select(Ledger.reason).where(
                Ledger.stage == stage, Ledger.subject_id.in_(chunk), Ledger.outcome == Outcome.PENDING
            )
            if any(not self._may_take(reason) for reason in connection.scalars(pending)):
                return True
        return False


def is_claim(reason: str) -> bool:
    """Tell a claim from the reason of an earlier outcome."""
    return reason.startswith(_PREFIX)


def _claim(reason: str) -> tuple[str, float]:
    """Return owner and end of a claim; no owner where there is none."""
    if not is_claim(reason):
        return "", 0.0
    owner, _, until = reason.removeprefix(_PREFIX).rpartition(_MARK)
    return owner, float(until)


def _is_over(owner: str) -> bool:
    return owner in _ended or _is_gone(owner, int(time.time()))


@lru_cache(maxsize=64)
def _is_gone(owner: str, _second: int) -> bool:
    """Tell whether an owner is known dead, asking at most once a second."""
    return is_known_dead(owner)


_CLAIM = (
    update(Ledger)
    .where(
        Ledger.stage == bindparam("of_stage"),
        Ledger.subject_id == bindparam("of_subject"),
        Ledger.outcome == Outcome.PENDING,
    )
    .values(reason=bindparam("until"))
)
