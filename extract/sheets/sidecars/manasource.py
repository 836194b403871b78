"""The Mana World's sprite definitions (XML): ``<imageset src= width= height=>``.

Source: https://doc.manasource.org/sprites.xml. After ``|`` in ``src`` stand colours to dye the picture with.
"""

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, grid, picture_path, read_xml, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    root = read_xml(data, name)
    found = []
    for one in root.iter("imageset") if root.tag == "sprite" else ():
        source = (one.get("src") or "").partition("|")[0]
        if source and one.get("width") and one.get("height"):
            width, height = (whole(one.get(key), f"{name}: {key}", 1) for key in ("width", "height"))
            cut = grid((width, height, 0, 0), name)
            found.append(SidecarSheet(picture_path(source, name), grid=cut, format=MANASOURCE.name))
    return tuple(dict.fromkeys(found))


MANASOURCE = Format("manasource", (".xml",), (b"<imageset",), _parse)
