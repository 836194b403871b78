"""The means to put pictures together for training: a canvas, sprites pasted on it, a ground behind them."""

from dataclasses import dataclass

import numpy as np

from extract.sheets.art_pool import Picture

MAX_SIDE_PX = 1024
"""Larger pictures are not made: they teach nothing more and take longer."""

GROUNDS = ((255, 0, 255), (0, 0, 0), (255, 255, 255), (0, 128, 128), (34, 32, 52), (92, 148, 252), (0, 255, 0))


Place = tuple[Picture, int, int]
"""A sprite and where its top left corner goes: x, y."""


@dataclass(frozen=True)
class Made:
    """A picture made up, with its truth: `grid` as (w, h, margin x, y, spacing x, y), or the `rects` of an atlas."""

    rgba: Picture
    kind: str
    author: str
    grid: tuple[int, int, int, int, int, int] | None = None
    rects: tuple[tuple[int, int, int, int], ...] = ()


def canvas(width: int, height: int) -> Picture:
    """Give a transparent picture."""
    return np.zeros((height, width, 4), dtype=np.uint8)


def paste(canvas: Picture, sprite: Picture, x: int, y: int) -> None:
    """Draw a sprite over the canvas, clipped; half-transparent pixels replace what was there only when stronger."""
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + sprite.shape[1], width), min(y + sprite.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = sprite[y0 - y : y1 - y, x0 - x : x1 - x]
    view = canvas[y0:y1, x0:x1]
    shown = part[..., 3] >= np.maximum(1, np.minimum(view[..., 3], 128))
    view[shown] = part[shown]


def grounded(rgba: Picture, chance: np.random.Generator, share: float = 0.2) -> Picture:
    """Put a solid colour behind some pictures; other pictures stay transparent."""
    if chance.random() > share:
        return rgba
    colour = np.array(GROUNDS[int(chance.integers(len(GROUNDS)))], dtype=np.float64)
    alpha = rgba[..., 3:].astype(np.float64) / 255
    solid = np.full_like(rgba, 255)
    solid[..., :3] = (rgba[..., :3] * alpha + colour * (1 - alpha)).round().astype(np.uint8)
    return solid


def fitting(places: list[Place], edge: int, chance: np.random.Generator, share: float) -> tuple[int, int]:
    """Give a (width, height) that holds placed sprites and an `edge`; a `share` is rounded up to powers of two."""
    width = max(x + s.shape[1] for s, x, _ in places) + edge
    height = max(y + s.shape[0] for s, _, y in places) + edge
    if chance.random() < share:
        width, height = 1 << (width - 1).bit_length(), 1 << (height - 1).bit_length()
    return width, height


def as_atlas(places: list[Place], size: tuple[int, int], author: str) -> Made:
    """Paint placed sprites on a canvas (width, height)."""
    made = canvas(*size)
    for sprite, x, y in places:
        paste(made, sprite, x, y)
    return Made(made, "atlas", author, rects=tuple((x, y, s.shape[1], s.shape[0]) for s, x, y in places))


def with_ground(made: Made, chance: np.random.Generator) -> Made:
    """Put a solid colour behind some atlases."""
    return Made(grounded(made.rgba, chance, 0.15), made.kind, made.author, made.grid, made.rects)


def pick(sprites: list[Picture], count: int, chance: np.random.Generator) -> list[Picture]:
    """Draw up to `count` sprites, none twice."""
    return [sprites[int(i)] for i in chance.permutation(len(sprites))[:count]]


def in_cell(sprite: Picture, tile: tuple[int, int], *, low: bool) -> Picture:
    """Put a sprite into the middle of a cell, or at its bottom."""
    cell = canvas(*tile)
    paste(cell, sprite, (tile[0] - sprite.shape[1]) // 2, (tile[1] - sprite.shape[0]) // (1 if low else 2))
    return cell
