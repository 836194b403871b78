"""Crawling: what was asked, the hosts to be polite to, and the frontier."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
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

from db.models.base import NEVER_REUSED, WHERE, Base, BigId, Reason, UtcDateTime


class Crawl(Base):
    """One thing that somebody asked a spider to do. Asking the same again continues it.

    `seeded`: everything it begins with is in the frontier. `refreshes`: how often it was asked to look again.
    """

    __tablename__ = "crawl"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    key: ColumnClause[str] = Column(Text, unique=True)
    spider: ColumnClause[str] = Column(Text)
    arguments: ColumnClause[dict[str, Any]] = Column(JSON)
    page_limit: ColumnClause[int | None] = Column(Integer)
    state: ColumnClause[str] = Column(Text)
    seeded: ColumnClause[bool] = Column(Boolean, default=False, server_default=text("false"))
    refreshes: ColumnClause[int] = Column(Integer, default=0, server_default=text("0"))
    started_at: ColumnClause[datetime] = Column(UtcDateTime)
    finished_at: ColumnClause[datetime | None] = Column(UtcDateTime)


class Host(Base):
    """A server to be polite to. Its lease keeps it with one process at a time."""

    __tablename__ = "host"
    name: ColumnClause[str] = Column(Text, primary_key=True)
    owner: ColumnClause[str | None] = Column(Text)
    lease_until: ColumnClause[float] = Column(Float, default=0.0, server_default="0")
    crawl_delay_s: ColumnClause[float | None] = Column(Float)
    paused_until: ColumnClause[float] = Column(Float, default=0.0, server_default="0")
    pause_reason: ColumnClause[str | None] = Column(Text)


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
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    crawl_id: ColumnClause[int] = Column(ForeignKey("crawl.id"))
    fingerprint: ColumnClause[bytes] = Column(LargeBinary)
    url: ColumnClause[str] = Column(Text)
    host: ColumnClause[str] = Column(Text)
    kind: ColumnClause[str] = Column(Text)
    callback: ColumnClause[str] = Column(Text)
    data: ColumnClause[dict[str, Any]] = Column(JSON)
    rank: ColumnClause[int] = Column(Integer, default=0)
    state: ColumnClause[str] = Column(Text)
    owner: ColumnClause[str | None] = Column(Text)
    lease_until: ColumnClause[float] = Column(Float, default=0.0)
    not_before: ColumnClause[float] = Column(Float, default=0.0)
    attempts: ColumnClause[int] = Column(Integer, default=0)
    http_status: ColumnClause[int | None] = Column(SmallInteger)
    etag: ColumnClause[str] = Column(Text, default="", server_default=text("''"))
    last_modified: ColumnClause[str] = Column(Text, default="", server_default=text("''"))
    reason: ColumnClause[str] = Column(Reason, default="")
    settled_at: ColumnClause[datetime | None] = Column(UtcDateTime)
