"""Tiles: which stay, which go, which are each other's flips, and how they open."""

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sqlalchemy import text

from db import Catalog
from db.derive import record_slices
from db.errors import UnknownImageError
from db.orientation import MAX_PIXELS, orientation_hash, upright
from db.records import SliceResult
from db.vocabulary import Outcome
from extract.sheets import Grid, Rect, Slicing
from extract.tiles.alike import stand_ins
from extract.tiles.cut import cut_tiles
from tests.conftest import ROOT
from tests.extract.test_run import TSX, bring, column, packed, png, run


def cut(rgba: np.ndarray, tile: int, skip: int = 0) -> SliceResult:
    """Cut a picture as a slicer of some version would, leaving out the first `skip` cells."""
    rects = Grid((tile, tile)).cells(rgba.shape[1], rgba.shape[0])[skip:]
    tiles = cut_tiles(rgba, Slicing("grid", rects, Grid((tile, tile)), 0.9, "", "pixels"))
    return SliceResult(Outcome.OK, 9, "grid", 0.9, "pixels", "", tiles=tiles)


@pytest.fixture
def sheet_id(catalog: Catalog) -> int:
    """A sheet of 20 x 20 px at two places, cut into four."""
    bring(catalog, sheet_DOT_png=png(3), pack_DOT_zip=packed(a__sheet_DOT_png=png(3)))
    run(catalog)
    (image_id,) = column(catalog, "SELECT id FROM image")
    record(catalog, image_id, 10)
    return int(image_id)


def record(catalog: Catalog, sheet_id: int, tile: int, skip: int = 0) -> None:
    result = cut(catalog.open(sheet_id), tile, skip)
    with catalog.database.write() as connection:
        record_slices(connection, sheet_id, result)


def rows(catalog: Catalog, query: str) -> list[Any]:
    with catalog.database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


TILES = "SELECT id, x, y, w, h, image_id FROM tile ORDER BY id"
SEEN = "SELECT tile_id, count(*) FROM sighting WHERE tile_id <> 0 GROUP BY tile_id ORDER BY tile_id"


def test_tiles_that_stay_keep_their_ids_and_those_that_go_leave_nothing(catalog: Catalog, sheet_id: int) -> None:
    before = rows(catalog, TILES)
    assert [row[1:3] for row in before] == [(0, 0), (10, 0), (0, 10), (10, 10)]
    assert rows(catalog, SEEN) == [(row[0], 2) for row in before]
    record(catalog, sheet_id, 10, skip=1)
    assert rows(catalog, TILES) == before[1:]
    assert rows(catalog, SEEN) == [(row[0], 2) for row in before[1:]]
    record(catalog, sheet_id, 5)
    after = rows(catalog, TILES)
    assert len(after) == 16
    assert min(row[0] for row in after) > max(row[0] for row in before)


DIE = """
import os, signal, sys
import tests.extract.tiles.test_tiles as cases
from db import Catalog
from db.derive import record_slices
catalog = Catalog(sys.argv[1], sys.argv[2])
result = cases.cut(catalog.open(int(sys.argv[3])), 5)
with catalog.database.write() as connection:
    record_slices(connection, int(sys.argv[3]), result)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_while_recording_leaves_the_old_tiles(
    catalog: Catalog, catalog_url: str, tmp_path: Path, sheet_id: int
) -> None:
    before, seen = rows(catalog, TILES), rows(catalog, SEEN)
    words = [sys.executable, "-c", DIE, catalog_url, str(tmp_path / "blobs"), str(sheet_id)]
    died = subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert died.returncode == -signal.SIGKILL
    assert (rows(catalog, TILES), rows(catalog, SEEN)) == (before, seen)
    record(catalog, sheet_id, 5)
    assert len(rows(catalog, TILES)) == 16


def test_many_images_open_as_each_alone_and_sheets_are_decoded_once(
    catalog: Catalog, sheet_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [tile.image_id for tile in catalog.tiles_of(sheet_id)]
    assert [tile.position for tile in catalog.tiles_of(sheet_id)] == [0, 1, 2, 3]
    alone = {image_id: catalog.open(image_id) for image_id in (*ids, sheet_id)}
    opened: list[Any] = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda *args, **kwargs: opened.append(args) or real(*args, **kwargs))
    with Catalog(catalog.settings.catalog_url, catalog.settings.blobs_url) as fresh:
        together = dict(fresh.open_many([*ids, sheet_id, *ids]))
    assert len(opened) == 1
    assert all(np.array_equal(together[image_id], alone[image_id]) for image_id in alone)
    assert catalog.tiles_of(ids[0]) == []
    with pytest.raises(UnknownImageError):
        list(catalog.open_many([sheet_id, 999]))


def test_a_turned_sprite_opens_upright(catalog: Catalog) -> None:
    upright_pixels = np.random.default_rng(6).integers(0, 255, (4, 6, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
    sheet = np.zeros((8, 8, 4), np.uint8)
    sheet[1:7, 2:6] = np.rot90(upright_pixels, -1)  # the packer turned it clockwise
    out = io.BytesIO()
    Image.fromarray(sheet, "RGBA").save(out, "PNG")
    frame = '{"frames":{"a":{"frame":{"x":2,"y":1,"w":6,"h":4},"rotated":true}},"meta":{"image":"s.png"}}'
    bring(catalog, s_DOT_png=out.getvalue(), s_DOT_json=frame.encode())
    run(catalog)
    (tile,) = catalog.tiles_of(column(catalog, "SELECT image_id FROM sheet WHERE kind = 'atlas'")[0])
    assert (tile.box, tile.orientation) == ((2, 1, 4, 6), 8)
    assert np.array_equal(catalog.open(tile.image_id), upright_pixels)
    assert rows(catalog, f"SELECT width, height FROM image WHERE id = {tile.image_id}") == [(6, 4)]


def test_a_tile_that_is_now_known_to_be_turned_shows_other_pixels_everywhere(catalog: Catalog, sheet_id: int) -> None:
    rgba = catalog.open(sheet_id)
    turned = Slicing("atlas", (Rect(0, 0, 10, 10, orientation=6),), None, 0.9, "", "sidecar")
    result = dataclasses.replace(cut(rgba, 10), tiles=cut_tiles(rgba, turned))
    with catalog.database.write() as connection:
        record_slices(connection, sheet_id, result)
    (tile,) = catalog.tiles_of(sheet_id)
    assert set(rows(catalog, "SELECT image_id FROM sighting WHERE tile_id <> 0")) == {(tile.image_id,)}
    assert np.array_equal(catalog.open(tile.image_id), np.rot90(rgba[:10, :10], -1))


def test_the_order_of_frames_and_their_tags_are_kept(catalog: Catalog) -> None:
    # The animation runs from right to left.
    frames = [{"filename": f"f{n}", "frame": {"x": x, "y": 0, "w": 10, "h": 20}} for n, x in enumerate([10, 0])]
    sidecar = {"frames": frames, "meta": {"image": "s.png", "frameTags": [{"name": "walk", "from": 0, "to": 1}]}}
    bring(catalog, s_DOT_png=png(3), s_DOT_json=json.dumps(sidecar).encode())
    run(catalog)
    tiles = catalog.tiles_of(column(catalog, "SELECT image_id FROM sheet WHERE kind = 'atlas'")[0])
    assert [(tile.box[0], tile.name, tile.tag) for tile in tiles] == [(10, "f0", "walk"), (0, "f1", "walk")]


def test_empty_cells_are_left_out_and_equal_ones_stored_once_and_flips_linked(catalog: Catalog) -> None:
    cell = np.random.default_rng(8).integers(1, 255, (10, 10, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
    empty = np.zeros_like(cell)
    sheet = np.vstack([np.hstack([cell, cell[:, ::-1]]), np.hstack([empty, cell])])
    out = io.BytesIO()
    Image.fromarray(sheet, "RGBA").save(out, "PNG")
    grid = TSX.format(name="s.png").replace('"8"', '"10"').replace('"2"', '"0"').replace('margin="1"', 'margin="0"')
    bring(catalog, s_DOT_png=out.getvalue(), s_DOT_tsx=grid.replace('columns="0"', 'columns="2"').encode())
    run(catalog)
    assert column(catalog, "SELECT x || ',' || y FROM tile ORDER BY position") == ["0,0", "10,0", "10,10"]
    first, mirrored, again = column(catalog, "SELECT image_id FROM tile ORDER BY position")
    assert first == again != mirrored
    hashes = rows(catalog, f"SELECT orientation_hash FROM image WHERE id IN ({first}, {mirrored})")
    assert len(hashes) == 2
    assert len(set(hashes)) == 1


pictures = st.builds(
    lambda width, height, seed: np.random.default_rng(seed).integers(0, 9, (height, width, 4), dtype=np.uint8),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 999),
)


@given(pictures, st.integers(1, 8), st.integers(1, 8))
def test_all_orientations_have_one_hash(rgba: np.ndarray, one: int, other: int) -> None:
    assert orientation_hash(upright(rgba, one)) == orientation_hash(upright(rgba, other))


@given(pictures, st.integers(1, 8))
def test_orientations_are_those_of_exif(rgba: np.ndarray, orientation: int) -> None:
    picture = Image.fromarray(rgba, "RGBA")
    picture.getexif()[0x0112] = orientation
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(picture)), upright(rgba, orientation))


def test_large_pictures_are_not_hashed_eight_times() -> None:
    assert orientation_hash(np.zeros((1, MAX_PIXELS + 1, 4), np.uint8)) is None


def test_tiles_that_nearly_look_the_same_have_one_stand_in() -> None:
    rng = np.random.default_rng(2)
    grass = rng.integers(60, 90, (16, 16, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
    other_grass = grass.copy()
    other_grass[3, 4] = other_grass[9, 9] = (200, 30, 30, 255)
    water = rng.integers(60, 90, (16, 16, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
    water[..., 2] += 100
    assert stand_ins([grass, water, other_grass, grass, water[:8]]) == [0, 1, 0, 0, 4]


def test_small_sprites_in_large_cells_are_not_alike_for_their_margins() -> None:
    cells = np.zeros((2, 64, 64, 4), np.uint8)
    cells[0, 30:36, 30:36] = (200, 0, 0, 255)
    cells[1, 30:36, 30:36] = (0, 0, 200, 255)
    assert stand_ins(list(cells)) == [0, 1]


@given(st.lists(pictures, max_size=12))
def test_a_stand_in_is_an_earlier_tile_that_stands_for_itself(tiles: list[np.ndarray]) -> None:
    found = stand_ins(tiles)
    assert all(found[stand_in] == stand_in <= number for number, stand_in in enumerate(found))
    assert all(tiles[stand_in].shape == tiles[number].shape for number, stand_in in enumerate(found))


def test_the_catalog_groups_them_by_the_image_that_stands_for_them(catalog: Catalog) -> None:
    rng = np.random.default_rng(1)
    ground = rng.integers(60, 90, (10, 10, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
    other = rng.integers(0, 255, (10, 10, 4), dtype=np.uint8) | np.uint8([0, 0, 0, 255])
    near_ground = ground.copy()
    near_ground[2, 2] += np.uint8([9, 9, 9, 0])
    flat = np.vstack([np.hstack([ground, near_ground]), np.hstack([ground, other])])
    out = io.BytesIO()
    Image.fromarray(flat, "RGBA").save(out, "PNG")
    bring(catalog, s_DOT_png=out.getvalue())
    run(catalog)
    (sheet,) = column(catalog, "SELECT id FROM image WHERE width = 20")
    record(catalog, sheet, 10)
    first, near, same, apart = catalog.tiles_of(sheet)
    assert near.image_id != first.image_id == same.image_id
    assert [tile.alike_id for tile in (first, near, same, apart)] == [first.image_id] * 3 + [apart.image_id]
