"""Pictures for the slicing tests, drawn by code; (height, width, 4) uint8 straight alpha."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extract.sheets.model import Grid, Rect

Picture = NDArray[np.uint8]

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "sheets"
GOLDEN = Path(__file__).parent / "golden"


def sheet(grid: Grid, columns: int, rows: int, seed: int = 1) -> Picture:
    """A sheet of distinct random opaque tiles with transparent margins (on all sides) and spacing."""
    tile_w, tile_h = grid.tile
    width = 2 * grid.margin[0] + columns * tile_w + (columns - 1) * grid.spacing[0]
    height = 2 * grid.margin[1] + rows * tile_h + (rows - 1) * grid.spacing[1]
    chance = np.random.default_rng(seed)
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    for cell in grid.cells(width, height, columns, columns * rows):
        tile = chance.integers(0, 256, (tile_h, tile_w, 4), dtype=np.uint8)
        tile[..., 3] = 255
        picture[cell.y : cell.y + cell.h, cell.x : cell.x + cell.w] = tile
    return picture


def cut(picture: Picture, rect: Rect) -> Picture:
    return picture[rect.y : rect.y + rect.h, rect.x : rect.x + rect.w]


def sprites_in_cells(tile: int, columns: int, rows: int, seed: int = 3) -> Picture:
    """One round, shaded figure centred in each transparent cell, each of another size and colour."""
    chance = np.random.default_rng(seed)
    picture = np.zeros((rows * tile, columns * tile, 4), dtype=np.uint8)
    y, x = np.mgrid[0:tile, 0:tile] - (tile - 1) / 2
    for row in range(rows):
        for column in range(columns):
            radius = chance.uniform(0.28, 0.42) * tile
            disc = x**2 + y**2 <= radius**2
            cell = picture[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
            cell[disc] = (*chance.integers(40, 255, 3), 255)
            cell[disc & (x + y < -radius / 2)] = (250, 250, 250, 255)
    return picture


def gradient(width: int, height: int) -> Picture:
    """A photo-like picture: smooth light with fine noise."""
    chance = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width]
    waves = 120 + 60 * np.sin(x / width * 5 + y / height * 3) + 40 * np.cos(y / height * 7)
    channels = [np.clip(waves + shift + chance.normal(0, 4, waves.shape), 0, 255) for shift in (0, 15, -20)]
    alpha = np.full(waves.shape, 255.0)
    return np.stack([*channels, alpha], axis=2).astype(np.uint8)


def noise(width: int, height: int) -> Picture:
    picture = np.random.default_rng(6).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[..., 3] = 255
    return picture


def lone_sprite(width: int, height: int) -> Picture:
    """One figure: a body with a head on it, on transparency."""
    y, x = np.mgrid[0:height, 0:width]
    body = ((x - width / 2) / (width * 0.3)) ** 2 + ((y - height * 0.65) / (height * 0.3)) ** 2 <= 1
    head = ((x - width / 2) / (width * 0.18)) ** 2 + ((y - height * 0.28) / (height * 0.18)) ** 2 <= 1
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    picture[body] = (60, 120, 200, 255)
    picture[head] = (230, 190, 150, 255)
    return picture
