"""Sidecars and pictures may come home in any order, and end in the same tiles."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from db import Catalog
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, PageRecord
from db.vocabulary import FileRole
from tests.extract.test_run import TSX, column, packed, png, run

BASE = "http://s/sites/default/files/"
PAGE = "http://s/content/p"
TILES = ["1,1", "11,1", "1,11", "11,11"]


def offer(catalog: Catalog, *names: str, page: str = PAGE, **said: Any) -> None:
    links = tuple(FileLink(BASE + name, FileRole.FILE) for name in names)
    with catalog.database.write() as connection:
        record_page(connection, PageRecord(url=page, site="s", title="P", files=links, **said))


def fetch(catalog: Catalog, name: str, data: bytes) -> None:
    with catalog.database.write() as connection:
        stored = catalog.blobs.put(data)
        record_fetched(connection, FetchedFile(BASE + name, stored.sha256, stored.size_bytes))


def tiles(catalog: Catalog) -> list[Any]:
    return column(catalog, "SELECT x || ',' || y FROM tile ORDER BY sheet_id, position")


def tsx(name: str) -> bytes:
    return TSX.format(name=name).encode()


def match_reasons(catalog: Catalog) -> list[Any]:
    return column(catalog, "SELECT reason FROM ledger WHERE stage = 'match' AND reason <> ''")


def test_a_sidecar_that_comes_later_to_the_page_cuts_the_picture_again(catalog: Catalog) -> None:
    offer(catalog, "sheet.png", "level.tsx")
    fetch(catalog, "sheet.png", png(3))
    run(catalog)
    assert tiles(catalog) == []
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    run(catalog)
    assert tiles(catalog) == TILES
    assert run(catalog).settled == 0


def test_bytes_known_from_elsewhere_still_count_as_a_new_sidecar_here(catalog: Catalog) -> None:
    offer(catalog, "a.tsx", page="http://s/content/other")
    offer(catalog, "sheet.png", "b.tsx")
    fetch(catalog, "a.tsx", tsx("sheet.png"))
    fetch(catalog, "sheet.png", png(3))
    run(catalog)
    assert tiles(catalog) == []
    fetch(catalog, "b.tsx", tsx("sheet.png"))
    run(catalog)
    assert tiles(catalog) == TILES


def test_an_archive_that_comes_later_brings_its_sidecars_to_the_page(catalog: Catalog) -> None:
    offer(catalog, "sheet.png", "maps.zip")
    fetch(catalog, "sheet.png", png(3))
    run(catalog)
    fetch(catalog, "maps.zip", packed(maps__level_DOT_tsx=tsx("sheet.png")))
    run(catalog)
    assert tiles(catalog) == TILES


def test_the_same_file_again_makes_nothing_due(catalog: Catalog) -> None:
    offer(catalog, "sheet.png", "level.tsx")
    fetch(catalog, "sheet.png", png(3))
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    run(catalog)
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    assert run(catalog).settled == 0


def test_a_sidecar_of_another_page_says_nothing(catalog: Catalog) -> None:
    offer(catalog, "sheet.png")
    offer(catalog, "level.tsx", page="http://s/content/other")
    fetch(catalog, "sheet.png", png(3))
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    run(catalog)
    assert tiles(catalog) == []
    assert "sheet.png" in match_reasons(catalog)[0]


def test_a_sidecar_whose_picture_is_there_speaks_of_no_other(catalog: Catalog) -> None:
    offer(catalog, "pack.zip")
    archive = packed(a__sheet_DOT_png=png(3), a__level_DOT_tsx=tsx("sheet.png"), b__sheet_DOT_png=png(4))
    fetch(catalog, "pack.zip", archive)
    run(catalog)
    seen = column(catalog, "SELECT DISTINCT path FROM image_catalog WHERE kind = 'sheet'")
    assert seen == ["a/sheet.png"]


@pytest.mark.parametrize("where", ["gfx/art/sheet.png", "elsewhere/sheet.png"])
def test_a_picture_elsewhere_in_the_archive_is_found_by_name(catalog: Catalog, where: str) -> None:
    offer(catalog, "pack.zip")
    members = {where.replace("/", "__").replace(".", "_DOT_"): png(3), "maps__level_DOT_tsx": tsx("art/sheet.png")}
    fetch(catalog, "pack.zip", packed(**members))
    run(catalog)
    assert tiles(catalog) == TILES


def test_a_tile_set_of_gamemaker_cuts_the_picture_of_its_sprite(catalog: Catalog) -> None:
    offer(catalog, "game.zip")
    tile_set = {
        "resourceType": "GMTileSet",
        "spriteId": {"path": "sprites/spr_a/spr_a.yy"},
        "tileWidth": 10,
        "tileHeight": 10,
    }
    sprite = {"resourceType": "GMSprite", "width": 20, "height": 20, "frames": []}
    archive = packed(
        tilesets__ts_a__ts_a_DOT_yy=json.dumps(tile_set).encode(),
        sprites__spr_a__spr_a_DOT_yy=json.dumps(sprite).encode(),
        sprites__spr_a__0a1b_DOT_png=png(5),
    )
    fetch(catalog, "game.zip", archive)
    run(catalog)
    assert tiles(catalog) == ["0,0", "10,0", "0,10", "10,10"]


def test_a_contradicting_sidecar_is_named_in_the_ledger(catalog: Catalog) -> None:
    offer(catalog, "sheet.png", "level.tsx")
    fetch(catalog, "sheet.png", png(3, (24, 24)))
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    run(catalog)
    (reason,) = column(catalog, "SELECT reason FROM ledger WHERE stage = 'slice'")
    assert "it states 20x20, the picture is 24x24" in reason


def test_what_the_page_says_reaches_the_slicer(catalog: Catalog) -> None:
    from db.context import image_contexts

    offer(catalog, "pack_32x32.zip", tags=("16x16",), description="all tiles are 24x24 px")
    fetch(catalog, "pack_32x32.zip", packed(art__sheet_DOT_png=png(3)))
    run(catalog)
    with catalog.database.read() as connection:
        (image_id,) = connection.scalars(text("SELECT id FROM image"))
        (context,) = image_contexts(connection, [image_id])
    assert context.names == ("pack_32x32.zip/art/sheet.png",)
    assert context.said == ("P", "16x16", "all tiles are 24x24 px")


def test_files_without_a_page_have_nothing_to_do_with_each_other(catalog: Catalog) -> None:
    fetch(catalog, "sheet.png", png(3))
    run(catalog)
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    assert run(catalog).outcomes == {"read": {"ok": 1}}
    assert tiles(catalog) == []
    assert "sheet.png" in match_reasons(catalog)[0]


@pytest.mark.parametrize("moving", [("sheet.png",), ("level.tsx",), ("sheet.png", "level.tsx")])
def test_what_another_page_takes_over_is_matched_there(catalog: Catalog, moving: tuple[str, ...]) -> None:
    """As if the pages had come in the other order: the first of two that offer a file is its source."""
    names = {"sheet.png", "level.tsx"}
    offer(catalog, *names - set(moving), page="http://s/content/a")
    offer(catalog, *moving, page="http://s/content/z")
    fetch(catalog, "sheet.png", png(3))
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    run(catalog)
    assert (tiles(catalog) == TILES) is (len(moving) == 2)
    offer(catalog, *names, page="http://s/content/a")
    run(catalog)
    assert tiles(catalog) == TILES
    assert run(catalog).settled == 0


@pytest.mark.parametrize("moving", ["sheet.png", "level.tsx"])
def test_a_sidecar_speaks_no_more_of_a_picture_that_is_on_another_page_now(catalog: Catalog, moving: str) -> None:
    offer(catalog, "sheet.png", "level.tsx")
    fetch(catalog, "sheet.png", png(3))
    fetch(catalog, "level.tsx", tsx("sheet.png"))
    run(catalog)
    assert tiles(catalog) == TILES
    offer(catalog, moving, page="http://s/content/a")
    run(catalog)
    assert tiles(catalog) == []
    assert run(catalog).settled == 0


def test_names_with_a_zero_byte_are_recorded_without_it(catalog: Catalog) -> None:
    """PostgreSQL takes no NUL in a text: the whole sidecar was lost."""
    frame = {"frame": {"x": 1, "y": 1, "w": 8, "h": 8}, "rotated": False}
    said = {"frames": {"one\0two": frame, "other": {**frame, "frame": {"x": 11, "y": 1, "w": 8, "h": 8}}}}
    said["meta"] = {"app": "TexturePacker", "image": "sheet.png", "size": {"w": 20, "h": 20}}
    offer(catalog, "sheet.png", "sheet.json")
    fetch(catalog, "sheet.png", png(3))
    fetch(catalog, "sheet.json", json.dumps(said).encode())
    assert not run(catalog).problems
    assert column(catalog, "SELECT name FROM tile ORDER BY position") == ["onetwo", "other"]
