"""Work: what each stage made of each subject."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnClause,
    Index,
    Integer,
    Text,
    text,
)

from db.models.base import IS_PROBLEM, WHERE, Base, Reason, UtcDateTime


class Ledger(Base):
    """What a stage made of a blob or an image. A row that is `pending` is still due.

    `asked`: how often it was made due again. A result settles only what was asked when its work began.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        Index(
            "ix_ledger_pending",
            "stage",
            "subject_id",
            info={WHERE: "outcome = 'pending'"},
        ),
        Index(
            "ix_ledger_problem",
            "stage",
            "outcome",
            "reason",
            "subject_id",
            info={WHERE: IS_PROBLEM},
        ),
    )
    stage: ColumnClause[str] = Column(Text, primary_key=True)
    subject_id: ColumnClause[int] = Column(BigInteger, primary_key=True)
    outcome: ColumnClause[str] = Column(Text)
    version: ColumnClause[int] = Column(Integer, default=0)
    format: ColumnClause[str] = Column(Text, default="")
    reason: ColumnClause[str] = Column(Reason, default="")
    settled_at: ColumnClause[datetime | None] = Column(UtcDateTime)
    asked: ColumnClause[int] = Column(Integer, default=0, server_default=text("0"))
