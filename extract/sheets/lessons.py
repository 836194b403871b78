"""Pictures with known cuts to learn from: real ones from a data folder, and others made up of their art."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from extract.sheets.art_pool import Picture, Shelf, fill, from_folder
from extract.sheets.collage import Made
from extract.sheets.made_up import make

MADE = (
    ("grid", 400),
    ("atlas", 450),
    ("single", 850),
    ("frames", 240),
    ("rest", 200),
    ("tight", 240),
    ("ruled", 160),
    ("single", 250),
    ("loose", 220),
)
"""How many pictures of which kind, one after the other; adding at the end leaves what comes before as it is."""

PACKED = (("gapless", 500),)
"""Made up after those, for the judge of sprites alone: so many more atlases make the other judges see atlases."""

MADE_SEED = 5
ART_SHARE = 0.12
ART_AUTHOR = "kenney"


@dataclass(frozen=True)
class Lessons:
    """A data folder (``truth.json``, ``manifest.csv``, ``img/``): truth and author of each picture by its id."""

    folder: Path
    truth: dict[str, Any]
    authors: dict[str, str]

    def picture(self, name: str) -> Picture:
        """Open one picture as (height, width, 4) uint8."""
        with Image.open(self.folder / "img" / self.truth[name]["file"]) as image:
            return np.asarray(image.convert("RGBA"))

    def sizes(self) -> Counter[str]:
        """Count the pictures of each author."""
        return Counter(self.authors[name] for name in self.truth)


def read(data: Path) -> Lessons:
    """Read the truth of a data folder."""
    truth: dict[str, Any] = json.loads((data / "truth.json").read_text(encoding="utf-8"))
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        return Lessons(data, truth, {row["id"]: row["group"] for row in csv.DictReader(lines)})


def make_all(lessons: Lessons, art: Path | None) -> tuple[list[Made], list[Made]]:
    """Make up pictures of each author's art, as `MADE` and `PACKED` say; the same data gives the same pictures."""
    shelves: dict[str, Shelf] = {}
    for name in sorted(lessons.truth):
        author = lessons.authors[name]
        fill(shelves.setdefault(author, Shelf(author)), lessons.picture(name), lessons.truth[name])
    loose = from_folder(art, ART_AUTHOR) if art else None
    chance, names = np.random.default_rng(MADE_SEED), sorted(shelves)
    found: list[Made] = []
    for kind, count in (*MADE, *PACKED):
        wanted = len(found) + count
        while len(found) < wanted:
            share = chance.random()
            from_art = loose is not None and share < ART_SHARE
            shelf = loose if loose and from_art else shelves[names[int(chance.integers(len(names)))]]
            made = make(shelf, kind, chance)
            found += [made] if made else []
    for_all = sum(count for _, count in MADE)
    return found[:for_all], found[for_all:]
