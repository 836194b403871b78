"""Packed atlases: parts of one sprite join, sprites stay apart, floods are refused."""

import numpy as np

from extract.sheets import Rect
from extract.sheets.components import MAX_SPRITES, sprites
from extract.sheets.evidence import find_parts


def boxes(*rects: tuple[int, int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array([(x, y, x + w, y + h, w * h) for x, y, w, h in rects], dtype=np.int64)


def test_parts_are_found_with_diagonal_contact() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[0, 0] = mask[1, 1] = True
    mask[3:6, 5:8] = True
    assert find_parts(mask).tolist() == [[0, 0, 2, 2, 2], [5, 3, 8, 6, 9]]


def test_overlapping_boxes_are_one_sprite() -> None:
    assert sprites(boxes((0, 0, 10, 10), (8, 2, 10, 4), (30, 0, 9, 9))) == (Rect(0, 0, 18, 10), Rect(30, 0, 9, 9))


def test_a_small_bit_joins_its_close_neighbour_only() -> None:
    found = sprites(boxes((0, 0, 20, 20), (20, 4, 3, 3), (40, 0, 20, 20), (80, 0, 20, 20), (70, 30, 3, 3)))
    assert found == (Rect(0, 0, 23, 20), Rect(40, 0, 20, 20), Rect(80, 0, 20, 20), Rect(70, 30, 3, 3))


def test_specks_are_dropped_and_floods_refused() -> None:
    assert sprites(boxes((0, 0, 20, 20), (50, 50, 1, 1))) == (Rect(0, 0, 20, 20),)
    flood = boxes(*((3 * i, 0, 2, 2) for i in range(MAX_SPRITES + 1)))
    assert sprites(flood) == ()
    assert sprites(flood[:0]) == ()
