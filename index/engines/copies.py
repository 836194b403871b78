"""Engines beside the catalog: a derived copy of its vectors, brought up to date before a search.

What differs between them is small (`Copy`): count, clear, add, finish, search. What they share is here: how far a copy
goes (a note, written after the copy acknowledged the rows), so that a crash between the catalog's commit and the copy
loses nothing; filters; and what they are not asked. Hashes are left to the exact scan, and so is a filter that is too
wide to send along and too narrow to be met by the nearest of all.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from sqlalchemy import Connection

from db import Catalog
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import ImageIds, Near
from index.engines.notes import Note, copies_folder, locked, valid_note, write_note
from index.errors import EngineError
from index.features.interface import Distance, Model, Rows, unit
from index.store import Computed


class Copy(Protocol):
    """One model's vectors in an engine. Rows are float32 of length 1 (or 0); similarity is their product."""

    most_allowed: int
    """How many image ids may be sent along with a search."""
    most_found: int
    """How many images a search can return."""
    failures: tuple[type[Exception], ...]
    """What the engine's client raises when the engine does not answer or refuses."""

    def count(self) -> int | None:
        """Return how many rows there are, None where there is no copy."""

    def clear(self) -> None:
        """Make an empty copy in place of what is there."""

    def add(self, images: ImageIds, rows: Rows) -> None:
        """Write rows by their image ids, in place of those that are there; return once they are safe."""

    def finish(self, expected: int) -> None:
        """Make what was added searchable."""

    def search(self, row: Rows, count: int, allowed: ImageIds | None) -> list[Near]:
        """Return the nearest, only `allowed` ones if given."""

    def close(self) -> None:
        """Let go of connections and locks."""


class CopyEngine:
    """Searches a copy; one for each model."""

    def __init__(self, catalog: Catalog, name: str, place: str, opener: Callable[[str, int], Copy]) -> None:
        self.name = name
        self._place = place
        self._opener = opener
        self._database = catalog.database
        self._folder = copies_folder(catalog)
        self._catalog_key = hashlib.sha256(str(self._folder.resolve()).encode()).hexdigest()[:10]
        self._exact = ExactEngine(catalog)
        self._open: dict[int, tuple[Copy, Note]] = {}

    def prepare(self, model: Model, model_id: int) -> None:
        """Nothing to make."""

    def save(self, connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
        """Nothing to do: the copy catches up before the next search."""

    def search(self, model: Model, model_id: int, row: Rows, count: int, allowed: ImageIds | None = None) -> list[Near]:
        """Return the nearest images. Raises EngineError where the engine does not keep what it acknowledged."""
        if model.distance is not Distance.COSINE:
            return self._exact.search(model, model_id, row, count, allowed)
        copy, note = self._caught_up(model, model_id)
        if not note.count or (allowed is not None and not len(allowed)):
            return []
        row = unit(row)
        if allowed is None or len(allowed) <= copy.most_allowed:
            with self._failing(copy):
                return _sorted(copy.search(row, min(count, copy.most_found), allowed))
        with self._failing(copy):
            near = [n for n in copy.search(row, copy.most_found, None) if _among(allowed, n.image_id)]
        if len(near) >= count or note.count <= copy.most_found:
            return _sorted(near)[:count]
        return self._exact.search(model, model_id, row, count, allowed)

    def rebuild(self, model: Model, model_id: int) -> int:
        """Make the copy anew."""
        if model.distance is not Distance.COSINE:
            return self._exact.rebuild(model, model_id)
        with locked(self._folder):
            self._note_file(model).unlink(missing_ok=True)
            copy = self._copy(model, model_id)
            with self._failing(copy):
                copy.clear()
            self._open[model_id] = copy, Note()
        return self._caught_up(model, model_id)[1].count

    def close(self) -> None:
        """Let go of connections and locks."""
        for copy, _ in self._open.values():
            copy.close()
        self._open.clear()

    def _caught_up(self, model: Model, model_id: int) -> tuple[Copy, Note]:
        with self._database.read() as connection:
            newest = store.last_row(connection, model_id)
        opened = self._open.get(model_id)
        if opened is None or opened[1].last_row != newest:
            with locked(self._folder):
                copy = self._copy(model, model_id)
                self._open[model_id] = copy, Note()
                with self._failing(copy):
                    opened = self._open[model_id] = copy, self._catch_up(copy, model, model_id)
        return opened

    @contextmanager
    def _failing(self, copy: Copy) -> Iterator[None]:
        """Say which engine failed, in an error of ours."""
        try:
            yield
        except copy.failures as error:
            raise EngineError(f"{self.name}:{self._place} failed: {error}") from error

    def _copy(self, model: Model, model_id: int) -> Copy:
        opened = self._open.get(model_id)
        name = f"quarry_{model.name}_{model.version}_{self._catalog_key}".replace("-", "_").lower()
        return opened[0] if opened is not None else self._opener(name, model.dimension)

    def _catch_up(self, copy: Copy, model: Model, model_id: int) -> Note:
        """Add what is lacking. Raises EngineError if the copy has not what it acknowledged, even made anew."""
        file = self._note_file(model)
        note = valid_note(self._database, model_id, file, self._place)
        for fresh in (False, True):
            held = copy.count()
            if fresh or held is None or held < note.count or not note.count:
                copy.clear()
                held, note = 0, Note(place=self._place)
            found = self._add(copy, model, model_id, note)
            if found == note and held == note.count:
                return note
            copy.finish(found.count)
            held = copy.count()
            if held == found.count:
                write_note(file, found)
                return found
        raise EngineError(f"{self.name}: {found.count} rows were written, {held} are there")

    def _add(self, copy: Copy, model: Model, model_id: int, note: Note) -> Note:
        file = self._note_file(model)
        for row_ids, images, rows in store.read_rows(self._database, model, model_id, note.last_row):
            copy.add(images, unit(rows))
            first = note.first or rows[0].tobytes().hex()
            note = replace(note, last_row=int(row_ids[-1]), count=note.count + len(images), first=first)
            write_note(file, note)
        return note

    def _note_file(self, model: Model) -> Path:
        return self._folder / f"{self.name}-{model.name}-{model.version}.json"


def _among(allowed: ImageIds, image_id: int) -> bool:
    at = int(np.searchsorted(allowed, image_id))
    return at < len(allowed) and int(allowed[at]) == image_id


def _sorted(near: list[Near]) -> list[Near]:
    return sorted(near, key=lambda entry: (-entry.score, entry.image_id))
