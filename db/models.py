"""The catalog's tables.

Crawl: crawl, host, frontier. Site: page, person, licence, tag, collection, file, page_file. Bytes: blob, member,
place (where a blob was seen). Pixels: image, frame, sheet, sheet_choice, tile, sidecar, sighting (where an
image was seen). Work: outcome (the stage ledger). Image and sighting are apart so that identical pixels are
featurized once, while every place, author and licence is kept.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite gives stable row ids only to columns typed exactly INTEGER."""

IS_PROBLEM = "outcome IN ('partial', 'encrypted', 'damaged', 'refused', 'failed')"
"""A query must say it in these words for its index to serve."""

NEVER_REUSED = {"sqlite_autoincrement": True}
"""Ids outlive their rows: vector databases key on them."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: a time without a zone is a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back what SQLite forgot."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Reason(TypeDecorator[str]):
    """Why something ended as it did: cut short, because PostgreSQL's indexes take no more than some 2,700 bytes."""

    impl = Text
    cache_ok = True
    max_characters = 600

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Cut what is too long; the beginning says what happened."""
        return value if value is None or len(value) <= self.max_characters else value[: self.max_characters - 1] + "…"


class Base(DeclarativeBase):
    """Base of all tables, with names for every constraint so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Crawl(Base):
    """One thing that somebody asked a spider to do. Asking the same again continues it.

    `seeded`: everything it begins with is in the frontier. `refreshes`: how often it was asked to look again.
    """

    __tablename__ = "crawl"
    __table_args__ = (NEVER_REUSED,)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    spider: Mapped[str] = mapped_column(Text)
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    page_limit: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    seeded: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    refreshes: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Host(Base):
    """A server to be polite to. Its lease keeps it with one process at a time."""

    __tablename__ = "host"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    crawl_delay_s: Mapped[float | None] = mapped_column(Float)
    paused_until: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    pause_reason: Mapped[str | None] = mapped_column(Text)


class Frontier(Base):
    """URLs known to a crawl: to do (lowest rank first), being done, done, failed. Times are seconds since 1970."""

    __tablename__ = "frontier"
    __table_args__ = (
        UniqueConstraint("crawl_id", "fingerprint"),
        Index(
            "ix_frontier_pending",
            "crawl_id",
            "host",
            "rank",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_frontier_leased",
            "owner",
            sqlite_where=text("state = 'leased'"),
            postgresql_where=text("state = 'leased'"),
        ),
        Index(
            "ix_frontier_failed",
            "reason",
            "id",
            sqlite_where=text("state = 'failed'"),
            postgresql_where=text("state = 'failed'"),
        ),
        Index("ix_frontier_crawl_id_kind_id", "crawl_id", "kind", "id"),
        Index("ix_frontier_crawl_id_state_kind", "crawl_id", "state", "kind"),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawl.id"))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    url: Mapped[str] = mapped_column(Text)
    host: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    callback: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    rank: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[float] = mapped_column(Float, default=0.0)
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    http_status: Mapped[int | None] = mapped_column(SmallInteger)
    etag: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    last_modified: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    reason: Mapped[str] = mapped_column(Reason, default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Page(Base):
    """A content page. `authors`, `licence` and `tags` repeat the tables below for readers in a hurry.

    `withheld`: why the site shows no files. `gone_at`: when the page was found missing.
    """

    __tablename__ = "page"
    __table_args__ = (NEVER_REUSED,)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    url: Mapped[str] = mapped_column(Text, unique=True)
    site: Mapped[str] = mapped_column(Text)
    site_id: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    art_type: Mapped[str] = mapped_column(Text, default="")
    authors: Mapped[str] = mapped_column(Text, default="")
    licence: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    attribution: Mapped[str] = mapped_column(Text, default="")
    posted_at: Mapped[str | None] = mapped_column(Text)
    favourites: Mapped[int | None] = mapped_column(Integer)
    withheld: Mapped[str] = mapped_column(Text, default="")
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Person(Base):
    """Somebody to credit for a page, in the page's order."""

    __tablename__ = "person"
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text, default="")


class Licence(Base):
    """A licence offered by a page; any one of a page's licences may be chosen."""

    __tablename__ = "licence"
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text, default="")
    spdx: Mapped[str] = mapped_column(Text)


class Tag(Base):
    """A tag of a page."""

    __tablename__ = "tag"
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)


class Collection(Base):
    """A collection that a page belongs to."""

    __tablename__ = "collection"
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    url: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)


class Blob(Base):
    """Bytes in the blob store."""

    __tablename__ = "blob"
    __table_args__ = (NEVER_REUSED,)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)


class File(Base):
    """A remote URL that holds bytes. `name` is the stored name, percent-decoded exactly once."""

    __tablename__ = "file"
    __table_args__ = (Index("ix_file_blob_id", "blob_id"), Index("ix_file_page_id", "page_id"), NEVER_REUSED)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    url: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    page_id: Mapped[int | None] = mapped_column(ForeignKey("page.id"))
    page_rank: Mapped[str] = mapped_column(Text, default="")
    blob_id: Mapped[int | None] = mapped_column(ForeignKey("blob.id"))
    content_type: Mapped[str] = mapped_column(Text, default="")
    etag: Mapped[str] = mapped_column(Text, default="")
    last_modified: Mapped[str] = mapped_column(Text, default="")
    fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FileVersion(Base):
    """Bytes that a file's URL once gave. The newest are in `file.blob_id`; none are forgotten."""

    __tablename__ = "file_version"
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), primary_key=True)
    etag: Mapped[str] = mapped_column(Text, default="")
    last_modified: Mapped[str] = mapped_column(Text, default="")
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PageFile(Base):
    """A page's link to a file and what the page says of it. `withdrawn_at`: when the page no longer showed it."""

    __tablename__ = "page_file"
    __table_args__ = (Index("ix_page_file_file_id", "file_id"),)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    original_name: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str] = mapped_column(Text, default="")
    site_file_id: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text, default="")
    declared_bytes: Mapped[int | None] = mapped_column(BigInteger)
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Member(Base):
    """An entry of an archive. The raw name is kept; `fragment` is the path as it stands in a sighting's URL."""

    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("archive_id", "position"), Index("ix_member_blob_id", "blob_id"), NEVER_REUSED)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    archive_id: Mapped[int] = mapped_column(ForeignKey("blob.id"))
    position: Mapped[int] = mapped_column(Integer)
    raw_name: Mapped[bytes] = mapped_column(LargeBinary)
    path: Mapped[str] = mapped_column(Text)
    fragment: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, default="")
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    blob_id: Mapped[int | None] = mapped_column(ForeignKey("blob.id"))


class Place(Base):
    """Where a blob was seen: a file (member 0), or a member of a blob that was seen at the parent place.

    `root_id` is the blob that the file held then: it tells whether the place is still current.
    """

    __tablename__ = "place"
    __table_args__ = (
        UniqueConstraint("file_id", "parent_id", "member_id", "blob_id"),
        Index("ix_place_blob_id", "blob_id"),
        Index("ix_place_parent_id", "parent_id"),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"))
    parent_id: Mapped[int] = mapped_column(BigInteger, default=0)
    member_id: Mapped[int] = mapped_column(BigInteger, default=0)
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"))
    root_id: Mapped[int] = mapped_column(BigInteger)
    depth: Mapped[int] = mapped_column(SmallInteger, default=0)
    path: Mapped[str] = mapped_column(Text, default="")
    fragment: Mapped[str] = mapped_column(Text, default="")


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
            sqlite_where=text("NOT featurized"),
            postgresql_where=text("NOT featurized"),
        ),
        Index("ix_image_todo_index", "id", sqlite_where=text("NOT indexed"), postgresql_where=text("NOT indexed")),
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
        Index(
            "ix_sighting_tile_id", "tile_id", sqlite_where=text("tile_id <> 0"), postgresql_where=text("tile_id <> 0")
        ),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    frame: Mapped[int] = mapped_column(Integer, default=0)
    tile_id: Mapped[int] = mapped_column(BigInteger, default=0)


class Ledger(Base):
    """What a stage made of a blob or an image. A row that is `pending` is still due."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index(
            "ix_ledger_pending",
            "stage",
            "subject_id",
            sqlite_where=text("outcome = 'pending'"),
            postgresql_where=text("outcome = 'pending'"),
        ),
        Index(
            "ix_ledger_problem",
            "stage",
            "outcome",
            "reason",
            "subject_id",
            sqlite_where=text(IS_PROBLEM),
            postgresql_where=text(IS_PROBLEM),
        ),
    )
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    outcome: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=0)
    format: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Reason, default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeatureModel(Base):
    """A way to turn an image into a row of numbers. Another version is another model."""

    __tablename__ = "feature_model"
    __table_args__ = (UniqueConstraint("name", "version"), NEVER_REUSED)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    dimension: Mapped[int] = mapped_column(Integer)
    distance: Mapped[str] = mapped_column(Text)


class Feature(Base):
    """An image's row by one model, little-endian, or (`vector` missing) why there is none.

    `id` only grows, so that a copy of the rows knows what it lacks.
    """

    __tablename__ = "feature"
    __table_args__ = (
        UniqueConstraint("model_id", "image_id"),
        Index("ix_feature_model_id_id", "model_id", "id"),
        NEVER_REUSED,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("feature_model.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    problem: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))


class Video(Base):
    """A film whose frames were indexed, named by its bytes."""

    __tablename__ = "video"
    __table_args__ = (NEVER_REUSED,)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    path: Mapped[str] = mapped_column(Text)
    duration_s: Mapped[float] = mapped_column(Float)


class Scene(Base):
    """A frame of a film that differs from the one before, by its time and its hashes (see index.scenes)."""

    __tablename__ = "scene"
    video_id: Mapped[int] = mapped_column(ForeignKey("video.id"), primary_key=True)
    time_ms: Mapped[int] = mapped_column(Integer, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    layout: Mapped[bytes] = mapped_column(LargeBinary)
