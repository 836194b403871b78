"""Which tiles of a sheet nearly look the same: variants of one ground, steps of one animation.

The difference of two tiles of one size is the mean of all channel differences (colours weighted by alpha) over the
pixels that either of them draws, 0 to 1: empty margins do not make small sprites alike. A tile joins the first tile,
in the order of the sheet, that is near enough; so a group has a member that every other resembles.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba, pixel_hash

MAX_DIFFERENCE = 0.03
"""One pixel in ten wholly recoloured is beyond it, a few shifted specks in a ground tile are not."""

MAX_COMPARED = 4096
"""A sheet with more different tiles of one size is left ungrouped: comparing them all would cost too much."""

MAX_BYTES = 256 << 20
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
        weighted = [_weighted(rgba) for rgba in self.pictures]
        coarse = np.stack([_coarse(one) for one in weighted])
        drawn = np.array([int((rgba[..., 3] > 0).sum()) for rgba in self.pictures])
        area = weighted[0].shape[0] * weighted[0].shape[1]
        for leader in range(len(weighted)):
            if leader in self.found or self.left <= 0:
                continue
            # Means over parts differ no more than the pixels do: whatever is too far apart here is so there.
            apart = np.abs(coarse[leader + 1 :] - coarse[leader]).mean(axis=1) * area
            near = np.flatnonzero(apart <= 255 * MAX_DIFFERENCE * (drawn[leader + 1 :] + drawn[leader])) + leader + 1
            self._join(leader, [int(one) for one in near if one not in self.found], weighted)

    def _join(self, leader: int, candidates: list[int], weighted: list[NDArray[np.uint8]]) -> None:
        for one in candidates:
            self.left -= weighted[leader].nbytes
            if self.left <= 0:
                return
            if _difference(weighted[leader], weighted[one]) <= MAX_DIFFERENCE:
                self.found[one] = leader


def _weighted(rgba: Rgba) -> NDArray[np.uint8]:
    """Weigh colours by alpha, so that what is nearly invisible hardly counts."""
    alpha = rgba[..., 3:].astype(np.uint16)
    colours = (rgba[..., :3] * alpha // 255).astype(np.uint8)
    return np.concatenate([colours, rgba[..., 3:]], axis=2)


def _coarse(weighted: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return sums over at most 4 x 4 parts, as shares of the picture's area: their distance bounds the pixels'."""
    rows, columns = (np.linspace(0, side, min(_COARSE, side) + 1).astype(int)[:-1] for side in weighted.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(weighted.astype(np.float64), rows, axis=0), columns, axis=1)
    parts = sums.shape[0] * sums.shape[1]
    shares: NDArray[np.float64] = sums * (parts / (weighted.shape[0] * weighted.shape[1]))
    return shares.ravel()


def _difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    drawn = int(((one[..., 3] > 0) | (other[..., 3] > 0)).sum())
    apart = np.abs(one.astype(np.int16) - other).sum(dtype=np.int64)
    return float(apart) / (4 * 255 * drawn) if drawn else 0.0
