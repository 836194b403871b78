"""Exact search: compare with every row of a memory-mapped copy of the catalog's vectors.

The copy is two files a model (image ids, rows) and a note of how far it goes. It is brought up to date before a search
by reading the rows that were added since; when rows are gone, or it is another catalog's, it is made anew.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from db import Catalog
from index import store
from index.engines.interface import ImageIds, Near, nearest, similarities
from index.engines.notes import Note, copies_folder, locked, valid_note, write_note
from index.features.interface import Distance, Model, Rows
from index.store import Computed

SCAN_ROWS = 65_536
FEW = 0.25
"""A filter that leaves less than this share is gathered first; else everything is compared and then filtered."""


class ExactEngine:
    """Compares with every row; always right, and quick enough for some million rows."""

    name = "exact"

    def __init__(self, catalog: Catalog) -> None:
        self._database = catalog.database
        self._folder = copies_folder(catalog)
        self._open: dict[int, tuple[Note, ImageIds, Rows]] = {}

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
        with locked(self._folder):
            self._open.pop(model_id, None)
            self._note_file(model).unlink(missing_ok=True)
            return self._catch_up(model, model_id).count

    def matrix(self, model: Model, model_id: int) -> tuple[ImageIds, Rows]:
        """Return image ids and rows (memory-mapped), brought up to date."""
        with self._database.read() as connection:
            newest = store.last_row(connection, model_id)
        opened = self._open.get(model_id)
        if opened is None or opened[0].last_row != newest:
            with locked(self._folder):
                note = self._catch_up(model, model_id)
            opened = self._open[model_id] = (note, *self._map(model, note))
        return opened[1], opened[2]

    def _catch_up(self, model: Model, model_id: int) -> Note:
        note = valid_note(self._database, model_id, self._note_file(model))
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
        found = Note(last, count, first)
        if found != note:
            write_note(self._note_file(model), found)
        return found

    def _map(self, model: Model, note: Note) -> tuple[ImageIds, Rows]:
        if not note.count:
            return np.empty(0, np.int64), np.empty((0, model.stored_length), _matrix_dtype(model))
        ids = np.fromfile(self._file(model, "ids"), np.int64, note.count)
        shape = (note.count, model.stored_length)
        return ids, np.memmap(self._file(model, "rows"), _matrix_dtype(model), "r", shape=shape)

    def _file(self, model: Model, kind: str) -> Path:
        return self._folder / f"{model.name}-{model.version}.{kind}"

    def _note_file(self, model: Model) -> Path:
        return self._file(model, "json")


def _matrix_dtype(model: Model) -> "np.dtype[np.generic]":
    """Products of float16 are many times slower than of float32 on a processor without them."""
    return np.dtype(np.float32) if model.distance is Distance.COSINE else model.stored_dtype


def _scan(model: Model, rows: Rows, row: Rows) -> NDArray[np.float32]:
    """Compare with all rows, some at a time, so that temporary copies stay small."""
    parts = [similarities(model, rows[at : at + SCAN_ROWS], row) for at in range(0, len(rows), SCAN_ROWS)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
