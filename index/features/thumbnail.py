"""A thumbnail as numbers: 12 × 12 mean colours, brightness and contrast evened out.

Torralba, Fergus and Freeman, "80 Million Tiny Images", PAMI 2008: at that size whole scenes can still be told apart.
Used to leave few candidates for an exact comparison (`quarry index rank`).
"""

from collections.abc import Sequence

import numpy as np

from db.pixels import Rgba
from index.features.canvas import BOX, flatten, resized
from index.features.interface import Distance, Model, Rows, unit

SIDE = 12


class Thumbnail:
    """432 numbers."""

    model = Model("thumbnail", 1, SIDE * SIDE * 3, Distance.COSINE)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 432) float32, length 1."""
        small = np.stack([resized(flatten(picture), SIDE, SIDE, BOX) for picture in pictures])
        rows = small.reshape(len(pictures), -1).astype(np.float32)
        return unit(rows - rows.mean(1, keepdims=True))
