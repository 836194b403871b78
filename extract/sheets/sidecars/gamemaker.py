"""GameMaker Studio 2 resources (``.yy``): sprites, whose frames are whole pictures, and tile sets cut from a sprite.

Source: GameMaker's manual on Tile Sets (https://manual.gamemaker.io) and files it wrote. The files are JSON with commas
before closing brackets. A tile set names its sprite, whose picture carries a GUID for a name: it is the picture in the
sprite's folder. ``output_tileset.png`` is the editor's copy of the tiles with a border around each.
"""

import re

from extract.sheets.model import MAX_CELLS, SidecarSheet
from extract.sheets.sidecars.base import Format, grid, lattice, read_json, section, whole

_LOOSE_COMMA = re.compile(rb",(\s*[}\]])")


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    content = read_json(_LOOSE_COMMA.sub(rb"\1", data), name)
    kind = str(content.get("resourceType") or content.get("modelName") or "")
    if kind == "GMSprite":
        return _sprite(content, name)
    if kind == "GMTileSet" or "$GMTileSet" in content:
        return _tile_set(content, name)
    return ()


def _sprite(content: dict[str, object], name: str) -> tuple[SidecarSheet, ...]:
    width, height = (whole(content.get(key, 0), f"{name}: {key}") for key in ("width", "height"))
    if not width or not height:
        return ()
    return (SidecarSheet("*.png", (width, height), shape=(1, 1), format=GAMEMAKER.name),)


def _tile_set(content: dict[str, object], name: str) -> tuple[SidecarSheet, ...]:
    def number(key: str, low: int = 0, high: int = MAX_CELLS) -> int:
        return whole(content.get(key.lower(), content.get(key, low)), f"{name}: {key}", low, high)

    tile = (
        whole(content.get("tileWidth", content.get("tilewidth")), f"{name}: tileWidth", 1),
        whole(content.get("tileHeight", content.get("tileheight")), f"{name}: tileHeight", 1),
    )
    count = number("tile_count") or None
    cut = lattice(tile, (number("tilexoff"), number("tileyoff")), (number("tilehsep"), number("tilevsep")), name)
    sheets = []
    sprite = str(section(content.get("spriteId")).get("path") or "")
    if "/" in sprite:
        folder = sprite.replace("\\", "/").rpartition("/")[0]
        sheets.append(SidecarSheet(f"../../{folder}/*.png", None, cut, format=GAMEMAKER.name))
    border, columns = number("out_tilehborder"), number("out_columns") or None
    if border == number("out_tilevborder"):
        copy = grid((*tile, border, 2 * border), name)
        sheets.append(SidecarSheet("output_tileset.png", None, copy, count, columns, format=GAMEMAKER.name))
    return tuple(sheets)


GAMEMAKER = Format("gamemaker", (".yy",), (b"GMSprite", b"GMTileSet", b'"tileWidth"', b'"frames"'), _parse)
