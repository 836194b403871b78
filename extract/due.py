"""What one run takes in hand next: due work found page by page, claimed, and not handed out twice.

Looking goes on behind what was looked at last. What becomes due meanwhile (members of archives) mostly has higher ids
and is met on the way; at the end looking begins anew, until a whole round finds nothing.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from db.claims import Claims
from db.engine import Database
from db.vocabulary import Stage
from extract.tasks import ReadTask, SliceTask

LOOK_AHEAD = 256
RENEW_S = 300.0
Task = ReadTask | SliceTask
Find = Callable[[Connection, int, int], tuple[list[Any], int]]


def key_of(task: Task) -> bytes | int:
    """Name what a task is about: a blob by its hash (its row may not exist yet), an image by its id."""
    return task.sha256 if isinstance(task, ReadTask) else task.image_id


def subject_of(task: Task) -> int:
    """Return the id that the ledger knows; 0 if there is no row yet."""
    return task.blob_id if isinstance(task, ReadTask) else task.image_id


class DueWork:
    """The due work of a stage, as far as this run may do it."""

    def __init__(
        self,
        database: Database,
        stage: Stage,
        find: Find,
        claims: Claims,
        found: Callable[[Connection, list[Any]], None],
    ) -> None:
        self._database = database
        self._stage = stage
        self._find = find
        self._claims = claims
        self._new = found
        self._after = 0
        self._found: deque[Task] = deque()
        self._in_hand: dict[bytes | int, Task] = {}
        self._more = True
        self._renewed_at = time.monotonic()

    def next(self, count: int) -> list[Task]:
        """Return up to so many tasks that are due and in nobody's hands; they are in ours until `done`."""
        while len(self._found) < count and self._look():
            pass
        return [self._found.popleft() for _ in range(min(count, len(self._found)))]

    def _look(self) -> bool:
        """Look at the next page of what is due; return whether to look further."""
        if not self._more:
            return False
        with self._database.write() as connection:
            tasks, last = self._find(connection, self._after, LOOK_AHEAD)
            fresh = [task for task in tasks if key_of(task) not in self._in_hand]
            taken = self._claims.take(connection, self._stage, [subject_of(task) for task in fresh])
            self._new(connection, [task for task in fresh if subject_of(task) in taken])
        self._more = last != self._after
        self._after = last if self._more else 0
        self.hold(task for task in fresh if subject_of(task) in taken)
        self._found.extend(task for task in fresh if subject_of(task) in taken)
        return self._more

    def look_again(self) -> None:
        """Say that more may have become due."""
        self._more = True

    def hold(self, tasks: Iterable[Task]) -> None:
        """Take tasks in hand."""
        self._in_hand |= {key_of(task): task for task in tasks}

    def holds(self, key: bytes | int) -> bool:
        """Tell whether something is in hand."""
        return key in self._in_hand

    def done(self, tasks: Sequence[Task]) -> None:
        """Let go of tasks: the ledger knows how they ended, or still has them."""
        for task in tasks:
            self._in_hand.pop(key_of(task), None)

    def claim(self, connection: Connection, subject_ids: Sequence[int]) -> None:
        """Claim what came up as due in this transaction and is in hand already."""
        self._claims.take(connection, self._stage, subject_ids)

    def renew(self) -> None:
        """Keep what is in hand from running out, now and then."""
        if time.monotonic() < self._renewed_at + RENEW_S:
            return
        self._renewed_at = time.monotonic()
        with self._database.write() as connection:
            known = [subject_of(task) for task in self._in_hand.values() if subject_of(task)]
            self._claims.take(connection, self._stage, known)

    def end(self) -> None:
        """Leave to other runs what is still in hand."""
        self._claims.end()

    def others_at_work(self) -> bool:
        """Tell whether another run has something of this stage in hand."""
        after = 0
        with self._database.read() as connection:
            while True:
                tasks, last = self._find(connection, after, LOOK_AHEAD)
                if self._claims.others(connection, self._stage, [subject_of(task) for task in tasks]):
                    return True
                if last == after:
                    return False
                after = last
