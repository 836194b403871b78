"""What all tables share: column types, names of constraints, and words that queries and indexes must agree on."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite gives stable row ids only to columns typed exactly INTEGER."""

IS_PROBLEM = "outcome IN ('partial', 'encrypted', 'damaged', 'refused', 'failed')"
"""A query must say it in these words for its index to serve."""

WHERE = "where"
"""Key in an index's `info`: the condition of a partial index. `sqlite_where` and `postgresql_where` would load both
dialects whenever a table is declared, and that takes longer than declaring all of them; see `name_conditions`."""

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


def name_conditions(metadata: MetaData) -> None:
    """Tell SQLAlchemy the conditions of partial indexes, for those who make or compare schemas."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if WHERE in index.info:
                for dialect in ("sqlite", "postgresql"):
                    index.dialect_options[dialect]["where"] = text(index.info[WHERE])
