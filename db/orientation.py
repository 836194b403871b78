"""The eight ways a picture can lie: turned by quarters, and mirrored. Numbered as EXIF does (TIFF 6.0, tag 274)."""

import numpy as np

from db.pixels import Rgba, pixel_hash

ORIENTATIONS = range(1, 9)

MAX_PIXELS = 512 * 512
"""Larger pictures are hardly ever each other's flips, and hashing eight of them is dear."""


def upright(rgba: Rgba, orientation: int) -> Rgba:
    """Return the pixels (height, width, 4) as they are to be shown: a view, turned and mirrored as stated (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        rgba = rgba.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        rgba = rgba[:, ::-1]
    if orientation in (3, 4, 7, 8):
        rgba = rgba[::-1]
    return rgba


def orientation_hash(rgba: Rgba) -> bytes | None:
    """Return the pixel hash of the first of the eight orientations, by height, width and bytes; None if too large.

    Pictures that are flips or turns of one another, and no others, have the same.
    """
    if rgba.shape[0] * rgba.shape[1] > MAX_PIXELS:
        return None
    ways = (np.ascontiguousarray(upright(rgba, orientation)) for orientation in ORIENTATIONS)
    return pixel_hash(min(ways, key=lambda way: (way.shape, way.tobytes())))
