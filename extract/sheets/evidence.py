"""Everything a picture is asked once, before any grid is tried.

A grid is judged by looking along its cut lines and at its cells. Doing that on pixels for hundreds of grids is slow,
so the picture is first reduced to one profile per boundary between two pixel columns (and rows), to summed-area
tables, and to a table from which a fingerprint of any rectangle costs four look-ups. All of it is linear in pixels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from extract.sheets.ground import Ground, find_ground, prefix_sums, sum_down, sum_over
from extract.sheets.ink import inked

MAX_CROP_PX = 1536
"""Only the top left of a larger picture is examined: enough cells to judge, and the work stays bounded."""

MAX_PARTS = 4000
"""Connected parts beyond this number add cost, not evidence."""

_NEAR = 12
_CLEAR = 64.0
_ODD_X = np.uint64(0x9E3779B97F4A7C15)
_ODD_Y = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Axis:
    """Profiles along one axis; index i is the boundary between pixel lines i - 1 and i, or pixel line i itself.

    Boundary profiles (length + 1 values, the ends are 0): `step` mean colour change where something is drawn,
    `cross` share of places drawn on both sides, `flow` share of places drawn on both sides with nearly equal colour.
    Line profiles (length values): `fill` drawn share, `even` share of neighbours along the line with equal colour.
    `ink` share of the line drawn in the one colour that grid lines seem to have (0 everywhere without such a colour).
    `echo_mask` and `echo_tone`: normalised autocorrelation by lag, of the mask and of the tone. `length` is the full
    side in px even when only a crop was examined; `extent` the px of it up to the last drawn line.
    """

    length: int
    extent: int
    step: NDArray[np.float64]
    cross: NDArray[np.float64]
    flow: NDArray[np.float64]
    fill: NDArray[np.float64]
    even: NDArray[np.float64]
    ink: NDArray[np.float64]
    echo_mask: NDArray[np.float64]
    echo_tone: NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """A picture reduced to what the judges need; see the module docstring. Parts are (x0, y0, x1, y1, area).

    `pixels` (height, width, 4) are those examined, with 0 where nothing is drawn; `labels` (height, width) tells by
    number, from 1, which part a pixel belongs to. `change_x` (height, width - 1) and `change_y` (height - 1, width) are
    by how much neighbours differ, most in any channel.
    """

    width: int
    height: int
    ground: Ground
    pixels: NDArray[np.uint8]
    change_x: NDArray[np.uint8]
    change_y: NDArray[np.uint8]
    x: Axis
    y: Axis
    drawn: NDArray[np.int32]
    prints: NDArray[np.uint64]
    powers_x: NDArray[np.uint64]
    powers_y: NDArray[np.uint64]
    sums_x: NDArray[np.float64]
    sums_y: NDArray[np.float64]
    tones: NDArray[np.float64]
    squares: NDArray[np.float64]
    parts: NDArray[np.int64]
    labels: NDArray[np.int32]
    colours: int
    half_seen: float

    @property
    def crop(self) -> tuple[int, int]:
        """Give the (width, height) that was examined, px."""
        return self.drawn.shape[1] - 1, self.drawn.shape[0] - 1

    def count(
        self, x0: NDArray[np.int64], y0: NDArray[np.int64], x1: NDArray[np.int64], y1: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Count drawn pixels in rectangles (ends excluded) inside the crop."""
        return sum_over(self.drawn, x0, y0, x1, y1)

    def fingerprint(
        self, x0: NDArray[np.int64], y0: NDArray[np.int64], x1: NDArray[np.int64], y1: NDArray[np.int64]
    ) -> NDArray[np.uint64]:
        """Give a 64-bit number per rectangle that is equal for equal pixels wherever they lie."""
        return sum_over(self.prints, x0, y0, x1, y1) * self.powers_x[x0] * self.powers_y[y0]


def gather(rgba: NDArray[np.uint8], most: int = MAX_CROP_PX) -> Evidence:
    """Reduce the top left `most` px of a (height, width, 4) uint8 straight-alpha picture to its evidence."""
    height, width = rgba.shape[:2]
    ground = find_ground(rgba[:most, :most])
    crop = np.where(ground.foreground[..., None], rgba[:most, :most], np.uint8(0))
    codes = np.ascontiguousarray(crop).view(np.uint32)[..., 0]
    tone = crop[..., 0].astype(np.float32)
    tone += crop[..., 1]
    tone += crop[..., 2]
    tone /= 3
    change_x, change_y = _changes(crop)
    prints, powers_x, powers_y = _print_table(codes)
    alpha = crop[..., 3]
    ink_x, ink_y = inked(codes)
    labels, parts = label_parts(ground.foreground)
    extents = _extents(rgba, ground)
    return Evidence(
        width=width,
        height=height,
        ground=ground,
        pixels=crop,
        change_x=change_x,
        change_y=change_y,
        x=_axis(change_x, codes, tone, ground.foreground, ink_x, (width, extents[0])),
        y=_axis(change_y.T, codes.T, tone.T, ground.foreground.T, ink_y, (height, extents[1])),
        drawn=prefix_sums(ground.foreground),
        prints=prints,
        powers_x=powers_x,
        powers_y=powers_y,
        sums_x=_sums(ground.foreground * np.arange(ground.foreground.shape[1])[None, :]),
        sums_y=_sums(ground.foreground * np.arange(ground.foreground.shape[0])[:, None]),
        tones=_sums(tone),
        squares=_sums(np.square(tone, dtype=np.float64)),
        parts=parts,
        labels=labels,
        colours=_different(codes[::2, ::2] if codes.size > 1 << 18 else codes),
        half_seen=float(((alpha > 0) & (alpha < 255)).mean()),
    )


def find_parts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """List the bounding boxes (n, 5) x0, y0, x1, y1, drawn pixels of the 8-connected parts, at most `MAX_PARTS`."""
    return label_parts(mask)[1]


def label_parts(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Mark the pixels of each 8-connected part with its number, from 1, and list the parts up to `MAX_PARTS`."""
    labels = np.empty(mask.shape, dtype=np.int32)
    total = ndimage.label(mask, structure=np.ones((3, 3), dtype=np.int8), output=labels)
    boxes = ndimage.find_objects(labels, max_label=min(total, MAX_PARTS))
    areas = np.bincount(labels.ravel(), minlength=total + 1)[1:]
    rows = [
        (box[1].start, box[0].start, box[1].stop, box[0].stop, int(areas[i]))
        for i, box in enumerate(boxes)
        if box is not None
    ]
    return labels, np.array(rows, dtype=np.int64).reshape(-1, 5)


def _different(codes: NDArray[np.uint32]) -> int:
    """Count the different values; sorting is far faster than `numpy.unique` when there are many."""
    ordered = np.sort(codes, axis=None)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1


def _extents(rgba: NDArray[np.uint8], ground: Ground) -> tuple[int, int]:
    """Find how far, px, the whole picture is drawn to the right and downwards.

    Where only a crop was examined this needs a transparent background; with another it counts as drawn to its end.
    """
    height, width = rgba.shape[:2]
    mask = ground.foreground
    if mask.shape != (height, width):
        if ground.kind != "transparent":
            return width, height
        mask = rgba[..., 3] > 0
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return (int(columns[-1]) + 1, int(rows[-1]) + 1) if len(columns) else (0, 0)


def _changes(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give by how much neighbours differ, most in any channel: (height, width - 1) across, (height - 1, width) down."""
    across = np.zeros((pixels.shape[0], pixels.shape[1] - 1), dtype=np.uint8)
    down = np.zeros((pixels.shape[0] - 1, pixels.shape[1]), dtype=np.uint8)
    for channel in range(4):
        plane = np.ascontiguousarray(pixels[..., channel])
        for change, one, two in ((across, plane[:, 1:], plane[:, :-1]), (down, plane[1:], plane[:-1])):
            np.maximum(change, np.maximum(one, two) - np.minimum(one, two), out=change)
    return across, down


def _sums(values: NDArray[Any]) -> NDArray[np.float64]:
    """Give the (height + 1, width + 1) summed-area table of numbers."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = values
    sum_down(table[1:])
    np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
    return table


def _axis(
    change: NDArray[np.uint8],
    codes: NDArray[np.uint32],
    tone: NDArray[np.float32],
    mask: NDArray[np.bool_],
    ink: NDArray[np.float64],
    sides: tuple[int, int],
) -> Axis:
    """Profile along the second axis of the arrays; `sides` are its length and extent."""
    seen = mask.shape[1]
    both = mask[:, 1:] & mask[:, :-1]
    ends = np.zeros(seen + 1)
    step, cross, flow = ends.copy(), ends.copy(), ends.copy()
    step[1:-1] = np.minimum(change, _CLEAR).mean(axis=0) / _CLEAR
    cross[1:-1] = both.mean(axis=0)
    flow[1:-1] = (both & (change < _NEAR)).mean(axis=0)
    even = (codes[1:] == codes[:-1]).mean(axis=0) if codes.shape[0] > 1 else np.zeros(seen)
    return Axis(*sides, step, cross, flow, mask.mean(axis=0), even, ink, _echo(mask), _echo(tone))


def _echo(values: NDArray[np.float32] | NDArray[np.bool_]) -> NDArray[np.float64]:
    """Correlate each row with itself shifted, averaged over rows: one value per lag, 1 at lag 0."""
    rows = values[:: max(1, values.shape[0] // 256)].astype(np.float32)
    rows = rows - rows.mean()
    length = rows.shape[1]
    size = 1 << (2 * length - 1).bit_length()
    power = np.abs(np.fft.rfft(rows, size, axis=1)) ** 2
    raw = np.fft.irfft(power.sum(axis=0), size)[:length]
    squares = (rows.astype(np.float64) ** 2).sum(axis=0).cumsum()
    total = float(squares[-1])
    head = squares[::-1]
    tail = total - np.concatenate([[0.0], squares[:-1]])
    scale = np.sqrt(np.maximum(head * tail, 1e-9 + (0.02 * total) ** 2))
    echo: NDArray[np.float64] = raw / scale
    return echo


def _print_table(
    codes: NDArray[np.uint32],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Build a summed table of pixel hashes weighted by position, and the weights that undo the position.

    With odd bases a and b, pixel (x, y) weighs a^-x * b^-y modulo 2^64; multiplying the sum over a rectangle by
    a^x0 * b^y0 moves it to the origin, so equal pixels give equal numbers.
    """
    height, width = codes.shape
    mixed = (codes.astype(np.uint64) + np.uint64(1)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed[codes == 0] = 0
    inverse_x, inverse_y = _powers(_inverse(_ODD_X), width), _powers(_inverse(_ODD_Y), height)
    mixed *= inverse_x[:width] * np.uint64(1)
    mixed *= inverse_y[:height, None]
    table = np.zeros((height + 1, width + 1), dtype=np.uint64)
    np.cumsum(mixed, axis=1, out=table[1:, 1:])
    sum_down(table[1:])
    return table, _powers(_ODD_X, width), _powers(_ODD_Y, height)


def _powers(base: np.uint64, count: int) -> NDArray[np.uint64]:
    values = np.full(count + 1, base, dtype=np.uint64)
    values[0] = 1
    return np.cumprod(values, dtype=np.uint64)


def _inverse(odd: np.uint64) -> np.uint64:
    return np.uint64(pow(int(odd), -1, 1 << 64))
