"""What Pillow reads, with all frames and pages.

Only the plugin of the sniffed format is asked: none of them runs a program or opens another file. Each file gets a
strict attempt; if already the first frame fails, a second one keeps what there is of it, marked partial.
"""

import io
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from PIL import Image

from db.pixels import Rgba
from extract.images.foreign import foreign, salvaging
from extract.images.interface import (
    Budget,
    DamagedImageError,
    DecodedFrame,
    DecodeError,
    ImageLimits,
    UnsupportedImageError,
)
from extract.images.png_check import PngFlaw, find_flaw, mode_of, without_flaws
from extract.images.samples import orientation_of, palette_size, rgba_of, upright

# Our own limit is held against the header before anything is decoded. A GIF's later frames may enlarge it while they
# are sought; there Pillow's check acts, which raises at twice its limit.
Image.MAX_IMAGE_PIXELS = ImageLimits().frame_pixels // 2

PLUGINS = {
    "png": "Png",
    "gif": "Gif",
    "jpeg": "Jpeg",
    "webp": "WebP",
    "bmp": "Bmp",
    "tga": "Tga",
    "tiff": "Tiff",
    "pcx": "Pcx",
    "dcx": "Dcx",
    "dds": "Dds",
    "ppm": "Ppm",
    "qoi": "Qoi",
    "avif": "Avif",
    "icns": "Icns",
    "jp2": "Jpeg2K",
    "xpm": "Xpm",
    "sgi": "Sgi",
    "sun": "Sun",
    "fli": "Fli",
}
_PILLOW_NAMES = {"jp2": "JPEG2000"}
_OF_ONE_KIND = frozenset({"png", "gif", "webp", "avif", "fli"})
"""Animations: every frame is stored as the first one is."""


class PillowDecoder:
    """Pillow, one frame at a time."""

    def preload(self) -> None:
        """Import every plugin in the list."""
        for plugin in [*PLUGINS.values(), "Mpo"]:
            import_module(f"PIL.{plugin}ImagePlugin")

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield frames in order. Raises DecodeError's children."""
        source = path.read_bytes()
        yield from decode_bytes(source, format_, limits)


def decode_bytes(data: bytes, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
    """Yield the frames of a file that is in memory. Raises DecodeError's children."""
    flaw = find_flaw(data) if format_ == "png" else None
    if flaw is not None and not flaw.pixels:
        data = without_flaws(data)
    begun = False
    try:
        for frame in _frames(data, format_, limits, flaw):
            begun = True
            yield frame
    except DamagedImageError as error:
        if begun:
            raise
        salvaged = _salvage(data, format_, limits)
        if salvaged is not None:
            yield salvaged
        raise DamagedImageError(flaw.reason if flaw else str(error)) from error
    if flaw is not None:
        raise DamagedImageError(flaw.reason)


def open_picture(data: bytes, format_: str) -> Image.Image:
    """Open with the one plugin for a format. Raises DamagedImageError, UnsupportedImageError."""
    with foreign():
        import_module(f"PIL.{PLUGINS[format_]}ImagePlugin")
        try:
            return Image.open(io.BytesIO(data), formats=(_PILLOW_NAMES.get(format_, format_.upper()),))
        except ValueError as error:
            if format_ == "xpm":
                raise UnsupportedImageError("colours that are named, or a header over several lines") from error
            raise


def _frames(data: bytes, format_: str, limits: ImageLimits, flaw: PngFlaw | None) -> Iterator[DecodedFrame]:
    budget = Budget(limits)
    with open_picture(data, format_) as picture:
        budget.canvas(*picture.size)
        with foreign():
            count = int(getattr(picture, "n_frames", 1))
        budget.canvas(*picture.size, count)
        mode, colours = "", None
        for number in range(count):
            with foreign(f"frame {number} of {count}" if count > 1 else ""):
                picture.seek(number)
                budget.spend(*picture.size)
                if number == 0 or format_ not in _OF_ONE_KIND:
                    mode = mode_of(data) if format_ == "png" else picture.mode
                    colours = palette_size(picture)
                picture.load()
                rgba = upright(rgba_of(picture), orientation_of(picture))
                duration = int(picture.info["duration"]) if count > 1 and "duration" in picture.info else None
            yield DecodedFrame(number, rgba, duration, mode, colours, partial=flaw is not None and flaw.pixels)


def _salvage(data: bytes, format_: str, limits: ImageLimits) -> DecodedFrame | None:
    """Return what can be had of the first frame, or None if that is nothing."""
    try:
        with salvaging(), open_picture(data, format_) as picture:
            Budget(limits).canvas(*picture.size)
            mode = mode_of(data) if format_ == "png" else picture.mode
            colours = palette_size(picture)
            with foreign():
                picture.load()
                rgba = upright(rgba_of(picture), orientation_of(picture))
    except DecodeError:
        return None
    return DecodedFrame(0, rgba, None, mode, colours, partial=True) if _shows_something(rgba) else None


def _shows_something(rgba: Rgba) -> bool:
    """Tell pixels that were decoded from the blank that stands where none were."""
    return bool((rgba != rgba[:1, :1]).any())
