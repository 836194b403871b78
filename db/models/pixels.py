"""Pixels: images by the hash of their pixels, frames, sheets, tiles, and where each image was seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSED, WHERE, Base, BigId, UtcDateTime


class Image(Base):
    """Distinct pixels, named by the hash of their canonical RGBA (see db.pixels).

    `alpha`, `colours` and `upscale` are facts of these pixels (see db.records.ImageFacts); NULL: not looked at yet.

    Images that are each other's flips or turns have the same `orientation_hash`: the pixel hash of that one of the
    eight orientations that comes first (see db.orientation). Large images have none.
    """

    __tablename__ = "image"
    __table_args__ = (
        Index(
            "ix_image_todo_featurize",
            "id",
            info={WHERE: "NOT featurized"},
        ),
        Index("ix_image_todo_index", "id", info={WHERE: "NOT indexed"}),
        Index("ix_image_orientation_hash", "orientation_hash"),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pixel_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    transparent: Mapped[bool] = mapped_column(Boolean)
    alpha: Mapped[str | None] = mapped_column(Text)
    colours: Mapped[int | None] = mapped_column(Integer)
    upscale: Mapped[int | None] = mapped_column(Integer)
    orientation_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    featurized: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    indexed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))


class Frame(Base):
    """Frame `number` (from 0) of a decoded blob is this image; how it is stored there (see db.records.FrameRecord).

    Frames are counted by their rows; the format is in the ledger, and there too whether all of them could be read.
    """

    __tablename__ = "frame"
    __table_args__ = (Index("ix_frame_image_id", "image_id"),)
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    mode: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    palette_size: Mapped[int | None] = mapped_column(Integer)
    partial: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    label: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))


class Sidecar(Base):
    """What a file that describes a sheet says: the image it names, and its grid or rectangles."""

    __tablename__ = "sidecar"
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    image_name: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(Text)
    description: Mapped[dict[str, Any]] = mapped_column(JSON)


class Sheet(Base):
    """How an image is sliced, or why it stays whole.

    `candidates` are other cuts that were considered, best first, as `db.records.Candidate` in JSON. `upscale`: one
    pixel of the art is drawn as so many by so many pixels of the sheet.
    """

    __tablename__ = "sheet"
    __table_args__ = (Index("ix_sheet_confidence", "confidence"),)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    tile_width: Mapped[int | None] = mapped_column(Integer)
    tile_height: Mapped[int | None] = mapped_column(Integer)
    margin_x: Mapped[int | None] = mapped_column(Integer)
    margin_y: Mapped[int | None] = mapped_column(Integer)
    spacing_x: Mapped[int | None] = mapped_column(Integer)
    spacing_y: Mapped[int | None] = mapped_column(Integer)
    confidence: Mapped[float] = mapped_column(Float)
    source: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    candidates: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    upscale: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))


class SheetChoice(Base):
    """How a person wants an image sliced. It wins over every slicer, of whatever version."""

    __tablename__ = "sheet_choice"
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    tile_width: Mapped[int | None] = mapped_column(Integer)
    tile_height: Mapped[int | None] = mapped_column(Integer)
    margin_x: Mapped[int | None] = mapped_column(Integer)
    margin_y: Mapped[int | None] = mapped_column(Integer)
    spacing_x: Mapped[int | None] = mapped_column(Integer)
    spacing_y: Mapped[int | None] = mapped_column(Integer)
    chosen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Tile(Base):
    """A rectangle of a sheet; its pixels, shown upright, are an image again.

    `position` counts a sheet's tiles in reading order, or in the order of its sidecar. `orientation` says how to turn
    the rectangle's pixels to show them upright (1 to 8, as in EXIF). `tag` names the animation that a frame belongs
    to. `alike_id` is the image that stands for those of the sheet that nearly look the same, this tile's own if none.
    """

    __tablename__ = "tile"
    __table_args__ = (
        UniqueConstraint("sheet_id", "x", "y", "w", "h"),
        Index("ix_tile_image_id", "image_id"),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)
    w: Mapped[int] = mapped_column(Integer)
    h: Mapped[int] = mapped_column(Integer)
    row: Mapped[int | None] = mapped_column(Integer)
    column: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text, default="")
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    position: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    orientation: Mapped[int] = mapped_column(SmallInteger, default=1, server_default=text("1"))
    tag: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    alike_id: Mapped[int | None] = mapped_column(BigInteger)


class Sighting(Base):
    """An image seen at a place: a frame of the blob there, or a tile (tile_id not 0) of that frame."""

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("place_id", "frame", "tile_id"),
        Index("ix_sighting_image_id", "image_id"),
        Index("ix_sighting_tile_id", "tile_id", info={WHERE: "tile_id <> 0"}),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    frame: Mapped[int] = mapped_column(Integer, default=0)
    tile_id: Mapped[int] = mapped_column(BigInteger, default=0)
