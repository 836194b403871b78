"""Defold tile sources (``.tilesource``, ``.tileset``): protocol buffers in text form.

Source: https://defold.com/manuals/tilesource/. ``tile_margin`` surrounds the picture, ``tile_spacing`` parts the tiles.
"""

import re

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, grid, picture_path, read_text, whole

_FIELD = re.compile(r'^(image|tile_width|tile_height|tile_margin|tile_spacing): "?([^"\n]{1,300})"?', re.MULTILINE)


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    said = dict(_FIELD.findall(read_text(data)))
    if "image" not in said or "tile_width" not in said:
        return ()
    width, height = (whole(said.get(key), f"{name}: {key}", 1) for key in ("tile_width", "tile_height"))
    margin, spacing = (whole(said.get(key, "0"), f"{name}: {key}") for key in ("tile_margin", "tile_spacing"))
    image = picture_path(said["image"].lstrip("/"), name)
    return (SidecarSheet(image, grid=grid((width, height, margin, spacing), name), format=DEFOLD.name),)


DEFOLD = Format("defold", (".tilesource", ".tileset"), (b"tile_width:", b"image:"), _parse)
