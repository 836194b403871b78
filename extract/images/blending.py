"""Laying one layer over another: blend modes and opacity.

Sources: Compositing and Blending Level 1 (W3C), sections 5 and 10; the modes it lacks (addition, subtract, divide,
grain, …) as the programs that have them document them. Pixels are float32, (height, width, 4), straight alpha, 0 to 1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_TINY = np.float32(1e-6)


def over(backdrop: Floats, source: Floats, opacity: float, mode: str = "normal") -> Floats:
    """Return `source` composed over `backdrop` (same shape). A mode that is not in MODES counts as normal."""
    below, above = backdrop[..., 3:], source[..., 3:] * np.float32(opacity)
    colour = source[..., :3]
    if mode in MODES:
        with np.errstate(all="ignore"):
            blended = np.clip(MODES[mode](backdrop[..., :3], colour), 0, 1)
        colour = colour + below * (blended - colour)
    alpha = above + below * (1 - above)
    mixed = above * colour + below * (1 - above) * backdrop[..., :3]
    return np.concatenate([mixed / np.maximum(alpha, _TINY), alpha], axis=-1)


def as_floats(rgba: NDArray[np.uint8]) -> Floats:
    """Return 8-bit samples as 0 to 1."""
    return rgba.astype(np.float32) / np.float32(255)


def as_bytes(pixels: Floats) -> NDArray[np.uint8]:
    """Return samples of 0 to 1 in 8 bits."""
    return np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)


def _screen(b: Floats, s: Floats) -> Floats:
    return b + s - b * s


def _hard_light(b: Floats, s: Floats) -> Floats:
    return np.where(s <= 0.5, 2 * b * s, _screen(b, 2 * s - 1))


def _dodge(b: Floats, s: Floats) -> Floats:
    return np.where(b <= 0, 0, np.where(s >= 1, 1, np.minimum(1, b / np.maximum(1 - s, _TINY))))


def _burn(b: Floats, s: Floats) -> Floats:
    return np.where(b >= 1, 1, np.where(s <= 0, 0, 1 - np.minimum(1, (1 - b) / np.maximum(s, _TINY))))


def _soft_light(b: Floats, s: Floats) -> Floats:
    root = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (root - b))


def _divide(b: Floats, s: Floats) -> Floats:
    return np.where(b <= 0, 0, np.where(b >= s, 1, b / np.maximum(s, _TINY)))


def _luminosity(c: Floats) -> Floats:
    return c @ np.array([[0.3], [0.59], [0.11]], np.float32)


def _saturation(c: Floats) -> Floats:
    return np.asarray(c.max(axis=-1, keepdims=True) - c.min(axis=-1, keepdims=True))


def _with_luminosity(c: Floats, wanted: Floats) -> Floats:
    c = c + (wanted - _luminosity(c))
    light, low, high = _luminosity(c), c.min(axis=-1, keepdims=True), c.max(axis=-1, keepdims=True)
    c = np.where(low < 0, light + (c - light) * light / np.maximum(light - low, _TINY), c)
    return np.where(high > 1, light + (c - light) * (1 - light) / np.maximum(high - light, _TINY), c)


def _with_saturation(c: Floats, wanted: Floats) -> Floats:
    low = c.min(axis=-1, keepdims=True)
    spread = c.max(axis=-1, keepdims=True) - low
    return np.where(spread > 0, (c - low) * wanted / np.maximum(spread, _TINY), 0)


MODES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "multiply": lambda b, s: b * s,
    "screen": _screen,
    "overlay": lambda b, s: _hard_light(s, b),
    "darken": np.minimum,
    "lighten": np.maximum,
    "dodge": _dodge,
    "burn": _burn,
    "hard-light": _hard_light,
    "soft-light": _soft_light,
    "difference": lambda b, s: np.abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "hue": lambda b, s: _with_luminosity(_with_saturation(s, _saturation(b)), _luminosity(b)),
    "saturation": lambda b, s: _with_luminosity(_with_saturation(b, _saturation(s)), _luminosity(b)),
    "colour": lambda b, s: _with_luminosity(s, _luminosity(b)),
    "luminosity": lambda b, s: _with_luminosity(b, _luminosity(s)),
    "addition": lambda b, s: b + s,
    "subtract": lambda b, s: b - s,
    "divide": _divide,
    "grain-extract": lambda b, s: b - s + np.float32(128 / 255),
    "grain-merge": lambda b, s: b + s - np.float32(128 / 255),
}
"""What a source does to a backdrop where both are opaque: (backdrop, source) → colour."""
