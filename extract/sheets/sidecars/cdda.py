"""Cataclysm: Dark Days Ahead tile sets (``tile_config.json``, ``mod_tileset.json``).

Source: https://docs.cataclysmdda.org/TILESETS.html. ``tile_info`` states the usual size, an entry of ``tiles-new`` its
own where it differs.
"""

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, entries, grid, picture_path, read_json_value, whole

_FALLBACK_PX = 16


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    content = read_json_value(data, name)
    found: list[SidecarSheet] = []
    for part in [content] if isinstance(content, dict) else entries(content):
        usual = (entries(part.get("tile_info")) or [{}])[0]
        sheets = entries(part.get("tiles-new"))
        found += [_sheet(one, usual, name) for one in sheets if isinstance(one.get("file"), str)]
    return tuple(found)


def _sheet(one: dict[str, object], usual: dict[str, object], name: str) -> SidecarSheet:
    where = f"{name}: {str(one['file'])[:60]}"
    width = whole(one.get("sprite_width", usual.get("width", _FALLBACK_PX)), where, 1)
    height = whole(one.get("sprite_height", usual.get("height", _FALLBACK_PX)), where, 1)
    return SidecarSheet(picture_path(str(one["file"]), name), grid=grid((width, height, 0, 0), where), format=CDDA.name)


CDDA = Format("cdda", (".json",), (b'"tiles-new"', b'"tile_info"', b'"mod_tileset"'), _parse)
