"""Palette histogram: which colours, how much of each, wherever they are.

Swain and Ballard, "Color Indexing", IJCV 1991, on a hue-saturation-value grid as Smith and Chang's VisualSEEk (1996)
has it: 18 hues × 3 saturations × 3 values and 4 greys, weighted by opacity; square roots, so that the product of two
is the Bhattacharyya coefficient.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from db.pixels import Rgba
from index.features.interface import Distance, Model, Rows, unit

HUES, SATURATIONS, VALUES, GREYS = 18, 3, 3, 4
SIZE = HUES * SATURATIONS * VALUES + GREYS
GREY_BELOW = 26
"""A saturation (of 255) below this has no hue worth the name; nor has a value below BLACK_BELOW."""
BLACK_BELOW = 32


class Palette:
    """166 shares of colours; what is transparent does not count."""

    model = Model("palette", 1, SIZE, Distance.COSINE)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 166) float32, length 1."""
        return unit(np.stack([np.sqrt(histogram(picture)) for picture in pictures]))


def histogram(rgba: Rgba) -> Rows:
    """Return the share of each colour, weighted by opacity."""
    pixels = rgba.reshape(-1, 4)
    pixels = pixels[pixels[:, 3] > 0]
    if not len(pixels):
        return np.zeros(SIZE, np.float32)
    hsv = np.asarray(Image.fromarray(np.ascontiguousarray(pixels[None, :, :3])).convert("HSV"))[0].astype(np.int64)
    hue, saturation, value = hsv.T
    colour = (hue * HUES // 256 * SATURATIONS + saturation * SATURATIONS // 256) * VALUES + value * VALUES // 256
    grey = SIZE - GREYS + value * GREYS // 256
    cell = np.where((saturation < GREY_BELOW) | (value < BLACK_BELOW), grey, colour)
    counts = np.bincount(cell, pixels[:, 3].astype(np.float64), SIZE)
    return np.asarray(counts / counts.sum(), np.float32)
