"""Bytes: blobs by their hash, the members of those that are archives, and every place where a blob was seen."""

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSED, Base, BigId


class Blob(Base):
    """Bytes in the blob store."""

    __tablename__ = "blob"
    __table_args__ = (NEVER_REUSED,)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)


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
