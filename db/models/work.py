"""Work: what each stage made of each subject."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

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
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    outcome: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=0)
    format: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Reason, default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
