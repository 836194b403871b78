"""Small atlases made up of a few frames of one thing, as packers lay out animations: trimmed or not, partly turned."""

import numpy as np
from PIL import Image

from extract.sheets.art_pool import MAX_SPRITE_PX, Picture, Shelf, trimmed
from extract.sheets.collage import Made, as_atlas, canvas, paste, pick, with_ground
from extract.sheets.made_packed import skyline


def frames(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Pack a few frames of one thing, trimmed and partly turned, on a canvas that fits them: a small atlas."""
    if shelf.cells and chance.random() < 0.6:
        cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
        start = int(chance.integers(len(cells)))
        sprites = [trimmed(c) for c in cells[start : start + int(chance.integers(3, 16))] if c[..., 3].any()]
    else:
        sprites = pick(shelf.sprites, int(chance.integers(2, 9)), chance)
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
    places = skyline(sorted(sprites, key=lambda s: -s.shape[0]), side, gap, edge)
    if len(places) < 2:
        return None
    right, low = max(x + s.shape[1] for s, x, _ in places) + edge, max(y + s.shape[0] for s, _, y in places) + edge
    size = (side, 1 << (low - 1).bit_length()) if chance.random() < 0.4 else (right, low)
    return with_ground(as_atlas(places, size, shelf.author), chance)


def loose(shelf: Shelf, chance: np.random.Generator) -> Made | None:
    """Pack frames with what is blank around each: drawings that float apart, with only their likeness in common."""
    drawn = _animated(shelf, chance)
    if len(drawn) < 2:
        return None
    high, wide = (max(s.shape[axis] for s in drawn) for axis in (0, 1))
    roomy = int(wide * chance.uniform(1, 1.8)), int(high * chance.uniform(1, 1.6))
    low = chance.random() < 0.6
    cells = []
    for sprite in drawn:
        cell = canvas(*roomy)
        x = int(chance.integers(0, roomy[0] - sprite.shape[1] + 1))
        y = roomy[1] - sprite.shape[0] if low else int(chance.integers(0, roomy[1] - sprite.shape[0] + 1))
        paste(cell, sprite, x, y)
        cells.append(np.rot90(cell) if chance.random() < 0.45 else cell)
    if len({c.shape[:2] for c in cells}) < 2:
        return None
    gap = int(chance.choice([0, 1, 2, 2, 4]))
    side = sum(roomy) + 3 * gap if len(cells) > 2 or chance.random() < 0.5 else max(roomy) + 2 * gap
    side = 1 << (side - 1).bit_length() if chance.random() < 0.4 else side
    places = skyline(cells, side, gap, gap)
    if len(places) < 2:
        return None
    right, end = max(x + s.shape[1] for s, x, _ in places) + gap, max(y + s.shape[0] for s, _, y in places) + gap
    size = (side, 1 << (end - 1).bit_length()) if chance.random() < 0.3 else (right, end)
    return with_ground(as_atlas(places, size, shelf.author), chance)


def _animated(shelf: Shelf, chance: np.random.Generator) -> list[Picture]:
    """Draw a few frames of one sheet, or a sprite that turns, squashes and stretches a little."""
    count = int(chance.integers(2, 9))
    if shelf.cells and chance.random() < 0.5:
        cells = shelf.cells[int(chance.integers(len(shelf.cells)))]
        start = int(chance.integers(len(cells)))
        return [
            trimmed(c) for c in cells[start : start + count] if c[..., 3].any() and max(c.shape[:2]) < MAX_SPRITE_PX
        ]
    if not shelf.sprites:
        return []
    sprite = shelf.sprites[int(chance.integers(len(shelf.sprites)))]
    found = []
    for _ in range(count):
        side = (max(4, round(n * chance.uniform(0.85, 1.0))) for n in (sprite.shape[1], sprite.shape[0]))
        image = Image.fromarray(sprite).resize(tuple(side), Image.Resampling.NEAREST)
        if chance.random() < 0.5:
            image = image.rotate(chance.uniform(-15, 15), expand=True)
        frame = trimmed(np.array(image))
        found.append(frame[:, ::-1] if chance.random() < 0.2 else frame)
    return found
