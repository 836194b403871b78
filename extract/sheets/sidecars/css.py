"""CSS sprites: rules that show a window of one picture, by ``background-position`` and a size.

Source: https://www.w3.org/TR/css-backgrounds-3/. A rule takes picture and size from itself, from a rule with the same
class name or its beginning (``.icon`` for ``.icon-sword``), or from the only rule of the file that names a picture.
Pictures that are scaled (``background-size``) are left alone: their pixels are not the page's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, picture_path, read_text, whole

_URL = re.compile(r"url\(\s{0,9}['\"]?([^'\"()]{1,300}?\.(?:png|gif|webp))(?:\?[^'\"()]{0,99})?['\"]?\s{0,9}\)", re.I)
_POSITION = re.compile(r"(?<![\d.])(-?\d{1,5})(?:px)?\s{1,9}(-?\d{1,5})(?:px)?(?![\d.%])")
_SIDE = re.compile(r"(\d{1,5})px")
_CLASS = re.compile(r"\.([\w-]+)")
_MIN_WINDOWS = 2
_MAX_VALUE = 1000


@dataclass(frozen=True)
class _Rule:
    title: str
    picture: str
    position: tuple[int, int] | None
    width: str
    height: str
    scaled: bool


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    rules = list(_rules(_without_comments(read_text(data))))
    givers = {rule.title: rule for rule in rules if rule.picture or (rule.width and rule.height)}
    pictures = {rule.picture for rule in rules if rule.picture}
    only = next(iter(pictures)) if len(pictures) == 1 else ""
    found: dict[str, list[Rect]] = {}
    for rule in rules:
        if rule.position is None:
            continue
        shown = _window(rule, _ancestors(rule.title, givers), only, name)
        if shown is not None:
            found.setdefault(shown[0], []).append(shown[1])
    return tuple(
        SidecarSheet(picture_path(picture, name), rects=distinct(rects, name), format=CSS.name, partial=True)
        for picture, rects in found.items()
        if len(rects) >= _MIN_WINDOWS
    )


def _without_comments(text: str) -> str:
    first, *rest = text.split("/*")
    return first + "".join(part.partition("*/")[2] for part in rest)


def _rules(text: str) -> Iterator[_Rule]:
    for block in text.split("}"):
        before, _, body = block.rpartition("{")
        titles = _CLASS.findall(before.rpartition("{")[2])
        if not titles:
            continue
        said: dict[str, str] = {}
        for line in body.split(";"):
            key, _, value = line.partition(":")
            said[key.strip().lower()] = value.strip()[:_MAX_VALUE]
        background = said.get("background", "") + " " + said.get("background-image", "")
        url = _URL.search(background)
        place = _POSITION.search(said.get("background-position", "") or _URL.sub("", said.get("background", "")))
        position = None
        if place:
            position = int(place[1]), int(place[2])
        yield _Rule(
            titles[-1],
            url[1] if url else "",
            position,
            _px(said.get("width", "")),
            _px(said.get("height", "")),
            "background-size" in said,
        )


def _px(value: str) -> str:
    match = _SIDE.fullmatch(value)
    return match[1] if match else ""


def _ancestors(title: str, givers: dict[str, _Rule]) -> list[_Rule]:
    """Return the rules that a class may take from: its own, then those whose names it begins with, longest first."""
    ends = [len(title), *(at for at in range(len(title) - 1, 0, -1) if title[at] in "-_")]
    return [givers[title[:end]] for end in ends[:20] if title[:end] in givers]


def _window(rule: _Rule, ancestors: list[_Rule], only: str, name: str) -> tuple[str, Rect] | None:
    chain = [rule, *ancestors]
    picture = next((one.picture for one in chain if one.picture), only)
    sized = next((one for one in chain if one.width and one.height), None)
    if not picture or sized is None or rule.position is None or any(one.scaled for one in chain):
        return None
    x, y = -rule.position[0], -rule.position[1]
    width, height = whole(sized.width, f"{name}: width"), whole(sized.height, f"{name}: height")
    if min(x, y) < 0 or not width or not height:
        return None
    return picture, Rect(x, y, width, height, rule.title)


CSS = Format("css", (".css", ".scss", ".less"), (b"background",), _parse)
