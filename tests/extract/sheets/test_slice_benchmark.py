"""A guard over real sheets: the shipped judge must keep the quality it was shipped with.

The judge was trained on these pictures, so the numbers guard against regressions; what to expect from unseen authors
is printed by ``python -m extract.sheets.train DATA``.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from extract.sheets import Grid, Rect, Slicing, occupied, slice_image
from tests.extract.sheets.sheet_pictures import SHARED, Picture

pytestmark = pytest.mark.skipif(not (SHARED / "truth.json").exists(), reason=f"no measured sheets at {SHARED}")

EVERY = 5
"""One picture in so many, by a hash of its id, keeps this under a minute."""

MAX_OVER_SPLIT = 0.01
MIN_EXACT = 0.9


@dataclass(frozen=True)
class Outcome:
    kind: str
    split: bool
    exact: bool


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    truth: dict[str, dict[str, Any]] = json.loads((SHARED / "truth.json").read_text(encoding="utf-8"))
    chosen = [t for i, t in sorted(truth.items()) if not t["weak"] and zlib.crc32(i.encode()) % EVERY == 0]
    return [outcome(entry) for entry in chosen]


def outcome(entry: dict[str, Any]) -> Outcome:
    with Image.open(SHARED / "img" / entry["file"]) as image:
        picture = np.asarray(image.convert("RGBA"))
    result = slice_image(picture)
    exact = entry["kind"] == "grid" and same_cells(picture, entry["grid"], result)
    return Outcome(entry["kind"], len(result.rects) > 1, exact)


def same_cells(picture: Picture, stated: list[int], result: Slicing) -> bool:
    tile_w, tile_h, margin_x, margin_y, spacing_x, spacing_y = stated
    grid = Grid((tile_w, tile_h), (margin_x, margin_y), (spacing_x, spacing_y))
    wanted = places(occupied(picture, grid.cells(picture.shape[1], picture.shape[0])))
    return len(wanted ^ places(result.rects)) <= 0.01 * len(wanted)


def places(rects: tuple[Rect, ...]) -> set[tuple[int, int, int, int]]:
    return {(r.x, r.y, r.w, r.h) for r in rects}


def test_ordinary_pictures_are_rarely_split(outcomes: list[Outcome]) -> None:
    singles = [o for o in outcomes if o.kind == "single"]
    assert sum(o.split for o in singles) <= MAX_OVER_SPLIT * len(singles)


def test_grids_are_cut_exactly(outcomes: list[Outcome]) -> None:
    grids = [o for o in outcomes if o.kind == "grid"]
    assert sum(o.exact for o in grids) >= MIN_EXACT * len(grids)
