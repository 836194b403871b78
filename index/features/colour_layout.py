"""MPEG-7 colour layout: where which colour is, very roughly.

Kasutani and Yamada, "The MPEG-7 Color Layout Descriptor", ICIP 2001 (ISO/IEC 15938-3): the mean colours of 8 × 8
fields in YCbCr, a cosine transform of each plane, the lowest frequencies in zigzag order; 21 of Y, 6 of Cb and Cr.
Weighted here as the standard's distance weights them, so that L1 compares two.
"""

from collections.abc import Sequence

import numpy as np
from scipy.fft import dctn

from db.pixels import Rgba
from index.features.canvas import BOX, flatten, resized
from index.features.interface import Distance, Model, Rows

KEPT = (21, 6, 6)
FIRST_WEIGHT = 2.0
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
_ZIGZAG = np.array(sorted(range(64), key=lambda i: (i // 8 + i % 8, i % 8 if (i // 8 + i % 8) % 2 else i // 8)))


class ColourLayout:
    """33 numbers."""

    model = Model("colour-layout", 1, sum(KEPT), Distance.L1)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 33) float32."""
        return np.stack([self._one(picture) for picture in pictures])

    def _one(self, rgba: Rgba) -> Rows:
        planes = resized(flatten(rgba), 8, 8, BOX).astype(np.float64) @ _YCBCR.T / 255
        parts = []
        for plane, kept in enumerate(KEPT):
            values = dctn(planes[..., plane], norm="ortho").ravel()[_ZIGZAG[:kept]]
            values[:3] *= FIRST_WEIGHT
            parts.append(values)
        return np.concatenate(parts).astype(np.float32)
