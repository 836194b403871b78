"""Flare's animation and tile set definitions (``.txt``).

Source: https://github.com/flareteam/flare-engine/wiki, "Attribute Reference" (Animations, Tilesets). ``frame`` and
``tile`` lines state rectangles; otherwise ``render_size`` is the cell, columns are frames and rows the directions.
"""

import re

from extract.sheets.errors import SidecarError
from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, grid, picture_path, read_text, whole

_PICTURE = re.compile(r"^(?:image|img)=[^\n]+\.\w+", re.MULTILINE)
_PLACE = re.compile(r"^(?:render_size=\d|frame=\d+,\d|tile=\d+,\d)", re.MULTILINE)
_LISTED = {"frame": (8, 2), "tile": (7, 1)}
"""Least numbers of a line, and where its x stands."""


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    text = read_text(data)
    if not (_PICTURE.search(text) and _PLACE.search(text)):
        return ()
    pictures: dict[str, str] = {}
    rects: dict[str, list[Rect]] = {}
    section, size, current = "", "", ""
    for line in text.split("\n"):
        key, _, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            section = line.strip("[] \t")
        elif key in ("image", "img"):
            path, _, current = value.partition(",")
            pictures[current] = path
        elif key == "render_size":
            size = value
        elif key in _LISTED:
            number, rect = _rect(key, value, section, name)
            rects.setdefault(number if key == "frame" else current, []).append(rect)
    return _sheets(pictures, rects, size, name)


def _rect(key: str, value: str, section: str, name: str) -> tuple[str, Rect]:
    least, at = _LISTED[key]
    parts = [part.strip() for part in value.split(",", 12)]
    where = f"{name}: {key}={value[:60]}"
    if len(parts) < least:
        raise SidecarError(f"{where}: {len(parts)} values, {least} needed")
    x, y, width, height = (whole(part, where) for part in parts[at : at + 4])
    if not width or not height:
        raise SidecarError(f"{where}: empty")
    title = f"{section} {parts[0]}" if key == "frame" else parts[0]
    number = parts[8] if key == "frame" and len(parts) > least else ""
    return number, Rect(x, y, width, height, title.strip(), tag=section if key == "frame" else "")


def _sheets(pictures: dict[str, str], rects: dict[str, list[Rect]], size: str, name: str) -> tuple[SidecarSheet, ...]:
    if rects:
        return tuple(
            SidecarSheet(picture_path(pictures[key], name), rects=distinct(found, name), format=FLARE.name)
            for key, found in rects.items()
            if pictures.get(key)
        )
    if not size or len(pictures) != 1:
        return ()
    sides = size.split(",")
    if len(sides) != 2:
        raise SidecarError(f"{name}: render_size={size[:40]} should be 2 numbers")
    width, height = (whole(side.strip(), f"{name}: render_size", 1) for side in sides)
    image = picture_path(next(iter(pictures.values())), name)
    return (SidecarSheet(image, grid=grid((width, height, 0, 0), name), format=FLARE.name),)


FLARE = Format("flare", (".txt",), (b"image=", b"img=", b"render_size="), _parse)
