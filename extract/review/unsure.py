"""Which sheets to review: those of a catalog that the slicer was unsure of, or image files at hand."""

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from db import Catalog
from db.models import File, Image, Page, Place, Sheet, SheetChoice, Sighting, Tile
from db.pixels import Rgba, pixel_hash
from db.records import Candidate
from db.terminal import printable
from extract.images.decode import first_frame
from extract.images.interface import DecodeError
from extract.inspecting import hints_beside
from extract.review.page import SHOWN_RECTS, UnsureSheet, candidate_from_json
from extract.sheets.model import Slicing
from extract.sheets.slice import slice_image
from extract.tiles.cut import candidates_of


def unsure_sheets(catalog: Catalog, below: float, most: int) -> Iterator[tuple[UnsureSheet, Rgba]]:
    """Yield up to `most` sheets that pixels decided with a confidence below `below`, least sure first, with pixels.

    Sheets that a person chose for, and pictures for which nothing else was considered, are left out.
    So are those that cannot be opened, which are noted as `catalog.unreadable`.
    """
    with catalog.database.read() as connection:
        rows = connection.execute(
            select(Image.id, Image.pixel_hash, Image.width, Image.height, Sheet)
            .join(Sheet, Sheet.image_id == Image.id)
            .outerjoin(SheetChoice, SheetChoice.image_id == Image.id)
            .where(
                Sheet.confidence < below,
                Sheet.source.in_(("pixels", "name")),
                Sheet.candidates.is_not(None),
                SheetChoice.image_id.is_(None),
            )
            .order_by(Sheet.confidence, Image.id)
            .limit(most)
        ).all()
    for row in rows:
        with catalog.database.read() as connection:
            sheet = _sheet(connection, row)
        for _, rgba in catalog.open_many([row.id], leave_out=True):
            yield sheet, rgba


def _sheet(connection: Connection, row: Any) -> UnsureSheet:
    where, link = _seen(connection, row.id)
    rects: tuple[tuple[int, int, int, int], ...] = ()
    if row.kind == "atlas":
        boxes = connection.execute(
            select(Tile.x, Tile.y, Tile.w, Tile.h).where(Tile.sheet_id == row.id).order_by(Tile.id).limit(SHOWN_RECTS)
        )
        rects = tuple((x, y, w, h) for x, y, w, h in boxes)
    current = Candidate(
        row.kind,
        row.confidence,
        row.why,
        (row.tile_width, row.tile_height) if row.tile_width else None,
        (row.margin_x or 0, row.margin_y or 0),
        (row.spacing_x or 0, row.spacing_y or 0),
        rects,
    )
    others = tuple(candidate_from_json(values) for values in row.candidates)
    return UnsureSheet(str(row.id), row.pixel_hash.hex(), row.width, row.height, where, link, current, others)


def _seen(connection: Connection, image_id: int) -> tuple[str, str]:
    """Return where an image was seen first, for a person, and the page's address."""
    seen = connection.execute(
        select(func.coalesce(Page.title, ""), func.coalesce(Page.url, ""), File.name, Place.path)
        .select_from(Sighting)
        .join(Place, Place.id == Sighting.place_id)
        .join(File, File.id == Place.file_id)
        .outerjoin(Page, Page.id == File.page_id)
        .where(Sighting.image_id == image_id)
        .order_by(Sighting.id)
        .limit(1)
    ).first()
    if seen is None:
        return f"image {image_id}", ""
    title, url, file_name, path = seen
    where = posixpath.join(file_name, path) if path else file_name
    return f"{title}: {where}" if title else where, url if url.startswith(("http://", "https://")) else ""


def files_at_hand(paths: Sequence[Path]) -> Iterator[tuple[UnsureSheet, Rgba]]:
    """Yield image files with the cuts that the slicer considers, whatever its confidence; those unreadable are left."""
    for path in paths:
        try:
            rgba = first_frame(path)
        except DecodeError:
            continue
        slicing = slice_image(rgba, hints_beside(path))
        height, width = rgba.shape[:2]
        digest = pixel_hash(rgba).hex()
        yield (
            UnsureSheet(
                str(path), digest, width, height, printable(path.name), "", _current(slicing), candidates_of(slicing)
            ),
            rgba,
        )


def _current(slicing: Slicing) -> Candidate:
    grid = slicing.grid
    rects = tuple((rect.x, rect.y, rect.w, rect.h) for rect in slicing.rects[:SHOWN_RECTS])
    if grid is None:
        return Candidate(slicing.kind, slicing.confidence, slicing.why, rects=rects)
    return Candidate(slicing.kind, slicing.confidence, slicing.why, grid.tile, grid.margin, grid.spacing)
