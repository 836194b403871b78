"""Cell sizes written in names: ``tiles_16x16.png``, ``16 x 16``, ``32×48px``."""

import re

from extract.sheets.lattice import MIN_TILE_PX

MAX_TILE_PX = 1024

_SIZE = re.compile(r"(?<![0-9a-z.])(\d{1,4})\s?(?:px)?\s?[x×]\s?(\d{1,4})\s?(?:px|pixels?)?(?![0-9a-z])", re.IGNORECASE)
_GLUED = re.compile(r"(?<=[a-z])(\d{1,3})x(\d{1,3})(?![0-9a-z])", re.IGNORECASE)


def sizes_in(names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """List the distinct (width, height) in px that the names mention, in order of appearance.

    Numbers outside 8..1024 px are left out: they are counts, versions or page sizes.
    """
    found: dict[tuple[int, int], None] = {}
    for name in names:
        text = name.replace("_", " ")
        for pattern in (_SIZE, _GLUED):
            for match in pattern.finditer(text):
                size = int(match[1]), int(match[2])
                if min(size) >= MIN_TILE_PX and max(size) <= MAX_TILE_PX:
                    found[size] = None
    return tuple(found)
