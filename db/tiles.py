"""The tiles of a sheet, in its own order."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from db.models import Tile
from db.sources import Box


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
