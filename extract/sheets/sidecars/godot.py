"""Godot scenes and resources (``.tscn``, ``.tres``), versions 3 and 4: tile sets, atlas textures, sprites with frames.

Source: https://docs.godotengine.org/en/stable/contributing/development/file_formats/tscn.html and the class reference
of TileSetAtlasSource, TileSet (3.x), AtlasTexture, SpriteFrames and Sprite2D. A tile set states a grid, ``hframes`` and
``vframes`` how often the picture is divided; an atlas texture is one rectangle that somebody used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from extract.sheets.errors import SidecarError
from extract.sheets.model import MAX_CELLS, Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, cell, distinct, grid, lattice, picture_path, read_text, whole

_HEADER = re.compile(r"^\[(\w+)([^\n]*)\]\s*$")
_ATTRIBUTE = re.compile(r'(\w+)=(?:"([^"]*)"|(\d+))')
_PROPERTY = re.compile(r"^([\w/:.]+) = (.*)$")
_REFERENCE = re.compile(r'(Ext|Sub)Resource\(\s*"?([\w:./-]+)"?\s*\)')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_ANIMATION = re.compile(r'SubResource\(\s*"?([\w:./-]+)"?\s*\)|"name": *&?"([^"]*)"')
_SINGLE = 0
_MAX_HEADER = 4096


@dataclass
class _Section:
    kind: str
    attributes: dict[str, str]
    properties: dict[str, str] = field(default_factory=dict)
    animations: list[str] = field(default_factory=list)

    @property
    def type(self) -> str:
        return self.attributes.get("type", "")


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    sections = list(_sections(read_text(data)))
    pictures = {
        s.attributes.get("id", ""): s.attributes.get("path", "")
        for s in sections
        if s.kind == "ext_resource" and "Texture" in s.type and not s.attributes.get("path", "").endswith(".tres")
    }
    found: list[SidecarSheet] = []
    used: dict[str, list[Rect]] = {}
    tags = _tags(sections)
    for one in sections:
        picture = pictures.get(_reference(one.properties.get("atlas") or one.properties.get("texture") or ""))
        if one.kind in ("sub_resource", "resource") and _is_tile_set(one):
            found += _old_tile_set(one, pictures, name)
        elif picture is None:
            continue
        elif one.type == "TileSetAtlasSource":
            found.append(_atlas_source(one, picture, name))
        elif "region" in one.properties and one.kind in ("sub_resource", "resource"):
            tag = tags.get(one.attributes.get("id", ""), "")
            boxes = _box(one.properties["region"], name)
            used.setdefault(picture, []).extend(_named(box, tag) for box in boxes)
        elif one.kind == "node":
            found += _sprite(one, picture, name)
    found += [
        SidecarSheet(_path(picture, name), rects=distinct(rects, name), format=GODOT.name, partial=True)
        for picture, rects in used.items()
        if rects
    ]
    return tuple(dict.fromkeys(found))


def _sections(text: str) -> Iterator[_Section]:
    """Read sections; of values that span lines only `animations` is kept whole."""
    current, key = _Section("", {}), ""
    for line in text.split("\n"):
        header = _HEADER.match(line) if len(line) < _MAX_HEADER else None
        begins = _PROPERTY.match(line)
        if header:
            yield current
            current, key = _Section(header[1], {m[1]: m[2] or m[3] or "" for m in _ATTRIBUTE.finditer(header[2])}), ""
        elif begins:
            key = begins[1]
            current.properties[key] = begins[2]
        if key == "animations":
            current.animations.append(line)
    yield current


def _reference(value: str) -> str:
    match = _REFERENCE.match(value)
    return match[2] if match else ""


def _path(picture: str, name: str) -> str:
    """Make ``res://art/a.png`` a path; the root of the project is not known, the matching goes by its end."""
    return picture_path(picture.removeprefix("res://"), name)


def _numbers(value: str, count: int, where: str) -> list[int]:
    body = value[value.find("(") + 1 : value.find("(") + 200] if "(" in value else value[:200]
    found = _NUMBER.findall(body)
    if len(found) != count:
        raise SidecarError(f"{where}: {value[:40]!r} should be {count} numbers")
    return [whole(number, where) for number in found]


def _pair(section: _Section, key: str, default: int, name: str) -> tuple[int, int]:
    value = section.properties.get(key)
    if value is None:
        return default, default
    x, y = _numbers(value, 2, f"{name}: {key}")
    return x, y


def _atlas_source(section: _Section, picture: str, name: str) -> SidecarSheet:
    cut = lattice(
        _pair(section, "texture_region_size", 16, name),
        _pair(section, "margins", 0, name),
        _pair(section, "separation", 0, name),
        name,
    )
    return SidecarSheet(_path(picture, name), grid=cut, format=GODOT.name)


def _is_tile_set(section: _Section) -> bool:
    return any(key.endswith("/tile_mode") for key in section.properties)


def _old_tile_set(section: _Section, pictures: dict[str, str], name: str) -> Iterator[SidecarSheet]:
    """Read a tile set of Godot 3: numbered tiles, each a region or a region cut into equal cells."""
    rects: dict[str, list[Rect]] = {}
    for key, mode in section.properties.items():
        number, _, what = key.partition("/")
        picture = pictures.get(_reference(section.properties.get(f"{number}/texture", "")))
        region = _box(section.properties.get(f"{number}/region", ""), name)
        if what != "tile_mode" or picture is None or not region:
            continue
        title = section.properties.get(f"{number}/name", "").strip('"')
        if whole(mode, f"{name}: {key}") == _SINGLE:
            rects.setdefault(picture, []).append(_named(region[0], "", title))
        else:
            rects.setdefault(picture, []).extend(_autotile(section, number, region[0], name))
    for picture, found in rects.items():
        yield SidecarSheet(_path(picture, name), rects=distinct(found, name), format=GODOT.name, partial=True)


def _autotile(section: _Section, number: str, region: Rect, name: str) -> list[Rect]:
    where = f"{name}: {number}/autotile"
    width, height = _numbers(section.properties.get(f"{number}/autotile/tile_size", "(64, 64)"), 2, where)
    spacing = whole(section.properties.get(f"{number}/autotile/spacing", "0"), where)
    cut = grid((width, height, 0, spacing), where)
    columns, rows = cut.shape(region.w, region.h)
    if columns * rows > MAX_CELLS:
        raise SidecarError(f"{where}: {columns * rows} tiles, limit {MAX_CELLS}")
    places = (cell(cut, column, row) for row in range(rows) for column in range(columns))
    return [Rect(p.x + region.x, p.y + region.y, p.w, p.h, "", p.row, p.column) for p in places]


def _box(value: str, name: str) -> list[Rect]:
    """Return the rectangle of a value, or nothing for an empty one, which Godot reads as the whole picture.

    Regions may have fractions, and reach beyond the picture: those say nothing about cells.
    """
    try:
        x, y, width, height = _numbers(value, 4, f"{name}: region")
    except SidecarError:
        return []
    return [Rect(x, y, width, height)] if width and height else []


def _named(rect: Rect, tag: str, title: str = "") -> Rect:
    return Rect(rect.x, rect.y, rect.w, rect.h, title, tag=tag)


def _sprite(node: _Section, picture: str, name: str) -> list[SidecarSheet]:
    columns = whole(node.properties.get("hframes", "1"), f"{name}: hframes", 1)
    rows = whole(node.properties.get("vframes", "1"), f"{name}: vframes", 1)
    if columns * rows == 1 or node.properties.get("region_enabled") == "true":
        return []
    return [SidecarSheet(_path(picture, name), shape=(columns, rows), format=GODOT.name)]


def _tags(sections: list[_Section]) -> dict[str, str]:
    """Tell the animation of every texture: a SpriteFrames resource lists an animation's frames before its name."""
    tags: dict[str, str] = {}
    for section in sections:
        waiting: list[str] = []
        for match in _ANIMATION.finditer("\n".join(section.animations)):
            if match[1]:
                waiting.append(match[1])
            else:
                tags |= {texture: match[2] for texture in waiting if texture not in tags}
                waiting = []
    return tags


GODOT = Format("godot", (".tscn", ".tres"), (b"[gd_scene", b"[gd_resource"), _parse)
