"""Small sprites that hide: inside the box of a hollow part, beside something large they touch, among twins."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from extract.sheets import copies
from extract.sheets.boxes import BOX_NAMES, describe_boxes
from extract.sheets.copies import ROUNDS, SURE, with_copies
from extract.sheets.crossings import crossings
from extract.sheets.evidence import MAX_CROP_PX, gather
from extract.sheets.forest import Floats, Forest
from extract.sheets.grown import Proposals, propose
from extract.sheets.lattice import cuts, ends_drawn
from extract.sheets.layout import joined_ways
from tests.extract.sheets import sheet_pictures as draw


def canvas(width: int, height: int) -> draw.Picture:
    return np.zeros((height, width, 4), dtype=np.uint8)


def paint(picture: draw.Picture, place: tuple[int, int, int, int], seed: int) -> None:
    x, y, w, h = place
    picture[y : y + h, x : x + w] = (*np.random.default_rng(seed).integers(0, 256, 3), 255)


def proposed(picture: draw.Picture) -> set[tuple[int, ...]]:
    evidence = gather(picture)
    return set(map(tuple, propose(evidence, joined_ways(evidence)).boxes.tolist()))


def test_what_lies_inside_the_box_of_a_hollow_part_is_proposed_by_itself() -> None:
    picture = canvas(200, 120)
    paint(picture, (0, 0, 200, 4), 1)
    paint(picture, (0, 0, 4, 120), 1)
    places = [(20, 20, 30, 24), (70, 40, 24, 30), (120, 70, 36, 20)]
    for seed, place in enumerate(places):
        paint(picture, place, 2 + seed)
    assert {(x, y, x + w, y + h) for x, y, w, h in places} <= proposed(picture)


def test_a_small_sprite_that_touches_a_large_one_has_a_seed_of_its_own() -> None:
    picture = canvas(1100, 1000)
    paint(picture, (0, 0, 1000, 1000), 1)
    # Between the seeds that are spread over all of the large one.
    small = [(1000, 37 + 53 * i, 18, 20) for i in range(16)]
    for seed, place in enumerate(small):
        paint(picture, place, 2 + seed)
    found = np.array(sorted(proposed(picture)))
    assert max(int(np.abs(found - (x, y, x + w, y + h)).max(axis=1).min()) for x, y, w, h in small) <= 1


def row_of_twins() -> tuple[draw.Picture, NDArray[np.int64]]:
    """Eight blocks of 20 x 16 px in a row without a gap."""
    picture, boxes = canvas(180, 40), []
    for i in range(8):
        paint(picture, (20 * i, 10, 20, 16), i)
        boxes.append((20 * i, 10, 20 * i + 20, 26))
    return picture, np.array(boxes)


def proposals_of(picture: draw.Picture, boxes: NDArray[np.int64]) -> Proposals:
    count, none = len(boxes), np.zeros((0, 4), dtype=np.int64)
    votes = np.zeros((count, 5), dtype=bool)
    return Proposals(boxes, votes, np.zeros(count, dtype=np.int64), none, crossings(gather(picture)))


class Agreeing(Forest):
    """A forest that is equally sure of every box."""

    def __init__(self, score: float) -> None:
        object.__setattr__(self, "score", score)

    def scores(self, table: Floats) -> Floats:
        return np.full(len(table), self.score)


def test_beside_twins_boxes_of_their_size_are_proposed_and_beside_those_again() -> None:
    picture, boxes = row_of_twins()
    two = proposals_of(picture, boxes[:2])
    found, chance = with_copies(Agreeing(2.0), gather(picture), two, np.array([0.9, 0.9]))
    added = {tuple(box) for box in found.boxes.tolist()}
    assert {tuple(box) for box in boxes.tolist()} <= added
    assert len(found.boxes) == len(found.votes) == len(found.snaps) == len(chance)
    assert ROUNDS >= 6


def test_copies_end_where_the_judge_is_not_sure() -> None:
    picture, boxes = row_of_twins()
    found, chance = with_copies(Agreeing(-2.0), gather(picture), proposals_of(picture, boxes[:2]), np.array([0.9, 0.9]))
    new = found.boxes[2:]
    assert 0 < len(new) < 6
    assert new[:, 0].max() <= boxes[2, 0] + 2
    assert chance[2:].max() < SURE


@pytest.mark.parametrize("chances", [(0.9, 0.1), (0.2, 0.3)])
def test_one_sure_box_has_no_copies(chances: tuple[float, float]) -> None:
    picture, boxes = row_of_twins()
    two = proposals_of(picture, boxes[:2])
    found, chance = with_copies(Agreeing(2.0), gather(picture), two, np.array(chances))
    assert (len(found.boxes), chance.tolist()) == (2, list(chances))


def test_more_sure_boxes_than_anybody_draws_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, boxes = row_of_twins()
    monkeypatch.setattr(copies, "MAX_SURE", 1)
    found, _ = with_copies(Agreeing(2.0), gather(picture), proposals_of(picture, boxes[:2]), np.array([0.9, 0.9]))
    assert found.boxes.tolist() == boxes[:2].tolist()


def test_no_copy_lies_on_a_sure_box() -> None:
    picture, boxes = row_of_twins()
    found, _ = with_copies(Agreeing(2.0), gather(picture), proposals_of(picture, boxes[2:5]), np.full(3, 0.9))
    new = found.boxes[3:]
    assert len(new)
    assert ((new[:, 2] <= boxes[2, 0]) | (new[:, 0] >= boxes[4, 2])).all()


def test_a_box_knows_how_many_others_end_where_it_does() -> None:
    picture, boxes = row_of_twins()
    table = describe_boxes(gather(picture), proposals_of(picture, boxes))
    lined, abut = (table[:, [BOX_NAMES.index(f"{name}{k}") for k in ("_least", "_most")]] for name in ("lined", "abut"))
    # All eight begin on one line above, and only one of them on each line from left to right.
    np.testing.assert_allclose(lined[3], [np.log2(1 + 1), np.log2(1 + 8)])
    np.testing.assert_allclose(abut[3], [0.0, np.log2(1 + 1)])


def test_the_last_boxes_are_described_as_among_all() -> None:
    picture, boxes = row_of_twins()
    evidence, found = gather(picture), proposals_of(picture, boxes)
    table = describe_boxes(evidence, found)
    np.testing.assert_array_equal(describe_boxes(evidence, found, 5), table[5:])
    alone = describe_boxes(evidence, replace(found, boxes=boxes[5:], votes=found.votes[5:], snaps=found.snaps[5:]))
    same_size = BOX_NAMES.index("log_same_size")
    assert (table[5:, same_size] > alone[:, same_size]).all()


def test_cells_are_counted_to_the_end_of_what_is_drawn_beyond_the_part_examined() -> None:
    picture = canvas(MAX_CROP_PX + 500, 300)
    paint(picture, (0, 0, MAX_CROP_PX + 284, 200), 1)
    axis = gather(picture).x
    assert axis.extent == MAX_CROP_PX + 284 == 13 * 140
    assert 140 in {cut.tile for cut in cuts(axis)}
    assert [cut.tile for cut in cuts(axis) if ends_drawn(axis, cut) and cut.tile == 140]
    assert not any(ends_drawn(axis, cut) for cut in cuts(axis) if cut.tile in (16, 32))
