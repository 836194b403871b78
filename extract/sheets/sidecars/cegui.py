"""CEGUI image sets (``.imageset``, XML): named rectangles of one picture.

Source: http://static.cegui.org.uk/docs/0.8.7/xml_imageset.html, also the older spelling with capital letters.
"""

from xml.etree.ElementTree import Element

from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, picture_path, read_xml, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    root = read_xml(data, name)
    picture = _said(root, "imagefile")
    if root.tag != "Imageset" or not picture:
        return ()
    rects = [_rect(child, name) for child in root if child.tag == "Image"]
    if not rects:
        return ()
    return (SidecarSheet(picture_path(picture, name), rects=distinct(rects, name), format=CEGUI.name),)


def _said(element: Element, key: str) -> str:
    return next((value for name, value in element.attrib.items() if name.lower() == key), "")


def _rect(child: Element, name: str) -> Rect:
    title = _said(child, "name")
    where = f"{name}: image {title[:60]!r}"
    x, y = (whole(_said(child, key), where) for key in ("xpos", "ypos"))
    width, height = (whole(_said(child, key), where, 1) for key in ("width", "height"))
    return Rect(x, y, width, height, title)


CEGUI = Format("cegui", (".imageset", ".xml"), (b"<Imageset",), _parse)
