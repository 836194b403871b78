"""All that the judges are fitted on: pictures described once, helped by judges of sprites that know no author."""

import pickle
from dataclasses import dataclass
from pathlib import Path

from extract.sheets.box_lessons import box_lessons, cross_fit_boxes
from extract.sheets.examples import made_examples, real_examples
from extract.sheets.fit import Example, deal
from extract.sheets.forest import Forest
from extract.sheets.lessons import make_all, read


@dataclass(frozen=True)
class Prepared:
    """All pictures described, the fold of each author, and the judge of sprites to ship, which has seen everybody."""

    examples: list[Example]
    place: dict[str, int]
    sprites: Forest


@dataclass(frozen=True)
class Asked:
    """From what to learn: a data folder, a folder of loose sprites, and how authors are dealt to how many folds."""

    data: Path
    art: Path | None
    folds: int
    seed: int


def prepare(asked: Asked, jobs: int = 1) -> Prepared:
    """Fit judges of sprites that have not seen the authors of a fold, and describe all pictures with their help."""
    lessons = read(asked.data)
    place = deal(lessons.sizes(), asked.folds, asked.seed)
    made, packed = make_all(lessons, asked.art)
    by_author, sprites = cross_fit_boxes(box_lessons(lessons, [*made, *packed], jobs), place, jobs)
    examples = [*real_examples(lessons, by_author, jobs), *made_examples(made, by_author, jobs)]
    return Prepared(examples, place, sprites)


def load(cache: Path | None, asked: Asked, jobs: int = 1) -> Prepared:
    """Prepare, or read what was prepared from the cache (written by this program; nobody else's is safe to read)."""
    if cache and cache.exists():
        return cached(cache)
    prepared = prepare(asked, jobs)
    if cache:
        cache.write_bytes(pickle.dumps(prepared))
    return prepared


def cached(cache: Path) -> Prepared:
    """Read what `load` left in a file (nobody else's is safe to read)."""
    with cache.open("rb") as file:
        kept: Prepared = pickle.load(file)  # noqa: S301 (our own file, named by the caller)
    return kept
