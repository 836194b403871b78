"""PDQ: 256 bits from the discrete cosine transform, with a measure of how much there is to see.

"The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook, 2019: brightness, two passes of
a box filter whose window is the side / 128, 64 × 64 samples, the 16 × 16 frequencies 1 to 16, each against their
median. Tested against the reference implementation's hashes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.features.canvas import BILINEAR, flatten, luma, resized
from index.features.interface import Distance, Model, Rows

SAMPLES = 64
LARGEST = 512
"""The reference shrinks larger pictures to this first."""

_FREQUENCIES = np.arange(1, 17)[:, None]
_DCT = np.sqrt(2 / SAMPLES) * np.cos(np.pi / (2 * SAMPLES) * _FREQUENCIES * (2 * np.arange(SAMPLES) + 1))


class Pdq:
    """256 bits; two pictures within about 31 bits are taken as the same (the paper's threshold)."""

    model = Model("pdq", 1, 256, Distance.HAMMING)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 32) uint8."""
        return np.stack([pdq_hash(flatten(picture))[0] for picture in pictures])


def pdq_hash(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return the 32 bytes, highest frequency first as the reference prints them, and the quality, 0 to 100."""
    height, width = rgb.shape[:2]
    if max(height, width) > LARGEST:
        scale = LARGEST / max(height, width)
        rgb = resized(rgb, max(1, round(width * scale)), max(1, round(height * scale)), BILINEAR)
    samples = _samples(luma(rgb))
    frequencies = _DCT @ samples @ _DCT.T
    bits = (frequencies > np.median(frequencies)).ravel()
    return np.packbits(bits[::-1]), _quality(samples)


def _samples(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return 64 × 64 samples of the picture blurred twice."""
    blurred = grey.astype(np.float64)
    for axis in (1, 0):
        window = (blurred.shape[axis] + 127) // 128
        for _ in range(2):
            blurred = _box(blurred, window, axis)
    rows, columns = (((np.arange(SAMPLES) + 0.5) * n / SAMPLES).astype(int) for n in blurred.shape)
    return blurred[np.ix_(rows, columns)]


def _box(values: NDArray[np.float64], window: int, axis: int) -> NDArray[np.float64]:
    """Average over a window that is cut off at the border."""
    count = values.shape[axis]
    half = (window + 2) // 2
    low = np.clip(np.arange(count) - (window - half), 0, count)
    high = np.clip(np.arange(count) + half, 0, count)
    sums = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
    shape = [1, 1]
    shape[axis] = count
    return np.asarray((sums.take(high, axis) - sums.take(low, axis)) / (high - low).reshape(shape))


def _quality(samples: NDArray[np.float64]) -> int:
    """Return how much gradient there is: plain pictures have no hash worth comparing."""
    steps = sum(int(np.abs((np.diff(samples, axis=axis) * 100 / 255).astype(int)).sum()) for axis in (0, 1))
    return min(100, steps // 90)
