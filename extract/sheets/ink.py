"""Grid lines that somebody drew: the one colour that runs through whole rows and columns.

Drawn lines survive what spoils clean gutters: a label or a licence text in a cell that was left over breaks some of
them, but each still is mostly of that colour, and the colour is rare elsewhere.
"""

import numpy as np
from numpy.typing import NDArray

MIN_EVEN = 0.6
"""Share of equal neighbours along a line that may be a drawn one; text beside the cells breaks some."""

MIN_LINES = 2
_SAMPLES = 48
_MAX_LINES = 256

Codes = NDArray[np.uint32]


def inked(codes: Codes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give per column and per row of (height, width) colours the share drawn in the colour of the grid lines.

    Colour 0 is background and never a line. Both are 0 everywhere when no colour fills enough lines.
    """
    height, width = codes.shape
    colour = _line_colour(codes)
    if colour == 0:
        return np.zeros(width), np.zeros(height)
    mask = codes == colour
    return mask.mean(axis=0), mask.mean(axis=1)


def _line_colour(codes: Codes) -> int:
    """Vote for the colour that most one-coloured lines of either direction have; 0 without any."""
    votes: dict[int, float] = {}
    for lines in (codes, codes.T):
        if min(lines.shape) < MIN_LINES:
            continue
        even = (lines[:, 1:] == lines[:, :-1]).mean(axis=1) if lines.shape[1] > 1 else np.zeros(len(lines))
        some = np.flatnonzero(even >= MIN_EVEN)[:_MAX_LINES]
        samples = np.sort(lines[some, :: max(1, lines.shape[1] // _SAMPLES)], axis=1)
        # A colour that fills more than half of a line is the middle one of its sorted samples.
        colours = samples[:, samples.shape[1] // 2]
        fills = (samples == colours[:, np.newaxis]).sum(axis=1) >= MIN_EVEN * samples.shape[1]
        for colour in colours[fills & (colours != 0)].tolist():
            votes[colour] = votes.get(colour, 0.0) + 1.0 / len(lines)
    return max(votes, key=lambda c: (votes[c], c), default=0)
