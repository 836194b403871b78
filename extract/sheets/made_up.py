"""Sheets, atlases and whole pictures made up for training, from an author's shelf (see `art_pool`).

Real sheets with known cells are few, and few of them have gutters, padding or a background; whole pictures that look
like sheets (maps, menus, scattered sprites, lettering) are rarer still. Each maker draws its choices from the given
generator, so the same seed makes the same pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from extract.sheets.art_pool import MAX_SPRITE_PX, Picture, Shelf, trimmed

GROUNDS = ((255, 0, 255), (0, 0, 0), (255, 255, 255), (0, 128, 128), (34, 32, 52), (92, 148, 252), (0, 255, 0))
WORDS = (
    "START", "GAME", "OVER", "score", "options", "level", "player", "castle", "quest", "engine", "Magic", "forest",
    "2048", "pause", "Exit", "new", "sky",
)  # fmt: skip
MAX_SIDE_PX = 1024


@dataclass(frozen=True)
class Made:
    """A picture made up, with its truth: `grid` as (w, h, margin x, y, spacing x, y), or the `rects` of an atlas."""

    rgba: Picture
    kind: str
    author: str
    grid: tuple[int, int, int, int, int, int] | None = None
    rects: tuple[tuple[int, int, int, int], ...] = ()


def make(shelf: Shelf, kind: str, chance: np.random.Generator) -> Made | None:
    """Make one picture of a kind out of a shelf, or None when the shelf has too little for it."""
    makers = {
        "grid": (relaid, relaid, placed, placed, strip),
        "atlas": (packed, packed, shelved),
        "frames": (frames,),
        "rest": (with_rest,),
        "single": (alone, alone, cropped, scattered, mapped, mapped, lettered, lettered, panelled, written),
    }
    chosen: Callable[[Shelf, np.random.Generator], Made | None] = makers[kind][int(chance.integers(len(makers[kind])))]
    made = chosen(shelf, chance)
    if made is None or min(made.rgba.shape[:2]) < 4 or max(made.rgba.shape[:2]) > MAX_SIDE_PX:
        return None
    return made


def _canvas(width: int, height: int) -> Picture:
    return np.zeros((height, width, 4), dtype=np.uint8)


def _paste(canvas: Picture, sprite: Picture, x: int, y: int) -> None:
    """Draw a sprite over the canvas, clipped; half-transparent pixels replace what was there only when stronger."""
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + sprite.shape[1], width), min(y + sprite.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = sprite[y0 - y : y1 - y, x0 - x : x1 - x]
    view = canvas[y0:y1, x0:x1]
    shown = part[..., 3] >= np.maximum(1, np.minimum(view[..., 3], 128))
    view[shown] = part[shown]


def _grounded(rgba: Picture, chance: np.random.Generator, share: float = 0.2) -> Picture:
    """Put a solid colour behind some pictures; other pictures stay transparent."""
    if chance.random() > share:
        return rgba
    colour = np.array(GROUNDS[int(chance.integers(len(GROUNDS)))], dtype=np.float64)
    alpha = rgba[..., 3:].astype(np.float64) / 255
    solid = np.full_like(rgba, 255)
    solid[..., :3] = (rgba[..., :3] * alpha + colour * (1 - alpha)).round().astype(np.uint8)
    return solid


def _pick(sprites: list[Picture], count: int, chance: np.random.Generator) -> list[Picture]:
    return [sprites[int(i)] for i in chance.permutation(len(sprites))[:count]]


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
    canvas = _canvas(width, height)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            if cell is not None:
                _paste(canvas, cell, margin + j * (tile[0] + spacing), margin + i * (tile[1] + spacing))
    grid = (*tile, margin, margin, spacing, spacing)
    if spacing and chance.random() < 0.25:
        _draw_lines(canvas, grid, chance)
        return Made(canvas, "grid", author, grid)
    return Made(_grounded(canvas, chance, 0.25), "grid", author, grid)


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
    sprites = _pick(shelf.sprites, rows * columns, chance)
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
        cells.append([_in_cell(sprites[(i * columns + j) % len(sprites)], tile, low=low) for j in range(last)])
    if len(cells[0]) * len(cells) < 2 or tile[0] * columns > MAX_SIDE_PX:
        return None
    return _grid_made(cells, tile, shelf.author, chance)


def _in_cell(sprite: Picture, tile: tuple[int, int], *, low: bool) -> Picture:
    cell = _canvas(*tile)
    _paste(cell, sprite, (tile[0] - sprite.shape[1]) // 2, (tile[1] - sprite.shape[0]) // (1 if low else 2))
    return cell


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
        cell = _canvas(*tile)
        x, y = (int(v) for v in chance.integers(0, room + 1, 2))
        height = max(4, sprite.shape[0] - int(chance.integers(0, 3)))
        squashed = np.asarray(Image.fromarray(sprite).resize((sprite.shape[1], height), Image.Resampling.NEAREST))
        _paste(cell, squashed[:, ::-1] if chance.random() < 0.2 else squashed, x, y)
        frames.append(cell)
    rows: list[list[Picture | None]] = [frames] if chance.random() < 0.75 else [[frame] for frame in frames]
    return _grid_made(rows, tile, shelf.author, chance)


def _atlas_sprites(shelf: Shelf, chance: np.random.Generator) -> list[Picture]:
    sprites = _pick(shelf.sprites, int(chance.integers(3, 70)), chance)
    if chance.random() < 0.25:
        sprites = [np.rot90(s) if chance.random() < 0.4 else s for s in sprites]
    if chance.random() < 0.15:
        sprites = [np.repeat(np.repeat(s, 2, axis=0), 2, axis=1) for s in sprites]
    sides = {s.shape[:2] for s in sprites}
    return sprites if len(sides) > 1 else []


def _atlas_made(places: list[tuple[Picture, int, int]], size: tuple[int, int], author: str) -> Made:
    canvas = _canvas(*size)
    rects = []
    for sprite, x, y in places:
        _paste(canvas, sprite, x, y)
        rects.append((x, y, sprite.shape[1], sprite.shape[0]))
    return Made(canvas, "atlas", author, rects=tuple(rects))


def _with_ground(made: Made, chance: np.random.Generator) -> Made:
    return Made(_grounded(made.rgba, chance, 0.15), made.kind, made.author, made.grid, made.rects)


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
    places = _skyline(order, side, gap, edge)
    if len(places) < 2:
        return None
    used = max(y + s.shape[0] for s, _, y in places) + edge
    height = 1 << (used - 1).bit_length() if chance.random() < 0.6 else used
    return _with_ground(_atlas_made(places, (side, height), shelf.author), chance)


def _skyline(sprites: list[Picture], side: int, gap: int, edge: int) -> list[tuple[Picture, int, int]]:
    """Place sprites (picture, x, y) one by one at the lowest, then leftmost, free corner of a strip `side` px wide."""
    skyline = np.full(side, edge, dtype=np.int64)
    places: list[tuple[Picture, int, int]] = []
    for sprite in sprites:
        width = sprite.shape[1] + gap
        if edge + width > side:
            continue
        tops = np.lib.stride_tricks.sliding_window_view(skyline[edge:], min(width, side - edge)).max(axis=1)
        x = edge + int(tops.argmin())
        y = int(tops.min())
        skyline[x : x + width] = y + sprite.shape[0] + gap
        places.append((sprite, x, y))
    return places


def frames(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Pack a few frames of one thing, trimmed and partly turned, on a canvas that fits them: a small atlas."""
    if shelf.cells and chance.random() < 0.6:
        cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
        start = int(chance.integers(len(cells)))
        sprites = [trimmed(c) for c in cells[start : start + int(chance.integers(3, 16))] if c[..., 3].any()]
    else:
        sprites = _pick(shelf.sprites, int(chance.integers(2, 9)), chance)
    scale = int(chance.choice([1, 2, 3, 4]))
    scale = scale if sprites and max(max(s.shape[:2]) for s in sprites) * scale <= MAX_SPRITE_PX else 1
    sprites = [np.repeat(np.repeat(s, scale, axis=0), scale, axis=1) for s in sprites]
    if chance.random() < 0.5:
        sprites = [np.rot90(s) if chance.random() < 0.5 else s for s in sprites]
    if len({s.shape[:2] for s in sprites}) < 2:
        return None
    gap, edge = int(chance.choice([1, 2, 2, 4])), int(chance.choice([0, 0, 1, 2, 4]))
    widest = max(s.shape[1] for s in sprites) + 2 * edge + gap
    area = sum((s.shape[0] + gap) * (s.shape[1] + gap) for s in sprites)
    side = max(widest, int(np.sqrt(area) * chance.uniform(0.7, 1.6)))
    side = 1 << (side - 1).bit_length() if chance.random() < 0.4 else side
    places = _skyline(sorted(sprites, key=lambda s: -s.shape[0]), side, gap, edge)
    if len(places) < 2:
        return None
    right, low = max(x + s.shape[1] for s, x, _ in places) + edge, max(y + s.shape[0] for s, _, y in places) + edge
    size = (side, 1 << (low - 1).bit_length()) if chance.random() < 0.4 else (right, low)
    return _with_ground(_atlas_made(places, size, shelf.author), chance)


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
    canvas = _canvas(side_w, side_h)
    for i, cell in enumerate(cells):
        _paste(canvas, cell, i // rows * width, i % rows * height)
    return Made(canvas, "grid", shelf.author, (width, height, 0, 0, 0, 0))


def shelved(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Lay sprites out in rows of their own height, as people do by hand, now and then unevenly."""
    sprites = _atlas_sprites(shelf, chance)
    if len(sprites) < 2:
        return None
    gap, loose = int(chance.integers(1, 9)), int(chance.choice([0, 0, 3, 8]))
    wide = int(max(s.shape[1] for s in sprites) * chance.uniform(1.5, 6)) + 2 * gap
    x, y, tallest = gap, gap, 0
    places: list[tuple[Picture, int, int]] = []
    for sprite in sprites:
        if x + sprite.shape[1] > wide:
            x, y, tallest = gap, y + tallest + gap, 0
        places.append((sprite, x, y))
        x += sprite.shape[1] + gap + int(chance.integers(0, loose + 1))
        tallest = max(tallest, sprite.shape[0])
    return _with_ground(_atlas_made(places, (wide + gap, y + tallest + gap), shelf.author), chance)


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
        return _single(_grounded(sprite, chance, 0.1), shelf)
    size = 1 << (side - 1).bit_length() if chance.random() < 0.6 else side + int(chance.integers(2, 30))
    wide = size * 2 if chance.random() < 0.15 else size
    return _single(_grounded(_in_cell(sprite, (wide, size), low=chance.random() < 0.3), chance), shelf)


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
    sprites = _pick(shelf.sprites, int(chance.integers(2, 9)), chance)
    if len(sprites) < 2:
        return None
    side = int(max(max(s.shape[:2]) for s in sprites) * chance.uniform(1.2, 3))
    wide = int(side * chance.uniform(0.8, 2))
    canvas = _canvas(wide, side)
    for _ in range(int(chance.integers(len(sprites), 25))):
        sprite = sprites[int(chance.integers(len(sprites)))]
        x, y = int(chance.normal(wide / 2, wide / 7)), int(chance.normal(side / 2, side / 7))
        _paste(canvas, sprite, x - sprite.shape[1] // 2, y - sprite.shape[0] // 2)
    return _single(_grounded(canvas, chance, 0.4), shelf)


def mapped(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Show a piece of a game: a map of few kinds of tile in patches, things on it, and a line of text."""
    if not shelf.cells:
        return None
    cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
    height, width = cells[0].shape[:2]
    if max(width, height) > 64 or float(np.mean([c[..., 3].mean() for c in cells])) < 200:
        return None
    kinds = _pick(cells, int(chance.integers(2, 6)), chance)
    columns, rows = int(chance.integers(8, 21)), int(chance.integers(6, 15))
    field = chance.random((rows, columns)) + 2 * np.sin(np.arange(columns) / 3 + chance.random() * 6)
    ranks = np.digitize(field, np.quantile(field, np.linspace(0, 1, len(kinds) + 1)[1:-1]))
    canvas = _canvas(columns * width, rows * height)
    canvas[..., 3] = 255
    for i in range(rows):
        for j in range(columns):
            _paste(canvas, kinds[int(ranks[i, j])], j * width, i * height)
    for sprite in _pick(shelf.sprites, 6, chance):
        _paste(canvas, sprite, int(chance.integers(canvas.shape[1])), int(chance.integers(canvas.shape[0])))
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
    canvas = _canvas(size * 14, size * (2 * lines + 2))
    start = 4
    icons = [s for s in shelf.sprites if s.shape[0] <= canvas.shape[0]]
    if icons and chance.random() < 0.4:
        icon = icons[int(chance.integers(len(icons)))]
        _paste(canvas, icon, 2, 2)
        start += icon.shape[1]
    for line in range(lines):
        _letter(canvas, chance, size, (start, 2 + 2 * size * line))
    rgba = trimmed(canvas)
    if chance.random() < 0.5:
        room = int(chance.integers(2, 60))
        rgba = np.pad(rgba, ((room, room), (room, room), (0, 0)))
    return _single(_grounded(rgba, chance, 0.4), shelf)


def written(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Set a page as web pages and editors look: a bar, lines of small text in blocks, a picture or two."""
    wide, high = int(chance.choice([294, 400, 640, 800])), int(chance.choice([219, 300, 480, 600]))
    canvas = _canvas(wide, high)
    canvas[:] = (*((255, 255, 255), (30, 30, 36), (240, 240, 235))[int(chance.integers(3))], 255)
    if chance.random() < 0.6:
        canvas[: high // 8] = (*(int(v) for v in chance.integers(0, 256, 3)), 255)
    y = int(chance.integers(4, 30))
    while y < high - 20:
        size = int(chance.choice([8, 9, 10, 12, 18]))
        _letter(canvas, chance, size, (int(chance.choice([10, 10, wide // 3])), y), 9)
        y += int(size * chance.uniform(1.2, 3))
    for sprite in _pick(shelf.sprites, int(chance.integers(0, 3)), chance):
        _paste(canvas, sprite, int(chance.integers(wide)), int(chance.integers(high)))
    return _single(canvas, shelf)


def panelled(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Draw a menu: a panel, buttons and lines of text, perhaps over a whole picture."""
    wide, high = int(chance.choice([160, 240, 320, 400, 512, 640])), int(chance.choice([120, 144, 240, 320, 480]))
    canvas = _canvas(wide, high)
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
