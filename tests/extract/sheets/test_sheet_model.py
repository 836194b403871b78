"""Laying a grid: whole cells only, never outside, never too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.sheets.errors import GridError
from extract.sheets.model import MAX_CELLS, Grid, Rect

small = st.integers(0, 9)
grids = st.builds(
    Grid,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(small, small),
    st.tuples(small, small),
)


@given(grids, st.integers(1, 200), st.integers(1, 200), st.none() | small, st.none() | st.integers(0, 30))
def test_cells_never_leave_the_picture_and_never_overlap(
    grid: Grid, width: int, height: int, columns: int | None, count: int | None
) -> None:
    cells = grid.cells(width, height, columns, count)
    assert all(cell.inside(width, height) for cell in cells)
    assert len({(cell.x, cell.y) for cell in cells}) == len(cells)
    assert len(cells) <= (count if count is not None else len(cells))
    for cell in cells:
        assert (cell.x - grid.margin[0]) == (cell.column or 0) * (grid.tile[0] + grid.spacing[0])
        assert (cell.y - grid.margin[1]) == (cell.row or 0) * (grid.tile[1] + grid.spacing[1])


def test_last_cell_needs_no_spacing_behind_it() -> None:
    assert Grid((16, 16), (0, 0), (1, 1)).shape(33, 50) == (2, 3)


def test_count_and_columns_limit_the_cells() -> None:
    cells = Grid((8, 8)).cells(32, 32, columns=3, count=4)
    assert [(c.x, c.y, c.row, c.column) for c in cells] == [(0, 0, 0, 0), (8, 0, 0, 1), (16, 0, 0, 2), (0, 8, 1, 0)]


@pytest.mark.parametrize("numbers", [((0, 8), (0, 0), (0, 0)), ((8, 8), (-1, 0), (0, 0)), ((8, 8), (0, 0), (10**9, 0))])
def test_impossible_numbers_are_refused(numbers: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(GridError):
        Grid(*numbers)


def test_a_flood_of_cells_is_refused_before_it_is_built() -> None:
    with pytest.raises(GridError, match=str(MAX_CELLS)):
        Grid((1, 1)).cells(30_000, 30_000)


def test_an_empty_or_overhanging_rect_is_not_inside() -> None:
    assert Rect(0, 0, 4, 4).inside(4, 4)
    assert not Rect(0, 0, 0, 4).inside(4, 4)
    assert not Rect(1, 0, 4, 4).inside(4, 4)
    assert not Rect(-1, 0, 2, 2).inside(4, 4)
