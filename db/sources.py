"""Where the pixels of an image are: a frame of a blob, and for a tile the rectangle in it.

Images that come out of the same decoded frame belong together: whoever opens many decodes each frame once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from db.engine import among
from db.models import Blob, Frame, Image, Tile

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Source:
    """A frame of a blob; `box` is (x, y, w, h) in pixels for a tile, None for the whole frame.

    `orientation`: how to turn the tile's pixels to show them upright (see db.orientation).
    """

    sha256: bytes
    frame: int
    box: Box | None = None
    orientation: int = 1

    @property
    def decoded(self) -> tuple[bytes, int]:
        """Name what has to be decoded."""
        return self.sha256, self.frame


def find_sources(connection: Connection, image_ids: Sequence[int]) -> dict[int, Source]:
    """Return where to find images; those that are seen nowhere any more are left out."""
    found = _frames(connection, image_ids)
    boxes = _tiles(connection, [image_id for image_id in image_ids if image_id not in found])
    sheets = _frames(connection, sorted({sheet_id for sheet_id, _, _ in boxes.values()}))
    for image_id, (sheet_id, box, orientation) in boxes.items():
        if sheet_id in sheets:
            found[image_id] = Source(*sheets[sheet_id].decoded, box, orientation)
    return found


def _frames(connection: Connection, image_ids: Sequence[int]) -> dict[int, Source]:
    one = Frame.__table__.alias()
    any_blob = select(one.c.blob_id).where(one.c.image_id == Image.id).limit(1).correlate(Image).scalar_subquery()
    rows = connection.execute(
        select(Frame.image_id, Blob.sha256, Frame.number)
        .select_from(Image)
        .join(Frame, (Frame.blob_id == any_blob) & (Frame.image_id == Image.id))
        .join(Blob, Blob.id == Frame.blob_id)
        .where(among(connection, Image.id, image_ids))
        .order_by(Frame.number.desc())
    )
    return {image_id: Source(sha256, number) for image_id, sha256, number in rows}


def _tiles(connection: Connection, image_ids: Sequence[int]) -> dict[int, tuple[int, Box, int]]:
    """Return one tile of each image: one look into an index, though a plain tile may be in a hundred thousand sheets.

    That index is in the order in which tiles were made: the tile found is the one that the image was made for.
    """
    one = Tile.__table__.alias()
    any_tile = select(one.c.id).where(one.c.image_id == Image.id).limit(1).correlate(Image).scalar_subquery()
    rows = connection.execute(
        select(Tile.image_id, Tile.sheet_id, Tile.x, Tile.y, Tile.w, Tile.h, Tile.orientation)
        .select_from(Image)
        .join(Tile, Tile.id == any_tile)
        .where(among(connection, Image.id, image_ids))
    )
    return {image_id: (sheet_id, (x, y, w, h), turn) for image_id, sheet_id, x, y, w, h, turn in rows}


def by_source(image_ids: Sequence[int], sources: dict[int, Source]) -> list[int]:
    """Return the ids that have a source, so that images of one frame stand together; else in the order given."""
    first: dict[tuple[bytes, int], int] = {}
    for position, image_id in enumerate(image_ids):
        if image_id in sources:
            first.setdefault(sources[image_id].decoded, position)
    here = [image_id for image_id in image_ids if image_id in sources]
    return sorted(here, key=lambda image_id: first[sources[image_id].decoded])  # sorting keeps the order of equals
