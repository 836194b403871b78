"""Is it the same picture? Bytes, then pixels, then structural similarity; sizes may differ.

Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004,
as scikit-image computes it. Each band is compared alone and the worst one counts: a picture with another blue is
another picture.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.pixels import Rgba
from index.pictures import decode_picture

SAME_SSIM = 0.9
ALIKE_SSIM = 0.6
SMALLEST_WINDOW = 3
WINDOW = 7
MOST_SIDE = 1024
"""Larger pictures are compared at this size: a verdict does not need more."""


@dataclass(frozen=True)
class Comparison:
    """What two pictures have in common. `ssim` (1 equal) and `nrmse` (0 equal) are those of the worst band."""

    identical_bytes: bool
    identical_pixels: bool
    same_size: bool
    ssim: float
    nrmse: float
    verdict: str

    @property
    def same(self) -> bool:
        """Tell whether a person would call it the same picture."""
        return self.ssim >= SAME_SSIM

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "same": self.same}

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.verdict} (SSIM {self.ssim:.4f}, NRMSE {self.nrmse:.4f}, of the worst band)"


def compare_pictures(one: bytes, other: bytes) -> Comparison:
    """Compare two files. Raises PictureError if one is no picture."""
    a, b = decode_picture(one), decode_picture(other)
    same_bytes = hashlib.sha256(one).digest() == hashlib.sha256(other).digest()
    if np.array_equal(a, b):
        verdict = "identical bytes" if same_bytes else "identical pixels"
        return Comparison(same_bytes, True, True, 1.0, 0.0, verdict)
    same_size = a.shape == b.shape
    if abs(np.log((a.shape[0] * b.shape[1]) / (a.shape[1] * b.shape[0]))) > 0.1:
        return Comparison(False, False, False, 0.0, 1.0, "different: another shape")
    a, b = _at_one_size(a, b)
    ssim, nrmse = structural_similarity(a, b), _nrmse(a, b)
    verdict = "the same picture, stored differently" if ssim >= SAME_SSIM else "alike" if ssim >= ALIKE_SSIM else ""
    return Comparison(False, False, same_size, ssim, nrmse, verdict or "different")


def structural_similarity(one: Rgba, other: Rgba) -> float:
    """Return the SSIM of the worst band of two (h, w, 4) pictures of one size; 1 is equal."""
    from skimage.metrics import structural_similarity as ssim

    window = min(WINDOW, (min(one.shape[:2]) - 1) // 2 * 2 + 1)
    if window < SMALLEST_WINDOW:
        return float(1 - _nrmse(one, other))
    scores = (
        ssim(one[..., band], other[..., band], win_size=window, data_range=255)  # type: ignore[no-untyped-call]
        for band in _bands(one, other)
    )
    return float(min(scores))


def _nrmse(one: Rgba, other: Rgba) -> float:
    """Return the root of the mean squared difference, as a share of the full range, of the worst band."""
    difference = one.astype(np.float64) - other
    return float(max(np.sqrt((difference[..., band] ** 2).mean()) for band in _bands(one, other)) / 255)


def _bands(one: Rgba, other: Rgba) -> range:
    """Leave opacity out where both are opaque."""
    return range(3 if (one[..., 3] == 255).all() and (other[..., 3] == 255).all() else 4)


def _at_one_size(one: Rgba, other: Rgba) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bring both to the smaller one's size."""
    small = one if one.size <= other.size else other
    height, width = small.shape[:2]
    scale = min(1.0, MOST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return _resized(one, size), _resized(other, size)


def _resized(rgba: Rgba, size: tuple[int, int]) -> NDArray[np.uint8]:
    if (rgba.shape[1], rgba.shape[0]) == size:
        return rgba
    return np.asarray(Image.fromarray(rgba).resize(size, Image.Resampling.BOX))
