"""Starling (formerly Sparrow) texture atlases: ``<TextureAtlas>`` with ``<SubTexture>`` or ``<sprite>`` children.

Source: https://doc.starling-framework.org/current/starling/textures/TextureAtlas.html. Width and height are those of
the region on the sheet, turned or not. TexturePacker's generic XML is the same with ``<sprite>`` and shorter names.
"""

from xml.etree.ElementTree import Element

from extract.sheets.errors import SidecarError
from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import TURNED_RIGHT, Format, distinct, picture_path, read_xml, whole

_SPELLINGS = {"SubTexture": ("name", "width", "height"), "sprite": ("n", "w", "h")}


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    root = read_xml(data, name)
    if root.tag != "TextureAtlas":
        return ()
    rects = [_rect(child, name) for child in root if child.tag in _SPELLINGS]
    if not rects:
        raise SidecarError(f"{name}: a TextureAtlas without regions")
    size = None
    if root.get("width") and root.get("height"):
        size = whole(root.get("width"), f"{name}: width", 1), whole(root.get("height"), f"{name}: height", 1)
    image = picture_path(root.get("imagePath", ""), name)
    return (SidecarSheet(image, size, rects=distinct(rects, name), format=SPARROW.name),)


def _rect(child: Element, name: str) -> Rect:
    label, width, height = _SPELLINGS[child.tag]
    title = child.get(label, "")
    where = f"{name}: region {title[:60]!r}"
    return Rect(
        whole(child.get("x"), where),
        whole(child.get("y"), where),
        whole(child.get(width), where, 1),
        whole(child.get(height), where, 1),
        title,
        orientation=TURNED_RIGHT if child.get("rotated", child.get("r", "")) in ("true", "y") else 1,
    )


SPARROW = Format("sparrow", (".xml",), (b"<TextureAtlas",), _parse)
