"""How alike two pictures are, in words a person can check: identical pixels, recoloured, similar."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.features.canonical import canonical_view
from index.features.canvas import NEAREST

COMMON_SIDE = 48
EDGE_STEP = 24
SAME_SHAPE = 0.8
"""Edges that both have, as a share of edges that either has."""
SAME_COLOURS = 12.0
"""Mean difference of a visible channel below which colours are taken as equal."""


class Tier(StrEnum):
    """From the surest to the vaguest."""

    IDENTICAL = "identical pixels"
    RECOLOURED = "recoloured"
    SIMILAR = "similar"


def tier_of(one: Rgba, other: Rgba) -> Tier:
    """Compare two pictures as they are seen without frame, margin, plain background and enlargement."""
    if np.array_equal(one, other):
        return Tier.IDENTICAL
    a, b = canonical_view(one), canonical_view(other)
    if np.array_equal(a, b):
        return Tier.IDENTICAL
    if abs(np.log((a.shape[0] * b.shape[1]) / (a.shape[1] * b.shape[0]))) > 0.15:
        return Tier.SIMILAR
    a, b = _common(a, b)
    if shape_agreement(a, b) < SAME_SHAPE:
        return Tier.SIMILAR
    both = (a[..., 3] > 127) & (b[..., 3] > 127)
    difference = np.abs(a[..., :3].astype(np.int16) - b[..., :3])[both]
    return Tier.RECOLOURED if difference.size and difference.mean() > SAME_COLOURS else Tier.SIMILAR


def shape_agreement(one: Rgba, other: Rgba) -> float:
    """Return 0 to 1: where colours change in both, as a share of where they change in either (same sizes)."""
    a, b = _edges(one), _edges(other)
    either = (a | b).sum()
    return float((a & b).sum() / either) if either else 1.0


def structure(one: Rgba, other: Rgba) -> float:
    """Return the agreement of two pictures of any size, colours aside."""
    return shape_agreement(*_common(canonical_view(one), canonical_view(other)))


def _common(one: Rgba, other: Rgba) -> tuple[Rgba, Rgba]:
    if one.shape == other.shape:
        return one, other
    from PIL import Image

    side = (COMMON_SIDE, COMMON_SIDE)
    small = [np.asarray(Image.fromarray(np.ascontiguousarray(p)).resize(side, NEAREST)) for p in (one, other)]
    return small[0], small[1]


def _edges(rgba: Rgba) -> NDArray[np.bool_]:
    """Tell for each pixel but the last of a row or column whether its right or lower neighbour differs."""
    values = rgba.astype(np.int16)
    across = np.abs(np.diff(values, axis=1)).max(-1)[:-1] > EDGE_STEP
    down = np.abs(np.diff(values, axis=0)).max(-1)[:, :-1] > EDGE_STEP
    return np.asarray(np.stack([across, down]))
