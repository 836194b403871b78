"""From Pillow's samples to canonical pixels: depths above 8 bits, palettes, orientation."""

import numpy as np
from PIL import Image

from db.pixels import Rgba, canonical, canonical_rgba
from extract.images.interface import UnsupportedImageError

ORIENTATION = 0x0112
"""The EXIF tag (CIPA DC-008, 4.6.5)."""
_CARRIERS = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")


def rgba_of(picture: Image.Image) -> Rgba:
    """Return the canonical pixels of a loaded picture. Raises UnsupportedImageError.

    Of 16 bits the upper 8 are kept, as Pillow does where it reduces them itself.
    """
    if picture.mode.startswith("I"):
        return _deep_grey(picture)
    if picture.mode in ("F", "LAB", "HSV"):
        raise UnsupportedImageError(f"samples of kind {picture.mode} have no colours of their own")
    return canonical_rgba(picture)


def _deep_grey(picture: Image.Image) -> Rgba:
    values = np.asarray(picture)
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise UnsupportedImageError("grey samples of more than 16 bits have no range of their own")
    grey = (values.astype(np.uint16) >> 8).astype(np.uint8)
    pixels = np.empty((*grey.shape, 4), np.uint8)
    pixels[..., :3] = grey[..., None]
    clear = picture.info.get("transparency")
    pixels[..., 3] = np.where(values == clear, 0, 255) if isinstance(clear, int) else 255
    return canonical(pixels)


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation that is still to be applied, 1 to 8."""
    if not any(carrier in picture.info for carrier in _CARRIERS):
        return 1
    return int(picture.getexif().get(ORIENTATION, 1))


def upright(rgba: Rgba, orientation: int) -> Rgba:
    """Turn pixels as their EXIF orientation says."""
    turns = {
        2: rgba[:, ::-1],
        3: rgba[::-1, ::-1],
        4: rgba[::-1],
        5: rgba.transpose(1, 0, 2),
        6: rgba.transpose(1, 0, 2)[:, ::-1],
        7: rgba[::-1, ::-1].transpose(1, 0, 2),
        8: rgba.transpose(1, 0, 2)[::-1],
    }
    return np.ascontiguousarray(turns[orientation]) if orientation in turns else rgba


def palette_size(picture: Image.Image) -> int | None:
    """Return how many colours the stored palette holds; None without one. Ask before the picture is loaded."""
    palette = picture.palette
    if picture.mode not in ("P", "PA") or palette is None:
        return None
    layout = palette.rawmode or palette.mode
    return len(palette.palette) // (2 if ";" in layout else len(layout))
