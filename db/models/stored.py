"""Bytes: blobs by their hash, the members of those that are archives, and every place where a blob was seen."""

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnClause,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)

from db.models.base import NEVER_REUSED, Base, BigId


class Blob(Base):
    """Bytes in the blob store."""

    __tablename__ = "blob"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    sha256: ColumnClause[bytes] = Column(LargeBinary, unique=True)
    size_bytes: ColumnClause[int] = Column(BigInteger)


class Member(Base):
    """An entry of an archive. The raw name is kept; `fragment` is the path as it stands in a sighting's URL."""

    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("archive_id", "position"), Index("ix_member_blob_id", "blob_id"), NEVER_REUSED)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    archive_id: ColumnClause[int] = Column(ForeignKey("blob.id"))
    position: ColumnClause[int] = Column(Integer)
    raw_name: ColumnClause[bytes] = Column(LargeBinary)
    path: ColumnClause[str] = Column(Text)
    fragment: ColumnClause[str] = Column(Text)
    kind: ColumnClause[str] = Column(Text)
    state: ColumnClause[str] = Column(Text)
    reason: ColumnClause[str] = Column(Text, default="")
    size_bytes: ColumnClause[int | None] = Column(BigInteger)
    blob_id: ColumnClause[int | None] = Column(ForeignKey("blob.id"))


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
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    file_id: ColumnClause[int] = Column(ForeignKey("file.id"))
    parent_id: ColumnClause[int] = Column(BigInteger, default=0)
    member_id: ColumnClause[int] = Column(BigInteger, default=0)
    blob_id: ColumnClause[int] = Column(ForeignKey("blob.id"))
    root_id: ColumnClause[int] = Column(BigInteger)
    depth: ColumnClause[int] = Column(SmallInteger, default=0)
    path: ColumnClause[str] = Column(Text, default="")
    fragment: ColumnClause[str] = Column(Text, default="")
