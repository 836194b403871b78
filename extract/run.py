"""The stage runner: asks the catalog what is due, hands it to a pool, settles what comes back.

Only this process writes the catalog; each result is one transaction. Killed at any moment, a run leaves the work in
flight due, and the next run does it again.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db import Catalog, stages
from db.blobs import BlobStore, is_disk_error
from db.changes import Publisher, publish
from db.claims import Claims
from db.context import blob_names, image_contexts
from db.derive import record_all_slices, record_reads
from db.engine import Database
from db.fitting import is_refusal
from db.matching import match_sidecars
from db.models import Blob
from db.records import ReadResult, SliceResult
from db.unseen import settle_unseen
from db.vocabulary import Outcome, Stage
from extract.archives.interface import Limits
from extract.archives.junk import is_junk
from extract.due import LOOK_AHEAD, RENEW_S, DueWork, Task, key_of
from extract.errors import ToolMissingError
from extract.journal import Journal
from extract.tally import Result, rows_of
from extract.tasks import ReadTask, SliceTask, read_in_worker, slice_in_worker
from extract.versions import READ_VERSIONS, SLICE_VERSION, read_versions_by_format
from extract.volume_sets import wake, wake_leads, with_volumes
from pools import Pool
from pools.errors import PoolGoneError, PoolLostError, WorkerDiedError

logger = logging.getLogger(__name__)

BATCH_ITEMS = 128
BATCH_ITEMS_MIN = 16
BATCH_BYTES = 16 * 1024 * 1024
IN_FLIGHT_PER_WORKER = 3
MAX_DEATHS = 2
AHEAD_MAX = 20_000
"""So many members of an archive are read ahead of its being recorded; the rest is found in the ledger."""
OTHERS_S = 0.5
SETTLE_ROWS = 2048
"""Nothing more is settled together with so many rows: others wait for the catalog, too."""
PICTURES = (".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp", ".tga", ".tif", ".tiff")


@dataclass(frozen=True)
class StageWork:
    """What the runner needs to know of a stage: how to find, do and settle it, and what comes before finding."""

    stage: Stage
    find: Callable[[Connection, int, int], tuple[list[Any], int]]
    do: Callable[..., list[Any]]
    arguments: tuple[Any, ...]
    settle: Callable[[Connection, Sequence[tuple[Any, Any]]], None]
    lost: Callable[[Outcome, str], Any]
    prepare: Callable[[Database], object] = lambda database: None
    after: Callable[[BlobStore, Sequence[tuple[Any, Any]]], None] = lambda blobs, done: None
    """What may be cleared away once results are in the catalog."""
    found: Callable[[Connection, Sequence[Any]], None] = lambda connection, tasks: None
    """What becomes due because these are, in the transaction that takes them in hand."""
    follow: Callable[[Any, Any], list[Any]] = lambda task, result: []
    """Work that a result brings up and that need not wait for its being recorded."""


def read_work(limits: Limits) -> StageWork:
    """READ: blobs into members, frames, sidecars."""
    return StageWork(
        Stage.READ,
        _find_blobs,
        read_in_worker,
        (limits,),
        _record_reads,
        lambda outcome, reason: ReadResult(outcome, READ_VERSIONS["other"], "", reason),
        after=_forget_journals,
        found=wake_leads,
        follow=_pictures,
    )


def slice_work() -> StageWork:
    """SLICE: images into tiles."""
    return StageWork(
        Stage.SLICE,
        _find_images,
        slice_in_worker,
        (),
        _record_slices,
        lambda outcome, reason: SliceResult(outcome, SLICE_VERSION, "single", 0.0, "pixels", "", reason=reason),
        prepare=_prepare_slices,
    )


def _prepare_slices(database: Database) -> None:
    """Bring up what is to be sliced, and drop what nobody can slice any more."""
    match_sidecars(database)
    settle_unseen(database, SLICE_VERSION)


def _record_reads(connection: Connection, done: Sequence[tuple[ReadTask, ReadResult]]) -> None:
    """Record what was read; tasks that were begun ahead learn the ids of their blobs here."""
    unknown = [task.sha256 for task, _ in done if not task.blob_id]
    ids = stages.ids_by_key(connection, Blob.id, Blob.sha256, unknown)
    reads = [(task.blob_id or ids.get(task.sha256, 0), task, result) for task, result in done]
    asked = {blob_id: task.asked for blob_id, task, _ in reads}
    record_reads(connection, [(blob_id, result) for blob_id, _, result in reads if blob_id], asked)


def _record_slices(connection: Connection, done: Sequence[tuple[SliceTask, SliceResult]]) -> None:
    asked = {task.image_id: task.asked for task, _ in done}
    record_all_slices(connection, [(task.image_id, result) for task, result in done], asked)


def _pictures(task: ReadTask, result: ReadResult) -> list[ReadTask]:
    """Return the pictures among the members that the store had never seen: what they are called makes no difference.

    A blob is read under the first of all its names, which for one that is new and never called anything but a picture
    is as good as any.
    """
    fresh = set(result.fresh)
    tasks: dict[bytes, ReadTask] = {}
    for member in result.members:
        if member.sha256 not in fresh or member.sha256 is None:
            continue
        if is_picture(member.path):
            tasks.setdefault(member.sha256, ReadTask(0, member.sha256, member.size_bytes or 0, member.path))
        else:
            fresh.discard(member.sha256)
    return [task for sha256, task in tasks.items() if sha256 in fresh][:AHEAD_MAX]


def is_picture(path: str) -> bool:
    """Tell a path that is called as pictures are, and is not what systems leave behind."""
    return path.lower().endswith(PICTURES) and not is_junk(path)


def _forget_journals(blobs: BlobStore, done: Sequence[tuple[ReadTask, ReadResult]]) -> None:
    for task, result in done:
        if result.members:
            Journal(blobs.temporary, READ_VERSIONS["archive"]).forget(task.sha256)


def _find_blobs(connection: Connection, after: int, count: int) -> tuple[list[ReadTask], int]:
    due = stages.due_blobs(connection, after, count)
    names = blob_names(connection, [blob.id for blob in due])
    tasks = [ReadTask(b.id, b.sha256, b.size_bytes, names.get(b.id, ""), asked=b.asked) for b in due]
    return with_volumes(connection, tasks), due[-1].id if due else after


def _find_images(connection: Connection, after: int, count: int) -> tuple[list[SliceTask], int]:
    due = stages.due_images(connection, after, count)
    asked = stages.asked_of(connection, Stage.SLICE, due)
    tasks = [
        SliceTask(c.image_id, c.sha256, c.size_bytes, c.names, c.sidecars, c.said, c.choice, asked[c.image_id])
        for c in image_contexts(connection, due)
    ]
    return tasks, due[-1] if due else after


def outdate(catalog: Catalog) -> None:
    """Make due again what older versions of readers and slicer settled, and volumes that need wait no longer."""
    with catalog.database.write() as connection:
        wake(connection)
        stages.outdate(connection, Stage.READ, read_versions_by_format(), READ_VERSIONS["other"])
        stages.outdate(connection, Stage.SLICE, {}, SLICE_VERSION)


class StageRunner:
    """Drains one stage through a pool."""

    def __init__(self, catalog: Catalog, pool: Pool, work: StageWork) -> None:
        self._catalog = catalog
        self._pool = pool
        self._work = work
        self._due = DueWork(catalog.database, work.stage, work.find, Claims(), work.found)
        self._flying: dict[Future[list[Any]], tuple[tuple[Task, ...], int]] = {}
        self._alone = False
        self._suspects: list[tuple[tuple[Task, ...], int]] = []

    def run(self, settled: Callable[[Result], None]) -> None:
        """Work until nothing is due, calling `settled` after each commit.

        What another run has in hand is waited for, and taken over should that run die.
        """
        try:
            self._work.prepare(self._catalog.database)
            self._drain(settled)
        finally:
            self._due.end()

    def _drain(self, settled: Callable[[Result], None]) -> None:
        publisher = Publisher(self._catalog.database)
        while self._next() or self._wait_for_others():
            done, _ = wait(self._flying, return_when=FIRST_COMPLETED, timeout=RENEW_S)
            self._due.renew()
            self._take(list(done), settled)
            publisher.publish_sometimes()
        publish(self._catalog.database)

    def _wait_for_others(self) -> bool:
        if not self._due.others_at_work():
            return False
        time.sleep(OTHERS_S)
        self._due.look_again()
        return True

    def _next(self) -> bool:
        """See to it that something is in flight; return whether anything is.

        A suspect flies alone: if a worker dies then, it is known of what.
        """
        if self._suspects and not self._flying:
            self._submit(*self._suspects.pop())
            self._alone = True
        elif not self._flying:
            self._alone = False
            self._due.look_again()
        if not self._suspects and not self._alone:
            self._fill()
        return bool(self._flying)

    def _fill(self) -> None:
        """Submit what is due, as far as there are workers for it."""
        most = self._pool.workers * IN_FLIGHT_PER_WORKER
        while len(self._flying) < most:
            tasks = self._due.next(LOOK_AHEAD)
            if not tasks:
                return
            for batch in batches(tasks, self._pool.workers):
                self._submit(tuple(batch), deaths=0)

    def _submit(self, tasks: tuple[Task, ...], deaths: int) -> None:
        future = self._pool.submit(self._work.do, self._catalog.blobs.url, tasks, *self._work.arguments)
        self._flying[future] = (tasks, deaths)
        self._due.hold(tasks)

    def _take(self, done: "Sequence[Future[list[Any]]]", settled: Callable[[Result], None]) -> None:
        """Settle what ended meanwhile in one transaction, which costs less than several, unless it is much."""
        tasks: list[Task] = []
        results: list[Any] = []
        rows = 0
        for future in done:
            if rows > SETTLE_ROWS:
                break
            ended, deaths = self._flying.pop(future)
            if found := self._results(future, ended, deaths):
                tasks += ended
                results += found
                rows += sum(map(rows_of, found))
        if not tasks:
            return
        following = self._go_on(tasks, results)
        self._settle(tasks, results, following)
        self._due.done(tasks)
        for result in results:
            settled(result)

    def _results(self, future: "Future[list[Any]]", tasks: tuple[Task, ...], deaths: int) -> list[Any]:
        """Return what a batch came to, nothing if it is tried again. Raises what is no input's fault."""
        try:
            return future.result()
        except (PoolGoneError, ToolMissingError):
            raise
        except Exception as error:
            if is_disk_error(error):
                raise
            return self._lost(error, tasks, deaths)

    def _go_on(self, tasks: Sequence[Task], results: list[Any]) -> list[Task]:
        """Submit what the results bring up, so that workers are busy while this process writes the catalog."""
        ended = zip(tasks, results, strict=True)
        found = {key_of(more): more for task, result in ended for more in self._work.follow(task, result)}
        following = [task for key, task in found.items() if not self._due.holds(key)]
        for batch in batches(following, self._pool.workers):
            self._submit(tuple(batch), deaths=0)
        return following

    def _settle(self, tasks: Sequence[Task], results: list[Any], following: Sequence[Task] = ()) -> None:
        """Write results in one transaction; if the database refuses the data of one, that one fails alone.

        What was begun ahead is claimed there, too: nobody else can know of it sooner.
        """
        try:
            with self._catalog.database.write() as connection:
                self._work.settle(connection, list(zip(tasks, results, strict=True)))
                self._due.claim(connection, _row_ids(connection, following))
        except DBAPIError as error:
            if not is_refusal(error):
                raise
            if len(tasks) == 1:
                logger.exception("%s: the database refuses what was found", tasks[0])
                results[0] = self._work.lost(Outcome.FAILED, f"could not be recorded: {type(error).__name__}")
            for number, task in enumerate(tasks):
                alone = results[number : number + 1]
                self._settle((task,), alone)
                results[number] = alone[0]
        else:
            self._work.after(self._catalog.blobs, list(zip(tasks, results, strict=True)))

    def _lost(self, error: Exception, tasks: tuple[Task, ...], deaths: int) -> list[Any]:
        """Narrow a lost batch down to the one input that kills workers, and settle that one."""
        if isinstance(error, PoolLostError):
            self._due.done(tasks)  # the ledger still has them
            self._pool.reopen()
            return []
        if len(tasks) > 1:
            for task in tasks:
                self._submit((task,), deaths=0)
            return []
        if isinstance(error, TimeoutError):
            return [self._work.lost(Outcome.REFUSED, "took longer than the time limit of a task")]
        if isinstance(error, WorkerDiedError):
            return self._suspect(error, tasks[0], deaths + 1)
        logger.error("%s: %s", tasks[0], error, exc_info=error)
        return [self._work.lost(Outcome.FAILED, f"{type(error).__name__}: {error}")]

    def _suspect(self, error: Exception, task: Task, deaths: int) -> list[Any]:
        """Set an input apart after two workers died of it: the first perhaps of a neighbour's, the second of its own.

        It is tried again with nothing else in flight, so that the second death can be nobody else's fault.
        """
        if deaths < MAX_DEATHS:
            self._suspects.append(((task,), deaths))
            return []
        return [self._work.lost(Outcome.FAILED, f"killed its worker {MAX_DEATHS} times: {error}")]


def _row_ids(connection: Connection, tasks: Sequence[Task]) -> list[int]:
    hashes = [task.sha256 for task in tasks if isinstance(task, ReadTask)]
    return list(stages.ids_by_key(connection, Blob.id, Blob.sha256, hashes).values())


def batches(tasks: Sequence[Task], workers: int = 1) -> Iterator[list[Task]]:
    """Group small inputs, so that a call is worth its cost and all workers get some; large ones go alone."""
    most = min(BATCH_ITEMS, max(BATCH_ITEMS_MIN, -(-len(tasks) // (2 * workers))))
    batch: list[Task] = []
    size = 0
    for task in tasks:
        if batch and (len(batch) >= most or size + task.size_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(task)
        size += task.size_bytes
    if batch:
        yield batch
