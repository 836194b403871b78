"""Facts about pixels: kind of alpha, number of colours, and how far pixel art was blown up.

They are functions of the canonical pixels alone (see db.pixels), so they belong to an image however often and in
whatever format it is stored. A few passes of numpy over the pixels as 32-bit words; a block at a time, and no block
once the answer is known.
"""

import math

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from db.records import ImageFacts
from db.vocabulary import AlphaKind

Words = NDArray[np.uint32]
"""Pixels as 32-bit words."""
COLOURS_MAX = 65_536
"""Counting ends here: this number means that many or more."""
_BLOCK = 1 << 17
_ALPHA = np.array([0, 0, 0, 255], np.uint8).view(np.uint32)[0]


def image_facts(rgba: Rgba) -> ImageFacts:
    """Describe canonical pixels, (height, width, 4) uint8."""
    words = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    known = _colours(words)
    complete = known.size < COLOURS_MAX
    return ImageFacts(_alpha_kind(known if complete else words.ravel()), min(known.size, COLOURS_MAX), upscale(words))


def _alpha_kind(words: Words) -> AlphaKind:
    """Tell whether these are all opaque, either opaque or invisible, or anything between."""
    if np.bitwise_and.reduce(words) & _ALPHA == _ALPHA:
        return AlphaKind.NONE
    for begin in range(0, words.size, _BLOCK):
        alpha = words[begin : begin + _BLOCK] & _ALPHA
        if not ((alpha == 0) | (alpha == _ALPHA)).all():
            return AlphaKind.GRADED
    return AlphaKind.BINARY


def _colours(words: Words) -> Words:
    """Return the distinct RGBA values: all of them, or at least COLOURS_MAX. Everything invisible is one of them."""
    pixels = words.ravel()
    known: Words = np.empty(0, np.uint32)
    for begin in range(0, pixels.size, _BLOCK):
        ordered = np.sort(pixels[begin : begin + _BLOCK])
        first = np.ones(ordered.size, np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        fresh = ordered[first]
        known = fresh if not known.size else np.union1d(known, fresh)
        if known.size >= COLOURS_MAX:
            break
    return known


def upscale(words: Words) -> int:
    """Return the largest k such that the image is a k-fold enlargement by whole pixels (nearest neighbour).

    Where neighbouring columns or rows differ anywhere, a cell begins: k divides all these places, width and height.
    An image of one colour is as large as its sides allow.
    """
    height, width = words.shape
    factor = math.gcd(height, width)
    if factor == 1:
        return 1
    rows = max(1, _BLOCK // width)
    for top in range(0, height, rows):
        block = words[max(0, top - 1) : top + rows]
        columns = np.flatnonzero((block[:, 1:] != block[:, :-1]).any(axis=0)) + 1
        factor = math.gcd(factor, int(np.gcd.reduce(columns)) if columns.size else 0)
        begins = np.flatnonzero((block[1:] != block[:-1]).any(axis=1)) + max(1, top)
        factor = math.gcd(factor, int(np.gcd.reduce(begins)) if begins.size else 0)
        if factor == 1:
            break
    return factor
