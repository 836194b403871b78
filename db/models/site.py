"""The site: content pages with their people, licences, tags and collections, and the files they offer."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnClause,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
)

from db.models.base import NEVER_REUSED, Base, BigId, UtcDateTime


class Page(Base):
    """A content page. `authors`, `licence` and `tags` repeat the tables below for readers in a hurry.

    `withheld`: why the site shows no files. `gone_at`: when the page was found missing.
    """

    __tablename__ = "page"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    url: ColumnClause[str] = Column(Text, unique=True)
    site: ColumnClause[str] = Column(Text)
    site_id: ColumnClause[str | None] = Column(Text)
    title: ColumnClause[str] = Column(Text)
    art_type: ColumnClause[str] = Column(Text, default="")
    authors: ColumnClause[str] = Column(Text, default="")
    licence: ColumnClause[str] = Column(Text, default="")
    tags: ColumnClause[str] = Column(Text, default="")
    description: ColumnClause[str] = Column(Text, default="")
    attribution: ColumnClause[str] = Column(Text, default="")
    posted_at: ColumnClause[str | None] = Column(Text)
    favourites: ColumnClause[int | None] = Column(Integer)
    withheld: ColumnClause[str] = Column(Text, default="")
    extra: ColumnClause[dict[str, Any]] = Column(JSON, default=dict)
    gone_at: ColumnClause[datetime | None] = Column(UtcDateTime)
    fetched_at: ColumnClause[datetime] = Column(UtcDateTime)


class Person(Base):
    """Somebody to credit for a page, in the page's order."""

    __tablename__ = "person"
    page_id: ColumnClause[int] = Column(ForeignKey("page.id"), primary_key=True)
    position: ColumnClause[int] = Column(SmallInteger, primary_key=True)
    role: ColumnClause[str] = Column(Text)
    name: ColumnClause[str] = Column(Text)
    url: ColumnClause[str] = Column(Text, default="")


class Licence(Base):
    """A licence offered by a page; any one of a page's licences may be chosen."""

    __tablename__ = "licence"
    page_id: ColumnClause[int] = Column(ForeignKey("page.id"), primary_key=True)
    position: ColumnClause[int] = Column(SmallInteger, primary_key=True)
    name: ColumnClause[str] = Column(Text)
    url: ColumnClause[str] = Column(Text, default="")
    spdx: ColumnClause[str] = Column(Text)


class Tag(Base):
    """A tag of a page."""

    __tablename__ = "tag"
    page_id: ColumnClause[int] = Column(ForeignKey("page.id"), primary_key=True)
    name: ColumnClause[str] = Column(Text, primary_key=True)


class Collection(Base):
    """A collection that a page belongs to."""

    __tablename__ = "collection"
    page_id: ColumnClause[int] = Column(ForeignKey("page.id"), primary_key=True)
    url: ColumnClause[str] = Column(Text, primary_key=True)
    title: ColumnClause[str] = Column(Text)


class File(Base):
    """A remote URL that holds bytes. `name` is the stored name, percent-decoded exactly once."""

    __tablename__ = "file"
    __table_args__ = (Index("ix_file_blob_id", "blob_id"), Index("ix_file_page_id", "page_id"), NEVER_REUSED)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    url: ColumnClause[str] = Column(Text, unique=True)
    name: ColumnClause[str] = Column(Text)
    page_id: ColumnClause[int | None] = Column(ForeignKey("page.id"))
    page_rank: ColumnClause[str] = Column(Text, default="")
    blob_id: ColumnClause[int | None] = Column(ForeignKey("blob.id"))
    content_type: ColumnClause[str] = Column(Text, default="")
    etag: ColumnClause[str] = Column(Text, default="")
    last_modified: ColumnClause[str] = Column(Text, default="")
    fetched_at: ColumnClause[datetime | None] = Column(UtcDateTime)


class FileVersion(Base):
    """Bytes that a file's URL once gave. The newest are in `file.blob_id`; none are forgotten."""

    __tablename__ = "file_version"
    file_id: ColumnClause[int] = Column(ForeignKey("file.id"), primary_key=True)
    blob_id: ColumnClause[int] = Column(ForeignKey("blob.id"), primary_key=True)
    etag: ColumnClause[str] = Column(Text, default="")
    last_modified: ColumnClause[str] = Column(Text, default="")
    fetched_at: ColumnClause[datetime] = Column(UtcDateTime)


class PageFile(Base):
    """A page's link to a file and what the page says of it. `withdrawn_at`: when the page no longer showed it."""

    __tablename__ = "page_file"
    __table_args__ = (Index("ix_page_file_file_id", "file_id"),)
    page_id: ColumnClause[int] = Column(ForeignKey("page.id"), primary_key=True)
    file_id: ColumnClause[int] = Column(ForeignKey("file.id"), primary_key=True)
    role: ColumnClause[str] = Column(Text, primary_key=True)
    position: ColumnClause[int] = Column(Integer)
    original_name: ColumnClause[str] = Column(Text, default="")
    label: ColumnClause[str] = Column(Text, default="")
    site_file_id: ColumnClause[str | None] = Column(Text)
    media_type: ColumnClause[str] = Column(Text, default="")
    declared_bytes: ColumnClause[int | None] = Column(BigInteger)
    extra: ColumnClause[dict[str, Any]] = Column(JSON, default=dict)
    withdrawn_at: ColumnClause[datetime | None] = Column(UtcDateTime)
