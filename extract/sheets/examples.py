"""Pictures with known cuts as lessons for the judge: real ones from a data folder, and made-up ones.

A cut is worth what a scorer would give it: a grid 1 when it yields the stated cells that show something, one in a
hundred forgiven, else 0; any cut of an atlas the F1 of its rectangles against the stated ones, both trimmed.
"""

import csv
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extract.sheets.art_pool import Picture, Shelf, fill, from_folder
from extract.sheets.collage import Made
from extract.sheets.evidence import gather
from extract.sheets.features import FIRST_GRID, describe
from extract.sheets.fit import Example
from extract.sheets.ground import prefix_sums
from extract.sheets.layout import ways
from extract.sheets.made_up import make
from extract.sheets.matching import Box, f1_trimmed, shown
from extract.sheets.model import Grid

MADE = (
    ("grid", 400),
    ("atlas", 450),
    ("single", 850),
    ("frames", 240),
    ("rest", 200),
    ("tight", 240),
    ("ruled", 160),
    ("single", 250),
)
"""How many pictures of which kind, one after the other; adding at the end leaves what comes before as it is."""

MADE_SEED = 5
ART_SHARE = 0.12
ART_AUTHOR = "kenney"
MAX_ATLAS_CELLS = 5000


def real_examples(data: Path, jobs: int = 1) -> list[Example]:
    """Describe every picture of a data folder (``truth.json``, ``manifest.csv``, ``img/``) in `jobs` processes."""
    truth, groups = _truth(data)
    with ProcessPoolExecutor(jobs) as pool:
        asked = [(data, picture, truth[picture], groups[picture]) for picture in sorted(truth)]
        return list(pool.map(_real, asked, chunksize=8))


def _real(asked: tuple[Path, str, dict[str, Any], str]) -> Example:
    data, picture, entry, author = asked
    rgba = _open(data, entry)
    one = example(picture, rgba, entry["kind"], author, entry.get("grid"), entry.get("rects", []))
    return replace(one, weak=bool(entry["weak"]))


def made_examples(data: Path, art: Path | None, jobs: int = 1) -> list[Example]:
    """Make up pictures from the art of each author, and from a folder of loose CC0 sprites if there is one."""
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(_made, enumerate(make_all(data, art)), chunksize=8))


def _made(numbered: tuple[int, Made]) -> Example:
    number, made = numbered
    grid = list(made.grid) if made.grid else None
    one = example(f"made {number}", made.rgba, made.kind, made.author, grid, [list(r) for r in made.rects])
    return replace(one, made=True)


def make_all(data: Path, art: Path | None) -> list[Made]:
    """Make up the pictures themselves, `MADE` of each kind; the same data gives the same pictures."""
    truth, groups = _truth(data)
    shelves: dict[str, Shelf] = {}
    for picture in sorted(truth):
        author = groups[picture]
        fill(shelves.setdefault(author, Shelf(author)), _open(data, truth[picture]), truth[picture])
    loose = from_folder(art, ART_AUTHOR) if art else None
    chance, names = np.random.default_rng(MADE_SEED), sorted(shelves)
    found: list[Made] = []
    for kind, count in MADE:
        wanted = len(found) + count
        while len(found) < wanted:
            share = chance.random()
            from_art = loose is not None and share < ART_SHARE
            shelf = loose if loose and from_art else shelves[names[int(chance.integers(len(names)))]]
            made = make(shelf, kind, chance)
            found += [made] if made else []
    return found


def _truth(data: Path) -> tuple[dict[str, Any], dict[str, str]]:
    truth: dict[str, Any] = json.loads((data / "truth.json").read_text(encoding="utf-8"))
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        groups = {row["id"]: row["group"] for row in csv.DictReader(lines)}
    return truth, groups


def _open(data: Path, entry: dict[str, Any]) -> Picture:
    with Image.open(data / "img" / entry["file"]) as image:
        return np.asarray(image.convert("RGBA"))


def example(
    picture: str, rgba: Picture, kind: str, author: str, grid: list[int] | None, rects: list[list[int]]
) -> Example:
    """Describe one picture with known cut and grade all its rows."""
    evidence = gather(rgba)
    grids, table = describe(evidence)
    quality = np.zeros(len(table), dtype=np.float32)
    if kind == "single":
        quality[0] = 1.0
        return Example(picture, table.astype(np.float32), quality, kind, author)
    mask = _drawn(rgba, evidence.ground.foreground)
    cuts = [Grid((a.tile, b.tile), (a.margin, b.margin), (a.spacing, b.spacing)) for a, b in grids]
    if kind == "grid" and grid is not None:
        wanted = set(shown(mask, _cells(_stated(grid), rgba)))
        for i, cut in enumerate(cuts):
            if wanted and cut.tile == (grid[0], grid[1]):
                quality[FIRST_GRID + i] = _same(wanted, set(shown(mask, _cells(cut, rgba))))
    else:
        truth = [(x, y, w, h) for x, y, w, h in rects]
        for i, boxes in enumerate(ways(evidence)):
            found = [(int(x), int(y), int(x1 - x), int(y1 - y)) for x, y, x1, y1 in boxes]
            quality[1 + i] = f1_trimmed(mask, truth, found)
        for i, cut in enumerate(cuts):
            if np.prod(cut.shape(rgba.shape[1], rgba.shape[0])) < MAX_ATLAS_CELLS:
                quality[FIRST_GRID + i] = f1_trimmed(mask, truth, _cells(cut, rgba))
    return Example(picture, table.astype(np.float32), quality, kind, author)


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
