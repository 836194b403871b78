"""GIMP's layer modes where they differ from the W3C's.

Source: app/operations/layer-modes in GNOME/gimp. Legacy modes (numbers below 23) keep values within 0 to 1, later
ones do not, since they may work on linear light; both show a mode only where there is something below.
"""

from collections.abc import Callable

import numpy as np

from extract.images.blending import MODES, Floats

_TINY = np.float32(1e-6)
_LEGACY_END = 23
_LEGACY = [
    "normal",
    "dissolve",
    "behind",
    "multiply",
    "screen",
    "soft-light",
    "difference",
    "addition",
    "subtract",
    "darken",
    "lighten",
    "hsv-hue",
    "hsv-saturation",
    "hsl-colour",
    "hsv-value",
    "divide",
    "dodge",
    "burn",
    "hard-light",
    "soft-light",
    "grain-extract",
    "grain-merge",
    "colour-erase",
]
_MODERN = [
    "overlay",
    "lch-hue",
    "lch-chroma",
    "lch-colour",
    "lch-lightness",
    "normal",
    "behind",
    "multiply",
    "screen",
    "difference",
    "addition",
    "subtract",
    "darken",
    "lighten",
    "hsv-hue",
    "hsv-saturation",
    "hsl-colour",
    "hsv-value",
    "divide",
    "dodge",
    "burn",
    "hard-light",
    "soft-light",
    "grain-extract",
    "grain-merge",
    "vivid-light",
    "pin-light",
    "linear-light",
    "hard-mix",
    "exclusion",
    "linear-burn",
]
PASS_THROUGH = 61
NORMAL = frozenset({0, 28})


def _quotient(a: Floats, b: Floats) -> Floats:
    return np.where(np.abs(b) > _TINY, np.clip(a / np.where(b == 0, 1, b), -65504, 65504), 0)


def _soft_light(b: Floats, s: Floats) -> Floats:
    return (1 - b) * b * s + b * (b + s - b * s)


def _vivid_light(b: Floats, s: Floats) -> Floats:
    return np.where(s <= 0.5, np.maximum(1 - _quotient(1 - b, 2 * s), 0), np.minimum(_quotient(b, 2 - 2 * s), 1))


def _pin_light(b: Floats, s: Floats) -> Floats:
    return np.where(s > 0.5, np.maximum(b, 2 * (s - 0.5)), np.minimum(b, 2 * s))


def _hue(c: Floats) -> Floats:
    """Return hues, 0 to 6."""
    high, spread = c.max(axis=-1), c.max(axis=-1) - c.min(axis=-1)
    red, green, blue = c[..., 0], c[..., 1], c[..., 2]
    safe = np.where(spread > 0, spread, 1)
    hue = np.where(
        high == red, (green - blue) / safe, np.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    )
    out: Floats = np.where(spread > 0, hue % 6, 0).astype(np.float32)[..., None]
    return out


def _value(c: Floats) -> Floats:
    return np.asarray(c.max(axis=-1, keepdims=True))


def _spread(c: Floats) -> Floats:
    return np.asarray(c.max(axis=-1, keepdims=True) - c.min(axis=-1, keepdims=True))


def _saturation(c: Floats) -> Floats:
    return _quotient(_spread(c), _value(c))


def _of_hsv(hue: Floats, saturation: Floats, value: Floats) -> Floats:
    steps = (np.array([5, 3, 1], np.float32) + hue) % 6
    colour: Floats = np.asarray(value - value * saturation * np.clip(np.minimum(steps, 4 - steps), 0, 1), np.float32)
    return colour


def _hsv_hue(b: Floats, s: Floats) -> Floats:
    return np.where(_spread(s) > 0, _of_hsv(_hue(s), _saturation(b), _value(b)), b)


def _hsv_saturation(b: Floats, s: Floats) -> Floats:
    return np.where(_spread(b) > 0, _of_hsv(_hue(b), _saturation(s), _value(b)), b)


def _hsv_value(b: Floats, s: Floats) -> Floats:
    return np.where(_value(b) > 0, b * _quotient(_value(s), _value(b)), _value(s))


def _hsl_colour(b: Floats, s: Floats) -> Floats:
    """Take hue and saturation of the source, lightness of the backdrop."""
    high, low = _value(s), _value(s) - _spread(s)
    saturation = _quotient(high - low, 1 - np.abs(high + low - 1))
    lightness = _value(b) - _spread(b) / 2
    chroma: Floats = np.asarray((1 - np.abs(2 * lightness - 1)) * saturation, np.float32)
    value: Floats = np.asarray(lightness + chroma / 2, np.float32)
    return _of_hsv(_hue(s), _quotient(chroma, value), value)


_OWN: dict[str, Callable[[Floats, Floats], Floats]] = {
    "soft-light": _soft_light,
    "dodge": lambda b, s: _quotient(b, 1 - s),
    "burn": lambda b, s: 1 - _quotient(1 - b, s),
    "divide": _quotient,
    "grain-extract": lambda b, s: b - s + np.float32(0.5),
    "grain-merge": lambda b, s: b + s - np.float32(0.5),
    "hsv-hue": _hsv_hue,
    "hsv-saturation": _hsv_saturation,
    "hsv-value": _hsv_value,
    "hsl-colour": _hsl_colour,
    "vivid-light": _vivid_light,
    "pin-light": _pin_light,
    "linear-light": lambda b, s: b + 2 * s - 1,
    "hard-mix": lambda b, s: np.where(b + s < 1, 0, 1).astype(np.float32),
    "linear-burn": lambda b, s: b + s - 1,
}
_OWN_LEGACY = {"grain-extract": MODES["grain-extract"], "grain-merge": MODES["grain-merge"]}


def layer_mode(number: int) -> tuple[Callable[[Floats, Floats], Floats] | None, str]:
    """Return what a mode does to (backdrop, source), None for normal; and why that is not exact, or nothing."""
    legacy = number < _LEGACY_END
    names = _LEGACY if legacy else _MODERN
    at = number if legacy else number - _LEGACY_END
    name = names[at] if 0 <= at < len(names) else f"number {number}"
    formula = (_OWN_LEGACY.get(name) if legacy else None) or _OWN.get(name) or MODES.get(name)
    if formula is None:
        return None, "" if name == "normal" else f"GIMP's layer mode {name} is drawn as normal"
    return (_within(formula) if legacy else formula), ""


def _within(formula: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], Floats]:
    return lambda b, s: np.clip(formula(b, s), 0, 1)
