"""Tiled tilesets and maps in XML: ``.tsx``, and the tilesets embedded in ``.tmx``.

Source: https://doc.mapeditor.org/en/stable/reference/tmx-map-format/#tileset. Margin and spacing hold for both axes.
A tileset without its own ``<image>`` is a collection of separate pictures and says nothing about cutting.
"""

from collections.abc import Mapping

from extract.sheets.errors import SidecarError
from extract.sheets.model import MAX_CELLS, SidecarSheet
from extract.sheets.sidecars.base import Format, grid, picture_path, read_xml, whole


def sheet_of(tileset: Mapping[str, object], image: Mapping[str, object], name: str, form: str) -> SidecarSheet:
    """Build a sheet from the attributes of a tileset and of its image, which XML and JSON spell alike.

    Raises:
        SidecarError: a number is missing, malformed or impossible.

    """
    numbers = (
        whole(tileset.get("tilewidth"), f"{name}: tilewidth", 1),
        whole(tileset.get("tileheight"), f"{name}: tileheight", 1),
        whole(tileset.get("margin", 0), f"{name}: margin"),
        whole(tileset.get("spacing", 0), f"{name}: spacing"),
    )
    size = None
    if image.get("width") and image.get("height"):
        size = whole(image["width"], f"{name}: width", 1), whole(image["height"], f"{name}: height", 1)
    lattice = grid(numbers, name)
    if size is not None:
        columns, rows = lattice.shape(*size)
        if columns * rows > MAX_CELLS:
            raise SidecarError(f"{name}: {columns * rows} tiles, limit {MAX_CELLS}")
    # 0 columns or tiles is how old versions and hand-written files say "not counted".
    count = whole(tileset.get("tilecount", 0), f"{name}: tilecount", 0, MAX_CELLS) or None
    columns_stated = whole(tileset.get("columns", 0), f"{name}: columns") or None
    source = picture_path(str(image.get("source", "")), name)
    return SidecarSheet(source, size, lattice, count, columns_stated, (), form)


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    root = read_xml(data, name)
    tilesets = [root] if root.tag == "tileset" else root.findall("tileset") if root.tag == "map" else []
    found: list[SidecarSheet] = []
    for tileset in tilesets:
        image = tileset.find("image")
        if image is not None and image.get("source"):
            found.append(sheet_of(tileset.attrib, image.attrib, name, TILED_XML.name))
    return tuple(found)


TILED_XML = Format("tiled-xml", (".tsx", ".tmx", ".xml"), (b"<tileset", b"<map"), _parse)
