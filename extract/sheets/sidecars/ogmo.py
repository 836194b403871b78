"""Ogmo Editor 3 projects (``.ogmo``): the tilesets with their cell size and separation.

Source: https://ogmo-editor-3.github.io/docs/#/manual/project-editor.
"""

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, entries, lattice, picture_path, read_json, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    tilesets = entries(read_json(data, name).get("tilesets"))
    return tuple(_sheet(one, name) for one in tilesets if isinstance(one.get("path"), str) and one["path"])


def _sheet(tileset: dict[str, object], name: str) -> SidecarSheet:
    where = f"{name}: {str(tileset.get('label', ''))[:60]}"
    tile = whole(tileset.get("tileWidth"), where, 1), whole(tileset.get("tileHeight"), where, 1)
    apart = whole(tileset.get("tileSeparationX", 0), where), whole(tileset.get("tileSeparationY", 0), where)
    around = whole(tileset.get("tileMarginX", 0), where), whole(tileset.get("tileMarginY", 0), where)
    image = picture_path(str(tileset["path"]), name)
    return SidecarSheet(image, grid=lattice(tile, around, apart, where), format=OGMO.name)


OGMO = Format("ogmo", (".ogmo",), (b'"tilesets"', b'"ogmoVersion"', b'"name"'), _parse)
