"""From a slicing to records: the tiles with their own pixels, upright, and the other cuts that were considered."""

import dataclasses

from db.orientation import upright
from db.pixels import Rgba
from db.records import Candidate, TileRecord
from extract.images.decode import image_record
from extract.sheets.model import Rect, Slicing
from extract.sheets.slice import occupied
from extract.tiles.alike import stand_ins

MAX_CANDIDATE_RECTS = 1000
"""A person chooses from a picture; so many rectangles show what is meant."""


def cut_tiles(rgba: Rgba, slicing: Slicing) -> tuple[TileRecord, ...]:
    """Cut the tiles out of a sheet, (height, width, 4) uint8, in order; rectangles that show nothing are left out."""
    found: dict[tuple[int, int, int, int], TileRecord] = {}
    pixels: list[Rgba] = []
    for rect in occupied(rgba, slicing.rects):
        box = (rect.x, rect.y, rect.w, rect.h)
        if box in found:
            continue
        shown = upright(rgba[rect.y : rect.y + rect.h, rect.x : rect.x + rect.w], rect.orientation)
        found[box] = TileRecord(*box, image_record(shown), rect.row, rect.column, *_named(rect))
        pixels.append(shown)
    tiles = list(found.values())
    return tuple(
        dataclasses.replace(tile, alike=stand_in) for tile, stand_in in zip(tiles, stand_ins(pixels), strict=True)
    )


def _named(rect: Rect) -> tuple[str, int, str]:
    """Return name, orientation and tag, without the NUL that PostgreSQL takes in no text."""
    return rect.name.replace("\0", ""), rect.orientation, rect.tag.replace("\0", "")


def candidates_of(slicing: Slicing) -> tuple[Candidate, ...]:
    """Return the other cuts that the slicer considered, best first."""
    return tuple(
        Candidate(
            other.kind,
            other.score,
            other.why,
            other.grid.tile if other.grid else None,
            other.grid.margin if other.grid else (0, 0),
            other.grid.spacing if other.grid else (0, 0),
            tuple((rect.x, rect.y, rect.w, rect.h) for rect in other.rects[:MAX_CANDIDATE_RECTS]),
        )
        for other in slicing.candidates
    )
