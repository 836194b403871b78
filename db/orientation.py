"""The eight ways a picture can lie: turned by quarters, and mirrored. Numbered as EXIF does (TIFF 6.0, tag 274)."""

from db.pixels import Rgba, hash_of

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
    lying = rgba if rgba.shape[0] <= rgba.shape[1] else rgba.swapaxes(0, 1)
    turned = (lying, lying.swapaxes(0, 1)) if lying.shape[0] == lying.shape[1] else (lying,)
    flips = (slice(None), slice(None, None, -1))
    ways = [way[down, across].tobytes() for way in turned for down in flips for across in flips]
    height, width = lying.shape[:2]
    return hash_of(height, width, min(ways))
