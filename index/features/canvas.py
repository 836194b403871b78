"""Pictures as features want them: without transparency, on a canvas of one colour, at one size, in grey."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.pixels import Rgba

Floats = NDArray[np.float32]
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (128, 128, 128)
BILINEAR, BOX, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.NEAREST
LANCZOS = Image.Resampling.LANCZOS


def flatten(rgba: Rgba, colour: tuple[int, int, int] = WHITE) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8: the picture laid on a colour."""
    if (rgba[..., 3] == 255).all():
        return np.ascontiguousarray(rgba[..., :3])
    alpha = rgba[..., 3:].astype(np.uint16)
    laid = rgba[..., :3] * alpha + np.asarray(colour, np.uint16) * (255 - alpha)
    return ((laid + 127) // 255).astype(np.uint8)


def square(rgb: NDArray[np.uint8], colour: tuple[int, int, int] = WHITE) -> NDArray[np.uint8]:
    """Pad to a square, the picture in the middle."""
    height, width = rgb.shape[:2]
    side = max(height, width)
    out = np.empty((side, side, 3), np.uint8)
    out[:] = colour
    top, left = (side - height) // 2, (side - width) // 2
    out[top : top + height, left : left + width] = rgb
    return out


def resized(rgb: NDArray[np.uint8], width: int, height: int, how: Image.Resampling = BILINEAR) -> NDArray[np.uint8]:
    """Return (height, width, 3), or (height, width) of a grey picture."""
    if rgb.shape[:2] == (height, width):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((width, height), how))


def luma(rgb: NDArray[np.uint8]) -> Floats:
    """Return (h, w) brightness, 0 to 255 (ITU-R BT.601)."""
    grey: Floats = rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return grey
