"""LDtk projects (``.ldtk``): the tilesets of ``defs``.

Source: https://ldtk.io/json/#ldtk-TilesetDefJson. ``padding`` is the margin around the tiles; a tileset without
``relPath`` is LDtk's own icons.
"""

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, entries, grid, picture_path, read_json, section, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    tilesets = entries(section(read_json(data, name).get("defs")).get("tilesets"))
    return tuple(_sheet(tileset, name) for tileset in tilesets if isinstance(tileset.get("relPath"), str))


def _sheet(tileset: dict[str, object], name: str) -> SidecarSheet:
    side = whole(tileset.get("tileGridSize"), f"{name}: tileGridSize", 1)
    margin = whole(tileset.get("padding", 0), f"{name}: padding")
    spacing = whole(tileset.get("spacing", 0), f"{name}: spacing")
    size = None
    if tileset.get("pxWid") and tileset.get("pxHei"):
        size = whole(tileset["pxWid"], f"{name}: pxWid", 1), whole(tileset["pxHei"], f"{name}: pxHei", 1)
    image = picture_path(str(tileset["relPath"]), name)
    return SidecarSheet(image, size, grid((side, side, margin, spacing), name), format=LDTK.name)


LDTK = Format("ldtk", (".ldtk", ".json"), (b'"__header__"', b'"jsonVersion"', b'"tileGridSize"'), _parse)
