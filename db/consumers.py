"""Consumers: programs that go through all images once, at their own pace, each under its own name.

What a consumer has not marked yet is a list of its own (`consumer_todo`), which a trigger adds to in the transaction
that makes an image. So a consumer may be killed at any moment, the next batch costs the same however much is done,
and an image that is committed late is not passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, text, update

from db import bookkeeping
from db.bookkeeping import ConsumerTodo
from db.engine import Database, alone, among
from db.errors import ConsumerVersionError, UnknownConsumerError
from db.models import Image
from db.tallies import total

FLAGS = ("featurized", "indexed")


@dataclass(frozen=True)
class ConsumerRef:
    """A named consumer: its id in the catalog, and the version it works at."""

    id: int
    name: str
    version: int


def register(database: Database, name: str, version: int) -> ConsumerRef:
    """Make a consumer known, with everything to do; with a higher version than before, all of it again.

    Raises ConsumerVersionError if the catalog has a higher version already.
    """
    if name in FLAGS or not name:
        raise ValueError(f"{name!r} cannot be a consumer's name; choose another")
    known = _find(database, name)
    if known is not None and known.version == version:
        return known
    with database.write() as connection:
        # Whoever is making images now must be done before the list is filled, or know this consumer.
        alone(connection, bookkeeping.Consumer, Image)
        return _register(connection, name, version)


def _register(connection: Connection, name: str, version: int) -> ConsumerRef:
    consumer = bookkeeping.Consumer
    row = connection.execute(select(consumer.id, consumer.version).where(consumer.name == name)).first()
    if row is None:
        made = insert(consumer).values(name=name, version=version).returning(consumer.id)
        found = ConsumerRef(connection.scalars(made).one(), name, version)
    else:
        found = ConsumerRef(row.id, name, version)
        if row.version == version:
            return found
        _refuse_older(ConsumerRef(row.id, name, row.version), version)
        connection.execute(update(consumer).where(consumer.id == row.id).values(version=version))
    connection.execute(delete(ConsumerTodo).where(ConsumerTodo.consumer_id == found.id))
    everything = text("INSERT INTO consumer_todo (consumer_id, image_id) SELECT :id, id FROM image ORDER BY id")
    connection.execute(everything, {"id": found.id})
    return found


def find(database: Database, name: str) -> ConsumerRef:
    """Return a consumer by name. Raises UnknownConsumerError."""
    found = _find(database, name)
    if found is None:
        known = ", ".join(FLAGS)
        raise UnknownConsumerError(f"no consumer {name!r}; begin with catalog.consumer({name!r}), or use {known}")
    return found


def _find(database: Database, name: str) -> ConsumerRef | None:
    consumer = bookkeeping.Consumer
    with database.read() as connection:
        row = connection.execute(
            select(consumer.id, consumer.name, consumer.version).where(consumer.name == name)
        ).first()
    return None if row is None else ConsumerRef(*row)


def _refuse_older(known: ConsumerRef, version: int) -> None:
    if known.version > version:
        raise ConsumerVersionError(
            f"consumer {known.name!r} is at version {known.version}; version {version} has nothing to say any more"
        )


def mark(database: Database, name: str, image_ids: Sequence[int], version: int | None = None) -> None:
    """Note that a consumer is done with images, at once for all of them.

    Raises UnknownConsumerError, and ConsumerVersionError if the consumer has moved on to another version.
    """
    if name in FLAGS:
        if version is not None:
            raise ValueError(f"{name!r} is a flag without version; name a consumer of your own")
        _set_flag(database, name, image_ids)
        return
    consumer = bookkeeping.Consumer
    known = find(database, name)
    with database.write() as connection:
        now = select(consumer.version).where(consumer.id == known.id).with_for_update(read=True)
        current = connection.scalars(now).one()
        if version is not None and version != current:
            raise ConsumerVersionError(f"consumer {name!r} is at version {current}, these marks are of {version}")
        done = (ConsumerTodo.consumer_id == known.id, among(connection, ConsumerTodo.image_id, set(image_ids)))
        connection.execute(delete(ConsumerTodo).where(*done))


def _set_flag(database: Database, name: str, image_ids: Sequence[int]) -> None:
    column = Image.featurized if name == "featurized" else Image.indexed
    with database.write() as connection:
        marked = among(connection, Image.id, set(image_ids))
        connection.execute(update(Image).where(marked).values({column: True}))


def images_page(database: Database, lacking: str | None, after_id: int, count: int) -> list[tuple[int, int, int]]:
    """Return (id, width, height) of the next images, or of the next that a flag or a consumer's mark is lacking from.

    A consumer's list is read first and the images then by their ids: joined with a limit, PostgreSQL may read all
    images that are done on its way to those that are not.
    """
    query = select(Image.id, Image.width, Image.height).order_by(Image.id)
    if lacking is None or lacking in FLAGS:
        of_all = query if lacking is None else query.where(_lacks_flag(lacking))
        with database.read() as connection:
            return [(*row,) for row in connection.execute(of_all.where(Image.id > after_id).limit(count))]
    todo = (ConsumerTodo.consumer_id == find(database, lacking).id, ConsumerTodo.image_id > after_id)
    listed = select(ConsumerTodo.image_id).where(*todo).order_by(ConsumerTodo.image_id).limit(count)
    with database.read() as connection:
        wanted = among(connection, Image.id, connection.scalars(listed))
        return [(*row,) for row in connection.execute(query.where(wanted))]


def _lacks_flag(name: str) -> ColumnElement[bool]:
    return ~(Image.featurized if name == "featurized" else Image.indexed)


def count_lacking(database: Database, name: str) -> int:
    """Tell how many images lack a flag or a consumer's mark, without counting them."""
    with database.read() as connection:
        if name in FLAGS:
            return total(connection, "images") - total(connection, name)
    found = find(database, name)
    with database.read() as connection:
        return total(connection, "todo", str(found.id))
