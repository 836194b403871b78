"""Sprites inside JPEG screenshots: how many of them are named, and how often one is named that is not there.

python -m benchmarks.index inside [--screens 24] [--cache FOLDER]

3,000 pictures of the packs that `quality` measures on are indexed. A screen of 400 × 240 has twelve of them at random
places, some over others, on a plain, a blotched or a tiled ground (a texture out of the same packs); it is enlarged by
1 to 4 and saved as JPEG of quality 70 to 90. A sprite counts as found if it, or a picture of the same pixels but for a
few, is named at its place; as wrong if what is named looks otherwise there.
"""

import io
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.index_art import Piece, measured_pieces
from index.features.patches import Patches
from index.inside import seen_inside

Rgba = NDArray[np.uint8]
WIDTH, HEIGHT, SPRITES = 400, 240, 12
LEAST_OPAQUE, MOST_SIDE = 150, 120


class Opened:
    """What `index.inside` asks of a catalog: pixels by id."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def open(self, image_id: int) -> Rgba:
        return self._pieces[image_id].rgba


def inside(cache: Path, screens: int) -> None:
    pieces = measured_pieces(cache)
    start = time.process_time()
    rows = Patches().compute([piece.rgba for piece in pieces])
    print(f"{1000 * (time.process_time() - start) / len(pieces):.1f} ms a picture for its windows", flush=True)
    usable = [at for at, piece in enumerate(pieces) if _usable(piece.rgba)]
    shown: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wrong, named, cpu = 0, 0, 0.0
    catalog: Any = Opened(pieces)
    for number in range(screens):
        chance = np.random.default_rng(number)
        screen, placed, labels = _screen(pieces, usable, chance)
        start = time.process_time()
        seen = list(seen_inside(catalog, screen, np.arange(len(pieces)), rows))
        cpu += time.process_time() - start
        truth = {at for at, _ in placed}
        hit = {s.image_id for s in seen}
        for at, visible in placed:
            for label in ("all", *labels, "half covered" if visible < 0.7 else "uncovered"):
                shown[label] += 1
                found[label] += at in hit
        named += len(hit)
        wrong += len(hit - truth)
    for label, count in sorted(shown.items()):
        print(f"| {label} | {count} | {100 * found[label] / count:.1f} |")
    print(f"{named} named, {wrong} of them not put there; {cpu / screens:.1f} s of one core a screenshot")


def _usable(rgba: Rgba) -> bool:
    return int((rgba[..., 3] > 250).sum()) >= LEAST_OPAQUE and max(rgba.shape[:2]) <= MOST_SIDE


def _screen(
    pieces: Sequence[Piece], usable: Sequence[int], chance: np.random.Generator
) -> tuple[Rgba, list[tuple[int, float]], tuple[str, ...]]:
    """Return a screenshot, the sprites in it with the share of each that is visible, and what to count it under."""
    ground = ("plain", "blotched", "tiled")[int(chance.integers(3))]
    canvas = _ground(pieces, usable, ground, chance).astype(np.float32)
    owner = np.full((HEIGHT, WIDTH), -1)
    chosen = chance.choice(usable, SPRITES, replace=False)
    areas = []
    for number, at in enumerate(chosen):
        rgba = pieces[at].rgba
        height, width = rgba.shape[:2]
        y, x = int(chance.integers(0, HEIGHT - height + 1)), int(chance.integers(0, WIDTH - width + 1))
        alpha = rgba[..., 3:] / np.float32(255)
        where = np.s_[y : y + height, x : x + width]
        canvas[where] = rgba[..., :3] * alpha + canvas[where] * (1 - alpha)
        owner[where][rgba[..., 3] > 127] = number
        areas.append(int((rgba[..., 3] > 127).sum()))
    scale, quality = int(chance.integers(1, 5)), int(chance.integers(70, 91))
    large = canvas.astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    out = io.BytesIO()
    Image.fromarray(large).save(out, "JPEG", quality=quality)
    rgb = np.asarray(Image.open(out).convert("RGB"))
    screen = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    placed = [(int(at), float((owner == n).sum() / areas[n])) for n, at in enumerate(chosen)]
    return screen, [(at, v) for at, v in placed if v >= 0.4], (f"enlarged {scale}", ground)


def _ground(pieces: Sequence[Piece], usable: Sequence[int], kind: str, chance: np.random.Generator) -> Rgba:
    if kind == "plain":
        return np.broadcast_to(chance.integers(0, 256, 3), (HEIGHT, WIDTH, 3)).astype(np.uint8)
    if kind == "blotched":
        coarse = chance.integers(40, 216, (HEIGHT // 10, WIDTH // 10, 3)).astype(np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    full = [at for at in usable if (pieces[at].rgba[..., 3] == 255).mean() > 0.98]
    tile = pieces[int(chance.choice(full))].rgba[..., :3]
    times = HEIGHT // tile.shape[0] + 1, WIDTH // tile.shape[1] + 1
    return np.tile(tile, (*times, 1))[:HEIGHT, :WIDTH]
