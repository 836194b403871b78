"""The files that stand beside a blob on its page, for archives that come in several files."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from db.engine import chunked
from db.models import Blob, File, Ledger, PageFile
from db.vocabulary import FileRole, Outcome, Stage


@dataclass(frozen=True)
class PageFiles:
    """A page's files: each its name, and its blob's id, SHA-256 and size where it was fetched."""

    page_id: int
    files: tuple[tuple[str, int | None, bytes | None, int], ...]


def pages_of(connection: Connection, blob_ids: Sequence[int]) -> list[PageFiles]:
    """Return the pages, in order of id, that offer one of these blobs as a file of theirs, with all their files."""
    pages: set[int] = set()
    for chunk in chunked(blob_ids):
        offering = select(PageFile.page_id).join(File, File.id == PageFile.file_id).where(File.blob_id.in_(chunk))
        pages.update(connection.scalars(offering.where(PageFile.role == FileRole.FILE).distinct()))
    return [PageFiles(page_id, _files(connection, page_id)) for page_id in sorted(pages)]


def _files(connection: Connection, page_id: int) -> tuple[tuple[str, int | None, bytes | None, int], ...]:
    rows = connection.execute(
        select(PageFile.original_name, File.name, File.blob_id, Blob.sha256, Blob.size_bytes)
        .join(File, File.id == PageFile.file_id)
        .outerjoin(Blob, Blob.id == File.blob_id)
        .where(PageFile.page_id == page_id, PageFile.role == FileRole.FILE, PageFile.withdrawn_at.is_(None))
        .order_by(PageFile.position, File.id)
    )
    return tuple((original or name, blob, sha256, size or 0) for original, name, blob, sha256, size in rows)


def waiting_blobs(connection: Connection, format_: str) -> list[int]:
    """Return blobs whose reading ended as partial with this format: they wait for others."""
    rows = (Ledger.stage == Stage.READ, Ledger.outcome == Outcome.PARTIAL, Ledger.format == format_)
    return list(connection.scalars(select(Ledger.subject_id).where(*rows).order_by(Ledger.subject_id)))


def settled_of(connection: Connection, blob_ids: Sequence[int]) -> list[int]:
    """Return those of the blobs whose reading ended: they are not due."""
    found: list[int] = []
    for chunk in chunked(blob_ids):
        rows = (Ledger.stage == Stage.READ, Ledger.subject_id.in_(chunk), Ledger.outcome != Outcome.PENDING)
        found += connection.scalars(select(Ledger.subject_id).where(*rows))
    return found
