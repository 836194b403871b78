"""The canonical view: the sprite itself, whatever somebody put around it.

Frames of one colour are peeled, empty margins and a plain background are taken away, and a picture enlarged by a whole
number is made small again. So a sprite, the sprite on white, and the sprite at 4× in a black frame look the same.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba

PLAIN = 12
"""Colours this close (largest difference of a channel) count as one: a JPEG's white is not quite white."""

PLAIN_SHARE = 0.97
PLAIN_LOSSY = 40
"""The same for backgrounds and frames, which JPEG roughens beside what stands on them."""
RING_SHARE = 0.97
SMEAR = 2
MAX_PEELS = 8
MAX_SCALE = 32
BACKGROUND_SHARE = 0.8


def canonical_view(rgba: Rgba) -> Rgba:
    """Return the picture inside, at least 1 × 1; the picture itself where there is nothing to take away."""
    view = _peel(rgba)
    view = _without_background(view)
    view = _trim(view)
    return shrunk(view)


def _trim(rgba: Rgba) -> Rgba:
    """Cut off empty margins."""
    seen = rgba[..., 3] > 8
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return rgba
    return rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _peel(rgba: Rgba) -> Rgba:
    """Take away whole frames of one colour, from the outside inwards."""
    for _ in range(MAX_PEELS):
        rgba = _trim(rgba)
        depth = _frame_depth(rgba)
        height, width = rgba.shape[:2]
        if not depth or min(height, width) - 2 * depth < 4:
            return rgba
        rgba = rgba[depth : height - depth, depth : width - depth]
    return rgba


def _frame_depth(rgba: Rgba) -> int:
    """Return how many rings from the edge are one opaque colour; a plain background is no frame unless it ends."""
    height, width = rgba.shape[:2]
    if min(height, width) < 8 or rgba[0, 0, 3] < 255:
        return 0
    colour = np.median(np.concatenate([rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]]), axis=0)
    same = _close(rgba, colour)
    most = min(height, width) // 4
    depth = 0
    while depth < most and _ring(same, depth).mean() > RING_SHARE:
        depth += 1
    if not 0 < depth < most:
        return 0
    # Recompression smears a frame's inner edge over another ring or two.
    smeared = depth + (SMEAR if _is_lossy(rgba, depth) else 0)
    # A background goes on in the next ring; a frame stops.
    return smeared if _ring(same, depth).mean() < 0.5 else 0


def _is_lossy(rgba: Rgba, depth: int) -> bool:
    return bool((rgba[:depth] != rgba[0, 0]).any())


def _ring(mask: NDArray[np.bool_], depth: int) -> NDArray[np.bool_]:
    inner = mask[depth : mask.shape[0] - depth, depth : mask.shape[1] - depth]
    return np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])


def _close(rgba: Rgba, colour: NDArray[Any]) -> NDArray[np.bool_]:
    difference = np.abs(rgba.astype(np.int16) - colour.astype(np.int16)).max(-1)
    return np.asarray(difference <= PLAIN_LOSSY)


def _without_background(rgba: Rgba) -> Rgba:
    """Make a plain opaque background that touches the border transparent."""
    border = np.concatenate([rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]])
    if (border[:, 3] < 255).mean() > 1 - BACKGROUND_SHARE or min(rgba.shape[:2]) < 4:
        return rgba
    colour = np.median(border, axis=0).astype(np.uint8)
    if _close(border[None], colour).mean() < BACKGROUND_SHARE:
        return rgba
    from scipy import ndimage  # which imports half of SciPy, and most pictures never come to this

    regions, _ = ndimage.label(_close(rgba, colour))
    touching = np.unique(_border(regions))
    background = np.isin(regions, touching[touching > 0])
    if background.mean() > 0.995:
        return rgba
    out = rgba.copy()
    out[background] = 0
    return out


def _border(values: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def shrunk(rgba: Rgba, tolerance: int = PLAIN) -> Rgba:
    """Undo an enlargement by a whole number (nearest neighbour), the largest that explains every block."""
    height, width = rgba.shape[:2]
    across, down = (_unlike_neighbours(rgba, axis, tolerance) for axis in (1, 0))
    for scale in range(min(MAX_SCALE, height // 4, width // 4), 1, -1):
        if height % scale or width % scale or not (_may_be_enlarged(across, scale) and _may_be_enlarged(down, scale)):
            continue
        blocks = rgba.reshape(height // scale, scale, width // scale, scale, 4)
        spread = blocks.max((1, 3)).astype(np.int16) - blocks.min((1, 3))
        if (spread.max(-1) <= tolerance).mean() >= PLAIN_SHARE and _is_art(blocks[:, 0, :, 0]):
            return np.ascontiguousarray(blocks[:, scale // 2, :, scale // 2])
    return rgba


def _unlike_neighbours(rgba: Rgba, axis: int, tolerance: int) -> NDArray[np.float64]:
    """Return for each column (axis 1) or row the share of its pixels that differ from the next one's."""
    apart = np.abs(np.diff(rgba.astype(np.int16), axis=axis))
    red, green, blue, opacity = (apart[..., band] > tolerance for band in range(4))
    return np.asarray((red | green | blue | opacity).mean(1 - axis))


def _may_be_enlarged(unlike: NDArray[np.float64], scale: int) -> bool:
    """Tell whether blocks so wide may be plain: if enough are, no more neighbours inside of blocks can differ."""
    inside = np.arange(len(unlike)) % scale != scale - 1
    return bool(unlike[inside].mean() <= 1 - PLAIN_SHARE + 1e-9)


def _is_art(small: Rgba) -> bool:
    """Tell whether the small picture still has something in it: a plain colour is an enlargement of anything."""
    return bool((small != small[0, 0]).any())
