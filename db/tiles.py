"""Opening many images at once: every sheet is decoded once, whatever the number of its tiles."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from db.engine import chunked
from db.errors import UnknownImageError
from db.models import Blob, Frame, Tile

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class TileRef:
    """A tile of a sheet: its rectangle there in px, and the image that it shows upright. See db.models.Tile."""

    id: int
    sheet_id: int
    image_id: int
    box: Box
    row: int | None
    column: int | None
    name: str
    tag: str
    position: int
    orientation: int
    alike_id: int | None


@dataclass(frozen=True)
class PixelSource:
    """Where an image's pixels are: a frame of a blob, and for a tile its rectangle and how it lies."""

    sha256: bytes
    frame: int
    box: Box | None = None
    orientation: int = 1


def tiles_of(connection: Connection, sheet_id: int) -> list[TileRef]:
    """Return a sheet's tiles in the order of the sheet."""
    rows = connection.execute(
        select(Tile.__table__).where(Tile.sheet_id == sheet_id).order_by(Tile.position, Tile.id)
    ).all()
    return [
        TileRef(
            r.id, r.sheet_id, r.image_id, (r.x, r.y, r.w, r.h), r.row, r.column, r.name, r.tag, r.position,
            r.orientation, r.alike_id,
        )
        for r in rows
    ]  # fmt: skip


def pixel_sources(connection: Connection, image_ids: Sequence[int]) -> dict[int, PixelSource]:
    """Return where each image's pixels are. Raises UnknownImageError for the first that is nowhere."""
    found = {image_id: PixelSource(*frame) for image_id, frame in _frames(connection, image_ids).items()}
    first: dict[int, PixelSource] = {}
    missing = [image_id for image_id in image_ids if image_id not in found]
    for chunk in chunked(missing):
        earliest = select(func.min(Tile.id)).where(Tile.image_id.in_(chunk)).group_by(Tile.image_id)
        tiles = connection.execute(
            select(Tile.image_id, Tile.sheet_id, Tile.x, Tile.y, Tile.w, Tile.h, Tile.orientation).where(
                Tile.id.in_(earliest)
            )
        ).all()
        sheets = _frames(connection, [tile.sheet_id for tile in tiles])
        for tile in tiles:
            if tile.sheet_id in sheets:
                box = (tile.x, tile.y, tile.w, tile.h)
                first[tile.image_id] = PixelSource(*sheets[tile.sheet_id], box, tile.orientation)
    for image_id in missing:
        if image_id not in first:
            raise UnknownImageError(f"image {image_id} is not in the catalog, or was seen nowhere that still exists")
    return found | first


def _frames(connection: Connection, image_ids: Sequence[int]) -> dict[int, tuple[bytes, int]]:
    """Return (SHA-256 of the blob, frame number) of images that are frames: the first blob that holds them."""
    found: dict[int, tuple[bytes, int]] = {}
    for chunk in chunked(sorted(set(image_ids))):
        rows = connection.execute(
            select(Frame.image_id, Blob.sha256, Frame.number)
            .join(Blob, Blob.id == Frame.blob_id)
            .where(Frame.image_id.in_(chunk))
            .order_by(Frame.image_id, Frame.blob_id, Frame.number)
        )
        for image_id, sha256, number in rows:
            found.setdefault(image_id, (sha256, number))
    return found


def by_frame(sources: dict[int, PixelSource]) -> Iterator[tuple[tuple[bytes, int], list[int]]]:
    """Group images by the frame to decode, in the order in which the frames come first."""
    groups: defaultdict[tuple[bytes, int], list[int]] = defaultdict(list)
    for image_id, source in sources.items():
        groups[source.sha256, source.frame].append(image_id)
    yield from groups.items()
