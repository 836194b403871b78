"""Six small windows of a sprite, to find it inside a screenshot: where a global feature sees only the whole scene.

From the picture at its own size (an enlargement undone), up to six opaque windows of 8 × 8 pixels are kept: those of
most contrast, apart from each other. A window is the sixteen lowest frequencies of its brightness (DCT, as in JPEG,
which keeps just those) and its two colour differences at 2 × 2; colours are not normalized, because a screenshot keeps
them. The row holds them as small whole numbers, each window with its place. The transform is that of N. Ahmed,
T. Natarajan and K. R. Rao, "Discrete Cosine Transform", IEEE Transactions on Computers C-23, 1974.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from db.pixels import Rgba
from index.features.canonical import shrunk
from index.features.interface import Distance, Model, Rows

WINDOW, WINDOWS = 8, 6
FREQUENCIES, FIELDS = 4, 2
VALUES = FREQUENCIES * FREQUENCIES + 2 * FIELDS * FIELDS
QUANTUM = 4.0
"""A step of a stored value, in units of brightness (an orthonormal transform, divided by the window's side)."""
LEAST_CONTRAST = 12.0
UNUSED = -128
MOST_PLACE = 127
Floats = NDArray[np.float32]


class Patches:
    """Up to six windows a picture; only `index.inside` compares them."""

    model = Model("patches", 1, WINDOWS * (VALUES + 2), Distance.NORMALIZED)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 156) int8: six times the values of a window, its row and its column; -128 where there is none."""
        return np.stack([_row(shrunk(picture)) for picture in pictures])


def _row(view: Rgba) -> NDArray[np.int8]:
    row = np.full((WINDOWS, VALUES + 2), UNUSED, np.int8)
    # Places are kept in a byte; the upper left of a larger picture serves.
    view = view[: MOST_PLACE + WINDOW, : MOST_PLACE + WINDOW]
    if min(view.shape[:2]) >= WINDOW:
        values = windows(view)
        for at, (y, x) in enumerate(_places(view, values)):
            row[at] = (*np.clip(np.round(values[y, x] / QUANTUM), -127, 127), y, x)
    return row.ravel()


def windows(view: Rgba) -> Floats:
    """Return (h - 7, w - 7, 24) float32: every window's frequencies and colours, each about -128 to 128."""
    rgb = view[..., :3].astype(np.float32)
    luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32) - 128
    blue, red = (rgb[..., 2] - 128 - luma) * 0.564, (rgb[..., 0] - 128 - luma) * 0.713
    parts = [_transformed(luma, _cosines(), FREQUENCIES)]
    parts += [_transformed(plane, _means(), FIELDS) for plane in (blue, red)]
    return np.concatenate(parts, -1)


def _transformed(plane: Floats, basis: Floats, count: int) -> Floats:
    """Apply a separable transform to every window."""
    shape = (WINDOW,)
    across = np.lib.stride_tricks.sliding_window_view(plane, shape[0], axis=1) @ basis.T
    found = np.lib.stride_tricks.sliding_window_view(across, shape[0], axis=0) @ basis.T
    return np.ascontiguousarray(found.reshape(*found.shape[:2], count * count), np.float32)


@cache
def _cosines() -> Floats:
    """Return the lowest frequencies, scaled so that a plain window's first value is its brightness."""
    basis = dct(np.eye(WINDOW), axis=0, norm="ortho")[:FREQUENCIES] / np.sqrt(WINDOW)
    return np.asarray(basis, np.float32)


@cache
def _means() -> Floats:
    return np.kron(np.eye(FIELDS), np.full((1, WINDOW // FIELDS), FIELDS / WINDOW)).astype(np.float32)


def _places(view: Rgba, values: Floats) -> list[tuple[int, int]]:
    """Return the corners of the opaque windows of most contrast, no two nearer than half a window."""
    opaque = np.lib.stride_tricks.sliding_window_view(view[..., 3] > 250, (WINDOW, WINDOW)).all((-1, -2))
    contrast = np.where(opaque, np.linalg.norm(values[..., 1 : FREQUENCIES * FREQUENCIES], axis=-1), 0)
    found: list[tuple[int, int]] = []
    while len(found) < WINDOWS and contrast.max() >= LEAST_CONTRAST / 4:
        y, x = (int(n) for n in np.unravel_index(int(contrast.argmax()), contrast.shape))
        found.append((y, x))
        near = WINDOW // 2
        contrast[max(0, y - near) : y + near + 1, max(0, x - near) : x + near + 1] = 0
    return found
