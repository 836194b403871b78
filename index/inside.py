"""Which sprites are inside this screenshot? Windows of the screenshot are compared with stored windows of sprites.

First the screenshot is brought back to the sprites' own pixels: an enlargement by a whole number shows in where its
edges lie. Each stored window then names the place where it fits best, and the whole sprite is laid there and compared,
pixel by pixel where it is opaque; half of it may be covered by something else. Colours must be those of the catalog.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db import Catalog
from db.errors import CatalogError
from db.pixels import Rgba
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import ImageIds
from index.errors import SelectionError
from index.features import open_feature
from index.features.canonical import shrunk
from index.features.patches import QUANTUM, UNUSED, VALUES, WINDOWS, windows
from index.hits import Hit, Ranked, read_hits
from index.selection import Selection, selected_images

FEATURE = "patches"
MOST_SCALE = 8
EDGES_SHARE = 0.6
"""So much of the edges must lie on a grid for the screenshot to count as enlarged by it."""
NEAR = 9.0
"""A window further from all of the screenshot's (root of the mean square) is not in it."""
FITS = 20.0
"""Differences of a sprite's pixels, at the 60th percentile, up to which it counts as seen."""
COVERED = 60
CHUNK = 4096


@dataclass(frozen=True)
class Seen:
    """A sprite and where it stands in the screenshot (x, y, w, h in its pixels); `score` is 1 for pixel by pixel."""

    image_id: int
    score: float
    rectangle: tuple[int, int, int, int]


def find_inside(
    catalog: Catalog, screenshot: Rgba, selection: Selection | None = None, count: int = 50
) -> list[tuple[Hit, Seen]]:
    """Return the sprites seen, surest first. Raises SelectionError if no picture has stored windows yet."""
    feature = open_feature(FEATURE)
    model_id = store.find_model(catalog.database, feature.model)
    if model_id is None:
        raise SelectionError("no picture has windows yet: quarry index featurize --model patches")
    images, rows = ExactEngine(catalog).matrix(feature.model, model_id)
    if selection is not None and not selection.everything:
        with catalog.database.read() as connection:
            chosen = np.isin(images, selected_images(connection, selection))
        images, rows = images[chosen], rows[chosen]
    seen = list(_seen(catalog, screenshot, images, rows))
    best: dict[int, Seen] = {}
    for found in seen:
        if found.image_id not in best or found.score > best[found.image_id].score:
            best[found.image_id] = found
    ranked = sorted(best.values(), key=lambda s: (-s.score, s.image_id))[:count]
    hits = read_hits(catalog, [Ranked(s.image_id, s.score) for s in ranked])
    return [(hit, best[hit.image_id]) for hit in hits]


def _seen(catalog: Catalog, screenshot: Rgba, images: ImageIds, rows: NDArray[np.int8]) -> Iterator[Seen]:
    scale, top, left = enlargement(screenshot)
    small = reduced(screenshot, scale, top, left)
    stored = np.asarray(rows).reshape(len(rows) * WINDOWS, VALUES + 2)
    owners = np.repeat(images, WINDOWS)
    used = stored[:, -1] != UNUSED
    stored, owners = stored[used], owners[used]
    places, distances = _best_places(small, stored[:, :VALUES].astype(np.float32) * QUANTUM)
    near = np.flatnonzero(distances <= NEAR)
    for image_id in np.unique(owners[near]):
        mine = near[owners[near] == image_id]
        corners = {tuple(int(n) for n in places[at] - stored[at, VALUES:]) for at in mine}
        fitting = _fit(catalog, small, int(image_id), corners)
        if fitting is not None:
            score, (y, x), (height, width) = fitting
            rectangle = (left + x * scale, top + y * scale, width * scale, height * scale)
            yield Seen(int(image_id), round(score, 4), rectangle)


def _best_places(small: Rgba, asked: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for each stored window the (row, column) where it fits best, and how far it is from fitting there."""
    values = windows(small)
    width = values.shape[1]
    flat = values.reshape(-1, VALUES)
    lengths = (flat**2).sum(1)
    best, least = [], []
    for at in range(0, len(asked), CHUNK):
        part = asked[at : at + CHUNK]
        found, distance = np.zeros(len(part), np.int64), np.full(len(part), np.inf, np.float32)
        for begin in range(0, len(flat), CHUNK):
            far = lengths[begin : begin + CHUNK] - 2 * (part @ flat[begin : begin + CHUNK].T)
            nearest = far.argmin(1)
            value = far[np.arange(len(part)), nearest]
            better = value < distance
            found[better], distance[better] = nearest[better] + begin, value[better]
        best.append(found)
        least.append(distance + (part**2).sum(1))
    places, distances = np.concatenate(best), np.concatenate(least)
    return np.stack([places // width, places % width], 1), np.sqrt(np.maximum(distances, 0) / VALUES)


def _fit(
    catalog: Catalog, small: Rgba, image_id: int, corners: set[tuple[int, ...]]
) -> tuple[float, tuple[int, int], tuple[int, int]] | None:
    """Lay the sprite at each corner; return the best score, corner and size, or None where it fits nowhere."""
    try:
        sprite = shrunk(catalog.open(image_id))
    except (CatalogError, OSError):
        return None
    best: tuple[float, tuple[int, int]] | None = None
    for y, x in corners:
        difference = _difference(small, sprite, y, x)
        if difference <= FITS and (best is None or 1 - difference / 255 > best[0]):
            best = (1 - difference / 255, (y, x))
    return None if best is None else (best[0], best[1], (sprite.shape[0], sprite.shape[1]))


def _difference(small: Rgba, sprite: Rgba, y: int, x: int) -> float:
    """Return the 60th percentile of the opaque pixels' differences, where the sprite is inside."""
    top, left = max(0, -y), max(0, -x)
    under = small[y + top : y + sprite.shape[0], x + left : x + sprite.shape[1], :3]
    over = sprite[top : top + under.shape[0], left : left + under.shape[1]]
    opaque = over[..., 3] > 250
    if opaque.sum() < 0.4 * (sprite[..., 3] > 250).sum() or not opaque.any():
        return 255.0
    apart = np.abs(under.astype(np.int16) - over[..., :3]).mean(-1)[opaque]
    return float(np.percentile(apart, COVERED))


def enlargement(screenshot: Rgba) -> tuple[int, int, int]:
    """Return by which whole number the screenshot is enlarged, and where the first whole pixel begins (top, left)."""
    grey = screenshot[..., :3].astype(np.float32).mean(-1)
    columns = np.abs(np.diff(grey, axis=1)).mean(0)
    rows = np.abs(np.diff(grey, axis=0)).mean(1)
    for scale in range(min(MOST_SCALE, *(n // 16 for n in grey.shape)), 1, -1):
        across, down = (_on_grid(edges, scale) for edges in (columns, rows))
        if min(across[0], down[0]) >= EDGES_SHARE:
            return scale, down[1], across[1]
    return 1, 0, 0


def _on_grid(edges: NDArray[np.float32], scale: int) -> tuple[float, int]:
    """Return the largest share of the edges on one grid of so many pixels, and where that grid begins."""
    sums = np.array([edges[phase::scale].sum() for phase in range(scale)])
    return float(sums.max() / max(sums.sum(), 1e-9)), int((sums.argmax() + 1) % scale)


def reduced(screenshot: Rgba, scale: int, top: int, left: int) -> Rgba:
    """Undo an enlargement: the mean of each block of pixels, which also takes away most of what JPEG did."""
    cut = screenshot[top:, left:]
    height, width = cut.shape[0] // scale, cut.shape[1] // scale
    blocks = cut[: height * scale, : width * scale].reshape(height, scale, width, scale, 4)
    return np.asarray(np.round(blocks.astype(np.float32).mean((1, 3))), np.uint8)
