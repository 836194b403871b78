"""Exact search: compare with every row of a memory-mapped copy of the catalog's vectors.

The copy is two files a model (image ids, rows) and a note of how far it goes. It is brought up to date before a search
by reading the rows that were added since; when rows are gone, or it is another catalog's, it is made anew, in files of
another name: a file that somebody has mapped is never cut short, for reading past its end would kill them.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
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
        self._noted: dict[int, tuple[int, int]] = {}

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
            return self._catch_up(model, model_id, anew=True).count

    def matrix(self, model: Model, model_id: int) -> tuple[ImageIds, Rows]:
        """Return image ids and rows (memory-mapped), brought up to date."""
        with self._database.read() as connection:
            newest = store.last_row(connection, model_id)
        opened = self._open.get(model_id)
        if opened is None or opened[0].last_row != newest or self._noted[model_id] != _identity(self._note_file(model)):
            with locked(self._folder):
                note = self._catch_up(model, model_id)
                # Mapped while the lock is held: nobody removes the files in between.
                self._noted[model_id] = _identity(self._note_file(model))
                opened = self._open[model_id] = (note, *self._map(model, note))
        return opened[1], opened[2]

    def _catch_up(self, model: Model, model_id: int, *, anew: bool = False) -> Note:
        there = valid_note(self._database, model_id, self._note_file(model))
        keep = not anew and self._is_whole(model, there)
        found = self._append(model, model_id, there if keep else Note(generation=uuid.uuid4().hex[:12]))
        if found != there:
            write_note(self._note_file(model), found)
        for file in self._folder.glob(f"{model.name}-{model.version}.*"):
            if file.suffix in (".ids", ".rows") and file not in (self._ids(model, found), self._rows(model, found)):
                file.unlink()  # whoever has it mapped keeps it until they let go
        return found

    def _append(self, model: Model, model_id: int, note: Note) -> Note:
        """Add the rows after the note's last one; what lies past the note's count was never acknowledged."""
        dtype = _matrix_dtype(model)
        with self._ids(model, note).open("ab") as ids, self._rows(model, note).open("ab") as out:
            ids.truncate(note.count * 8)
            out.truncate(note.count * model.stored_length * dtype.itemsize)
            last, count, first = note.last_row, note.count, note.first
            for row_ids, images, rows in store.read_rows(self._database, model, model_id, note.last_row):
                ids.write(images.tobytes())
                out.write(rows.astype(dtype).tobytes())
                first = first or rows[0].tobytes().hex()
                last, count = int(row_ids[-1]), count + len(images)
        return replace(note, last_row=last, count=count, first=first)

    def _is_whole(self, model: Model, note: Note) -> bool:
        """Tell whether a note's files are there with all that it counts."""
        sizes = {
            self._ids(model, note): 8,
            self._rows(model, note): model.stored_length * _matrix_dtype(model).itemsize,
        }
        return bool(note.generation) and all(
            file.is_file() and file.stat().st_size >= note.count * size for file, size in sizes.items()
        )

    def _map(self, model: Model, note: Note) -> tuple[ImageIds, Rows]:
        if not note.count:
            return np.empty(0, np.int64), np.empty((0, model.stored_length), _matrix_dtype(model))
        ids = np.fromfile(self._ids(model, note), np.int64, note.count)
        shape = (note.count, model.stored_length)
        return ids, np.memmap(self._rows(model, note), _matrix_dtype(model), "r", shape=shape)

    def _ids(self, model: Model, note: Note) -> Path:
        return self._folder / f"{model.name}-{model.version}.{note.generation}.ids"

    def _rows(self, model: Model, note: Note) -> Path:
        return self._folder / f"{model.name}-{model.version}.{note.generation}.rows"

    def _note_file(self, model: Model) -> Path:
        return self._folder / f"{model.name}-{model.version}.json"


def _identity(file: Path) -> tuple[int, int]:
    """Return what changes when a file is replaced by another; zeros where there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _matrix_dtype(model: Model) -> "np.dtype[np.generic]":
    """Products of float16 are many times slower than of float32 on a processor without them."""
    return np.dtype(np.float32) if model.distance is Distance.COSINE else model.stored_dtype


def _scan(model: Model, rows: Rows, row: Rows) -> NDArray[np.float32]:
    """Compare with all rows, some at a time, so that temporary copies stay small."""
    parts = [similarities(model, rows[at : at + SCAN_ROWS], row) for at in range(0, len(rows), SCAN_ROWS)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
