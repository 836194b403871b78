"""Sprites, cells and pictures to make training sheets of, by author.

The pool is cut out of pictures whose truth is known, and read from a folder of loose sprites. Everything keeps its
author, so that what is made of it can be held back together with the author's real pictures.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extract.sheets.model import Grid

Picture = NDArray[np.uint8]
MAX_CELLS = 48
MAX_SPRITE_PX = 300
MIN_SPRITE_PX = 6


@dataclass
class Shelf:
    """What one author gives: `sprites` trimmed, `cells` the equal cells of one sheet each, `wholes` whole pictures."""

    author: str
    sprites: list[Picture] = field(default_factory=list)
    cells: list[list[Picture]] = field(default_factory=list)
    wholes: list[Picture] = field(default_factory=list)


def fill(shelf: Shelf, rgba: Picture, truth: dict[str, Any]) -> None:
    """Cut one picture with known truth into the author's shelf."""
    if truth["kind"] == "single":
        shelf.wholes.append(rgba)
        _keep(shelf.sprites, rgba)
        return
    if truth["kind"] == "atlas":
        rects = [tuple(r) for r in truth["rects"]]
    else:
        tile_w, tile_h, margin_x, margin_y, spacing_x, spacing_y = truth["grid"]
        grid = Grid((tile_w, tile_h), (margin_x, margin_y), (spacing_x, spacing_y))
        rects = [(r.x, r.y, r.w, r.h) for r in grid.cells(rgba.shape[1], rgba.shape[0])]
    shown = [c for x, y, w, h in rects if (c := rgba[y : y + h, x : x + w])[..., 3].any()]
    shown = shown[:: max(1, -(-len(shown) // MAX_CELLS))]
    if truth["kind"] == "grid" and len(shown) > 1:
        shelf.cells.append([c.copy() for c in shown])
    for cell in shown:
        _keep(shelf.sprites, cell)


def _keep(sprites: list[Picture], picture: Picture) -> None:
    cut = trimmed(picture)
    height, width = cut.shape[:2]
    if min(height, width) >= MIN_SPRITE_PX and max(height, width) <= MAX_SPRITE_PX:
        sprites.append(cut.copy())


def trimmed(picture: Picture) -> Picture:
    """Cut away the fully transparent frame; a picture without any drawn pixel stays as it is."""
    drawn = picture[..., 3] > 0
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return picture
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def from_folder(folder: Path, author: str) -> Shelf:
    """Read every PNG below a folder as a sprite or, when large, as a whole picture."""
    shelf = Shelf(author)
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as image:
            rgba = np.asarray(image.convert("RGBA"))
        # Sheets lie in a folder of their own; as sprites they would teach the opposite.
        if "spritesheets" not in path.parts:
            (_keep(shelf.sprites, rgba) if max(rgba.shape[:2]) <= MAX_SPRITE_PX else shelf.wholes.append(rgba))
    return shelf
