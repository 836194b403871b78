"""Sheets made up without clean gutters: packed edge to edge, with repeated edges, or ruled and written on.

Between such sprites nothing is empty, so parts do not come apart; only the outline of the whole, its blank rest, and
lines or repeats tell that it is a sheet. Real ones come from packers with padding off, or with edge pixels duplicated.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from extract.sheets.art_pool import Picture, Shelf, trimmed
from extract.sheets.collage import Made, Place, as_atlas, fitting, paste, pick
from extract.sheets.collage import canvas as blank
from extract.sheets.made_whole import WORDS

RULES = ((0, 255, 0), (0, 255, 0), (255, 0, 0), (255, 0, 255), (0, 0, 0), (255, 255, 0), (255, 255, 255), (0, 0, 255))
MAX_SPRITE_PX = 160


def columned(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Stack sprites in columns, edge to edge, each column as wide as its widest; the rest of the canvas is blank."""
    sprites = _chosen(shelf, chance)
    if len({s.shape[:2] for s in sprites}) < 2:
        return None
    if chance.random() < 0.6:
        sprites.sort(key=lambda s: -s.shape[int(chance.random() < 0.5)])
    high = int(max(s.shape[0] for s in sprites) * chance.uniform(1.2, 6))
    gap = int(chance.choice([0, 0, 0, 0, 1]))
    x, y, widest, places = 0, 0, 0, []
    for sprite in sprites:
        if y + sprite.shape[0] > high:
            x, y, widest = x + widest + gap, 0, 0
        places.append((sprite, x, y))
        y, widest = y + sprite.shape[0] + gap, max(widest, sprite.shape[1])
    return _laid(places, shelf.author, chance)


def extruded(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Pack sprites in rows with their edge pixels repeated into the padding, so that neighbours touch."""
    sprites = _chosen(shelf, chance)
    if len({s.shape[:2] for s in sprites}) < 2:
        return None
    sprites.sort(key=lambda s: -s.shape[0])
    wide = int(max(s.shape[1] for s in sprites) * chance.uniform(1.5, 6)) + 2
    x, y, tallest, places = 1, 1, 0, []
    for sprite in sprites:
        if x + sprite.shape[1] + 1 > wide:
            x, y, tallest = 1, y + tallest + 2, 0
        places.append((sprite, x, y))
        x, tallest = x + sprite.shape[1] + 2, max(tallest, sprite.shape[0])
    made = _laid(places, shelf.author, chance, edge=1)
    if made is not None:
        for sprite, x, y in places:
            paste(made.rgba, np.pad(sprite, ((1, 1), (1, 1), (0, 0)), mode="edge"), x - 1, y - 1)
    return made


def _chosen(shelf: Shelf, chance: np.random.Generator) -> list[Picture]:
    """Draw sprites of one or two neighbouring sheets, or any of the author's."""
    if shelf.cells and chance.random() < 0.4:
        cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
        return [s for c in cells if c[..., 3].any() and max((s := trimmed(c)).shape[:2]) <= MAX_SPRITE_PX]
    sprites = pick(shelf.sprites, int(chance.integers(3, 60)), chance)
    return [s for s in sprites if max(s.shape[:2]) <= MAX_SPRITE_PX]


def _laid(places: list[Place], author: str, chance: np.random.Generator, edge: int = 0) -> Made | None:
    """Paint placed sprites on a canvas that fits them, or with sides rounded up to powers of two."""
    if len(places) < 2:
        return None
    return as_atlas(places, fitting(places, edge, chance, 0.75), author)


def ruled(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Draw one author's cells between lines of one colour, some cells empty, some taken by a note or left over."""
    if not shelf.cells:
        return None
    cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
    cells = [c for c in cells if max(c.shape[:2]) <= MAX_SPRITE_PX]
    if len(cells) < 2:
        return None
    height, width = cells[0].shape[:2]
    line = int(chance.choice([1, 1, 1, 2]))
    margin = line if chance.random() < 0.85 else 0
    columns, rows = int(chance.integers(2, 11)), int(chance.integers(1, 9))
    right, low = (margin + n * (side + line) - line + margin for n, side in ((columns, width), (rows, height)))
    rest = [int(v) for v in chance.integers(1, 40, 2)] if chance.random() < 0.2 else [0, 0]
    canvas = blank(right + rest[0], low + rest[1])
    colour = (*RULES[int(chance.integers(len(RULES)))], 255)
    across, down = np.arange(right) - margin, np.arange(low) - margin
    canvas[:low, :right][:, (across < 0) | (across % (width + line) >= width)] = colour
    canvas[:low, :right][(down < 0) | (down % (height + line) >= height)] = colour
    empty = chance.uniform(0, 0.6)
    for i in range(columns * rows):
        if chance.random() >= empty:
            x, y = margin + i % columns * (width + line), margin + i // columns * (height + line)
            paste(canvas, cells[i % len(cells)], x, y)
    if chance.random() < 0.4:
        canvas = _noted(canvas, (right, low), chance)
    return Made(canvas, "grid", shelf.author, (width, height, margin, margin, line, line))


def _noted(canvas: Picture, end: tuple[int, int], chance: np.random.Generator) -> Picture:
    """Put a plate with a few words over the last cells, as sheets with a licence on them have it."""
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    wide, high = (max(8, int(side * chance.uniform(0.1, 0.35))) for side in end)
    at = (end[0] - wide - 1, end[1] - high - 1 if chance.random() < 0.6 else 1)
    if chance.random() < 0.6:
        plate = tuple(int(v) for v in chance.integers(0, 256, 3))
        pen.rectangle((*at, at[0] + wide, at[1] + high), fill=(*plate, 255))
    words = " ".join(WORDS[int(i)] for i in chance.integers(0, len(WORDS), 3))
    pen.text((at[0] + 2, at[1] + 1), words, fill=(255, 255, 255, 255), font=ImageFont.load_default(9))
    return np.array(image)
