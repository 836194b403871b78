"""Cutting a picture as a person chose."""

import numpy as np
from numpy.typing import NDArray

from db.records import ChoiceRecord
from extract.sheets.components import sprites
from extract.sheets.errors import GridError
from extract.sheets.evidence import find_parts
from extract.sheets.ground import find_ground
from extract.sheets.model import Grid, Slicing
from extract.sheets.slice import occupied

WHY = "chosen by a person"


def cut_as_chosen(rgba: NDArray[np.uint8], choice: ChoiceRecord) -> Slicing:
    """Cut a (height, width, 4) uint8 picture as chosen; a choice that cuts nothing off leaves it whole, and says so."""
    if choice.kind == "single":
        return Slicing("single", (), None, 1.0, WHY, "choice")
    try:
        grid = Grid(choice.tile or (0, 0), choice.margin, choice.spacing) if choice.kind == "grid" else None
        rects = (
            sprites(find_parts(find_ground(rgba).foreground))
            if grid is None
            else occupied(rgba, grid.cells(rgba.shape[1], rgba.shape[0]))
        )
    except GridError as error:
        return Slicing("single", (), None, 1.0, f"{WHY}, but impossible: {error}", "choice")
    if not rects:
        return Slicing("single", (), None, 1.0, f"{WHY}, but it cuts nothing out of this picture", "choice")
    return Slicing("atlas" if grid is None else "grid", rects, grid, 1.0, WHY, "choice")
