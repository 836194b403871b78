"""What happened to images since a cursor: new, withdrawn, back.

A cursor must never pass something that appears behind it later. Ids do not promise that on PostgreSQL: they are given
out before the commit, and transactions commit in any order. So triggers put what happened into `change_pending`, and
whoever looks gives what is committed by then its place at the end of `change`, one looker at a time. On SQLite, which
has one writer, ids are in the order of commits and triggers write `change` themselves.

Whether an image is withdrawn is looked at then, too: triggers note only which files or images to look at again
(`recheck`), and what was told last is in `withdrawn`. So however often a page changed its mind between two looks, a
watcher hears what is true now.

Who makes images publishes, too, now and then and at the end of a run: what is noted never grows beyond one run,
whether or not anybody watches.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, text

from db.bookkeeping import Change, ChangePending, Recheck, Withdrawn
from db.engine import Database, alone, chunked
from db.models import PageFile, Place, Sighting

PUBLISH_LOCK = 7251894
BATCH = 5000


class ChangeKind(StrEnum):
    """NEW: pixels never seen before. WITHDRAWN: no page shows them any more. BACK: one does again."""

    NEW = "new"
    WITHDRAWN = "withdrawn"
    BACK = "back"


@dataclass(frozen=True)
class ImageChange:
    """Something that happened to an image. Watch on from `cursor` to see what came after it."""

    cursor: int
    image_id: int
    kind: ChangeKind


def read_changes(database: Database, since: int, count: int) -> list[ImageChange]:
    """Return at most `count` changes after a cursor, in order."""
    rows = select(Change.cursor, Change.image_id, Change.kind).where(Change.cursor > since)
    with database.read() as connection:
        found = connection.execute(rows.order_by(Change.cursor).limit(count)).all()
    return [ImageChange(cursor, image_id, ChangeKind(kind)) for cursor, image_id, kind in found]


def publish(database: Database) -> None:
    """Give everything committed by now its place in the order of changes."""
    while _anything(database):
        with database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({PUBLISH_LOCK})"))
            _publish_pending(connection)
            _publish_rechecked(connection)


class Publisher:
    """Publishes now and then, for programs that write for hours."""

    def __init__(self, database: Database, every_s: float = 30.0) -> None:
        self._database = database
        self._every_s = every_s
        self._next = time.monotonic() + every_s

    def publish_sometimes(self) -> None:
        """Publish if that was not done for a while."""
        if time.monotonic() > self._next:
            publish(self._database)
            self._next = time.monotonic() + self._every_s


def _anything(database: Database) -> bool:
    with database.read() as connection:
        return any(connection.scalar(select(table.id).limit(1)) is not None for table in (ChangePending, Recheck))


def _publish_pending(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_PENDING, {"count": BATCH})
        return
    # Triggers write `change` themselves; but this may be the copy of a catalog where they could not.
    connection.execute(
        text("INSERT INTO change (image_id, kind) SELECT image_id, kind FROM change_pending ORDER BY id")
    )
    connection.execute(delete(ChangePending))


_PENDING = text("""
WITH first AS (SELECT id FROM change_pending ORDER BY id LIMIT :count),
     gone AS (DELETE FROM change_pending p USING first WHERE p.id = first.id RETURNING p.id, p.image_id, p.kind)
INSERT INTO change (image_id, kind) SELECT image_id, kind FROM gone ORDER BY id
""")


def _append(connection: Connection, changes: Iterable[tuple[int, str]]) -> None:
    rows = [{"image_id": image_id, "kind": kind} for image_id, kind in changes]
    for chunk in chunked(rows):
        connection.execute(insert(Change).values(chunk))


def _publish_rechecked(connection: Connection) -> None:
    rows = connection.execute(select(Recheck.id, Recheck.file_id, Recheck.image_id).order_by(Recheck.id).limit(BATCH))
    rechecks = rows.all()
    if not rechecks:
        return
    # Somebody may be recording that one of these images is shown or seen elsewhere: wait for them, so as to see it.
    alone(connection, PageFile, Sighting)  # in the order in which a crawler writes them
    images = {row.image_id for row in rechecks if row.image_id} | _images_of_files(
        connection, sorted({row.file_id for row in rechecks if row.file_id})
    )
    for chunk in chunked(sorted(images)):
        _recheck(connection, chunk)
    for chunk in chunked([row.id for row in rechecks]):
        connection.execute(delete(Recheck).where(Recheck.id.in_(chunk)))


def _images_of_files(connection: Connection, file_ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for chunk in chunked(file_ids):
        seen = select(Sighting.image_id).join(Place, Place.id == Sighting.place_id).where(Place.file_id.in_(chunk))
        found.update(connection.scalars(seen.distinct()))
    return found


def _recheck(connection: Connection, image_ids: Sequence[int]) -> None:
    shown = _shown(connection, image_ids)
    told = set(connection.scalars(select(Withdrawn.image_id).where(Withdrawn.image_id.in_(image_ids))))
    gone = [image_id for image_id in image_ids if image_id not in shown and image_id not in told]
    back = [image_id for image_id in image_ids if image_id in shown and image_id in told]
    if gone:
        connection.execute(insert(Withdrawn), [{"image_id": image_id} for image_id in gone])
    if back:
        connection.execute(delete(Withdrawn).where(Withdrawn.image_id.in_(back)))
    _append(connection, [(image_id, ChangeKind.WITHDRAWN) for image_id in gone])
    _append(connection, [(image_id, ChangeKind.BACK) for image_id in back])


def _shown(connection: Connection, image_ids: Sequence[int]) -> set[int]:
    """Return those of the images that some page still shows: the same question as `is_current` in image_catalog."""
    numbers = ", ".join(str(int(image_id)) for image_id in image_ids)
    query = f"""
        SELECT i.id FROM image i WHERE i.id IN ({numbers}) AND EXISTS (
            SELECT 1 FROM sighting s JOIN place pl ON pl.id = s.place_id JOIN file f ON f.id = pl.file_id
            WHERE s.image_id = i.id AND pl.root_id = f.blob_id AND (f.page_id IS NULL OR EXISTS (
                SELECT 1 FROM page_file pf WHERE pf.file_id = f.id AND pf.withdrawn_at IS NULL)))
    """  # noqa: S608 - numbers only
    return set(connection.scalars(text(query)))
