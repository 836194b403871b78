"""What responses brought, written for several of them with a few statements: pages, files, new entries, and "done"."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from db.frontier import FrontierQueue, Settled
from db.recording import record_fetched, record_pages, unfetched
from db.records import FetchedFile, NewEntry, PageRecord
from db.vocabulary import EntryKind


@dataclass(frozen=True)
class Findings:
    """What one response brought: `wanted` is what it links to; `settled` says that its entry is done."""

    settled: Settled
    pages: tuple[PageRecord, ...] = ()
    files: tuple[FetchedFile, ...] = ()
    wanted: tuple[NewEntry, ...] = ()


def record(connection: Connection, queue: FrontierQueue, found: Sequence[Findings]) -> None:
    """Write findings inside the caller's transaction. Raises LeaseLostError unless all their entries are ours."""
    queue.settle_all(connection, [findings.settled for findings in found])
    pages = [page for findings in found for page in findings.pages]
    changed = record_pages(connection, pages).changed
    record_fetched(connection, *(file for findings in found for file in findings.files))
    wanted = [entry for findings in found for entry in findings.wanted]
    # Files that were brought home already are left out, unless their page says that they are others now.
    missing = {*unfetched(connection, [e.url for e in wanted if e.kind is EntryKind.FILE]), *changed}
    wanted = [entry for entry in wanted if entry.kind is not EntryKind.FILE or entry.url in missing]
    queue.enqueue(connection, wanted)
    queue.requeue(connection, [entry.url for entry in wanted if entry.url in changed])
