"""Archives that come as several files of one page: which blob to start from, with which others, and what is missing.

The set is read from its first volume; the others settle as `ignored`. While one is not fetched, all settle as
`partial` with what they wait for; `wake` makes them due again once it is there. A first volume that was read before
anybody knew of a later one (`wake_leads`) is read again when that is found.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from db import stages
from db.models import Blob
from db.siblings import PageFiles, pages_of, settled_of, waiting_blobs
from db.vocabulary import Stage
from extract.archives.volume_names import VolumeSet, may_be_volume, volume_sets
from extract.tasks import VOLUME_FORMAT, ReadTask, Volumes


def with_volumes(connection: Connection, tasks: Sequence[ReadTask]) -> list[ReadTask]:
    """Return the tasks, those of volumes with their sets."""
    asked = [task.blob_id for task in tasks if may_be_volume(task.name)]
    if not asked:
        return list(tasks)
    sets = known_sets(pages_of(connection, asked))
    return [dataclasses.replace(task, volumes=sets.get(task.blob_id)) for task in tasks]


def known_sets(pages: Iterable[PageFiles]) -> dict[int, Volumes]:
    """Return the set of each blob that is a volume; the first page decides."""
    found: dict[int, Volumes] = {}
    for page in pages:
        by_name = {name: (blob_id, sha256, size) for name, blob_id, sha256, size in page.files}
        for volumes in volume_sets(by_name):
            joined = _joined(volumes, by_name)
            for name in volumes.names:
                blob_id = by_name[name][0]
                if blob_id is not None:
                    found.setdefault(blob_id, joined)
    return found


def _joined(volumes: VolumeSet, by_name: dict[str, tuple[int | None, bytes | None, int]]) -> Volumes:
    parts, missing, size = [], volumes.missing, 0
    for name, alias in zip(volumes.names, volumes.aliases, strict=True):
        _, sha256, size_bytes = by_name[name]
        if sha256 is None:
            missing = missing or f"{name}, not fetched"
        else:
            parts.append((alias, sha256))
            size += size_bytes
    start = volumes.aliases[volumes.names.index(volumes.first)] if volumes.first else ""
    return Volumes(tuple(parts), start, volumes.first, missing, size)


def wake(connection: Connection) -> int:
    """Make volumes due again whose set is whole by now; return how many."""
    waiting = waiting_blobs(connection, VOLUME_FORMAT)
    if not waiting:
        return 0
    sets = known_sets(pages_of(connection, waiting))
    awake = [blob_id for blob_id in waiting if blob_id not in sets or not sets[blob_id].missing]
    stages.due_again(connection, Stage.READ, awake)
    return len(awake)


def wake_leads(connection: Connection, tasks: Sequence[Any]) -> None:
    """Make the first volumes due again of whose sets a later volume is due, though they were read: without it."""
    sets = [task.volumes for task in tasks if task.volumes and not task.volumes.missing]
    leads = {dict(volumes.parts)[volumes.start] for volumes in sets}
    due = {task.sha256 for task in tasks}
    ids = stages.ids_by_key(connection, Blob.id, Blob.sha256, sorted(leads - due))
    stages.due_again(connection, Stage.READ, settled_of(connection, list(ids.values())))
