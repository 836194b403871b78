"""Things that happen to a picture before somebody looks for where it came from: twelve known to the fit, five not."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgba = NDArray[np.uint8]
Chance = np.random.Generator


def _image(rgba: Rgba) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(rgba))


def _opaque(rgb: NDArray[np.uint8]) -> Rgba:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


def _laid(rgba: Rgba, ground: NDArray[np.uint8]) -> Rgba:
    alpha = rgba[..., 3:].astype(np.uint16)
    return _opaque(((rgba[..., :3] * alpha + ground * (255 - alpha)) // 255).astype(np.uint8))


def _jpeg(rgba: Rgba, quality: int) -> Rgba:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgba[..., :3])).save(out, "JPEG", quality=quality)
    return _opaque(np.asarray(Image.open(out).convert("RGB")))


def enlarged(rgba: Rgba, chance: Chance) -> Rgba:
    scale = int(chance.integers(2, 5))
    return rgba.repeat(scale, 0).repeat(scale, 1)


def resampled(rgba: Rgba, chance: Chance) -> Rgba:
    scale = chance.uniform(1.3, 2.7)
    size = round(rgba.shape[1] * scale), round(rgba.shape[0] * scale)
    return np.asarray(_image(rgba).resize(size, Image.Resampling.BILINEAR))


def reduced(rgba: Rgba, chance: Chance) -> Rgba:
    size = max(8, rgba.shape[1] // 2), max(8, rgba.shape[0] // 2)
    return np.asarray(_image(rgba).resize(size, Image.Resampling.BILINEAR))


def jpeg(rgba: Rgba, chance: Chance) -> Rgba:
    return _jpeg(_laid(rgba, np.full((1, 1, 3), 255, np.uint8)), int(chance.integers(35, 76)))


def bordered(rgba: Rgba, chance: Chance) -> Rgba:
    margin, frame = int(chance.integers(1, 9)), int(chance.integers(1, 6))
    out = np.pad(rgba, ((margin, margin), (margin, margin), (0, 0)))
    out = _laid(out, chance.integers(200, 256, (1, 1, 3)).astype(np.uint8))
    colour = chance.integers(0, 140, 3)
    height, width = out.shape[:2]
    framed = np.empty((height + 2 * frame, width + 2 * frame, 4), np.uint8)
    framed[:] = (*colour, 255)
    framed[frame:-frame, frame:-frame] = out
    return framed


def cropped(rgba: Rgba, chance: Chance) -> Rgba:
    """Three quarters of the visible part, along each side."""
    rows, columns = (np.flatnonzero((rgba[..., 3] > 8).any(axis)) for axis in (1, 0))
    rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(6, round(n * 0.75)) for n in rgba.shape[:2])
    top = int(chance.integers(0, max(1, rgba.shape[0] - height + 1)))
    left = int(chance.integers(0, max(1, rgba.shape[1] - width + 1)))
    return rgba[top : top + height, left : left + width]


def mirrored(rgba: Rgba, chance: Chance) -> Rgba:
    return np.ascontiguousarray(rgba[:, ::-1])


def recoloured(rgba: Rgba, chance: Chance) -> Rgba:
    """Every hue turned by the same angle."""
    hsv = np.array(Image.fromarray(np.ascontiguousarray(rgba[..., :3])).convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(chance.integers(50, 200))) % 256
    planes = [Image.fromarray(np.ascontiguousarray(hsv[..., n])) for n in range(3)]
    return np.dstack([np.asarray(Image.merge("HSV", planes).convert("RGB")), rgba[..., 3]])


def plain_ground(rgba: Rgba, chance: Chance) -> Rgba:
    margin = int(chance.integers(2, 2 + max(3, rgba.shape[0] // 2)))
    out = np.pad(rgba, ((margin, margin), (margin, margin), (0, 0)))
    return _laid(out, chance.integers(0, 256, (1, 1, 3)).astype(np.uint8))


def busy_ground(rgba: Rgba, chance: Chance) -> Rgba:
    """A background of coloured blotches, as foliage or stone would be."""
    height, width = rgba.shape[:2]
    coarse = chance.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3)).astype(np.uint8)
    ground = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    ground = ground // 2 + 64 + chance.integers(-20, 21, ground.shape)
    return _laid(rgba, ground.clip(0, 255).astype(np.uint8))


def few_colours(rgba: Rgba, chance: Chance) -> Rgba:
    """Eight colours, as in an old GIF."""
    laid = _laid(rgba, np.full((1, 1, 3), 255, np.uint8))
    return _opaque(np.asarray(Image.fromarray(laid[..., :3]).quantize(8).convert("RGB")))


def screenshot(rgba: Rgba, chance: Chance) -> Rgba:
    """Enlarged, on a panel with an edge, recompressed: somebody's screenshot of an item."""
    panel = plain_ground(enlarged(rgba, chance), chance)
    return _jpeg(bordered(panel, chance), 80)


ALTERATIONS: dict[str, Callable[[Rgba, Chance], Rgba]] = {
    "enlarged": enlarged,
    "resampled": resampled,
    "reduced": reduced,
    "jpeg": jpeg,
    "bordered": bordered,
    "cropped": cropped,
    "mirrored": mirrored,
    "recoloured": recoloured,
    "plain ground": plain_ground,
    "busy ground": busy_ground,
    "few colours": few_colours,
    "screenshot": screenshot,
}


def scaled_by_epx(rgba: Rgba, chance: Chance) -> Rgba:
    """Twice the size by Scale2x (Mazzoleni's rules), as emulators and remakes enlarge pixel art."""
    padded = np.pad(rgba, ((1, 1), (1, 1), (0, 0)), "edge")
    packed = np.ascontiguousarray(padded).view(np.uint32)[..., 0]
    up, left, here = packed[:-2, 1:-1], packed[1:-1, :-2], packed[1:-1, 1:-1]
    right, down = packed[1:-1, 2:], packed[2:, 1:-1]
    edge = (up != down) & (left != right)
    out = here.repeat(2, 0).repeat(2, 1)
    for row, column, beside, above in ((0, 0, left, up), (0, 1, right, up), (1, 0, left, down), (1, 1, right, down)):
        out[row::2, column::2] = np.where(edge & (beside == above), beside, here)
    return np.ascontiguousarray(out).view(np.uint8).reshape(*out.shape, 4)


def outlined(rgba: Rgba, chance: Chance) -> Rgba:
    """A line of one colour around what is visible, as games mark what the mouse is over."""
    out = np.pad(rgba, ((2, 2), (2, 2), (0, 0)))
    seen = out[..., 3] > 127
    near = seen.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            near |= np.roll(seen, step, axis)
    out[near & ~seen] = (*chance.integers(0, 256, 3), 255)
    return out


def night(rgba: Rgba, chance: Chance) -> Rgba:
    """Darker and bluish, as a game's night; the channels are scaled apart, so that hues shift, too."""
    out = rgba.copy()
    tint = chance.uniform(0.35, 0.6) * np.array([chance.uniform(0.7, 1.0), chance.uniform(0.7, 1.0), 1.3])
    out[..., :3] = (out[..., :3] * tint).clip(0, 255).astype(np.uint8)
    return out


def watermarked(rgba: Rgba, chance: Chance) -> Rgba:
    """Half transparent bars across, as over a shop's preview."""
    out = rgba.astype(np.int16)
    rows, columns = np.mgrid[: rgba.shape[0], : rgba.shape[1]]
    width = max(3, min(rgba.shape[:2]) // 6)
    bars = ((rows + columns + int(chance.integers(0, 3 * width))) // width) % 3 == 0
    out[bars, :3] = (out[bars, :3] + 255) // 2
    return out.astype(np.uint8)


def turned_slightly(rgba: Rgba, chance: Chance) -> Rgba:
    """By 5 to 20 degrees, nearest neighbour, as sprites are turned in games."""
    angle = float(chance.uniform(5, 20)) * (1 if chance.random() < 0.5 else -1)
    return np.asarray(_image(rgba).rotate(angle, Image.Resampling.NEAREST, expand=True))


UNSEEN: dict[str, Callable[[Rgba, Chance], Rgba]] = {
    "Scale2x": scaled_by_epx,
    "outlined": outlined,
    "night": night,
    "watermarked": watermarked,
    "turned 5-20°": turned_slightly,
}
"""Only measured with: nothing was fitted or chosen on them."""
