"""dHash: whether a pixel is brighter than its left neighbour.

Krawetz, "Kind of Like That", 2013: 9 × 8 grey, one bit a pair of neighbours.
"""

from collections.abc import Sequence

import numpy as np

from db.pixels import Rgba
from index.features.canvas import LANCZOS, flatten, luma, resized
from index.features.interface import Distance, Model, Rows


class DHash:
    """64 bits, quicker than pHash and less tolerant."""

    model = Model("dhash", 1, 64, Distance.HAMMING)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 8) uint8."""
        return np.stack([self._one(picture) for picture in pictures])

    def _one(self, rgba: Rgba) -> Rows:
        grey = luma(resized(flatten(rgba), 9, 8, LANCZOS))
        return np.packbits(grey[:, 1:] > grey[:, :-1])
