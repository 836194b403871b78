"""Godot import settings (``picture.png.import``) of the few importers that cut a picture up.

Source: the class reference of ResourceImporterLayeredTexture (``slices/horizontal``, ``slices/vertical``) and
ResourceImporterImageFont (``columns``, ``rows``). The usual importer of pictures states no cut.
"""

import re

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, picture_path, read_text, whole

_SETTING = re.compile(r'^([\w/]+)="?([^"\n]*)"?$', re.MULTILINE)
_SHAPES = {
    "2d_array_texture": ("slices/horizontal", "slices/vertical"),
    "texture_2d_array": ("slices/horizontal", "slices/vertical"),
    "3d_texture": ("slices/horizontal", "slices/vertical"),
    "texture_3d": ("slices/horizontal", "slices/vertical"),
    "font_data_image": ("columns", "rows"),
}


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    settings = dict(_SETTING.findall(read_text(data)))
    keys = _SHAPES.get(settings.get("importer", ""))
    if keys is None or any(settings.get(margin, "Rect2i(0, 0, 0, 0)") != "Rect2i(0, 0, 0, 0)" for margin in _MARGINS):
        return ()
    columns, rows = (whole(settings.get(key, "1"), f"{name}: {key}", 1) for key in keys)
    image = picture_path(name.rsplit("/", 1)[-1][: -len(".import")], name)
    return (SidecarSheet(image, shape=(columns, rows), format=GODOT_IMPORT.name),)


_MARGINS = ("image_margin", "character_margin")

GODOT_IMPORT = Format("godot-import", (".import",), (b"[remap]",), _parse)
