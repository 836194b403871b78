"""Exact search: compare with every row of a memory-mapped copy of the catalog's vectors.

The copy is two files a model (image ids, rows) and a note of how far it goes. It is brought up to date before a search
by reading the rows that were added since; when rows are gone, or it is another catalog's, it is made anew.
"""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from db import Catalog
from db.models import Feature as FeatureRow
from index import store
from index.engines.interface import ImageIds, Near, nearest, similarities
from index.features.interface import Distance, Model, Rows
from index.store import Computed

SCAN_ROWS = 65_536
FEW = 0.25
"""A filter that leaves less than this share is gathered first; else everything is compared and then filtered."""


@dataclass(frozen=True)
class _Note:
    """How far a copy goes: rows up to this id, so many, and the first vector, to know the catalog by."""

    last_row: int = 0
    count: int = 0
    first: str = ""


def copies_folder(catalog: Catalog) -> Path:
    """Return where copies of a catalog's vectors are kept: beside an SQLite file, or beside the blobs."""
    url = make_url(catalog.settings.catalog_url)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return Path(f"{url.database}.vectors")
    return Path(f"{catalog.settings.blobs_url}.vectors")


class ExactEngine:
    """Compares with every row; always right, and quick enough for some million rows."""

    name = "exact"

    def __init__(self, catalog: Catalog) -> None:
        self._database = catalog.database
        self._folder = copies_folder(catalog)
        self._open: dict[int, tuple[_Note, ImageIds, Rows]] = {}

    def prepare(self, model: Model, model_id: int) -> None:
        """Nothing to make."""

    def save(self, connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
        """Nothing to do: the copy catches up before the next search."""

    def search(self, model: Model, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Return the nearest images."""
        images, rows = self.matrix(model, model_id)
        if allowed is None:
            return nearest(_scan(model, rows, row), images, count)
        at = np.flatnonzero(np.isin(images, allowed, assume_unique=False))
        if len(at) < FEW * len(images):
            return nearest(similarities(model, rows[at], row), images[at], count)
        return nearest(_scan(model, rows, row)[at], images[at], count)

    def rebuild(self, model: Model, model_id: int) -> int:
        """Make the copy anew."""
        with self._locked():
            self._open.pop(model_id, None)
            self._note_file(model).unlink(missing_ok=True)
            return self._catch_up(model, model_id).count

    def matrix(self, model: Model, model_id: int) -> tuple[ImageIds, Rows]:
        """Return image ids and rows (memory-mapped), brought up to date."""
        with self._database.read() as connection:
            newest = store.last_row(connection, model_id)
        opened = self._open.get(model_id)
        if opened is None or opened[0].last_row != newest:
            with self._locked():
                note = self._catch_up(model, model_id)
            opened = self._open[model_id] = (note, *self._map(model, note))
        return opened[1], opened[2]

    def _catch_up(self, model: Model, model_id: int) -> _Note:
        note = self._valid_note(model, model_id)
        dtype = _matrix_dtype(model)
        first = note.first
        with self._file(model, "ids").open("ab") as ids, self._file(model, "rows").open("ab") as out:
            ids.truncate(note.count * 8)
            out.truncate(note.count * model.stored_length * dtype.itemsize)
            last, count = note.last_row, note.count
            for row_ids, images, rows in store.read_rows(self._database, model, model_id, note.last_row):
                ids.write(images.tobytes())
                out.write(rows.astype(dtype).tobytes())
                first = first or rows[0].tobytes().hex()
                last, count = int(row_ids[-1]), count + len(images)
        found = _Note(last, count, first)
        if found != note:
            part = self._note_file(model).with_suffix(".part")
            part.write_text(json.dumps(asdict(found)))
            part.replace(self._note_file(model))
        return found

    def _valid_note(self, model: Model, model_id: int) -> _Note:
        """Return how far the copy goes, or an empty note where it is not this catalog's."""
        if not self._note_file(model).is_file():
            return _Note()
        note = _Note(**json.loads(self._note_file(model).read_text()))
        mine = (FeatureRow.model_id == model_id, FeatureRow.vector.is_not(None))
        with self._database.read() as connection:
            count = connection.scalar(select(func.count()).where(*mine, FeatureRow.id <= note.last_row))
            first = connection.scalar(select(FeatureRow.vector).where(*mine).order_by(FeatureRow.id).limit(1))
        same = count == note.count and (first or b"").hex() == note.first
        return note if same else _Note()

    def _map(self, model: Model, note: _Note) -> tuple[ImageIds, Rows]:
        if not note.count:
            return np.empty(0, np.int64), np.empty((0, model.stored_length), _matrix_dtype(model))
        ids = np.fromfile(self._file(model, "ids"), np.int64, note.count)
        shape = (note.count, model.stored_length)
        return ids, np.memmap(self._file(model, "rows"), _matrix_dtype(model), "r", shape=shape)

    def _file(self, model: Model, kind: str) -> Path:
        return self._folder / f"{model.name}-{model.version}.{kind}"

    def _note_file(self, model: Model) -> Path:
        return self._file(model, "json")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time brings the copy up to date."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _matrix_dtype(model: Model) -> "np.dtype[np.generic]":
    """Products of float16 are many times slower than of float32 on a processor without them."""
    return np.dtype(np.float32) if model.distance is Distance.COSINE else model.stored_dtype


def _scan(model: Model, rows: Rows, row: Rows) -> NDArray[np.float32]:
    """Compare with all rows, some at a time, so that temporary copies stay small."""
    parts = [similarities(model, rows[at : at + SCAN_ROWS], row) for at in range(0, len(rows), SCAN_ROWS)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
