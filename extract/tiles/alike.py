"""Which tiles of a sheet nearly look the same: variants of one ground, steps of one animation.

Two tiles of one size are alike when the mean of their channel differences (colours weighted by alpha) is small over the
pixels that either of them draws, and hardly any pixel differs visibly: empty margins do not make small sprites alike,
and a black ground does not make icons alike. A tile joins the first tile, in the order of the sheet, that it is like;
so a group has a member that every other resembles.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba, pixel_hash

MAX_DIFFERENCE = 0.02
"""Mean difference, 0 to 1: what noise, dithering or lossy compression makes of one picture."""

VISIBLE = 24
MAX_CHANGED = 0.02
"""A pixel is another when a channel differs by more than `VISIBLE` of 255; so large a share may be (or one pixel)."""

MAX_COMPARED = 4096
"""A sheet with more different tiles of one size is left ungrouped: comparing them all would cost too much."""

MAX_BYTES = 64 << 20
"""So much is compared pixel by pixel for tiles of one size; the rest stays ungrouped."""

_COARSE = 4


def stand_ins(pictures: Sequence[Rgba]) -> list[int]:
    """Return for every picture, (height, width, 4) uint8, the number of the one that stands for it: its own if none."""
    first: dict[bytes, int] = {}
    stands = [first.setdefault(pixel_hash(rgba), number) for number, rgba in enumerate(pictures)]
    sizes: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for number in first.values():
        sizes[pictures[number].shape].append(number)
    joined: dict[int, int] = {}
    for members in sizes.values():
        if 1 < len(members) <= MAX_COMPARED:
            leaders = _Leaders([pictures[number] for number in members])
            joined |= {members[one]: members[leader] for one, leader in leaders.found.items()}
    return [joined.get(number, number) for number in stands]


@dataclass
class _Leaders:
    """Pictures of one size, taken in order: `found` says which earlier picture each joins."""

    pictures: list[Rgba]
    found: dict[int, int] = field(default_factory=dict)
    left: int = MAX_BYTES

    def __post_init__(self) -> None:
        weighted = np.stack([_weighted(rgba) for rgba in self.pictures])
        drawn = weighted[..., 3] > 0
        counts = drawn.sum(axis=(1, 2))
        coarse = _coarse(weighted)
        area = weighted.shape[1] * weighted.shape[2]
        free = np.ones(len(weighted), dtype=bool)
        for leader in range(len(weighted) - 1):
            if not free[leader]:
                continue
            # Sums over parts differ no more than the pixels do: whatever is too far apart here is so there.
            apart = np.abs(coarse[leader + 1 :] - coarse[leader]).mean(axis=1) * area
            near = apart <= 255 * MAX_DIFFERENCE * (counts[leader + 1 :] + counts[leader])
            others = np.flatnonzero(near & free[leader + 1 :]) + leader + 1
            self.left -= weighted[leader].nbytes * len(others)
            if self.left <= 0:
                return
            alike = others[_alike(weighted, drawn, leader, others)]
            free[alike] = False
            self.found |= dict.fromkeys(alike.tolist(), leader)


def _weighted(rgba: Rgba) -> NDArray[np.uint8]:
    """Weigh colours by alpha, so that what is nearly invisible hardly counts."""
    alpha = rgba[..., 3:].astype(np.uint16)
    colours = (rgba[..., :3] * alpha // 255).astype(np.uint8)
    return np.concatenate([colours, rgba[..., 3:]], axis=2)


def _coarse(weighted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return sums over at most 4 x 4 parts of each picture, as shares of its area: their distance bounds pixels'."""
    sides = weighted.shape[1:3]
    rows, columns = (np.linspace(0, side, min(_COARSE, side) + 1).astype(int)[:-1] for side in sides)
    sums = np.add.reduceat(np.add.reduceat(weighted, rows, axis=1, dtype=np.float32), columns, axis=2)
    parts = sums.shape[1] * sums.shape[2]
    shares: NDArray[np.float32] = sums.reshape(len(sums), -1) * np.float32(parts / (sides[0] * sides[1]))
    return shares


def _alike(
    weighted: NDArray[np.uint8], drawn: NDArray[np.bool_], leader: int, others: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Tell which of the others are like the leader."""
    one, rest = weighted[leader], weighted[others]
    apart = np.maximum(rest, one) - np.minimum(rest, one)
    covered = (drawn[others] | drawn[leader]).sum(axis=(1, 2))
    changed = (apart > VISIBLE).any(axis=3).sum(axis=(1, 2))
    mean = apart.sum(axis=(1, 2, 3), dtype=np.int64) / (4 * 255 * np.maximum(covered, 1))
    like: NDArray[np.bool_] = (mean <= MAX_DIFFERENCE) & (changed <= np.maximum(1, MAX_CHANGED * covered))
    return like
