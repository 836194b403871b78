"""The nearest images of a selection, without asking of millions of images whether they are in it.

Most filters let a good part of the nearest through: those are asked first, image by image. Only where too few pass is
the whole selection looked up, from its pages on, which is quick for just such filters.
"""

from functools import cached_property

import numpy as np

from db.engine import Database
from index.engines.interface import Engine, ImageIds, Near
from index.features.interface import Model, Rows
from index.selection import Selection, passing_images, selected_images

LOOK = 2000
"""So many of the nearest are asked before the whole selection is looked up."""


class Filtered:
    """Searches one model's vectors for images of one selection."""

    def __init__(self, database: Database, engine: Engine, model: Model, model_id: int, selection: Selection) -> None:
        self._database = database
        self._engine = engine
        self._model, self._model_id = model, model_id
        self._selection = selection

    def nearest(self, row: Rows, count: int) -> list[Near]:
        """Return the nearest images that are selected, nearest first."""
        if self._selection.everything:
            return self._engine.search(self._model, self._model_id, row, count)
        if self._selection.places is None and "_allowed" not in self.__dict__:
            found = self._of_the_nearest(row, count)
            if len(found) == count:
                return found
        return self._engine.search(self._model, self._model_id, row, count, self._allowed)

    def _of_the_nearest(self, row: Rows, count: int) -> list[Near]:
        near = self._engine.search(self._model, self._model_id, row, max(LOOK, count))
        with self._database.read() as connection:
            passing = passing_images(connection, self._selection, [found.image_id for found in near])
        return [found for found in near if found.image_id in passing][:count]

    @cached_property
    def _allowed(self) -> ImageIds:
        with self._database.read() as connection:
            found: ImageIds = np.asarray(selected_images(connection, self._selection), np.int64)
        return found
