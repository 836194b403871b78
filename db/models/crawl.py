"""Crawling: what was asked, the hosts to be polite to, and the frontier."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
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

from db.models.base import NEVER_REUSED, WHERE, Base, BigId, Reason, UtcDateTime


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
            info={WHERE: "state = 'pending'"},
        ),
        Index(
            "ix_frontier_leased",
            "owner",
            info={WHERE: "state = 'leased'"},
        ),
        Index(
            "ix_frontier_failed",
            "crawl_id",
            "reason",
            "id",
            info={WHERE: "state = 'failed'"},
        ),
        Index("ix_frontier_crawl_id_kind_id", "crawl_id", "kind", "id"),
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
