"""Solarus data files (``.dat``, a subset of Lua): tile sets with ``tile_pattern`` and sprites with ``animation``.

Source: https://doxygen.solarus-games.org/latest/quest_tileset_data_file.html and quest_sprite_data_file.html. A tile
set ``NAME.dat`` cuts ``NAME.tiles.png``; a sprite names its pictures from the folder ``sprites``.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from extract.sheets.errors import SidecarError
from extract.sheets.model import MAX_CELLS, Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, entries, picture_path, read_text, whole

_TOKEN = re.compile(r'"([^"\n]*)"|([\w.+-]+)|([{}=,])|(--[^\n]*)|\s+|.')
_MAX_DEPTH = 6

Token = tuple[str, str]


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    tokens = _tokens(read_text(data))
    patterns: list[Rect] = []
    used: dict[str, list[Rect]] = {}
    last = ""
    for kind, value in tokens:
        if kind == "mark" and value == "{":
            table = _table(tokens, name, 0)
            if last == "tile_pattern":
                patterns += _pattern(table, name)
            elif last == "animation":
                used.setdefault(str(table.get("src_image", "")), []).extend(_animation(table, name))
            if len(patterns) + sum(map(len, used.values())) > MAX_CELLS:
                raise SidecarError(f"{name}: more than {MAX_CELLS} rectangles")
        last = value
    sheets = [_sheet(f"{PurePosixPath(name).stem}.tiles.png", patterns, name)] if patterns else []
    return (*sheets, *(_sheet(image, found, name) for image, found in used.items() if found and image != "tileset"))


def _sheet(image: str, rects: list[Rect], name: str) -> SidecarSheet:
    return SidecarSheet(picture_path(image, name), rects=distinct(rects, name), format=SOLARUS.name)


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        if match[1] is not None:
            yield "text", match[1]
        elif match[2]:
            yield "word", match[2]
        elif match[3]:
            yield "mark", match[3]


def _table(tokens: Iterator[Token], name: str, depth: int) -> dict[str, object]:
    """Read a table after its opening brace; values without a key stand in the list ``""``."""
    if depth > _MAX_DEPTH:
        raise SidecarError(f"{name}: tables nested deeper than {_MAX_DEPTH}")
    listed: list[object] = []
    table: dict[str, object] = {"": listed}
    key: str = ""
    value: object = None
    for kind, said in tokens:
        if kind != "mark" or said == "{":
            value = said if kind != "mark" else _table(tokens, name, depth + 1)
            continue
        if said == "=":
            key, value = str(value), None
            continue
        if key:
            table[key] = value
        elif value is not None:
            listed.append(value)
        key, value = "", None
        if said == "}":
            break
    return table


def _pattern(table: dict[str, object], name: str) -> list[Rect]:
    where = f"{name}: tile_pattern {str(table.get('id', ''))[:40]}"
    width, height = (whole(table.get(key), where, 1) for key in ("width", "height"))
    columns, rows = _numbers(table.get("x"), where), _numbers(table.get("y"), where)
    if len(columns) != len(rows):
        raise SidecarError(f"{where}: {len(columns)} x for {len(rows)} y")
    title = str(table.get("id", ""))
    tag = title if len(columns) > 1 else ""
    return [Rect(x, y, width, height, title, tag=tag) for x, y in zip(columns, rows, strict=True)]


def _numbers(value: object, where: str) -> list[int]:
    """Read one number, or the numbers of an animated pattern."""
    listed = value.get("") if isinstance(value, dict) else [value]
    return [whole(number, where) for number in listed] if isinstance(listed, list) else []


def _animation(table: dict[str, object], name: str) -> Iterator[Rect]:
    tag = str(table.get("name", ""))
    where = f"{name}: animation {tag[:40]!r}"
    directions = table.get("directions")
    for number, one in enumerate(entries(directions.get("")) if isinstance(directions, dict) else []):
        x, y = (whole(one.get(key, "0"), where) for key in ("x", "y"))
        width, height = (whole(one.get(key), where, 1) for key in ("frame_width", "frame_height"))
        frames = whole(one.get("num_frames", "1"), where, 1, 10_000)
        columns = whole(one.get("num_columns", str(frames)), where, 1, 10_000)
        for frame in range(frames):
            row, column = divmod(frame, columns)
            yield Rect(x + column * width, y + row * height, width, height, f"{tag} {number}", tag=tag)


SOLARUS = Format("solarus", (".dat",), (b"tile_pattern", b"animation"), _parse)
