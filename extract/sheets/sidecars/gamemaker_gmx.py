"""GameMaker Studio 1 resources: ``NAME.sprite.gmx`` and ``NAME.background.gmx`` (XML).

Source: files the program wrote; the fields carry the names of its editor. A sprite's frames are whole pictures; a
background may be a tile set.
"""

from xml.etree.ElementTree import Element

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, lattice, picture_path, read_xml, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    root = read_xml(data, name)
    if root.tag == "background":
        return _background(root, name)
    if root.tag != "sprite" or root.find("frames") is None:
        return ()
    size = _number(root, "width", name, 1), _number(root, "height", name, 1)
    pictures = (picture_path(frame.text or "", name) for frame in root.iterfind("frames/frame") if frame.text)
    return tuple(SidecarSheet(picture, size, shape=(1, 1), format=GAMEMAKER_GMX.name) for picture in pictures)


def _background(root: Element, name: str) -> tuple[SidecarSheet, ...]:
    picture = root.findtext("data")
    if not picture or (root.findtext("istileset") or "0").strip() == "0":
        return ()
    cut = lattice(
        (_number(root, "tilewidth", name, 1), _number(root, "tileheight", name, 1)),
        (_number(root, "tilexoff", name), _number(root, "tileyoff", name)),
        (_number(root, "tilehsep", name), _number(root, "tilevsep", name)),
        name,
    )
    size = _number(root, "width", name, 1), _number(root, "height", name, 1)
    return (SidecarSheet(picture_path(picture, name), size, cut, format=GAMEMAKER_GMX.name),)


def _number(root: Element, key: str, name: str, low: int = 0) -> int:
    return whole((root.findtext(key) or "0").strip(), f"{name}: {key}", low)


GAMEMAKER_GMX = Format("gamemaker-gmx", (".gmx",), (b"<sprite", b"<background"), _parse)
