"""The judge: its forests are read back as written, agree with LightGBM, and are in step with the features."""

import lightgbm
import numpy as np

from extract.sheets.evidence import gather
from extract.sheets.features import FIRST_GRID, NAMES, describe
from extract.sheets.forest import Forest, averaged, from_lightgbm
from extract.sheets.judge import Scale, from_json, shipped, to_json
from extract.sheets.layout import ways
from extract.sheets.sprite_judge import shipped as shipped_sprites
from tests.extract.sheets import sheet_pictures as draw


def grown() -> tuple[lightgbm.Booster, np.ndarray]:
    """A small regression forest over 400 rows of 5 numbers."""
    table = np.random.default_rng(2).normal(size=(400, 5))
    goal = table[:, 0] * 2 + (table[:, 1] > 0.3)
    settings = {"num_leaves": 7, "num_threads": 1, "verbose": -1, "deterministic": True, "seed": 1}
    return lightgbm.train(settings, lightgbm.Dataset(table, label=goal), 20), table


def test_walking_the_trees_gives_what_lightgbm_gives() -> None:
    booster, table = grown()
    forest = from_lightgbm(booster.dump_model())
    assert np.allclose(forest.scores(table), np.asarray(booster.predict(table)), atol=1e-9)


def test_averaged_forests_score_the_mean_whatever_their_shapes() -> None:
    booster, table = grown()
    one = from_lightgbm(booster.dump_model())
    stump = {"num_leaves": 2, "num_threads": 1, "verbose": -1, "deterministic": True, "seed": 1}
    two = from_lightgbm(lightgbm.train(stump, lightgbm.Dataset(table, label=table[:, 2]), 5).dump_model())
    mean = (one.scores(table) + two.scores(table)) / 2
    assert np.allclose(averaged([one, two]).scores(table), mean)
    assert np.allclose(Forest.from_lists(averaged([two, one]).to_lists()).scores(table), mean, atol=1e-3)


def test_forest_reads_back_what_it_wrote() -> None:
    booster, table = grown()
    forest = from_lightgbm(booster.dump_model())
    again = Forest.from_lists(forest.to_lists())
    assert np.allclose(again.scores(table), forest.scores(table), atol=1e-3)


def test_shipped_judge_knows_the_features_of_today() -> None:
    assert shipped().names == NAMES
    assert to_json(from_json(to_json(shipped()))) == to_json(shipped())


def test_verdict_covers_every_cut_of_a_picture() -> None:
    evidence = gather(draw.sprites_in_cells(16, 4, 4))
    grids, table = describe(evidence, ways(evidence, shipped_sprites()))
    verdict = shipped().weigh(table)
    assert table.shape == (FIRST_GRID + len(grids), len(NAMES))
    assert len(verdict.shares) == len(table) - 1
    assert abs(float(verdict.shares.sum()) - 1.0) < 1e-9
    assert 0.0 < verdict.sheet < 1.0
    assert 0.0 < verdict.sure < 1.0


def test_scale_rises_and_stays_within_its_ends() -> None:
    scale = Scale(np.array([-2.0, 0.0, 2.0]), np.array([0.1, 0.4, 0.9]))
    read = [scale.read(p) for p in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert read == sorted(read)
    assert read[0] == 0.1
    assert read[-1] == 0.9


def test_equal_cells_have_equal_fingerprints_wherever_they_lie() -> None:
    picture = draw.noise(64, 48)
    picture[16:32, 32:48] = picture[0:16, 0:16]
    evidence = gather(picture)
    left, top = np.array([0, 32, 16]), np.array([0, 16, 16])
    marks = evidence.fingerprint(left, top, left + 16, top + 16)
    assert marks[0] == marks[1] != marks[2]
