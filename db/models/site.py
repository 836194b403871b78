"""The site: content pages with their people, licences, tags and collections, and the files they offer."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSED, Base, BigId, UtcDateTime


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
