"""What all tables share: column types, names of constraints, and words that queries and indexes must agree on."""

from datetime import UTC, datetime
from typing import Any, ClassVar, get_args

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

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


class Base:
    """Base of all tables, with names for every constraint so that migrations can speak of them.

    A class with columns for attributes, which stands for its table in SQLAlchemy's Core: we ask for rows, never for
    objects, and mapping classes as an ORM does takes a third of every command's start. What a column may be is said by
    its annotation: `ColumnClause[str | None]` may be NULL. (To a type checker, `Column` is for SQLAlchemy's own classes
    of columns only.)
    """

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __tablename__: ClassVar[str]
    __table__: ClassVar[Table]
    __table_args__: ClassVar[Any] = ()
    by_name: ClassVar[dict[str, "type[Base]"]] = {}

    def __init_subclass__(cls) -> None:
        """Make the table."""
        columns = [_named(name, column, cls) for name, column in vars(cls).items() if isinstance(column, Column)]
        given = cls.__table_args__ if isinstance(cls.__table_args__, tuple) else (cls.__table_args__,)
        options = {name: value for each in given if isinstance(each, dict) for name, value in each.items()}
        parts = [each for each in given if not isinstance(each, dict)]
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns, *parts, **options)
        Base.by_name[cls.__tablename__] = cls

    @classmethod
    def __clause_element__(cls) -> Table:
        """Return the table: how SQLAlchemy asks what stands for something in a statement."""
        return cls.__table__


def _named(name: str, column: "Column[Any]", of: type[Base]) -> "Column[Any]":
    column.name, column.key = column.name or name, column.key or name
    if not column.primary_key:
        column.nullable = type(None) in get_args(get_args(of.__annotations__[name])[0])
    return column


def name_conditions(metadata: MetaData) -> None:
    """Tell SQLAlchemy the conditions of partial indexes, for those who make or compare schemas."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if WHERE in index.info:
                for dialect in ("sqlite", "postgresql"):
                    index.dialect_options[dialect]["where"] = text(index.info[WHERE])
