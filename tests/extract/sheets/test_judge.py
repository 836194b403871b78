"""The judge and its training: deterministic, readable back, and in step with the features."""

import numpy as np

from extract.sheets.boost import Lessons, Recipe, boost
from extract.sheets.evidence import gather
from extract.sheets.features import NAMES, describe
from extract.sheets.forest import Forest, judge
from tests.extract.sheets import sheet_pictures as draw


def lessons() -> Lessons:
    """60 pictures of 4 rows; the right row has the largest first feature."""
    table = np.random.default_rng(2).normal(size=(240, 3))
    right = np.zeros((60, 4), dtype=bool)
    right[np.arange(60), table[:, 0].reshape(60, 4).argmax(axis=1)] = True
    return Lessons(table, right.ravel(), np.repeat(np.arange(60), 4), np.ones(240))


def test_boosting_learns_to_rank_and_is_deterministic() -> None:
    names, recipe = ("a", "b", "c"), Recipe(trees=60, depth=2, rows=1.0, columns=0.7)
    first, second = boost(lessons(), names, recipe), boost(lessons(), names, recipe)
    assert first.to_json() == second.to_json()
    rows = lessons()
    chosen = first.scores(rows.table).reshape(60, 4).argmax(axis=1)
    assert (chosen == rows.right.reshape(60, 4).argmax(axis=1)).mean() > 0.8


def test_forest_reads_back_what_it_wrote() -> None:
    forest = boost(lessons(), ("a", "b", "c"), Recipe(trees=5, depth=2))
    again = Forest.from_json(forest.to_json())
    assert np.allclose(again.scores(lessons().table), forest.scores(lessons().table), atol=1e-3)


def test_shipped_judge_knows_the_features_of_today() -> None:
    assert judge().names == NAMES


def test_probabilities_cover_every_row_of_a_picture() -> None:
    grids, table = describe(gather(draw.sprites_in_cells(16, 4, 4)))
    shares = judge().probabilities(table)
    assert table.shape == (2 + len(grids), len(NAMES))
    assert abs(float(shares.sum()) - 1.0) < 1e-9


def test_equal_cells_have_equal_fingerprints_wherever_they_lie() -> None:
    picture = draw.noise(64, 48)
    picture[16:32, 32:48] = picture[0:16, 0:16]
    evidence = gather(picture)
    left, top = np.array([0, 32, 16]), np.array([0, 16, 16])
    marks = evidence.fingerprint(left, top, left + 16, top + 16)
    assert marks[0] == marks[1] != marks[2]
