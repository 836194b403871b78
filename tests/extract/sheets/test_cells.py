"""What is said of the cells of grids is what their pixels say, however many grids are described at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.sheets import cells
from extract.sheets.cells import CELL_NAMES, cell_table
from extract.sheets.evidence import Evidence, gather
from extract.sheets.groups import Groups
from extract.sheets.lattice import Cut
from extract.sheets.layout import ways
from extract.sheets.matching import trim, trim_all
from extract.sheets.sprite_judge import shipped
from tests.extract.sheets import sheet_pictures as draw

Grids = list[tuple[Cut, Cut]]


def sparse_sheet() -> draw.Picture:
    """Give 90 x 70 px with blobs of one to four pixels' margin, blank cells and two equal rows."""
    chance = np.random.default_rng(5)
    picture = np.zeros((70, 90, 4), dtype=np.uint8)
    for _ in range(12):
        x, y, w, h = chance.integers(0, 80), chance.integers(0, 60), chance.integers(2, 14), chance.integers(2, 14)
        picture[y : y + h, x : x + w] = (*chance.integers(0, 256, 3), 255)
    picture[0:16] = 0
    picture[48:64] = picture[32:48]
    return picture


def some_grids() -> Grids:
    """Grids of many shapes: with margins and gutters, larger than the picture, and one whose only cell is blank."""
    across = [
        Cut(16, 0, 0, 5),
        Cut(10, 0, 0, 9),
        Cut(9, 2, 1, 8),
        Cut(30, 0, 0, 3),
        Cut(90, 0, 0, 1),
        Cut(120, 0, 0, 1),
    ]
    down = [Cut(16, 0, 0, 4), Cut(16, 0, 0, 1), Cut(9, 2, 1, 6), Cut(70, 0, 0, 1), Cut(8, 1, 2, 7)]
    return [(one, two) for one in across for two in down]


def described(evidence: Evidence, grids: Grids) -> dict[str, np.ndarray]:
    table = cell_table(evidence, grids, ways(evidence, shipped()))
    assert table.shape == (len(grids), len(CELL_NAMES))
    return dict(zip(CELL_NAMES, table.T, strict=True))


def cells_of(grid: tuple[Cut, Cut], picture: draw.Picture) -> list[list[np.ndarray]]:
    """List the pixels of the whole cells, row by row."""
    starts = [[c.margin + i * c.period for i in range(c.count)] for c in grid]
    inside = [
        [s for s in all_of if s + c.tile <= n] for all_of, c, n in zip(starts, grid, picture.shape[1::-1], strict=True)
    ]
    return [[picture[y : y + grid[1].tile, x : x + grid[0].tile] for x in inside[0]] for y in inside[1]]


def test_numbers_of_cells_are_those_of_their_pixels() -> None:
    picture, grids = sparse_sheet(), some_grids()
    found = described(gather(picture), grids)
    for i, grid in enumerate(grids):
        rows = cells_of(grid, picture)
        every = [cell for row in rows for cell in row]
        filled = [cell for cell in every if cell[..., 3].any()]
        assert found["filled_cells"][i] == pytest.approx(len(filled) / max(1, len(every)))
        if not filled:
            assert not any(found[name][i] for name in ("repeat", "fill_mean", "row_filled", "joined_are_cells"))
            continue
        fills = [float((cell[..., 3] > 0).mean()) for cell in filled]
        assert found["fill_mean"][i] == pytest.approx(np.mean(fills))
        assert found["fill_spread"][i] == pytest.approx(np.std(fills), abs=1e-9)
        assert found["full_cells"][i] == pytest.approx(np.mean([fill == 1.0 for fill in fills]))
        assert found["repeat"][i] == pytest.approx(1 - len({cell.tobytes() for cell in filled}) / len(filled))
        assert found["row_filled"][i] == pytest.approx(np.mean([any(c[..., 3].any() for c in row) for row in rows]))
        off = [np.nonzero(cell[..., 3])[1].mean() + 0.5 for cell in filled]
        assert found["centre_x_spread"][i] == pytest.approx(np.std(np.array(off) / grid[0].tile), abs=1e-9)


def test_inner_numbers_are_those_of_halves_of_the_filled_cells() -> None:
    picture = sparse_sheet()
    grids = [grid for grid in some_grids() if grid[0].tile in (16, 30) and grid[1].tile == 16 and grid[1].count == 4]
    found = described(gather(picture), grids)
    for i, (one, two) in enumerate(grids):
        quarters = [
            cell[y : y + two.tile // 2, x : x + one.tile // 2]
            for row in cells_of((one, two), picture)
            for cell in row
            if cell[..., 3].any()
            for y in (0, two.tile // 2)
            for x in (0, one.tile // 2)
        ]
        filled = [quarter for quarter in quarters if quarter[..., 3].any()]
        assert 0 < len(filled) < len(quarters)
        assert found["half_filled"][i] == pytest.approx(len(filled) / len(quarters))
        assert found["half_repeat"][i] == pytest.approx(1 - len({q.tobytes() for q in filled}) / len(filled))


def test_cells_too_small_to_be_divided_count_as_filled() -> None:
    found = described(gather(sparse_sheet()), [(Cut(10, 0, 0, 9), Cut(10, 0, 0, 7))])
    assert [found[name][0] for name in ("third_filled", "third_repeat")] == [1.0, 0.0]


def test_a_grid_is_described_alike_alone_and_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence, grids = gather(sparse_sheet()), some_grids()
    seen = ways(evidence, shipped())
    together = cell_table(evidence, grids, seen)
    alone = np.concatenate([cell_table(evidence, [grid], seen) for grid in grids])
    monkeypatch.setattr(cells, "_BATCH_CELLS", 40)
    batched = cell_table(evidence, grids, seen)
    np.testing.assert_allclose(alone, together, atol=1e-12)
    np.testing.assert_allclose(batched, together, atol=1e-12)


def test_no_grid_gives_no_row() -> None:
    evidence = gather(sparse_sheet())
    assert cell_table(evidence, [], ways(evidence, shipped())).shape == (0, len(CELL_NAMES))


@given(st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=8))
def test_groups_give_what_each_gives_alone(values: list[list[int]]) -> None:
    groups, flat = Groups(np.array([len(v) for v in values])), np.array([n for v in values for n in v], dtype=np.uint64)
    assert groups.sum(flat).tolist() == [sum(v) for v in values]
    assert groups.different(flat).tolist() == [len(set(v)) for v in values]
    assert groups.mean(flat) == pytest.approx([np.mean(v) if v else 0.0 for v in values])
    assert groups.std(flat.astype(float)) == pytest.approx([np.std(v) if v else 0.0 for v in values])
    assert groups.place.tolist() == [i for v in values for i in range(len(v))]
    assert groups.where(flat > 2).counts.tolist() == [sum(n > 2 for n in v) for v in values]


@given(st.integers(0, 1 << 30))
def test_many_boxes_are_trimmed_as_one_by_one(seed: int) -> None:
    chance = np.random.default_rng(seed)
    evidence = gather(np.repeat((chance.random((30, 40, 1)) < 0.06).astype(np.uint8) * 255, 4, axis=2))
    corners = np.sort(chance.integers(0, 31, (20, 2, 2)), axis=1).reshape(20, 4)
    corners = corners[(corners[:, 2:] > corners[:, :2]).all(axis=1)]
    boxes = corners[evidence.count(*corners.T) > 0]
    for (x, y, right, low), got in zip(boxes.tolist(), trim_all(evidence.drawn, boxes).tolist(), strict=True):
        left, top, w, h = trim(evidence.drawn, (x, y, right - x, low - y))
        assert got == [left, top, left + w, top + h]
