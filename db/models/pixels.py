"""Pixels: images by the hash of their pixels, frames, sheets, tiles, and where each image was seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
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
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    pixel_hash: ColumnClause[bytes] = Column(LargeBinary, unique=True)
    width: ColumnClause[int] = Column(Integer)
    height: ColumnClause[int] = Column(Integer)
    transparent: ColumnClause[bool] = Column(Boolean)
    alpha: ColumnClause[str | None] = Column(Text)
    colours: ColumnClause[int | None] = Column(Integer)
    upscale: ColumnClause[int | None] = Column(Integer)
    orientation_hash: ColumnClause[bytes | None] = Column(LargeBinary)
    featurized: ColumnClause[bool] = Column(Boolean, default=False, server_default=text("false"))
    indexed: ColumnClause[bool] = Column(Boolean, default=False, server_default=text("false"))


class Frame(Base):
    """Frame `number` (from 0) of a decoded blob is this image; how it is stored there (see db.records.FrameRecord).

    Frames are counted by their rows; the format is in the ledger, and there too whether all of them could be read.
    """

    __tablename__ = "frame"
    __table_args__ = (Index("ix_frame_image_id", "image_id"),)
    blob_id: ColumnClause[int] = Column(ForeignKey("blob.id"), primary_key=True)
    number: ColumnClause[int] = Column(Integer, primary_key=True)
    image_id: ColumnClause[int] = Column(ForeignKey("image.id"))
    duration_ms: ColumnClause[int | None] = Column(Integer)
    mode: ColumnClause[str] = Column(Text, default="", server_default=text("''"))
    palette_size: ColumnClause[int | None] = Column(Integer)
    partial: ColumnClause[bool] = Column(Boolean, default=False, server_default=text("false"))
    label: ColumnClause[str] = Column(Text, default="", server_default=text("''"))


class Sidecar(Base):
    """What a file that describes a sheet says: the image it names, and its grid or rectangles."""

    __tablename__ = "sidecar"
    blob_id: ColumnClause[int] = Column(ForeignKey("blob.id"), primary_key=True)
    position: ColumnClause[int] = Column(SmallInteger, primary_key=True)
    image_name: ColumnClause[str] = Column(Text)
    format: ColumnClause[str] = Column(Text)
    description: ColumnClause[dict[str, Any]] = Column(JSON)


class Sheet(Base):
    """How an image is sliced, or why it stays whole.

    `candidates` are other cuts that were considered, best first, as `db.records.Candidate` in JSON. `upscale`: one
    pixel of the art is drawn as so many by so many pixels of the sheet.
    """

    __tablename__ = "sheet"
    __table_args__ = (Index("ix_sheet_confidence", "confidence"),)
    image_id: ColumnClause[int] = Column(ForeignKey("image.id"), primary_key=True)
    kind: ColumnClause[str] = Column(Text)
    tile_width: ColumnClause[int | None] = Column(Integer)
    tile_height: ColumnClause[int | None] = Column(Integer)
    margin_x: ColumnClause[int | None] = Column(Integer)
    margin_y: ColumnClause[int | None] = Column(Integer)
    spacing_x: ColumnClause[int | None] = Column(Integer)
    spacing_y: ColumnClause[int | None] = Column(Integer)
    confidence: ColumnClause[float] = Column(Float)
    source: ColumnClause[str] = Column(Text)
    why: ColumnClause[str] = Column(Text)
    candidates: ColumnClause[list[dict[str, Any]] | None] = Column(JSON(none_as_null=True))
    upscale: ColumnClause[int] = Column(Integer, default=1, server_default=text("1"))


class SheetChoice(Base):
    """How a person wants an image sliced. It wins over every slicer, of whatever version."""

    __tablename__ = "sheet_choice"
    image_id: ColumnClause[int] = Column(ForeignKey("image.id"), primary_key=True)
    kind: ColumnClause[str] = Column(Text)
    tile_width: ColumnClause[int | None] = Column(Integer)
    tile_height: ColumnClause[int | None] = Column(Integer)
    margin_x: ColumnClause[int | None] = Column(Integer)
    margin_y: ColumnClause[int | None] = Column(Integer)
    spacing_x: ColumnClause[int | None] = Column(Integer)
    spacing_y: ColumnClause[int | None] = Column(Integer)
    chosen_at: ColumnClause[datetime] = Column(UtcDateTime)


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
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    sheet_id: ColumnClause[int] = Column(ForeignKey("image.id"))
    x: ColumnClause[int] = Column(Integer)
    y: ColumnClause[int] = Column(Integer)
    w: ColumnClause[int] = Column(Integer)
    h: ColumnClause[int] = Column(Integer)
    row: ColumnClause[int | None] = Column(Integer)
    column: ColumnClause[int | None] = Column(Integer)
    name: ColumnClause[str] = Column(Text, default="")
    image_id: ColumnClause[int] = Column(ForeignKey("image.id"))
    position: ColumnClause[int] = Column(Integer, default=0, server_default=text("0"))
    orientation: ColumnClause[int] = Column(SmallInteger, default=1, server_default=text("1"))
    tag: ColumnClause[str] = Column(Text, default="", server_default=text("''"))
    alike_id: ColumnClause[int | None] = Column(BigInteger)


class Sighting(Base):
    """An image seen at a place: a frame of the blob there, or a tile (tile_id not 0) of that frame."""

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("place_id", "frame", "tile_id"),
        Index("ix_sighting_image_id", "image_id"),
        Index("ix_sighting_tile_id", "tile_id", info={WHERE: "tile_id <> 0"}),
        NEVER_REUSED,
    )
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    image_id: ColumnClause[int] = Column(ForeignKey("image.id"))
    place_id: ColumnClause[int] = Column(ForeignKey("place.id"))
    frame: ColumnClause[int] = Column(Integer, default=0)
    tile_id: ColumnClause[int] = Column(BigInteger, default=0)
