"""What Pillow reads: PNG, GIF, JPEG, WebP, BMP, TGA, TIFF, ICO, PCX, DDS, PPM and their like, with all frames."""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from db.pixels import canonical_rgba
from extract.images.interface import (
    DamagedImageError,
    DecodedFrame,
    ImageLimits,
    RefusedImageError,
    UnsupportedImageError,
)

# Our own limit is checked against the header before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

BROKEN = (
    OSError,
    NotImplementedError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    OverflowError,
)
"""What Pillow's plugins are known to raise on broken data."""


class PillowDecoder:
    """Pillow, one frame at a time."""

    version = 1
    formats = frozenset(
        {"png", "gif", "jpeg", "webp", "bmp", "tga", "tiff", "ico", "cur", "pcx", "dds", "ppm", "avif", "icns"}
    )

    def decode(self, path: Path, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield frames in order. Raises DamagedImageError, RefusedImageError, UnsupportedImageError."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of the data, not of our code
            try:
                picture = Image.open(path)
            except UnidentifiedImageError as error:
                raise UnsupportedImageError("not an image that Pillow knows") from error
            except BROKEN as error:
                raise DamagedImageError(f"{type(error).__name__}: {error}") from error
            with picture:
                yield from _frames(picture, limits)


def _frames(picture: Image.Image, limits: ImageLimits) -> Iterator[DecodedFrame]:
    width, height = picture.size
    if width * height > limits.frame_pixels:
        raise RefusedImageError(f"{width}×{height} pixels, limit {limits.frame_pixels}")
    try:
        count = int(getattr(picture, "n_frames", 1))
    except BROKEN as error:
        raise DamagedImageError(f"{type(error).__name__}: {error}") from error
    if count * width * height > limits.total_pixels:
        raise RefusedImageError(f"{count} frames of {width}×{height} pixels, limit {limits.total_pixels} together")
    for number in range(count):
        try:
            picture.seek(number)
            upright = ImageOps.exif_transpose(picture) if count == 1 else picture
            rgba = canonical_rgba(upright)
        except BROKEN as error:
            raise DamagedImageError(f"frame {number}: {type(error).__name__}: {error}") from error
        duration = picture.info.get("duration") if count > 1 else None
        yield DecodedFrame(number, rgba, None if duration is None else int(duration))
