"""Bitmap fonts in AngelCode's format (``.fnt``, text or XML): the rectangle of every character.

Source: https://www.angelcode.com/products/bmfont/doc/file_format.html. A tile is named by its character's code point.
"""

import re
from collections.abc import Iterator

from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, picture_path, read_text, read_xml, whole

_PAIR = re.compile(r'(\w{1,40})=(?:"([^"]{0,300})"|(\S{1,300}))')

Entry = tuple[str, dict[str, str]]


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    entries = list(_xml(data, name) if data.lstrip()[:1] == b"<" else _text(data))
    pages = {said.get("id", "0"): said["file"] for kind, said in entries if kind == "page" and said.get("file")}
    size = next((_size(said, name) for kind, said in entries if kind == "common"), None)
    rects: dict[str, list[Rect]] = {}
    for kind, said in entries:
        rect = _rect(said, name) if kind == "char" else None
        if rect is not None:
            rects.setdefault(said.get("page", "0"), []).append(rect)
    return tuple(
        SidecarSheet(picture_path(pages[page], name), size, rects=distinct(found, name), format=BMFONT.name)
        for page, found in rects.items()
        if page in pages
    )


def _xml(data: bytes, name: str) -> Iterator[Entry]:
    root = read_xml(data, name)
    if root.tag == "font":
        yield from ((element.tag, dict(element.attrib)) for element in root.iter())


def _text(data: bytes) -> Iterator[Entry]:
    for line in read_text(data).split("\n"):
        kind, _, rest = line.partition(" ")
        if kind in ("page", "common", "char"):
            yield kind, {match[1]: match[2] or match[3] or "" for match in _PAIR.finditer(rest[:2000])}


def _size(said: dict[str, str], name: str) -> tuple[int, int] | None:
    width, height = (whole(said.get(key, "0"), f"{name}: {key}") for key in ("scaleW", "scaleH"))
    return (width, height) if width and height else None


def _rect(said: dict[str, str], name: str) -> Rect | None:
    """Return a character's place; those that show nothing, such as the space, have none."""
    where = f"{name}: char {said.get('id', '')[:20]}"
    x, y, width, height = (whole(said.get(key), where) for key in ("x", "y", "width", "height"))
    code = whole(said.get("id"), where, -1, 0x10FFFF)
    return Rect(x, y, width, height, f"U+{code:04X}") if width and height else None


BMFONT = Format("bmfont", (".fnt", ".xml"), (b"<font>", b"info face=", b"common lineHeight="), _parse)
