"""SVG, drawn by resvg at the document's own size, without fonts: pixels must not depend on the machine."""

import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from extract.images.foreign import foreign
from extract.images.interface import Budget, DamagedImageError, DecodedFrame, ImageLimits
from extract.images.pillow_decoder import decode_bytes
from extract.images.svg_document import DPI, SvgDocument, prepare

_PROBE = 1 / 64
"""Scale of the trial drawing that tells the size of a document which does not."""


class SvgDecoder:
    """SVG."""

    def preload(self) -> None:
        """Import resvg."""
        import_module("resvg_py")

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield the drawing. Raises DecodeError's children."""
        with foreign():
            document = prepare(path.read_bytes())
        budget = Budget(limits)
        if document.size is None:
            width, height = _probed(document, limits)
            budget.canvas(width, height)
        else:
            width, height = (_ceil(side) for side in document.size)
            budget.canvas(width, height)
        for frame in decode_bytes(_draw(document, None), "png", limits):
            yield DecodedFrame(0, frame.rgba, mode="vector", partial=bool(document.missing))
        if document.missing:
            raise DamagedImageError(document.missing)


def _probed(document: SvgDocument, limits: ImageLimits) -> tuple[int, int]:
    """Return about how large a drawing will be whose size follows from its content."""
    try:
        probe = next(decode_bytes(_draw(document, _PROBE), "png", limits)).rgba
    except DamagedImageError:
        return 1, 1  # less than a pixel at that scale, or nothing that can be drawn at any
    return round(probe.shape[1] / _PROBE), round(probe.shape[0] / _PROBE)


def _ceil(side: float) -> int:
    return math.ceil(side) if side < 1 << 31 else 1 << 31


def _draw(document: SvgDocument, zoom: float | None) -> bytes:
    """Return a PNG."""
    with foreign():
        png: bytes = import_module("resvg_py").svg_to_bytes(
            svg_string=document.text, skip_system_fonts=True, dpi=DPI, zoom=zoom
        )
    return png
