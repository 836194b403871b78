"""Whole pictures made up for training that look like sheets: lettering, maps, menus, pages, heaped sprites, crops."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from extract.sheets.art_pool import Picture, Shelf, trimmed
from extract.sheets.collage import GROUNDS, Made, grounded, in_cell, paste, pick
from extract.sheets.collage import canvas as blank

WORDS = (
    "START", "GAME", "OVER", "score", "options", "level", "player", "castle", "quest", "engine", "Magic", "forest",
    "2048", "pause", "Exit", "new", "sky",
)  # fmt: skip


def _single(rgba: Picture, shelf: Shelf) -> Made:
    return Made(np.ascontiguousarray(rgba), "single", shelf.author)


def alone(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Show one sprite alone: tight, on a canvas of a round size, or enlarged."""
    if not shelf.sprites:
        return None
    sprite = shelf.sprites[int(chance.integers(len(shelf.sprites)))]
    scale = int(chance.choice([1, 1, 2, 4])) if max(sprite.shape[:2]) < 80 else 1
    sprite = np.repeat(np.repeat(sprite, scale, axis=0), scale, axis=1)
    side = max(sprite.shape[:2])
    if chance.random() < 0.4:
        return _single(grounded(sprite, chance, 0.1), shelf)
    size = 1 << (side - 1).bit_length() if chance.random() < 0.6 else side + int(chance.integers(2, 30))
    wide = size * 2 if chance.random() < 0.15 else size
    return _single(grounded(in_cell(sprite, (wide, size), low=chance.random() < 0.3), chance), shelf)


def cropped(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Cut a piece with the sides of a sheet out of a whole picture: still one picture."""
    large = [w for w in shelf.wholes if min(w.shape[:2]) >= 96]
    if not large:
        return None
    whole = large[int(chance.integers(len(large)))]
    width, height = (int(chance.choice([64, 96, 128, 160, 192, 256, 320, 512, 640])) for _ in range(2))
    width, height = min(width, whole.shape[1]), min(height, whole.shape[0])
    x, y = (int(chance.integers(0, n + 1)) for n in (whole.shape[1] - width, whole.shape[0] - height))
    return _single(whole[y : y + height, x : x + width], shelf)


def scattered(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Heap sprites over each other: a picture of many parts that is one picture."""
    sprites = pick(shelf.sprites, int(chance.integers(2, 9)), chance)
    if len(sprites) < 2:
        return None
    side = int(max(max(s.shape[:2]) for s in sprites) * chance.uniform(1.2, 3))
    wide = int(side * chance.uniform(0.8, 2))
    canvas = blank(wide, side)
    for _ in range(int(chance.integers(len(sprites), 25))):
        sprite = sprites[int(chance.integers(len(sprites)))]
        x, y = int(chance.normal(wide / 2, wide / 7)), int(chance.normal(side / 2, side / 7))
        paste(canvas, sprite, x - sprite.shape[1] // 2, y - sprite.shape[0] // 2)
    return _single(grounded(canvas, chance, 0.4), shelf)


def mapped(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Show a piece of a game: a map of few kinds of tile in patches, things on it, and a line of text."""
    if not shelf.cells:
        return None
    cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
    height, width = cells[0].shape[:2]
    if max(width, height) > 64 or float(np.mean([c[..., 3].mean() for c in cells])) < 200:
        return None
    kinds = pick(cells, int(chance.integers(2, 6)), chance)
    columns, rows = int(chance.integers(8, 21)), int(chance.integers(6, 15))
    field = chance.random((rows, columns)) + 2 * np.sin(np.arange(columns) / 3 + chance.random() * 6)
    ranks = np.digitize(field, np.quantile(field, np.linspace(0, 1, len(kinds) + 1)[1:-1]))
    canvas = blank(columns * width, rows * height)
    canvas[..., 3] = 255
    for i in range(rows):
        for j in range(columns):
            paste(canvas, kinds[int(ranks[i, j])], j * width, i * height)
    for sprite in pick(shelf.sprites, 6, chance):
        paste(canvas, sprite, int(chance.integers(canvas.shape[1])), int(chance.integers(canvas.shape[0])))
    _letter(canvas, chance, 14, (4, 4))
    cut = [int(v) for v in chance.integers(0, min(width, height), 4)]
    return _single(canvas[cut[0] : canvas.shape[0] - cut[1], cut[2] : canvas.shape[1] - cut[3]], shelf)


def _letter(canvas: Picture, chance: np.random.Generator, size: int, at: tuple[int, int], count: int = 3) -> None:
    """Write up to `count` words, now and then outlined, in capitals, or shaded from top to bottom."""
    words = " ".join(WORDS[int(i)] for i in chance.integers(0, len(WORDS), int(chance.integers(1, count + 1))))
    image = Image.fromarray(canvas)
    colour = tuple(int(v) for v in chance.integers(0, 256, 3))
    edge = tuple(int(v) for v in chance.integers(0, 256, 3))
    stroke = int(chance.choice([0, 0, 0, 1, 2, 4])) if size > 12 else 0
    ImageDraw.Draw(image).text(
        at,
        words.upper() if chance.random() < 0.3 else words,
        fill=(*colour, 255),
        font=ImageFont.load_default(size),
        stroke_width=stroke,
        stroke_fill=(*edge, 255),
    )
    drawn = np.array(image)
    changed = (drawn != canvas).any(axis=2)
    if chance.random() < 0.3:
        shade = np.linspace(1.0, 0.5, canvas.shape[0])[:, None, None]
        drawn[..., :3] = np.where(changed[..., None], drawn[..., :3] * shade, drawn[..., :3]).astype(np.uint8)
    canvas[:] = drawn


def lettered(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Write a title, perhaps with a picture before it, as logos and credits do."""
    size, lines = int(chance.integers(10, 60)), int(chance.choice([1, 1, 1, 2, 3]))
    canvas = blank(size * 14, size * (2 * lines + 2))
    start = 4
    icons = [s for s in shelf.sprites if s.shape[0] <= canvas.shape[0]]
    if icons and chance.random() < 0.4:
        icon = icons[int(chance.integers(len(icons)))]
        paste(canvas, icon, 2, 2)
        start += icon.shape[1]
    for line in range(lines):
        _letter(canvas, chance, size, (start, 2 + 2 * size * line))
    rgba = trimmed(canvas)
    if chance.random() < 0.5:
        room = int(chance.integers(2, 60))
        rgba = np.pad(rgba, ((room, room), (room, room), (0, 0)))
    return _single(grounded(rgba, chance, 0.4), shelf)


def panelled(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Draw a menu: a panel, buttons and lines of text, perhaps over a whole picture."""
    wide, high = int(chance.choice([160, 240, 320, 400, 512, 640])), int(chance.choice([120, 144, 240, 320, 480]))
    canvas = blank(wide, high)
    wholes = [w for w in shelf.wholes if w.shape[0] >= high and w.shape[1] >= wide]
    if wholes and chance.random() < 0.5:
        canvas[:] = wholes[int(chance.integers(len(wholes)))][:high, :wide]
    elif chance.random() < 0.7:
        canvas[:] = (*GROUNDS[int(chance.integers(len(GROUNDS)))], 255)
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    for i in range(int(chance.integers(1, 6))):
        x, y = wide // 6, high // 8 + i * high // 6
        colour = tuple(int(v) for v in chance.integers(0, 256, 3))
        pen.rounded_rectangle((x, y, wide - x, y + high // 8), radius=4, fill=(*colour, 255))
    canvas = np.array(image)
    for i in range(int(chance.integers(1, 5))):
        _letter(canvas, chance, max(8, high // 14), (wide // 5, high // 8 + i * high // 6))
    return _single(canvas, shelf)


def written(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Set a page as web pages and editors look: a bar, lines of small text in blocks, a picture or two."""
    wide, high = int(chance.choice([294, 400, 640, 800])), int(chance.choice([219, 300, 480, 600]))
    canvas = blank(wide, high)
    canvas[:] = (*((255, 255, 255), (30, 30, 36), (240, 240, 235))[int(chance.integers(3))], 255)
    if chance.random() < 0.6:
        canvas[: high // 8] = (*(int(v) for v in chance.integers(0, 256, 3)), 255)
    y = int(chance.integers(4, 30))
    while y < high - 20:
        size = int(chance.choice([8, 9, 10, 12, 18]))
        _letter(canvas, chance, size, (int(chance.choice([10, 10, wide // 3])), y), 9)
        y += int(size * chance.uniform(1.2, 3))
    for sprite in pick(shelf.sprites, int(chance.integers(0, 3)), chance):
        paste(canvas, sprite, int(chance.integers(wide)), int(chance.integers(high)))
    return _single(canvas, shelf)
