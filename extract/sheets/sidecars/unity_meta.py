"""Unity importer settings (``picture.png.meta``): the sprites cut in Unity's editor.

Source: https://docs.unity3d.com/ScriptReference/TextureImporter-spritesheet.html and TextureImporterType,
SpriteImportMode there. The file is a small, regular subset of YAML, read line by line. Rectangles count y from the
bottom of the picture, whose height the file does not state, so the sheet says `from_bottom` and the slicer turns them
over. A texture imported as one sprite (mode Single) is one image.
"""

import re

from extract.sheets.errors import SidecarError
from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, picture_path, whole

_SPRITES = re.compile(r"^( *)sprites:[ ]*$", re.MULTILINE)
_SINGLE_MODE = re.compile(r"^ *spriteMode: 1[ ]*$", re.MULTILINE)
_SPRITE_TYPE = re.compile(r"^ *textureType: 8[ ]*$", re.MULTILINE)
_FIELD = re.compile(r"^ *(?:- )?(name|x|y|width|height): *(.*)$")


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    if "TextureImporter:" not in text:
        return ()
    image = picture_path(name.rsplit("/", 1)[-1][: -len(".meta")], name)
    if _SINGLE_MODE.search(text) and _SPRITE_TYPE.search(text):
        return (SidecarSheet(image, shape=(1, 1), format=UNITY_META.name),)
    start = _SPRITES.search(text)
    blocks = _items(text[start.end() :].lstrip("\n"), len(start[1])) if start else []
    if not blocks:
        return ()
    rects = [_rect(block, name) for block in blocks]
    return (SidecarSheet(image, rects=distinct(rects, name), format=UNITY_META.name, from_bottom=True),)


def _items(text: str, indent: int) -> list[list[str]]:
    """Split the list that follows into its items: each begins with ``- `` at the list's own indent."""
    items: list[list[str]] = []
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(" "))
        begins = line.lstrip(" ").startswith("- ") and depth == indent
        if begins:
            items.append([line])
        elif depth <= indent or not items:
            break
        else:
            items[-1].append(line)
    return items


def _rect(lines: list[str], name: str) -> Rect:
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.match(line)
        # The first of each wins: pivots and outlines below the rectangle repeat the names x and y.
        if match:
            fields.setdefault(match[1], match[2].strip())
    where = f"{name}: sprite {fields.get('name', '')[:60]!r}"
    try:
        x, y, width, height = (whole(fields[key], where) for key in ("x", "y", "width", "height"))
    except KeyError as error:
        raise SidecarError(f"{where}: no {error}") from error
    if not width or not height:
        raise SidecarError(f"{where}: empty")
    return Rect(x, y, width, height, fields.get("name", ""))


UNITY_META = Format("unity-meta", (".meta",), (b"fileFormatVersion",), _parse)
