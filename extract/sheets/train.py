"""Train the judge from pictures with known cuts: ``python -m extract.sheets.train DATA [--folds 6] [--write]``.

DATA is a folder with ``truth.json`` (kind, rects or grid per picture), ``manifest.csv`` (``group`` is the author,
``weak`` marks ambiguous rows) and ``img/``. Prints the quality on authors the model has not seen; ``--write``
replaces ``judge.json``. Deterministic.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extract.sheets.boost import Lessons, Recipe, boost
from extract.sheets.evidence import gather
from extract.sheets.features import KINDS, NAMES, describe
from extract.sheets.forest import Floats, Forest
from extract.sheets.lattice import Cut
from extract.sheets.model import Grid, Rect
from extract.sheets.slice import occupied

RECIPE = Recipe(trees=240, depth=4, rate=0.08, ridge=6.0, rows=0.5, columns=0.3, always=len(KINDS))
WEAK_WEIGHT = 0.3
MADE_WEIGHT = 0.4
MIN_CROPPED_PX = 128
GROUP_FULL = 12
"""Authors with more pictures than this weigh less per picture, so that none dominates."""


@dataclass(frozen=True)
class Example:
    """One picture: its feature rows, which of them are right, its kind, author, and whether the truth is weak.

    `made` marks pictures made up for training (see `made_up`); quality is never measured on them.
    """

    picture: str
    table: Floats
    right: NDArray[np.bool_]
    kind: str
    group: str
    weak: bool
    made: bool = False


def example(data: Path, picture: str, truth: dict[str, Any], group: str) -> Example:
    """Describe one picture and mark the right rows."""
    with Image.open(data / "img" / truth["file"]) as image:
        rgba = np.asarray(image.convert("RGBA"))
    grids, table = describe(gather(rgba))
    right = np.zeros(len(table), dtype=bool)
    if truth["kind"] == "grid":
        right[2:] = _right_grids(rgba, truth["grid"], grids)
    else:
        right[0 if truth["kind"] == "single" else 1] = True
    return Example(picture, table, right, truth["kind"], group, bool(truth["weak"]))


def made_up(data: Path, picture: str, truth: dict[str, Any], group: str) -> list[Example]:
    """Cut a square of 2^n px out of a large picture known to be single: still single, but with the size of a sheet.

    Without these the judge learns that 256x256 means sheet, and cuts every texture.
    """
    with Image.open(data / "img" / truth["file"]) as image:
        rgba = np.asarray(image.convert("RGBA"))
    shortest = min(rgba.shape[:2])
    if truth["kind"] != "single" or shortest < MIN_CROPPED_PX:
        return []
    side = min(512, 1 << (shortest.bit_length() - 1))
    top, left = (rgba.shape[0] - side) // 2, (rgba.shape[1] - side) // 2
    return [_single(rgba[top : top + side, left : left + side], f"{picture} cropped", group)]


def noise() -> list[Example]:
    """Make opaque noise of many sizes: no line in it is a cut line."""
    chance = np.random.default_rng(1)
    sizes = [(1 << w, 1 << h) for w in range(5, 10) for h in range(5, 10)]
    found: list[Example] = []
    for width, height in sizes:
        rgba = chance.integers(0, 256, (height, width, 4), dtype=np.uint8)
        rgba[..., 3] = 255
        found.append(_single(rgba, f"noise {width}x{height}", "noise"))
    return found


def _single(rgba: NDArray[np.uint8], picture: str, group: str) -> Example:
    _, table = describe(gather(rgba))
    right = np.zeros(len(table), dtype=bool)
    right[0] = True
    return Example(picture, table, right, "single", group, weak=False, made=True)


def _right_grids(rgba: NDArray[np.uint8], stated: list[int], grids: list[tuple[Cut, Cut]]) -> list[bool]:
    """Mark the grids that give the same filled cells as the stated one, one in a hundred forgiven."""
    height, width = rgba.shape[:2]
    tile_w, tile_h, margin_x, margin_y, spacing_x, spacing_y = stated
    wanted = _places(rgba, Grid((tile_w, tile_h), (margin_x, margin_y), (spacing_x, spacing_y)).cells(width, height))
    marks: list[bool] = []
    for one, two in grids:
        same = (one.tile, two.tile) == (tile_w, tile_h)
        grid = Grid((one.tile, two.tile), (one.margin, two.margin), (one.spacing, two.spacing))
        got = _places(rgba, grid.cells(width, height)) if same else set()
        allowed = 0.01 * len(wanted)
        marks.append(same and len(wanted - got) <= allowed and len(got - wanted) <= allowed)
    return marks


def _places(rgba: NDArray[np.uint8], rects: tuple[Rect, ...]) -> set[tuple[int, int]]:
    return {(r.x, r.y) for r in occupied(rgba, rects)}


def lessons(examples: list[Example]) -> Lessons:
    """Stack the examples that have a right row."""
    usable = [e for e in examples if e.right.any()]
    sizes = Counter(e.group for e in usable if not e.made) + Counter({"noise": 1})
    worth = [MADE_WEIGHT if e.made else WEAK_WEIGHT if e.weak else 1.0 for e in usable]
    weights = [w * min(1.0, GROUP_FULL / sizes[e.group]) ** 0.5 for e, w in zip(usable, worth, strict=True)]
    return Lessons(
        np.concatenate([e.table for e in usable]),
        np.concatenate([e.right for e in usable]),
        np.concatenate([np.full(len(e.table), i) for i, e in enumerate(usable)]),
        np.concatenate([np.full(len(e.table), w) for e, w in zip(usable, weights, strict=True)]),
    )


def folds(examples: list[Example], count: int) -> dict[str, int]:
    """Deal authors to folds, the largest first to the emptiest fold."""
    load = [0] * count
    place: dict[str, int] = {}
    # Cropped pictures stay with their author; only noise has none.
    sizes = Counter(e.group for e in examples if not e.made or e.group == "noise")
    for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        place[group] = load.index(min(load))
        load[place[group]] += size
    return place


def train_without(examples: list[Example], place: dict[str, int], fold: int) -> Forest:
    """Train on all authors but those of one fold; fold -1 leaves none out."""
    return boost(lessons([e for e in examples if place[e.group] != fold]), NAMES, RECIPE)


def held_out(examples: list[Example], count: int) -> dict[str, Floats]:
    """Give every picture the probabilities by the forest that has not seen its author."""
    place = folds(examples, count)
    shares: dict[str, Floats] = {}
    with ProcessPoolExecutor(2) as pool:
        for fold, forest in enumerate(pool.map(partial(train_without, examples, place), range(count))):
            mine = [e for e in examples if place[e.group] == fold]
            shares |= {e.picture: forest.probabilities(e.table) for e in mine}
    return shares


def summary(examples: list[Example], shares: dict[str, Floats]) -> str:
    """Tell, on strong rows, how limits on the probability of a split trade over-splits against exact grids."""
    strong = [e for e in examples if not (e.weak or e.made)]
    singles = [e for e in strong if e.kind == "single"]
    grids = [e for e in strong if e.kind == "grid"]
    atlases = [e for e in strong if e.kind == "atlas"]
    lines = ["limit  over-split %  grids exact %  atlases found %"]
    for limit in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9):
        over = np.mean([1 - shares[e.picture][0] >= limit for e in singles])
        exact = np.mean([1 - shares[e.picture][0] >= limit and _hit(e, shares[e.picture]) for e in grids])
        found = np.mean([1 - shares[e.picture][0] >= limit and _hit(e, shares[e.picture]) for e in atlases])
        lines.append(f"{limit:5.2f}  {100 * over:12.1f}  {100 * exact:13.1f}  {100 * found:15.1f}")
    return "\n".join(lines) + "\n"


def _hit(example: Example, shares: Floats) -> bool:
    best = int(shares[1:].argmax()) + 1
    return bool(example.right[best])


def load(data: Path) -> list[Example]:
    """Describe every picture of a data folder."""
    truth = json.loads((data / "truth.json").read_text(encoding="utf-8"))
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        groups = {row["id"]: row["group"] for row in csv.DictReader(lines)}
    real = [example(data, picture, truth[picture], groups[picture]) for picture in sorted(truth)]
    made = [cropped for picture in sorted(truth) for cropped in made_up(data, picture, truth[picture], groups[picture])]
    return [*real, *made, *noise()]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with truth.json, manifest.csv and img/")
    parser.add_argument("--folds", type=int, default=6, help="author-wise cross-validation; 0 skips it")
    parser.add_argument("--write", action="store_true", help="replace judge.json beside this module")
    chosen = parser.parse_args(arguments)
    examples = load(chosen.data)
    if chosen.folds:
        sys.stdout.write(summary(examples, held_out(examples, chosen.folds)))
    if chosen.write:
        forest = train_without(examples, folds(examples, 2), -1)
        Path(__file__).with_name("judge.json").write_text(forest.to_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
