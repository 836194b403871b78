"""Sides of boxes move to quieter lines nearby: buttons in one colour that touch part at their round corners."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from extract.sheets.crossings import crossings
from extract.sheets.evidence import gather
from extract.sheets.grown import propose
from extract.sheets.layout import joined_ways
from extract.sheets.snapped import MIN_SIDE_PX, REACH_PX, snapped
from tests.extract.sheets import sheet_pictures as draw

PLACES = [(0, 0, 60, 40), (60, 0, 44, 40), (104, 0, 52, 40), (0, 40, 50, 30), (50, 40, 70, 30), (120, 40, 36, 30)]


def buttons() -> draw.Picture:
    """Buttons with round corners and a border, all in the same colours, packed without any gap."""
    image = Image.new("RGBA", (156, 70))
    pen = ImageDraw.Draw(image)
    for x, y, w, h in PLACES:
        pen.rounded_rectangle((x, y, x + w - 1, y + h - 1), 6, fill=(220, 60, 60, 255), outline=(160, 20, 20), width=3)
    return np.array(image)


def off(boxes: NDArray[np.int64], place: tuple[int, int, int, int]) -> int:
    """How many px the nearest of the boxes is off at its worst side."""
    x, y, w, h = place
    return int(np.abs(boxes - (x, y, x + w, y + h)).max(axis=1).min())


def test_buttons_of_one_colour_are_among_the_proposals() -> None:
    evidence = gather(buttons())
    boxes = propose(evidence, joined_ways(evidence)).boxes
    assert max(off(boxes, place) for place in PLACES) <= 1


def test_boxes_inside_the_border_and_beyond_it_move_to_the_button() -> None:
    table = crossings(gather(buttons()))
    around = np.array([[63, 3, 101, 37], [57, 0, 107, 44]])
    assert [off(snapped(table, around[i : i + 1]), PLACES[1]) for i in (0, 1)] == [1, 1]


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_boxes_stay_boxes_within_the_picture_and_near_where_they_were(seed: int) -> None:
    chance = np.random.default_rng(seed)
    width, height = (int(n) for n in chance.integers(4, 40, 2))
    picture = chance.integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[..., 3] = np.where(chance.random((height, width)) < 0.6, 255, 0)
    evidence = gather(picture)
    low = chance.integers(0, (width, height), (9, 2))
    boxes = np.concatenate([low, chance.integers(low + 1, (width + 1, height + 1))], axis=1)
    moved = snapped(crossings(evidence), boxes)
    sides = moved[:, 2:] - moved[:, :2]
    changed = (moved != boxes).any(axis=1)
    assert (sides[changed] >= MIN_SIDE_PX).all()
    assert (sides > 0).all()
    assert (moved >= 0).all()
    assert (moved[:, 2:] <= evidence.crop).all()
    assert np.abs(moved - boxes).max() <= 2 * REACH_PX
