"""How far a copy of the catalog's vectors goes, so that it can catch up, and be known as stale.

A note is written after the copy has acknowledged the rows it speaks of. It holds while as many of the catalog's rows
lie below its last one as it counted, and the first of them is the same; otherwise the copy is made anew.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from db import Catalog
from db.engine import Database
from db.models import Feature as FeatureRow


@dataclass(frozen=True)
class Note:
    """Rows up to this id, so many of them, the first vector in hex to know the catalog by, and where the copy lies.

    `generation` is part of the names of files that belong to this note and to none before it.
    """

    last_row: int = 0
    count: int = 0
    first: str = ""
    place: str = ""
    generation: str = ""


def copies_folder(catalog: Catalog) -> Path:
    """Return where copies and notes are kept: beside an SQLite file, else beside the blobs, or those in the cache."""
    url = make_url(catalog.settings.catalog_url)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return Path(f"{url.database}.vectors")
    return Path(f"{catalog.blobs.root}.vectors")


def valid_note(database: Database, model_id: int, file: Path, place: str = "") -> Note:
    """Return the note in a file, or an empty one where it does not fit the catalog or the place."""
    if not file.is_file():
        return Note(place=place)
    note = Note(**json.loads(file.read_text()))
    mine = (FeatureRow.model_id == model_id, FeatureRow.vector.is_not(None))
    with database.read() as connection:
        count = connection.scalar(select(func.count()).where(*mine, FeatureRow.id <= note.last_row))
        first = connection.scalar(select(FeatureRow.vector).where(*mine).order_by(FeatureRow.id).limit(1))
    same = count == note.count and (first or b"").hex() == note.first and note.place == place
    return note if same else Note(place=place)


def write_note(file: Path, note: Note) -> None:
    """Put a note in place of the one before, whole or not at all."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(asdict(note)))
    part.replace(file)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time brings copies up to date."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
