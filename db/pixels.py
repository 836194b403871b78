"""Canonical pixels: (height, width, 4) uint8 RGBA, straight alpha, fully transparent pixels all zero."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

Rgba = NDArray[np.uint8]


def canonical_rgba(picture: PillowImage.Image) -> Rgba:
    """Return the picture's canonical pixels. Colours under alpha 0 are invisible, so they do not count."""
    pixels = np.array(picture.convert("RGBA"), dtype=np.uint8)
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def pixel_hash(rgba: Rgba) -> bytes:
    """Return the SHA-256 of width, height (4 bytes each, big-endian) and the canonical pixels, row by row."""
    height, width = rgba.shape[:2]
    digest = hashlib.sha256(width.to_bytes(4, "big") + height.to_bytes(4, "big"))
    digest.update(np.ascontiguousarray(rgba).tobytes())
    return digest.digest()
