"""Plain lists of rectangles: ``name = x y w h`` (Sprite Sheet Packer, ShoeBox) and ``name,x,y,w,h`` (Leshy, CSV).

Source: https://archive.codeplex.com/?p=spritesheetpacker (its "txt" exporter). Every line of the file has to be one of
these, since the ending says nothing: the picture is the one with the list's own name.
"""

import re

from extract.sheets.model import MAX_SIDE_PX, Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, picture_path, read_text

_SPACED = re.compile(r"(.{1,200}?)\s?=\s?(\d{1,9}) (\d{1,9}) (\d{1,9}) (\d{1,9})")
_COMMAS = re.compile(r"(.{1,200}?),(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})")
_MAX_LINE = 300


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    lines = [line.strip() for line in read_text(data).split("\n")]
    rects: list[Rect] = []
    for line in filter(None, lines):
        match = None if len(line) > _MAX_LINE else _SPACED.fullmatch(line) or _COMMAS.fullmatch(line)
        if match is None:
            return ()
        x, y, width, height = (int(match[i]) for i in range(2, 6))
        if not width or not height or max(x, y, width, height) > MAX_SIDE_PX:
            return ()
        rects.append(Rect(x, y, width, height, match[1].strip()))
    if not rects:
        return ()
    return (SidecarSheet(picture_path("", name), rects=distinct(rects, name), format=SHEET_TEXT.name),)


SHEET_TEXT = Format("sheet-text", (".txt", ".csv"), (b"=", b","), _parse)
