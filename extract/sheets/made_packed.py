"""Atlases made up as packers without padding leave them: every sprite against its neighbours, interface parts, fonts.

Sprites lie at the lowest free place, in rows or columns of chance; some have their edges repeated into the padding.
Among them are panels and buttons in one style, whose borders touch, and whole pages of glyphs, which are one sprite.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from extract.sheets.art_pool import Picture, Shelf, trimmed
from extract.sheets.collage import MAX_SIDE_PX, Made, Place, fitting, grounded, paste, pick
from extract.sheets.collage import canvas as blank

GLYPHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!?#$%&()[]{}<>*+-=/\\:;,.'\"@_|~^"


def skyline(sprites: list[Picture], side: int, gap: int, edge: int) -> list[Place]:
    """Place sprites (picture, x, y) one by one at the lowest, then leftmost, free corner of a strip `side` px wide."""
    line = np.full(side, edge, dtype=np.int64)
    places: list[Place] = []
    for sprite in sprites:
        width = sprite.shape[1] + gap
        if edge + width > side:
            continue
        tops = np.lib.stride_tricks.sliding_window_view(line[edge:], min(width, side - edge)).max(axis=1)
        x = edge + int(tops.argmin())
        y = int(tops.min())
        line[x : x + width] = y + sprite.shape[0] + gap
        places.append((sprite, x, y))
    return places


def gapless(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Pack an author's sprites, parts of an interface and pages of glyphs, mostly without any gap."""
    sprites = _chosen(shelf, chance)
    if len(sprites) < 3 or len({s.shape[:2] for s in sprites}) < 2:
        return None
    if chance.random() < 0.2:
        sprites = [np.rot90(s) if chance.random() < 0.4 else s for s in sprites]
    repeated = chance.random() < 0.18
    gap = 2 if repeated else int(chance.choice([0, 0, 0, 0, 0, 0, 1, 1, 2]))
    edge = 1 if repeated else gap if chance.random() < 0.5 else 0
    area = sum((s.shape[0] + gap) * (s.shape[1] + gap) for s in sprites)
    side = max(max(s.shape[:2]) for s in sprites) + 2 * edge + gap
    side = max(side, int(np.sqrt(area) * chance.uniform(0.7, 1.6)))
    side = 1 << (side - 1).bit_length() if chance.random() < 0.6 else side
    sprites.sort(key=_order(chance))
    if chance.random() < 0.5:
        turned = skyline([s.transpose(1, 0, 2) for s in sprites], side, gap, edge)
        places = [(s.transpose(1, 0, 2), y, x) for s, x, y in turned]
    else:
        places = skyline(sprites, side, gap, edge)
    return _painted(places, shelf.author, chance, edge=edge, repeated=repeated)


def _order(chance: np.random.Generator) -> Callable[[Picture], float]:
    """Draw what sprites are sorted by: mostly their height, as packers do."""
    orders: tuple[Callable[[Picture], float], ...] = (
        lambda s: -s.shape[0],
        lambda s: -s.shape[0] * s.shape[1],
        lambda s: -s.shape[1],
        lambda _: 0,
    )
    return orders[int(chance.choice(4, p=[0.5, 0.2, 0.15, 0.15]))]


def _painted(
    places: list[Place], author: str, chance: np.random.Generator, *, edge: int, repeated: bool
) -> Made | None:
    if len(places) < 3:
        return None
    size = fitting(places, edge, chance, 0.5)
    if max(size) > MAX_SIDE_PX:
        return None
    canvas = blank(*size)
    for sprite, x, y in places:
        high, wide = sprite.shape[:2]
        if repeated:
            padded = np.pad(sprite, ((1, 1), (1, 1), (0, 0)), mode="edge")
            canvas[y - 1 : y + high + 1, x - 1 : x + wide + 1] = padded
        else:
            canvas[y : y + high, x : x + wide] = sprite
    rects = tuple((x, y, s.shape[1], s.shape[0]) for s, x, y in places)
    return Made(grounded(canvas, chance, 0.06), "atlas", author, rects=rects)


def _chosen(shelf: Shelf, chance: np.random.Generator) -> list[Picture]:
    """Draw what is packed: sprites, or parts of an interface, or both; perhaps pages of glyphs."""
    kind, sprites = chance.random(), list[Picture]()
    if kind < 0.75 and shelf.cells and chance.random() < 0.4:
        cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
        sprites = [trimmed(c) for c in cells if c[..., 3].any()]
    elif kind < 0.75:
        sprites = pick(shelf.sprites, int(chance.integers(4, 90)), chance)
    if kind > 0.75 or chance.random() < 0.2:
        sprites = sprites + _interface(int(chance.integers(4, 30)), chance)
    if chance.random() < 0.35:
        sprites = sprites + [_page(chance) for _ in range(int(chance.integers(1, 4)))]
    most = int(chance.choice([64, 100, 160, 300]))
    most = max(most, 200) if kind > 0.75 else most
    return [s for s in sprites if min(s.shape[:2]) >= 2 and max(s.shape[:2]) <= most]


def _interface(count: int, chance: np.random.Generator) -> list[Picture]:
    """Draw panels and buttons, many of them several times or in one style."""
    few = [_panel(chance) for _ in range(max(2, count // 3))]
    return [_panel(chance) if chance.random() < 0.3 else few[int(chance.integers(len(few)))] for _ in range(count)]


def _panel(chance: np.random.Generator) -> Picture:
    """Draw a rectangle with round corners, a border, perhaps a shade below, a frame or a knob inside."""
    wide, high = int(chance.integers(8, 150)), int(chance.integers(8, 60))
    if chance.random() < 0.4:
        wide = high = int(chance.integers(8, 60))
    image = Image.new("RGBA", (wide, high))
    pen = ImageDraw.Draw(image)
    fill = [int(v) for v in chance.integers(0, 256, 3)]
    dark = tuple(int(v * chance.uniform(0.4, 0.9)) for v in fill)
    light = tuple(min(255, int(v * 1.25) + 10) for v in fill)
    line = int(chance.choice([0, 1, 1, 2, 3]))
    radius = int(chance.choice([0, 0, 2, 4, 8, min(wide, high) // 2]))
    pen.rounded_rectangle(
        (0, 0, wide - 1, high - 1), radius, fill=(*fill, 255), outline=(*dark, 255) if line else None, width=line
    )
    if min(wide, high) > 14:
        inner = (line, line, wide - line - 1, high - line - 1)
        if chance.random() < 0.3:
            pen.rounded_rectangle(
                inner, max(0, radius - line), outline=(*light, 255), width=1 + int(chance.integers(2))
            )
        if chance.random() < 0.35:
            shade = tuple(int(v * 0.9) for v in fill)
            pen.rectangle((line + 2, high // 2, wide - line - 3, high - line - 3), fill=(*shade, 255))
        if chance.random() < 0.3:
            pen.rectangle((wide // 4, high // 4, wide * 3 // 4, high * 3 // 4), outline=(*dark, 255))
        if chance.random() < 0.15:
            pen.ellipse((wide // 3, high // 3, wide * 2 // 3, high * 2 // 3), fill=(255, 255, 255, 255))
    return trimmed(np.array(image))


def _page(chance: np.random.Generator) -> Picture:
    """Pack the glyphs of a font of one colour into a page, a pixel or so apart; some have a black outline."""
    size = int(chance.integers(8, 34))
    font = ImageFont.load_default(size)
    some = [GLYPHS[int(i)] for i in chance.permutation(len(GLYPHS))[: int(chance.integers(25, len(GLYPHS)))]]
    if chance.random() < 0.5:
        some.sort()
    colour = (255, 255, 255) if chance.random() < 0.7 else tuple(int(v) for v in chance.integers(0, 256, 3))
    outline = int(chance.choice([0, 0, 0, 1, 2]))
    glyphs = [_glyph(one, size, font, (*colour, 255), outline) for one in some]
    glyphs = sorted((g for g in glyphs if g[..., 3].any()), key=lambda g: -g.shape[0])
    gap = int(chance.choice([0, 1, 1, 1, 2]))
    area = sum((g.shape[0] + gap) * (g.shape[1] + gap) for g in glyphs)
    places = skyline(glyphs, int(np.sqrt(area) * chance.uniform(0.9, 1.8)) + size, gap, 0)
    page = blank(max(x + g.shape[1] for g, x, _ in places), max(y + g.shape[0] for g, _, y in places))
    for glyph, x, y in places:
        paste(page, glyph, x, y)
    return trimmed(page)


def _glyph(
    one: str, size: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, fill: tuple[int, ...], outline: int
) -> Picture:
    image = Image.new("RGBA", (2 * size, 2 * size))
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1" if size < 16 else "L"
    pen.text((size // 2, size // 3), one, fill=fill, font=font, stroke_width=outline, stroke_fill=(0, 0, 0, 255))
    return trimmed(np.array(image))
