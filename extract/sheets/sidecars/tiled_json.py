"""Tiled tilesets and maps in JSON: ``.tsj``, ``.tmj`` and older ``.json``.

Source: https://doc.mapeditor.org/en/stable/reference/json-map-format/#tileset.
"""

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, entries, read_json
from extract.sheets.sidecars.tiled_xml import sheet_of


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    content = read_json(data, name)
    tilesets = [content, *entries(content.get("tilesets"))]
    found: list[SidecarSheet] = []
    for tileset in tilesets:
        # A map has tile sizes too; only a tileset names one picture.
        if isinstance(tileset.get("image"), str) and "tilewidth" in tileset:
            image = {
                "source": tileset["image"],
                "width": tileset.get("imagewidth"),
                "height": tileset.get("imageheight"),
            }
            found.append(sheet_of(tileset, image, name, TILED_JSON.name))
    return tuple(found)


TILED_JSON = Format("tiled-json", (".tsj", ".tmj", ".json"), (b'"tile', b'"columns"', b'"layers"'), _parse)
