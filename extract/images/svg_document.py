"""What is settled about an SVG document before a renderer sees it: nothing outside it is read, and it stays finite.

Source: SVG 1.1 and 2 (W3C). References to other files are cut out, entities are expanded under libxml2's limits,
and drawings that repeat themselves through `use` are counted as they would be drawn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from extract.images.interface import DamagedImageError, RefusedImageError, UnsupportedImageError

DRAWN_MAX = 250_000
"""Most elements drawn, those that `use` repeats counted each time. A renderer needs some 50 µs for each."""
DPI = 96.0
"""Pixels an inch in CSS."""
_PIXELS = {"": 1.0, "px": 1.0, "pt": DPI / 72, "pc": DPI / 6, "in": DPI, "cm": DPI / 2.54, "mm": DPI / 25.4}
_EM = {"em": 16.0, "ex": 8.0}
_LENGTH = re.compile(r"\s*\+?([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-z%]*)\s*$")
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_FETCHING = ("image", "feImage")
_TEXT = ("text", "foreignObject")


@dataclass(frozen=True)
class SvgDocument:
    """A document that is safe to draw. `missing`: why the drawing will not be whole, or nothing."""

    text: str
    missing: str
    size: tuple[float, float] | None


def prepare(data: bytes) -> SvgDocument:
    """Read a document. Raises DamagedImageError, RefusedImageError, UnsupportedImageError."""
    root, missing = _parse(data)
    if _name(root) != "svg":
        raise UnsupportedImageError(f"the document is <{_name(root)}>, no svg")
    if _cut_references(root):
        missing = missing or "it refers to other files, which are not read"
    if not missing and any("".join(found.itertext()).strip() for found in _named(root, _TEXT)):
        missing = "its text is not drawn: fonts differ between machines"
    drawn = _Counter(root).count(root)
    if drawn > DRAWN_MAX:
        raise RefusedImageError(f"{drawn} elements to draw, limit {DRAWN_MAX}")
    return SvgDocument(etree.tostring(root, encoding="unicode"), missing, own_size(root))


def _parse(data: bytes) -> tuple[etree._Element, str]:
    """Return the root, and what is wrong if the document breaks off."""
    try:
        return etree.fromstring(data, _parser(recover=False)), ""
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = str(error)
    try:
        root = etree.fromstring(data, _parser(recover=True))
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise DamagedImageError(reason)
    return root, reason


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities="internal",
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _named(root: etree._Element, names: tuple[str, ...]) -> Iterator[etree._Element]:
    return (element for element in root.iter() if _name(element) in names)


def _cut_references(root: etree._Element) -> bool:
    """Remove references to anything outside the document; return whether there were any."""
    found = False
    for element in list(_named(root, _FETCHING)):
        for attribute in _HREFS:
            target = element.get(attribute, "").strip()
            if target and not target.startswith(("data:", "#")):
                del element.attrib[attribute]
                found = True
    return found


class _Counter:
    """Counts elements as drawn. Something that draws itself counts once: renderers leave it out."""

    def __init__(self, root: etree._Element) -> None:
        self._by_id = {found.get("id"): found for found in root.iter() if found.get("id")}
        self._known: dict[etree._Element, int] = {}
        self._open: set[etree._Element] = set()

    def count(self, element: etree._Element) -> int:
        """Return how many elements one drawing of this one draws."""
        if element in self._open:
            return 0
        if element not in self._known:
            self._open.add(element)
            total = 1 + sum(self.count(child) for child in element)
            if _name(element) == "use":
                total += sum(self.count(target) for target in self._targets(element))
            self._open.remove(element)
            self._known[element] = total
        return self._known[element]

    def _targets(self, element: etree._Element) -> Iterator[etree._Element]:
        for attribute in _HREFS:
            target = self._by_id.get(element.get(attribute, "").strip().removeprefix("#"))
            if target is not None:
                yield target


def own_size(root: etree._Element) -> tuple[float, float] | None:
    """Return width and height in pixels as the document gives them; None if its content decides."""
    box = _view_box(root)
    width = _length(root.get("width"), box[0] if box else None)
    height = _length(root.get("height"), box[1] if box else None)
    if box and (width is None) != (height is None):
        width = box[0] * height / box[1] if width is None and height is not None else width
        height = box[1] * width / box[0] if height is None and width is not None else height
    if box and width is None:
        return box
    return None if width is None or height is None else (width, height)


def _view_box(root: etree._Element) -> tuple[float, float] | None:
    parts = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    try:
        width, height = float(parts[2]), float(parts[3])
    except (IndexError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _length(said: str | None, whole: float | None) -> float | None:
    match = _LENGTH.match(said or "")
    if match is None:
        return None
    number, unit = float(match[1]), match[2]
    if unit == "%":
        return None if whole is None else number / 100 * whole
    scale = _PIXELS.get(unit) or _EM.get(unit)
    return None if scale is None else number * scale
