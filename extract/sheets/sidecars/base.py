"""The interface of a sidecar format, and the checks every number from a stranger's file goes through."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from extract.sheets.errors import GridError, SidecarError
from extract.sheets.model import MAX_CELLS, MAX_SIDE_PX, Grid, Rect, SidecarSheet


@dataclass(frozen=True)
class Format:
    """A sidecar format: file name `endings` (lower case, with dot) and `marks`, one of which stands near the start."""

    name: str
    endings: tuple[str, ...]
    marks: tuple[bytes, ...]
    parse: Callable[[bytes, str], tuple[SidecarSheet, ...]]

    def suits(self, name: str, head: bytes) -> bool:
        """Tell whether the name and the beginning of the file fit this format."""
        return name.lower().endswith(self.endings) and any(mark in head for mark in self.marks)


def whole(value: object, what: str, low: int = 0, high: int = MAX_SIDE_PX) -> int:
    """Read a whole number given as int, integral float or text.

    Raises:
        SidecarError: it is no whole number, or outside `low`..`high`; `what` says where it stood.

    """
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number != int(number):
        raise SidecarError(f"{what}: {str(value)[:40]!r} is no whole number")
    if not low <= number <= high:
        raise SidecarError(f"{what}: {int(number):.6g} is outside {low}..{high}")
    return int(number)


TURNED_LEFT, TURNED_RIGHT = 6, 8
"""`Rect.orientation` of a sprite that lies on the sheet turned by 90° counter-clockwise, or clockwise."""


def grid(numbers: tuple[int, int, int, int], what: str) -> Grid:
    """Build the grid of (tile width, tile height, margin, spacing) in px, or raise `SidecarError`."""
    width, height, margin, spacing = numbers
    return lattice((width, height), (margin, margin), (spacing, spacing), what)


def lattice(tile: tuple[int, int], margin: tuple[int, int], spacing: tuple[int, int], what: str) -> Grid:
    """Build a grid whose axes may differ, or raise `SidecarError`."""
    try:
        return Grid(tile, margin, spacing)
    except GridError as error:
        raise SidecarError(f"{what}: {error}") from error


def cell(lattice: Grid, column: int, row: int, name: str = "", tag: str = "") -> Rect:
    """Return the cell of a grid at a column and row, counted from 0."""
    x = lattice.margin[0] + column * (lattice.tile[0] + lattice.spacing[0])
    y = lattice.margin[1] + row * (lattice.tile[1] + lattice.spacing[1])
    return Rect(x, y, *lattice.tile, name, row, column, tag=tag)


def distinct(rects: list[Rect], what: str) -> tuple[Rect, ...]:
    """Drop repeated places (packers name equal frames several times) and limit the number.

    Raises:
        SidecarError: more than `MAX_CELLS` rectangles.

    """
    if len(rects) > MAX_CELLS:
        raise SidecarError(f"{what}: {len(rects)} rectangles, limit {MAX_CELLS}")
    first: dict[tuple[int, int, int, int], Rect] = {}
    for rect in rects:
        first.setdefault((rect.x, rect.y, rect.w, rect.h), rect)
    return tuple(first.values())


def picture_path(text: str, sidecar: str) -> str:
    """Normalise the picture a sidecar names; without one, assume a PNG beside it with the same stem."""
    cleaned = text.strip().replace("\\", "/")
    return cleaned or f"{PurePosixPath(sidecar).stem}.png"


def read_xml(data: bytes, name: str) -> Element:
    """Parse XML without entities, or raise `SidecarError`."""
    try:
        root: Element = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise SidecarError(f"{name}: not readable XML ({str(error)[:120]})") from error
    return root


def read_json(data: bytes, name: str) -> dict[str, object]:
    """Parse a JSON object, or raise `SidecarError`; NaN and Infinity are refused."""
    return section(read_json_value(data, name))


def read_json_value(data: bytes, name: str) -> object:
    """Parse any JSON value, or raise `SidecarError`; NaN and Infinity are refused."""
    try:
        content: object = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SidecarError(f"{name}: not readable JSON ({str(error)[:120]})") from error
    return content


def read_text(data: bytes) -> str:
    """Decode text, whatever its line ends."""
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def entries(value: object) -> list[dict[str, object]]:
    """Give the objects of a JSON list; anything else is passed over."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def section(value: object) -> dict[str, object]:
    """Give a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}
