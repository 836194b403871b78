"""Which sprites are inside this screenshot? Windows of the screenshot are compared with stored windows of sprites.

First the screenshot is brought back to the sprites' own pixels: an enlargement by a whole number shows in where its
edges lie. Each stored window then names the place where it fits best, and the whole sprite is laid there and compared,
pixel by pixel where it is opaque; half of it may be covered by something else. Colours must be those of the catalog.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
from index.features.patches import QUANTUM, UNUSED, VALUES, WINDOW, WINDOWS, windows
from index.hits import Hit, Ranked, read_hits
from index.selection import Selection, selected_images

FEATURE = "patches"
MOST_SCALE = 8
LEAST_RATIO, SURE_RATIO = 1.12, 2.5
"""So many times the edges beside a grid must lie on it for the screenshot to count as enlarged by it; and surely so."""
BLOCK = 8
"""JPEG makes edges of its own between its blocks: those count for no grid but one of eight, and there by half."""
NEAR = 9.0
"""A window further from all of the screenshot's (root of the mean square) is not in it."""
FITS = 20.0
"""Differences of a sprite's pixels, at the 60th percentile, up to which it counts as seen."""
COVERED = 60
LEAST_INSIDE = 0.4
OPAQUE = 250
FEW = 100
"""So many of its pixels tell at once where a sprite certainly does not stand."""
MOST_OPENED = 5000
"""Pictures that are laid on the screenshot, nearest windows first."""
CHUNK = 2048
"""Windows compared at once with as many of the screenshot: their differences stay in the processor's cache."""
PICTURES = 4096
"""Pictures whose windows are held at once: a catalog has millions."""


class Grid(NamedTuple):
    """By which whole number a screenshot is enlarged, and the row and column where its first whole pixel begins."""

    scale: int
    top: int
    left: int


Corners = set[tuple[int, int]]


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
    found = {seen.image_id: seen for seen in seen_inside(catalog, screenshot, images, rows)[:count]}
    hits = read_hits(catalog, [Ranked(s.image_id, s.score) for s in found.values()])
    return [(hit, found[hit.image_id]) for hit in hits]


def seen_inside(catalog: Catalog, screenshot: Rgba, images: ImageIds, rows: NDArray[np.int8]) -> list[Seen]:
    """Return the images, of some ids and stored windows, that are seen in a screenshot, surest first."""
    tried = [list(_seen_at(catalog, screenshot, grid, images, rows)) for grid in enlargements(screenshot)]
    # Of two sizes the one at which more is seen is the right one; the other's are chance.
    most = max(tried, key=lambda found: len(found))
    return sorted(most, key=lambda s: (-s.score, s.image_id))


def _seen_at(
    catalog: Catalog, screenshot: Rgba, grid: Grid, images: ImageIds, rows: NDArray[np.int8]
) -> Iterator[Seen]:
    small = reduced(screenshot, grid)
    if min(small.shape[:2]) < WINDOW:
        return
    scale, top, left = grid
    for image_id, corners in _candidates(Screen(small), images, rows):
        fitting = _fit(catalog, small, image_id, corners)
        if fitting is not None:
            score, (y, x), (height, width) = fitting
            rectangle = (left + x * scale, top + y * scale, width * scale, height * scale)
            yield Seen(image_id, round(score, 4), rectangle)


def _candidates(screen: "Screen", images: ImageIds, rows: NDArray[np.int8]) -> list[tuple[int, Corners]]:
    """Return the images of which a window is there, nearest first, with the corners where they may stand."""
    corners: dict[int, Corners] = {}
    nearest: dict[int, float] = {}
    for begin in range(0, len(rows), PICTURES):
        stored = np.asarray(rows[begin : begin + PICTURES]).reshape(-1, VALUES + 2)
        owners = np.repeat(images[begin : begin + PICTURES], WINDOWS)
        used = stored[:, -1] != UNUSED
        stored, owners = stored[used], owners[used]
        places, distances = screen.best_places(stored[:, :VALUES].astype(np.float32) * QUANTUM)
        for at in np.flatnonzero(distances <= NEAR):
            owner, (y, x) = int(owners[at]), (int(n) for n in places[at] - stored[at, VALUES:])
            corners.setdefault(owner, set()).add((y, x))
            nearest[owner] = min(nearest.get(owner, NEAR), float(distances[at]))
    return [(owner, corners[owner]) for owner in sorted(corners, key=lambda o: (nearest[o], o))[:MOST_OPENED]]


class Screen:
    """The windows of a screenshot, laid out so that one product compares them with stored ones."""

    def __init__(self, small: Rgba) -> None:
        values = windows(small)
        self._width = values.shape[1]
        flat = values.reshape(-1, VALUES)
        # |a - b|² = |b|² - 2 a·b + |a|²: the first two terms are one product with a column of lengths.
        self._columns = np.ascontiguousarray(np.concatenate([flat, (flat**2).sum(1)[:, None]], 1).T)

    def best_places(self, asked: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return for each stored window the (row, column) where it fits best, and how far it is from fitting there."""
        best, least = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.float32)
        for at in range(0, len(asked), CHUNK):
            part = asked[at : at + CHUNK]
            found, distance = self._nearest(part)
            best[at : at + CHUNK], least[at : at + CHUNK] = found, distance + (part**2).sum(1)
        places = np.stack([best // self._width, best % self._width], 1)
        return places, np.sqrt(np.maximum(least, 0) / VALUES)

    def _nearest(self, part: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        asked = np.concatenate([-2 * part, np.ones((len(part), 1), np.float32)], 1)
        found, distance = np.zeros(len(part), np.int64), np.full(len(part), np.inf, np.float32)
        for begin in range(0, self._columns.shape[1], CHUNK):
            far = asked @ self._columns[:, begin : begin + CHUNK]
            nearest = far.argmin(1)
            value = far[np.arange(len(part)), nearest]
            better = value < distance
            found[better], distance[better] = nearest[better] + begin, value[better]
        return found, distance


def _fit(
    catalog: Catalog, small: Rgba, image_id: int, corners: Corners
) -> tuple[float, tuple[int, int], tuple[int, int]] | None:
    """Lay the sprite at each corner; return the best score, corner and size, or None where it fits nowhere."""
    try:
        sprite = shrunk(catalog.open(image_id))
    except (CatalogError, OSError):
        return None
    at = np.argwhere(sprite[..., 3] > OPAQUE)
    colours = sprite[at[:, 0], at[:, 1], :3].astype(np.int16)
    few = slice(None, None, max(1, len(at) // FEW))
    best: tuple[float, tuple[int, int]] | None = None
    for y, x in sorted(corners):
        if _difference(small, at[few], colours[few], (y, x)) > 2 * FITS:
            continue
        difference = _difference(small, at, colours, (y, x))
        if difference <= FITS and (best is None or 1 - difference / 255 > best[0]):
            best = (1 - difference / 255, (y, x))
    return None if best is None else (best[0], best[1], (sprite.shape[0], sprite.shape[1]))


def _difference(small: Rgba, at: NDArray[np.int64], colours: NDArray[np.int16], corner: tuple[int, int]) -> float:
    """Return the 60th percentile of the opaque pixels' differences, where the sprite is inside."""
    under = at + corner
    within = ((under >= 0) & (under < small.shape[:2])).all(1)
    if within.sum() < LEAST_INSIDE * len(at) or not within.any():
        return 255.0
    rows, columns = under[within].T
    apart = np.abs(small[rows, columns, :3] - colours[within]).sum(1) / 3
    return float(np.partition(apart, len(apart) * COVERED // 100)[len(apart) * COVERED // 100])


def enlargements(screenshot: Rgba) -> list[Grid]:
    """Return by which whole number the screenshot may be enlarged, and where its first whole pixel begins.

    Where that is not sure (a background may be enlarged and the sprites on it not), its own size is among them, too.
    """
    grey = screenshot[..., :3].astype(np.float32).mean(-1)
    columns = np.abs(np.diff(grey, axis=1)).mean(0)
    rows = np.abs(np.diff(grey, axis=0)).mean(1)
    ratio, best = 1.0, Grid(1, 0, 0)
    for scale in range(2, min(MOST_SCALE, *(n // 16 for n in grey.shape)) + 1):
        across, down = _on_grid(columns, scale), _on_grid(rows, scale)
        if min(across[0], down[0]) > ratio:
            ratio, best = min(across[0], down[0]), Grid(scale, down[1], across[1])
    if ratio < LEAST_RATIO:
        return [Grid(1, 0, 0)]
    return [best] if ratio >= SURE_RATIO else [best, Grid(1, 0, 0)]


def _on_grid(edges: NDArray[np.float32], scale: int) -> tuple[float, int]:
    """Return how much more edge lies on one grid of so many pixels than beside it, and where that grid begins."""
    at = np.arange(len(edges))
    kept = at % BLOCK != BLOCK - 1
    if scale == BLOCK:
        kept[:] = True
    means = np.array([edges[kept & (at % scale == phase)].mean() for phase in range(scale)])
    phase = int(means.argmax())
    ratio = means[phase] / max(np.delete(means, phase).mean(), 1e-6)
    return float(ratio / 2 if scale == BLOCK else ratio), (phase + 1) % scale


def reduced(screenshot: Rgba, grid: Grid) -> Rgba:
    """Undo an enlargement: the mean of each block of pixels, which also takes away most of what JPEG did."""
    scale, top, left = grid
    cut = screenshot[top:, left:]
    height, width = cut.shape[0] // scale, cut.shape[1] // scale
    blocks = cut[: height * scale, : width * scale].reshape(height, scale, width, scale, 4)
    return np.asarray(np.round(blocks.astype(np.float32).mean((1, 3))), np.uint8)
