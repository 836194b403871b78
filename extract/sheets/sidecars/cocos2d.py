"""cocos2d sprite frames (``.plist``), formats 0 to 3.

Source: https://docs.cocos.com/cocos2d-x/manual/en/sprites/spritesheets.html and the property list DTD
http://www.apple.com/DTDs/PropertyList-1.0.dtd. Sizes are those before turning: a rotated frame, turned clockwise by the
packer, covers height x width. Offset and source size say how the sprite was trimmed; the frame is what is on the sheet.
"""

import re
from xml.etree.ElementTree import Element

from extract.sheets.errors import SidecarError
from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import TURNED_RIGHT, Format, distinct, picture_path, read_xml, section, whole

_MAX_DEPTH = 12
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    root = read_xml(data, name)
    if root.tag != "plist" or not len(root):
        return ()
    content = section(_value(root[0], name, 0))
    frames = section(content.get("frames"))
    rects = [_rect(title, section(frame), name) for title, frame in frames.items() if isinstance(frame, dict)]
    if not rects:
        return ()
    metadata = section(content.get("metadata"))
    size = _size(metadata, section(content.get("texture")), name)
    image = picture_path(_picture(metadata), name)
    return (SidecarSheet(image, size, rects=distinct(rects, name), format=COCOS2D.name),)


def _value(element: Element, name: str, depth: int) -> object:
    """Turn property list XML into dictionaries, lists, booleans and text (numbers are read where they are used)."""
    if depth > _MAX_DEPTH:
        raise SidecarError(f"{name}: nested deeper than {_MAX_DEPTH}")
    if element.tag == "dict":
        children = list(element)
        return {
            (key.text or ""): _value(value, name, depth + 1)
            for key, value in zip(children[::2], children[1::2], strict=False)
        }
    if element.tag == "array":
        return [_value(child, name, depth + 1) for child in element]
    if element.tag in ("true", "false"):
        return element.tag == "true"
    return element.text or ""


def _rect(title: str, frame: dict[str, object], name: str) -> Rect:
    where = f"{name}: frame {title[:60]!r}"
    box = frame.get("frame") or frame.get("textureRect")
    if box is None:
        numbers = [whole(frame.get(key), where) for key in ("x", "y", "width", "height")]
    else:
        numbers = _numbers(box, 4, where)
    x, y, width, height = numbers
    if not width or not height:
        raise SidecarError(f"{where}: empty")
    turned = (frame.get("rotated") or frame.get("textureRotated")) is True
    if turned:
        width, height = height, width
    return Rect(x, y, width, height, title, orientation=TURNED_RIGHT if turned else 1)


def _numbers(text: object, count: int, where: str) -> list[int]:
    found = _NUMBERS.findall(str(text)[:200])
    if len(found) != count:
        raise SidecarError(f"{where}: {str(text)[:40]!r} should be {count} numbers")
    return [whole(number, where) for number in found]


def _picture(metadata: dict[str, object]) -> str:
    target = section(metadata.get("target"))
    if target.get("textureFileName"):
        return f"{target['textureFileName']}{target.get('textureFileExtension', '')}"
    return str(metadata.get("realTextureFileName") or metadata.get("textureFileName") or "")


def _size(metadata: dict[str, object], texture: dict[str, object], name: str) -> tuple[int, int] | None:
    if metadata.get("size"):
        width, height = _numbers(metadata["size"], 2, f"{name}: size")
        return (width, height) if width and height else None
    if texture.get("width") and texture.get("height"):
        return whole(texture["width"], f"{name}: width", 1), whole(texture["height"], f"{name}: height", 1)
    return None


COCOS2D = Format("cocos2d", (".plist",), (b"<plist",), _parse)
