"""What an export of tiles holds: which tiles, in which order, and what is known of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, text

from db.engine import Database, chunked
from db.licences import is_allowed
from db.models import File, Page, Place, Sheet, Sighting, Tile

FIELDS = (
    "image_id",
    "parent_image_id",
    "x",
    "y",
    "w",
    "h",
    "tile_row",
    "tile_column",
    "tile_position",
    "tile_name",
    "tile_tag",
    "alike_image_id",
    "width",
    "height",
    "url",
    "source_page",
    "title",
    "authors",
    "licence",
    "tags",
    "path",
    "is_current",
    "pixel_hash",
    "orientation_hash",
)
"""What every sample says of itself: columns of the view `image_catalog`; hashes as hexadecimal text."""

Sample = dict[str, Any]
SHEETS_AT_ONCE = 200
IMAGES_AT_ONCE = 500


@dataclass(frozen=True)
class Selection:
    """Which tiles: of sheets of this kind, of these sheets, of pages that offer one of these licences (SPDX).

    A licence without a version stands for all its versions: ``cc-by`` for ``CC-BY-4.0``, not for ``CC-BY-SA-4.0``.
    Without `lookalikes`, only one tile of those that nearly look the same.
    """

    kind: str | None = None
    sheets: tuple[int, ...] = ()
    licences: tuple[str, ...] = ()
    lookalikes: bool = True

    def offers(self, database: Database) -> tuple[str, ...]:
        """Return which of the pages' licences can be taken by somebody who accepts these."""
        if not self.licences:
            return ()
        with database.read() as connection:
            known = connection.scalars(select(Page.licence).distinct()).all()
        accepted = [licence.strip() for licence in self.licences]
        return tuple(offer for offer in known if is_allowed(offer, accepted))

    def conditions(self, offers: tuple[str, ...]) -> list[ColumnElement[bool]]:
        """Return the WHERE clauses over sighting, tile, sheet, place and file; `offers` as the method says."""
        found: list[ColumnElement[bool]] = [Sighting.tile_id != 0]
        if self.kind is not None:
            found.append(Sheet.kind == self.kind)
        if self.sheets:
            found.append(Tile.sheet_id.in_(self.sheets))
        if self.licences:
            found.append(exists().where(Page.id == File.page_id, Page.licence.in_(offers)))
        if not self.lookalikes:
            found.append(Tile.alike_id.is_(None) | (Tile.alike_id == Tile.image_id))
        return found


def _seen(selection: Selection, offers: tuple[str, ...], *columns: Any) -> Select[Any]:
    return (
        select(*columns, func.min(Sighting.id))
        .select_from(Tile)
        .join(Sighting, Sighting.tile_id == Tile.id)
        .join(Sheet, Sheet.image_id == Tile.sheet_id)
        .join(Place, Place.id == Sighting.place_id)
        .join(File, File.id == Place.file_id)
        .where(*selection.conditions(offers))
    )


def distinct_images(database: Database, selection: Selection, batch: int) -> Iterator[list[Sample]]:
    """Yield every distinct tile image once, in order of its id, in lists of `batch`, the last one shorter."""
    after, waiting, offers = 0, list[Sample](), selection.offers(database)
    while True:
        # First a range of an index, then what is wanted of it: what comes next must not cost a look at everything.
        following = select(Tile.image_id).where(Tile.image_id > after).distinct().order_by(Tile.image_id)
        with database.read() as connection:
            ids = connection.scalars(following.limit(IMAGES_AT_ONCE)).all()
            query = _seen(selection, offers, Tile.image_id).where(Tile.image_id.in_(ids)).group_by(Tile.image_id)
            rows = connection.execute(query.order_by(Tile.image_id)).all() if ids else []
            samples = _described(connection, [row[1] for row in rows])
        waiting += [samples[row[1]] for row in rows]
        while len(waiting) >= batch:
            yield waiting[:batch]
            waiting = waiting[batch:]
        if not ids:
            break
        after = ids[-1]
    if waiting:
        yield waiting


def tiles_by_sheet(database: Database, selection: Selection) -> Iterator[list[Sample]]:
    """Yield the tiles of one sheet after another, by sheet id, each sheet in its own order."""
    after, offers = 0, selection.offers(database)
    while True:
        following = select(Sheet.image_id).where(Sheet.image_id > after).order_by(Sheet.image_id)
        if selection.sheets:
            following = following.where(Sheet.image_id.in_(selection.sheets))
        with database.read() as connection:
            sheets = connection.scalars(following.limit(SHEETS_AT_ONCE)).all()
        for sheet_id in sheets:
            query = _seen(selection, offers, Tile.position, Tile.id).where(Tile.sheet_id == sheet_id)
            query = query.group_by(Tile.position, Tile.id).order_by(Tile.position, Tile.id)
            with database.read() as connection:
                rows = connection.execute(query).all()
                samples = _described(connection, [row[2] for row in rows])
            if rows:
                yield [samples[row[2]] for row in rows]
        if not sheets:
            return
        after = sheets[-1]


def count(database: Database, selection: Selection, *, distinct: bool) -> int:
    """Count the tiles of a selection, or their distinct images."""
    column, offers = Tile.image_id if distinct else Tile.id, selection.offers(database)
    with database.read() as connection:
        counted = _seen(selection, offers, column).group_by(column).subquery()
        return connection.scalar(select(func.count()).select_from(counted)) or 0


def _described(connection: Connection, sighting_ids: list[int]) -> dict[int, Sample]:
    found: dict[int, Sample] = {}
    for chunk in chunked(sighting_ids):
        names = ", ".join(f":s{number}" for number in range(len(chunk)))
        query = text(f"SELECT * FROM image_catalog WHERE sighting_id IN ({names})")  # noqa: S608 - names of parameters
        for row in connection.execute(query, {f"s{number}": one for number, one in enumerate(chunk)}).mappings():
            found[row["sighting_id"]] = {name: _plain(name, row[name]) for name in FIELDS}
    return found


def _plain(name: str, value: Any) -> Any:
    if name == "is_current":
        return bool(value)
    return bytes(value).hex() if name.endswith("_hash") and value is not None else value
