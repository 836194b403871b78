"""freeciv tile specifications (``.spec``): sections ``[grid_…]`` with a place, a cell size and a table of named cells.

Source: freeciv's doc/README.graphics and utility/registry_ini.c. ``gfx`` is given from the data folder and without its
ending; the picture lies beside the specification.
"""

import re
from dataclasses import dataclass, field

from extract.sheets.model import Grid, Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, cell, distinct, lattice, picture_path, read_text, whole

_SECTION = re.compile(r"\[(\w{1,80})\]")
_FIELD = re.compile(r"(\w{1,80})\s{0,20}=\s{0,20}(.*)")
_ROW = re.compile(r'\s{0,80}(\d{1,6})\s{0,20},\s{0,20}(\d{1,6})\s{0,20}(?:,\s{0,20}"([^"]{0,200})")?')


@dataclass
class _Section:
    title: str
    fields: dict[str, str] = field(default_factory=dict)
    cells: list[tuple[str, str, str]] = field(default_factory=list)


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    sections = [_Section("")]
    for line in read_text(data).split("\n"):
        said = line.partition(";")[0].strip()[:500]
        title, pair, row = _SECTION.fullmatch(said), _FIELD.match(said), _ROW.match(said)
        if title:
            sections.append(_Section(title[1]))
        elif pair:
            sections[-1].fields[pair[1]] = pair[2]
        elif row:
            sections[-1].cells.append((row[1], row[2], row[3] or ""))
    gfx = next((s.fields["gfx"] for s in sections if "gfx" in s.fields), "")
    grids = [s for s in sections if s.title.startswith("grid_") and s.cells]
    if not gfx or not grids:
        return ()
    cuts = [_cut(section, name) for section in grids]
    rects = [rect for cut, section in zip(cuts, grids, strict=True) for rect in _rects(cut, section, name)]
    image = picture_path(gfx.strip('" ').rpartition("/")[2] + ".png", name)
    common = cuts[0] if len(set(cuts)) == 1 else None
    return (SidecarSheet(image, grid=common, rects=distinct(rects, name), format=FREECIV.name),)


def _number(section: _Section, key: str, name: str, default: str = "0", low: int = 0) -> int:
    return whole(section.fields.get(key, default).strip(), f"{name}: {section.title}.{key}", low)


def _cut(section: _Section, name: str) -> Grid:
    border = section.fields.get("pixel_border", "0")
    return lattice(
        (_number(section, "dx", name, low=1), _number(section, "dy", name, low=1)),
        (_number(section, "x_top_left", name), _number(section, "y_top_left", name)),
        (_number(section, "pixel_border_x", name, border), _number(section, "pixel_border_y", name, border)),
        f"{name}: {section.title}",
    )


def _rects(cut: Grid, section: _Section, name: str) -> list[Rect]:
    where = f"{name}: {section.title}"
    return [cell(cut, whole(column, where), whole(row, where), title) for row, column, title in section.cells]


FREECIV = Format("freeciv", (".spec",), (b"[spec]", b"[file]", b"[grid_", b"gfx"), _parse)
