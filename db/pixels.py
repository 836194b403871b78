"""Canonical pixels: (height, width, 4) uint8 RGBA, straight alpha, fully transparent pixels all zero.

The catalog names images by these, and opens them again for its consumers. What can turn a file into pixels lives in
another room, so it is named by a setting and looked up when first needed (as Scrapy does with its components): the
ground floor depends on the shape of that function, not on the decoders.
"""

import hashlib
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

Rgba = NDArray[np.uint8]

FRAME_READER = "extract.images.decode:read_frame"
"""Dotted name of the function (path of a blob, number of a frame) → canonical pixels."""


def read_frame(path: Path, number: int) -> Rgba:
    """Return the canonical pixels of one frame of a stored file. Raises what the decoders raise."""
    pixels: Rgba = resolve_name(FRAME_READER)(path, number)
    return pixels


_ALPHA = np.array([0, 0, 0, 255], np.uint8).view(np.uint32)[0]


def canonical_rgba(picture: PillowImage.Image) -> Rgba:
    """Return the picture's canonical pixels."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return _opaque(picture)
    rgba = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return canonical(np.frombuffer(rgba.tobytes(), np.uint8).reshape(picture.height, picture.width, 4))


def _opaque(picture: PillowImage.Image) -> Rgba:
    """Return pixels without alpha as they lie in Pillow's memory, four bytes each, and set the fourth."""
    words = np.frombuffer(picture.tobytes("raw", "RGBX"), np.uint32) | _ALPHA
    pixels: Rgba = words.view(np.uint8).reshape(picture.height, picture.width, 4)
    return pixels


def canonical(pixels: Rgba) -> Rgba:
    """Return a copy without the colours under alpha 0: they are invisible, so they do not count."""
    words = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    visible = (words & _ALPHA) != 0
    clear: Rgba = (words.copy() if visible.all() else words * visible)[..., None].view(np.uint8)
    return clear


def pixel_hash(rgba: Rgba) -> bytes:
    """Return the SHA-256 of width, height (4 bytes each, big-endian) and the canonical pixels, row by row."""
    height, width = rgba.shape[:2]
    return hash_of(height, width, np.ascontiguousarray(rgba).data)


def hash_of(height: int, width: int, pixels: bytes | memoryview) -> bytes:
    """Return the pixel hash of canonical pixels in one piece."""
    digest = hashlib.sha256(width.to_bytes(4, "big") + height.to_bytes(4, "big"))
    digest.update(pixels)
    return digest.digest()
