"""How people want images sliced: stored once, and heeded by every later slicing."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select

from db import stages
from db.engine import chunked, upsert
from db.errors import NoSheetError
from db.models import Image, Ledger, SheetChoice
from db.records import ChoiceRecord
from db.vocabulary import Stage


def choose(connection: Connection, image_id: int, choice: ChoiceRecord) -> None:
    """Store a choice and make the image due for slicing.

    Raises:
        NoSheetError: the catalog has no such image, or it is one that is never sliced (a tile, a frame).

    """
    _must_be_sliceable(connection, image_id)
    tile, margin, spacing = (choice.tile, choice.margin, choice.spacing) if choice.kind == "grid" else (None,) * 3
    values = {
        "image_id": image_id,
        "kind": choice.kind,
        "tile_width": tile and tile[0],
        "tile_height": tile and tile[1],
        "margin_x": margin and margin[0],
        "margin_y": margin and margin[1],
        "spacing_x": spacing and spacing[0],
        "spacing_y": spacing and spacing[1],
        "chosen_at": datetime.now(UTC),
    }
    connection.execute(
        upsert(connection, SheetChoice).values(**values).on_conflict_do_update(index_elements=["image_id"], set_=values)
    )
    stages.due_again(connection, Stage.SLICE, [image_id])


def forget(connection: Connection, image_id: int) -> bool:
    """Take a choice back and make the image due for slicing; return whether there was one. Raises NoSheetError."""
    _must_be_sliceable(connection, image_id)
    there = connection.execute(delete(SheetChoice).where(SheetChoice.image_id == image_id)).rowcount > 0
    if there:
        stages.due_again(connection, Stage.SLICE, [image_id])
    return there


def choices_of(connection: Connection, image_ids: Sequence[int]) -> dict[int, ChoiceRecord]:
    """Return the choices made for these images."""
    found: dict[int, ChoiceRecord] = {}
    for chunk in chunked(image_ids):
        for row in connection.execute(select(SheetChoice.__table__).where(SheetChoice.image_id.in_(chunk))):
            if row.kind != "grid":
                found[row.image_id] = ChoiceRecord(row.kind)
                continue
            found[row.image_id] = ChoiceRecord(
                row.kind,
                (row.tile_width, row.tile_height),
                (row.margin_x, row.margin_y),
                (row.spacing_x, row.spacing_y),
            )
    return found


def image_by_pixels(connection: Connection, pixel_hash: bytes) -> int:
    """Return the id of the image with these pixels. Raises NoSheetError."""
    image_id = connection.scalar(select(Image.id).where(Image.pixel_hash == pixel_hash))
    if image_id is None:
        raise NoSheetError(f"no image with the pixel hash {pixel_hash.hex()[:16]}… in the catalog")
    return image_id


def _must_be_sliceable(connection: Connection, image_id: int) -> None:
    known = (Ledger.stage == Stage.SLICE, Ledger.subject_id == image_id)
    if connection.scalar(select(Ledger.subject_id).where(*known)) is None:
        raise NoSheetError(f"image {image_id} is not one that is sliced: it is unknown, a tile, or a frame")
