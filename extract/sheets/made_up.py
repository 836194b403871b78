"""Sheets, atlases and whole pictures made up for training, from an author's shelf (see `art_pool`).

Real sheets with known cells are few, and few of them have gutters, padding or a background; whole pictures that look
like sheets (maps, menus, scattered sprites, lettering) are rarer still. Each maker draws its choices from the given
generator, so the same seed makes the same pictures.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from extract.sheets.art_pool import Picture, Shelf
from extract.sheets.collage import (
    GROUNDS,
    MAX_SIDE_PX,
    Made,
    Place,
    as_atlas,
    grounded,
    in_cell,
    paste,
    pick,
    with_ground,
)
from extract.sheets.collage import canvas as blank
from extract.sheets.made_frames import frames, loose
from extract.sheets.made_packed import gapless, skyline
from extract.sheets.made_tight import columned, extruded, ruled
from extract.sheets.made_whole import alone, cropped, lettered, mapped, panelled, scattered, written


def make(shelf: Shelf, kind: str, chance: np.random.Generator) -> Made | None:
    """Make one picture of a kind out of a shelf, or None when the shelf has too little for it."""
    makers = {
        "grid": (relaid, relaid, placed, placed, strip),
        "atlas": (packed, packed, shelved),
        "frames": (frames,),
        "loose": (loose,),
        "rest": (with_rest,),
        "tight": (columned, columned, extruded),
        "ruled": (ruled,),
        "gapless": (gapless,),
        "single": (alone, alone, cropped, scattered, mapped, mapped, lettered, lettered, panelled, written),
    }
    chosen: Callable[[Shelf, np.random.Generator], Made | None] = makers[kind][int(chance.integers(len(makers[kind])))]
    made = chosen(shelf, chance)
    if made is None or min(made.rgba.shape[:2]) < 4 or max(made.rgba.shape[:2]) > MAX_SIDE_PX:
        return None
    return made


def _grid_made(
    rows: list[list[Picture | None]], tile: tuple[int, int], author: str, chance: np.random.Generator
) -> Made:
    """Lay cells (None is empty) out with a margin and a spacing of chance, and perhaps a blank rest."""
    spacing = int(chance.choice([0, 0, 0, 1, 1, 2, 2, 3, 4, 8]))
    margin = int(chance.choice([0, 0, spacing, spacing])) if spacing else 0
    closing = margin if chance.random() < 0.6 else 0
    columns = max(len(row) for row in rows)
    width = margin + columns * (tile[0] + spacing) - spacing + closing
    height = margin + len(rows) * (tile[1] + spacing) - spacing + closing
    if not spacing and chance.random() < 0.12:
        width, height = (1 << (width - 1).bit_length()), (1 << (height - 1).bit_length())
    canvas = blank(width, height)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            if cell is not None:
                paste(canvas, cell, margin + j * (tile[0] + spacing), margin + i * (tile[1] + spacing))
    grid = (*tile, margin, margin, spacing, spacing)
    if spacing and chance.random() < 0.25:
        _draw_lines(canvas, grid, chance)
        return Made(canvas, "grid", author, grid)
    return Made(grounded(canvas, chance, 0.25), "grid", author, grid)


def _draw_lines(canvas: Picture, grid: tuple[int, int, int, int, int, int], chance: np.random.Generator) -> None:
    """Draw the gutters in one opaque colour, as sheets with visible grid lines have them."""
    tile_w, tile_h, margin, _, spacing, _ = grid
    colour = (*GROUNDS[int(chance.integers(len(GROUNDS)))], 255)
    columns, rows = np.arange(canvas.shape[1]) - margin, np.arange(canvas.shape[0]) - margin
    canvas[:, (columns < 0) | (columns % (tile_w + spacing) >= tile_w)] = colour
    canvas[(rows < 0) | (rows % (tile_h + spacing) >= tile_h)] = colour


def relaid(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Lay the cells of a real sheet out anew, in their order, perhaps enlarged, with other gutters."""
    if not shelf.cells:
        return None
    cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
    scale = int(chance.choice([1, 1, 1, 2, 3]))
    if max(cells[0].shape[:2]) * scale > 160:
        scale = 1
    cells = [np.repeat(np.repeat(c, scale, axis=0), scale, axis=1) for c in cells]
    tile = (cells[0].shape[1], cells[0].shape[0])
    columns = int(chance.integers(1, 11))
    rows: list[list[Picture | None]] = []
    for start in range(0, len(cells), columns):
        rows.append(list(cells[start : start + columns]))
    return _grid_made(rows[: int(chance.integers(1, 9))], tile, shelf.author, chance) if len(cells) > 1 else None


def placed(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Put loose sprites into equal cells, in the middle or at the bottom, some cells left empty."""
    rows, columns = int(chance.integers(1, 9)), int(chance.integers(2, 11))
    sprites = pick(shelf.sprites, rows * columns, chance)
    if len(sprites) < 3:
        return None
    limit = int(np.quantile([max(s.shape[:2]) for s in sprites], 0.8))
    sprites = [s for s in sprites if max(s.shape[:2]) <= limit]
    need_w, need_h = max(s.shape[1] for s in sprites), max(s.shape[0] for s in sprites)
    step = int(chance.choice([1, 1, 2, 4, 8, 16]))
    tile = (-(-need_w // step) * step, -(-need_h // step) * step)
    if chance.random() < 0.4:
        tile = (max(tile), max(tile))
    low = chance.random() < 0.5
    cells: list[list[Picture | None]] = []
    for i in range(rows):
        last = columns if chance.random() < 0.6 else int(chance.integers(1, columns + 1))
        cells.append([in_cell(sprites[(i * columns + j) % len(sprites)], tile, low=low) for j in range(last)])
    if len(cells[0]) * len(cells) < 2 or tile[0] * columns > MAX_SIDE_PX:
        return None
    return _grid_made(cells, tile, shelf.author, chance)


def strip(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Animate one sprite along a strip: it shifts, turns and squashes a little from frame to frame."""
    if not shelf.sprites:
        return None
    sprite = shelf.sprites[int(chance.integers(len(shelf.sprites)))]
    if max(sprite.shape[:2]) > 96:
        return None
    room = int(chance.integers(0, 9))
    tile = (sprite.shape[1] + room, sprite.shape[0] + room)
    frames: list[Picture | None] = []
    for _ in range(int(chance.integers(2, 13))):
        cell = blank(*tile)
        x, y = (int(v) for v in chance.integers(0, room + 1, 2))
        height = max(4, sprite.shape[0] - int(chance.integers(0, 3)))
        squashed = np.asarray(Image.fromarray(sprite).resize((sprite.shape[1], height), Image.Resampling.NEAREST))
        paste(cell, squashed[:, ::-1] if chance.random() < 0.2 else squashed, x, y)
        frames.append(cell)
    rows: list[list[Picture | None]] = [frames] if chance.random() < 0.75 else [[frame] for frame in frames]
    return _grid_made(rows, tile, shelf.author, chance)


def _atlas_sprites(shelf: Shelf, chance: np.random.Generator) -> list[Picture]:
    sprites = pick(shelf.sprites, int(chance.integers(3, 70)), chance)
    if chance.random() < 0.25:
        sprites = [np.rot90(s) if chance.random() < 0.4 else s for s in sprites]
    if chance.random() < 0.15:
        sprites = [np.repeat(np.repeat(s, 2, axis=0), 2, axis=1) for s in sprites]
    sides = {s.shape[:2] for s in sprites}
    return sprites if len(sides) > 1 else []


def packed(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Pack sprites as packers do: largest first, each at the lowest, then leftmost, free corner."""
    sprites = _atlas_sprites(shelf, chance)
    if len(sprites) < 2:
        return None
    gap = int(chance.choice([1, 1, 2, 2, 2, 3, 4, 8]))
    edge = gap if chance.random() < 0.5 else 0
    area = sum((s.shape[0] + gap) * (s.shape[1] + gap) for s in sprites)
    side = 1 << int(np.ceil(np.log2(max(np.sqrt(area * 1.1), max(s.shape[1] for s in sprites) + 2 * edge))))
    # The draws do nothing, but taking them keeps the pictures made so far as they are.
    order = sorted(sprites, key=lambda s: -(s.shape[0] if chance.random() < 0.98 else 0))
    places = skyline(order, side, gap, edge)
    if len(places) < 2:
        return None
    used = max(y + s.shape[0] for s, _, y in places) + edge
    height = 1 << (used - 1).bit_length() if chance.random() < 0.6 else used
    return with_ground(as_atlas(places, (side, height), shelf.author), chance)


def with_rest(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Lay whole tiles out edge to edge in columns of unequal length, on a canvas of round sides that stays blank."""
    if not shelf.cells:
        return None
    cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
    height, width = cells[0].shape[:2]
    if len(cells) < 4 or float(np.mean([(c[..., 3] > 0).mean() for c in cells])) < 0.5:
        return None
    rows = int(chance.integers(2, min(9, len(cells)) + 1))
    columns = -(-len(cells) // rows)
    side_w, side_h = (1 << (n - 1).bit_length() for n in (columns * width, rows * height))
    canvas = blank(side_w, side_h)
    for i, cell in enumerate(cells):
        paste(canvas, cell, i // rows * width, i % rows * height)
    return Made(canvas, "grid", shelf.author, (width, height, 0, 0, 0, 0))


def shelved(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Lay sprites out in rows of their own height, as people do by hand, now and then unevenly."""
    sprites = _atlas_sprites(shelf, chance)
    if len(sprites) < 2:
        return None
    gap, loose = int(chance.integers(1, 9)), int(chance.choice([0, 0, 3, 8]))
    wide = int(max(s.shape[1] for s in sprites) * chance.uniform(1.5, 6)) + 2 * gap
    x, y, tallest = gap, gap, 0
    places: list[Place] = []
    for sprite in sprites:
        if x + sprite.shape[1] > wide:
            x, y, tallest = gap, y + tallest + gap, 0
        places.append((sprite, x, y))
        x += sprite.shape[1] + gap + int(chance.integers(0, loose + 1))
        tallest = max(tallest, sprite.shape[0])
    return with_ground(as_atlas(places, (wide + gap, y + tallest + gap), shelf.author), chance)
