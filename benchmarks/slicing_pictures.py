"""Draw the figures of docs/slicing.md: ``python -m benchmarks.slicing_pictures ART [--judged FILE --cache FILE]``.

ART is the folder of CC0 art by Kenney that ``make demo`` unpacks; with the answers that ``extract.sheets.train
--judged`` wrote, the reliability curve is drawn too. Writes to docs/slicing/.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from extract.sheets.evidence import gather
from extract.sheets.fit import Example
from extract.sheets.judge import shipped
from extract.sheets.layout import joined_ways, ways, with_rest
from extract.sheets.made_packed import skyline
from extract.sheets.prepared import cached
from extract.sheets.slice import slice_image
from extract.sheets.sprite_judge import shipped as shipped_sprites

OUT = Path(__file__).parents[1] / "docs" / "slicing"
TILE_PX = 32
Picture = NDArray[np.uint8]


def sprites_of(folder: Path, count: int, most: int = TILE_PX - 4) -> list[Picture]:
    """Read sprites and shrink them to `most` px, to fit a tile."""
    found = []
    for path in sorted(folder.glob("*.png"))[:count]:
        with Image.open(path) as image:
            rgba = image.convert("RGBA")
        rgba = rgba.crop(rgba.getbbox())
        rgba.thumbnail((most, most), Image.Resampling.NEAREST)
        found.append(np.asarray(rgba))
    return found


def sheet(sprites: list[Picture], columns: int, rows: int) -> Picture:
    """Lay sprites out in cells of `TILE_PX`, two rows of them left partly empty."""
    canvas = np.zeros((rows * TILE_PX, columns * TILE_PX, 4), dtype=np.uint8)
    for i in range(columns * rows - 2):
        sprite = sprites[i % len(sprites)]
        x = i % columns * TILE_PX + (TILE_PX - sprite.shape[1]) // 2
        y = i // columns * TILE_PX + TILE_PX - sprite.shape[0] - 1
        canvas[y : y + sprite.shape[0], x : x + sprite.shape[1]] = sprite
    return canvas


def scattered(sprites: list[Picture]) -> Picture:
    """Shelve sprites of different sizes without a grid."""
    canvas = np.zeros((128, 256, 4), dtype=np.uint8)
    x, y, tallest = 2, 2, 0
    for i, small in enumerate(sprites * 3):
        sprite = np.repeat(np.repeat(small, 1 + i % 2, axis=0), 1 + i % 2, axis=1)
        if x + sprite.shape[1] > canvas.shape[1]:
            x, y, tallest = 2, y + tallest + 2, 0
        if y + sprite.shape[0] > canvas.shape[0]:
            break
        canvas[y : y + sprite.shape[0], x : x + sprite.shape[1]] = sprite
        x, tallest = x + sprite.shape[1] + 2, max(tallest, sprite.shape[0])
    return canvas


def touching(sprites: list[Picture]) -> Picture:
    """Pack sprites of different sizes without any gap."""
    canvas = np.zeros((256, 512, 4), dtype=np.uint8)
    for sprite, x, y in skyline(sorted(sprites, key=lambda s: -s.shape[0]), canvas.shape[1], 0, 0):
        if y + sprite.shape[0] <= canvas.shape[0]:
            canvas[y : y + sprite.shape[0], x : x + sprite.shape[1]] = sprite
    return canvas


def corners(boxes: NDArray[np.int64]) -> list[tuple[int, int, int, int]]:
    """Turn boxes x0, y0, x1, y1 into x, y, width and height."""
    return [(x, y, x1 - x, y1 - y) for x, y, x1, y1 in boxes.tolist()]


def shown(rgba: Picture, boxes: list[tuple[int, int, int, int]], scale: int = 2) -> Image.Image:
    """Enlarge a picture on grey and draw boxes (x, y, w, h) on it."""
    ground = Image.new("RGBA", (rgba.shape[1], rgba.shape[0]), (70, 70, 80, 255))
    ground.alpha_composite(Image.fromarray(rgba))
    large = ground.resize((rgba.shape[1] * scale, rgba.shape[0] * scale), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(large)
    for x, y, w, h in boxes:
        pen.rectangle((x * scale, y * scale, (x + w) * scale - 1, (y + h) * scale - 1), outline=(255, 210, 60, 255))
    return large.convert("RGB")


def profile(values: NDArray[np.float64], height: int = 60, scale: int = 2) -> Image.Image:
    """Draw a profile as bars."""
    image = Image.new("RGB", (len(values) * scale, height), (250, 250, 250))
    pen = ImageDraw.Draw(image)
    top = max(float(values.max()), 1e-9)
    for i, value in enumerate(values):
        pen.rectangle(
            (i * scale, height - 1 - int(value / top * (height - 4)), i * scale + 1, height), fill=(40, 90, 160)
        )
    return image


def stacked(images: list[Image.Image]) -> Image.Image:
    """Put images under each other."""
    whole = Image.new("RGB", (max(i.width for i in images), sum(i.height + 4 for i in images)), (255, 255, 255))
    y = 0
    for image in images:
        whole.paste(image, (0, y))
        y += image.height + 4
    return whole


def curve(examples: list[Example], judged: Path) -> str:
    """Draw, as SVG, how often answers of each confidence were right on authors not seen, ten equal groups."""
    said = json.loads(judged.read_text(encoding="utf-8"))
    points: list[tuple[float, float]] = []
    for example in (e for e in examples if not e.made):
        raw, shares, _ = said[example.picture]
        sheet_chance = shipped().sheet_scale.read(raw)
        best = int(np.argmax(shares))
        sure = sheet_chance * shipped().cut_scale.read(float(shares[best]))
        right = example.kind != "single" and example.quality[1 + best] >= 0.9
        points.append((sure, float(right)))
    points.sort()
    groups = [g for g in np.array_split(np.array(points), 12) if len(g)]
    marks = [(float(g[:, 0].mean()), float(g[:, 1].mean()), len(g)) for g in groups]
    dots = "".join(f'<circle cx="{30 + 240 * x:.1f}" cy="{270 - 240 * y:.1f}" r="4"/>' for x, y, _ in marks)
    path = " ".join(f"{30 + 240 * x:.1f},{270 - 240 * y:.1f}" for x, y, _ in marks)
    text = (
        '<text x="90" y="294">confidence given</text><text x="14" y="190" transform="rotate(-90 14 190)">right</text>'
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 300" width="300" font-family="sans-serif" '
        'font-size="12"><rect width="300" height="300" fill="#fff"/><path d="M30 270H270M30 270V30" stroke="#333"/>'
        f'<path d="M30 270L270 30" stroke="#bbb" stroke-dasharray="4"/><polyline points="{path}" fill="none" '
        f'stroke="#285aa0" stroke-width="2"/><g fill="#285aa0">{dots}</g>{text}</svg>\n'
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("art", type=Path)
    parser.add_argument("--judged", type=Path, help="written by extract.sheets.train --judged")
    parser.add_argument("--cache", type=Path, help="written by extract.sheets.train --cache")
    chosen = parser.parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    images = chosen.art / "images"
    sprites = sprites_of(images / "items", 24)
    grid, atlas = sheet(sprites, 8, 3), scattered(sprites)
    evidence = gather(grid)
    stacked([shown(grid, []), profile(evidence.x.cross), profile(evidence.x.step)]).save(OUT / "profiles.png")
    cut = slice_image(grid)
    boxes = [(r.x, r.y, r.w, r.h) for r in cut.rects]
    halves = [(x, y, TILE_PX // 2, TILE_PX // 2) for x in range(0, 256, 16) for y in range(0, 96, 16)]
    doubles = [(x, y, 2 * TILE_PX, TILE_PX) for x in range(0, 256, 64) for y in range(0, 96, 32)]
    stacked([shown(grid, boxes), shown(grid, halves), shown(grid, doubles)]).save(OUT / "multiples.png")
    stacked([shown(atlas, corners(joined_ways(gather(atlas))[0]))]).save(OUT / "atlas.png")
    tight = touching([s for kind in ("items", "enemies", "tiles") for s in sprites_of(images / kind, 14, 96)])
    packed = gather(tight)
    both = ways(packed, shipped_sprites())
    before, after = both[0].boxes, with_rest(packed, both[-1].boxes)
    stacked([shown(tight, corners(boxes), 1) for boxes in (before, after)]).save(OUT / "touching.png")
    sys.stdout.write(f"grid: {cut.kind} {cut.why}; atlas: {slice_image(atlas).why}\n")
    if chosen.judged and chosen.cache:
        examples = cached(chosen.cache).examples
        (OUT / "reliability.svg").write_text(curve(examples, chosen.judged), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
