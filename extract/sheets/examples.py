"""Pictures with known cuts as examples for the judge, all their cuts described and graded.

A cut is worth what a scorer would give it: a grid 1 when it yields the stated cells that show something, one in a
hundred forgiven, else 0; any cut of an atlas the F1 of its rectangles against the stated ones, both trimmed.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extract.sheets.art_pool import Picture
from extract.sheets.collage import Made
from extract.sheets.evidence import gather
from extract.sheets.features import FIRST_GRID, describe
from extract.sheets.fit import Example
from extract.sheets.forest import Forest
from extract.sheets.ground import prefix_sums
from extract.sheets.layout import ways
from extract.sheets.lessons import Lessons
from extract.sheets.matching import Box, f1_trimmed, shown
from extract.sheets.model import Grid

MAX_ATLAS_CELLS = 5000


def real_examples(lessons: Lessons, sprites: dict[str, Forest], jobs: int = 1) -> list[Example]:
    """Describe every real picture in `jobs` processes; `sprites` by author judges boxes unseen."""
    with ProcessPoolExecutor(jobs) as pool:
        asked = [(lessons, name, sprites[lessons.authors[name]]) for name in sorted(lessons.truth)]
        return list(pool.map(_real, asked, chunksize=8))


def _real(asked: tuple[Lessons, str, Forest]) -> Example:
    lessons, name, sprites = asked
    entry, author = lessons.truth[name], lessons.authors[name]
    known = Known(name, entry["kind"], author, entry.get("grid"), entry.get("rects", []))
    return replace(example(lessons.picture(name), known, sprites), weak=bool(entry["weak"]))


def made_examples(made: list[Made], sprites: dict[str, Forest], jobs: int = 1) -> list[Example]:
    """Describe made-up pictures in `jobs` processes."""
    with ProcessPoolExecutor(jobs) as pool:
        asked = [(number, one, sprites[one.author]) for number, one in enumerate(made)]
        return list(pool.map(_made, asked, chunksize=8))


def _made(asked: tuple[int, Made, Forest]) -> Example:
    number, made, sprites = asked
    grid = list(made.grid) if made.grid else None
    known = Known(f"made {number}", made.kind, made.author, grid, [list(r) for r in made.rects])
    return replace(example(made.rgba, known, sprites), made=True)


@dataclass(frozen=True)
class Known:
    """What is known of a picture: its name, kind and author, and the grid or the rectangles it is to be cut into."""

    name: str
    kind: str
    author: str
    grid: list[int] | None
    rects: list[list[int]]


def example(rgba: Picture, known: Known, sprites: Forest) -> Example:
    """Describe one picture with known cut and grade all its rows."""
    evidence = gather(rgba)
    seen = ways(evidence, sprites)
    grids, table = describe(evidence, seen)
    quality = np.zeros(len(table), dtype=np.float32)
    described = Example(known.name, table.astype(np.float32), quality, known.kind, known.author, seen[-1].boxes)
    if known.kind == "single":
        quality[0] = 1.0
        return described
    mask = _drawn(rgba, evidence.ground.foreground)
    cuts = [Grid((a.tile, b.tile), (a.margin, b.margin), (a.spacing, b.spacing)) for a, b in grids]
    if known.kind == "grid" and known.grid is not None:
        wanted = set(shown(mask, _cells(_stated(known.grid), rgba)))
        for i, cut in enumerate(cuts):
            if wanted and cut.tile == (known.grid[0], known.grid[1]):
                quality[FIRST_GRID + i] = _same(wanted, set(shown(mask, _cells(cut, rgba))))
    else:
        truth = [(x, y, w, h) for x, y, w, h in known.rects]
        for i, way in enumerate(seen):
            found = [(x, y, x1 - x, y1 - y) for x, y, x1, y1 in way.boxes.tolist()]
            quality[1 + i] = f1_trimmed(mask, truth, found)
        for i, cut in enumerate(cuts):
            if np.prod(cut.shape(rgba.shape[1], rgba.shape[0])) < MAX_ATLAS_CELLS:
                quality[FIRST_GRID + i] = f1_trimmed(mask, truth, _cells(cut, rgba))
    return described


def _drawn(rgba: Picture, foreground: NDArray[np.bool_]) -> NDArray[np.int32]:
    whole = foreground.shape == rgba.shape[:2]
    return prefix_sums(foreground if whole else np.ones(rgba.shape[:2], dtype=bool))


def _stated(grid: list[int]) -> Grid:
    return Grid((grid[0], grid[1]), (grid[2], grid[3]), (grid[4], grid[5]))


def _cells(grid: Grid, rgba: Picture) -> list[Box]:
    return [(r.x, r.y, r.w, r.h) for r in grid.cells(rgba.shape[1], rgba.shape[0])]


def _same(wanted: set[Box], got: set[Box]) -> bool:
    allowed = 0.01 * len(wanted)
    return len(wanted - got) <= allowed and len(got - wanted) <= allowed
