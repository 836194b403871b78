"""What the judge of sprites learns from: the proposed boxes of atlases whose sprites are known.

A box is worth its overlap (intersection over union) with the sprite it comes nearest to, both trimmed.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from extract.sheets.art_pool import Picture
from extract.sheets.boxes import describe_boxes
from extract.sheets.collage import Made
from extract.sheets.evidence import gather
from extract.sheets.fit import SHARED, weights
from extract.sheets.forest import Floats, Forest, averaged, from_lightgbm
from extract.sheets.forked import answers
from extract.sheets.layout import joined_ways, proposals
from extract.sheets.lessons import Lessons
from extract.sheets.matching import MIN_OVERLAP, shown, trim

TREES = 250
SETTINGS = SHARED | {
    "objective": "binary", "learning_rate": 0.08, "num_leaves": 24, "feature_fraction": 0.5, "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
}  # fmt: skip
SEEDS = (1, 2)
"""The judge is the mean of forests grown with these seeds."""

MADE_WEIGHT = 0.6
MAX_WRONG = 400
"""Of a picture's boxes that are no sprites so many are learned from; they count for up to `MAX_STANDS_FOR` others."""

MAX_STANDS_FOR = 3.0


@dataclass(frozen=True)
class BoxLesson:
    """The boxes of one atlas: their features, and the overlap of each with the sprite it is nearest to."""

    table: NDArray[np.float32]
    overlap: NDArray[np.float32]
    author: str
    weak: bool
    made: bool


def box_lessons(lessons: Lessons, made: list[Made], jobs: int = 1) -> list[BoxLesson]:
    """Describe the boxes of all real and made-up atlases in `jobs` processes."""
    real = [(lessons, name) for name, entry in sorted(lessons.truth.items()) if entry["kind"] == "atlas"]
    with ProcessPoolExecutor(jobs) as pool:
        found = [*pool.map(_real, real, chunksize=4)]
        found += pool.map(_made, [one for one in made if one.kind == "atlas"], chunksize=4)
    return [lesson for lesson in found if lesson is not None]


def _real(asked: tuple[Lessons, str]) -> BoxLesson | None:
    lessons, name = asked
    entry = lessons.truth[name]
    rects = [(x, y, w, h) for x, y, w, h in entry["rects"]]
    return _lesson(lessons.picture(name), rects, lessons.authors[name], weak=bool(entry["weak"]), made=False)


def _made(made: Made) -> BoxLesson | None:
    return _lesson(made.rgba, list(made.rects), made.author, weak=False, made=True)


def _lesson(
    rgba: Picture, rects: list[tuple[int, int, int, int]], author: str, *, weak: bool, made: bool
) -> BoxLesson | None:
    evidence = gather(rgba)
    found = proposals(evidence, joined_ways(evidence))
    wanted = sorted({trim(evidence.drawn, box) for box in shown(evidence.drawn, rects)})
    if found is None or not len(found.boxes) or not wanted:
        return None
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in wanted])
    overlap = _overlaps(found.boxes, corners).max(axis=1).astype(np.float32)
    return BoxLesson(describe_boxes(evidence, found).astype(np.float32), overlap, author, weak, made)


def _overlaps(boxes: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """Give the intersection over union of each box with each other box, all x0, y0, x1, y1."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.maximum(high - low, 0).prod(axis=2)
    one, two = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, others))
    return np.asarray(both / (one[:, None] + two[None] - both))


def fit_boxes(lessons: list[BoxLesson], seed: int) -> lightgbm.Booster:
    """Boost trees that tell the boxes of sprites from others."""
    chance = np.random.default_rng(seed)
    tables, labels, each = [], [], []
    for lesson, weight in zip(lessons, weights(lessons, MADE_WEIGHT), strict=True):
        right, wrong = np.flatnonzero(lesson.overlap >= MIN_OVERLAP), np.flatnonzero(lesson.overlap < MIN_OVERLAP)
        some = chance.permutation(wrong)[:MAX_WRONG]
        kept = np.concatenate([right, some])
        stands_for = min(MAX_STANDS_FOR, len(wrong) / max(1, len(some)))
        base = weight / max(1, len(right)) ** 0.5
        tables.append(lesson.table[kept])
        labels.append(lesson.overlap[kept] >= MIN_OVERLAP)
        each.append(base * np.where(labels[-1], 1.0, stands_for))
    data = lightgbm.Dataset(np.concatenate(tables), np.concatenate(labels), weight=np.concatenate(each), params=SHARED)
    return lightgbm.train(SETTINGS | {"seed": seed}, data, TREES)


def cross_fit_boxes(lessons: list[BoxLesson], place: dict[str, int], jobs: int = 1) -> tuple[dict[str, Forest], Forest]:
    """Give each author of `place` a forest that has not seen the author's fold, and one that has seen everybody."""
    folds: list[int | None] = [*range(max(place.values()) + 1), None]
    asked = [(fold, seed) for fold in folds for seed in SEEDS]
    grown = answers(_forest_without, (lessons, place), asked, jobs)
    *apart, everybody = [averaged(grown[i : i + len(SEEDS)]) for i in range(0, len(grown), len(SEEDS))]
    return {author: apart[fold] for author, fold in place.items()}, everybody


def _forest_without(kept: tuple[list[BoxLesson], dict[str, int]], asked: tuple[int | None, int]) -> Forest:
    (lessons, place), (fold, seed) = kept, asked
    return from_lightgbm(fit_boxes([one for one in lessons if place[one.author] != fold], seed).dump_model())
