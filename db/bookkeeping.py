"""Tables that follow from the others: totals, what each consumer still has to do, and what changed since when.

Triggers write them (see db.triggers), inside the transaction that changes the rows they speak of: no code that
writes the catalog, ours or a stranger's, can forget to. `db.tallies.recount` computes them anew.
"""

from sqlalchemy import BigInteger, Column, ColumnClause, Index, Integer, Text, text

from db.models import NEVER_REUSED, Base, BigId


class Tally(Base):
    """A part of a total; the total of (name, key) is the sum of its parts.

    SQLite keeps one part. On PostgreSQL every statement adds a part, so that writers never wait for each other, and
    parts are summed up now and then.
    """

    __tablename__ = "tally"
    __table_args__ = (Index("ix_tally_name_key", "name", "key"),)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    name: ColumnClause[str] = Column(Text)
    key: ColumnClause[str] = Column(Text)
    number: ColumnClause[int] = Column(BigInteger)


class Consumer(Base):
    """A program that goes through the images, by name. With a higher version it goes through all of them again."""

    __tablename__ = "consumer"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    name: ColumnClause[str] = Column(Text, unique=True)
    version: ColumnClause[int] = Column(Integer)


class ConsumerTodo(Base):
    """An image that a consumer has not marked yet. What is left is a range of the key, however much is done.

    Rows are made from the table of consumers itself, which forgets nobody: a reference would be checked for every row.
    """

    __tablename__ = "consumer_todo"
    __table_args__ = ({"sqlite_with_rowid": False},)
    consumer_id: ColumnClause[int] = Column(BigInteger, primary_key=True)
    image_id: ColumnClause[int] = Column(BigInteger, primary_key=True)


class Change(Base):
    """Something that happened to an image, in an order in which nothing appears later before what was read."""

    __tablename__ = "change"
    __table_args__ = (NEVER_REUSED,)
    cursor: ColumnClause[int] = Column(BigId, primary_key=True)
    image_id: ColumnClause[int] = Column(BigInteger)
    kind: ColumnClause[str] = Column(Text)


class ChangePending(Base):
    """A change on PostgreSQL that has no cursor yet: ids there say nothing about the order of commits."""

    __tablename__ = "change_pending"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    image_id: ColumnClause[int] = Column(BigInteger)
    kind: ColumnClause[str] = Column(Text)


class Recheck(Base):
    """A file or an image whose images may have become withdrawn, or may be back."""

    __tablename__ = "recheck"
    __table_args__ = (NEVER_REUSED,)
    id: ColumnClause[int] = Column(BigId, primary_key=True)
    file_id: ColumnClause[int] = Column(BigInteger, server_default=text("0"))
    image_id: ColumnClause[int] = Column(BigInteger, server_default=text("0"))


class Withdrawn(Base):
    """An image that no page shows any more, as far as watchers have been told."""

    __tablename__ = "withdrawn"
    image_id: ColumnClause[int] = Column(BigInteger, primary_key=True, autoincrement=False)
