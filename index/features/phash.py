"""pHash: the signs of the lowest frequencies of the brightness.

Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010; 64 bits, as the usual
implementations have them: 32 × 32 grey, discrete cosine transform, the 8 × 8 lowest frequencies against their median.
"""

from collections.abc import Sequence

import numpy as np
from scipy.fft import dctn

from db.pixels import Rgba
from index.features.canvas import LANCZOS, flatten, luma, resized
from index.features.interface import Distance, Model, Rows


class PHash:
    """64 bits that survive scaling, recompression and slight changes of colour."""

    model = Model("phash", 1, 64, Distance.HAMMING)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 8) uint8."""
        return np.stack([self._one(picture) for picture in pictures])

    def _one(self, rgba: Rgba) -> Rows:
        grey = luma(resized(flatten(rgba), 32, 32, LANCZOS))
        low = dctn(grey, norm="ortho")[:8, :8].ravel()
        return np.packbits(low > np.median(low))
