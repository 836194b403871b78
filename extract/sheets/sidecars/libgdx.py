"""libGDX texture atlases (``.atlas``, ``.pack``), also written by Spine: pages of ``name`` and ``key: value`` lines.

Source: https://libgdx.com/wiki/tools/texture-packer and
https://esotericsoftware.com/spine-atlas-format. The older spelling has ``xy`` and ``size``, the newer ``bounds``.
Sizes are those before turning, so a region turned by 90 or 270 degrees (counter-clockwise, when it was packed) covers
height x width on the page. A region's ``index`` is its place in an animation that has the region's name.
"""

from dataclasses import dataclass, field

from extract.sheets.errors import SidecarError
from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import TURNED_LEFT, TURNED_RIGHT, Format, distinct, picture_path, whole

_ORIENTATIONS = {"true": TURNED_LEFT, "90": TURNED_LEFT, "180": 3, "270": TURNED_RIGHT}


@dataclass
class _Block:
    """A page or a region while its lines are read."""

    title: str
    fields: dict[str, str] = field(default_factory=dict)


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    pages: list[list[_Block]] = []
    fresh = True
    for line in data.decode("utf-8-sig", errors="replace").splitlines():
        if not line.strip():
            fresh = True
        elif ":" in line and pages and not fresh:
            key, _, value = line.partition(":")
            pages[-1][-1].fields[key.strip()] = value.strip()
        elif fresh:
            pages.append([_Block(line.strip())])
            fresh = False
        else:
            pages[-1].append(_Block(line.strip()))
    sheets = [_sheet(page, name) for page in pages if len(page) > 1]
    if not sheets:
        raise SidecarError(f"{name}: an atlas without regions")
    return tuple(sheets)


def _sheet(page: list[_Block], name: str) -> SidecarSheet:
    head, regions = page[0], page[1:]
    size = None
    if "size" in head.fields:
        width, height = _numbers(head.fields["size"], 2, f"{name}: size")
        size = (width, height) if width and height else None
    rects = [_rect(region, name) for region in regions]
    image = picture_path(head.title, name)
    return SidecarSheet(image, size, rects=distinct(rects, name), format=LIBGDX.name)


def _rect(region: _Block, name: str) -> Rect:
    where, fields = f"{name}: region {region.title[:60]!r}", region.fields
    if "bounds" in fields:
        x, y, width, height = _numbers(fields["bounds"], 4, where)
    else:
        x, y = _numbers(fields.get("xy", ""), 2, where)
        width, height = _numbers(fields.get("size", ""), 2, where)
    if not width or not height:
        raise SidecarError(f"{where}: empty")
    orientation = _ORIENTATIONS.get(fields.get("rotate", "false"), 1)
    if orientation in (TURNED_LEFT, TURNED_RIGHT):
        width, height = height, width
    animated = fields.get("index", "-1") != "-1"
    return Rect(x, y, width, height, region.title, orientation=orientation, tag=region.title if animated else "")


def _numbers(text: str, count: int, where: str) -> list[int]:
    parts = text.split(",")
    if len(parts) != count:
        raise SidecarError(f"{where}: {text[:40]!r} should be {count} numbers")
    return [whole(part.strip(), where) for part in parts]


LIBGDX = Format("libgdx", (".atlas", ".pack"), (b"size:", b"bounds:", b"xy:"), _parse)
