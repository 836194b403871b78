"""Histograms of oriented gradients: where which edges run.

Dalal and Triggs, CVPR 2005: 64 × 64 grey, cells of 8 pixels with 9 unsigned directions, blocks of 2 × 2 cells, each
scaled to length 1, clipped at 0.2 and scaled again.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.features.canvas import BILINEAR, GREY, flatten, luma, resized, square
from index.features.interface import Distance, Model, Rows, unit

SIDE, CELL, DIRECTIONS = 64, 8, 9
CELLS = SIDE // CELL
SIZE = (CELLS - 1) ** 2 * 4 * DIRECTIONS
CLIP = 0.2


class Hog:
    """1764 numbers; deaf to colours, so a palette swap changes little."""

    model = Model("hog", 1, SIZE, Distance.COSINE)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 1764) float32, length 1."""
        return unit(
            np.stack([gradients(resized(square(flatten(p, GREY), GREY), SIDE, SIDE, BILINEAR)) for p in pictures])
        )


def gradients(rgb: NDArray[np.uint8]) -> Rows:
    """Return the blocks of a 64 × 64 picture."""
    grey = np.pad(np.sqrt(luma(rgb) / 255), 1, mode="edge")
    across, down = grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]
    size = np.hypot(across, down)
    turn = np.mod(np.arctan2(down, across) / np.pi * DIRECTIONS, DIRECTIONS)
    low = turn.astype(int) % DIRECTIONS
    share = turn - np.floor(turn)
    rows, columns = np.indices(grey[1:-1, 1:-1].shape) // CELL
    cell = (rows * CELLS + columns) * DIRECTIONS
    cells = np.bincount((cell + low).ravel(), (size * (1 - share)).ravel(), CELLS * CELLS * DIRECTIONS)
    cells += np.bincount((cell + (low + 1) % DIRECTIONS).ravel(), (size * share).ravel(), len(cells))
    grid = cells.reshape(CELLS, CELLS, DIRECTIONS)
    blocks = np.concatenate([grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]], -1)
    clipped = np.minimum(unit(blocks), CLIP)
    return unit(clipped).ravel()
