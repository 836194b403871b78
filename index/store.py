"""The index's own rows of the catalog: models, features, and the flags that say an image has them.

This is the only module that knows how progress is kept; everything else asks it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select, update

from db.engine import Database, chunked, insert_new, upsert
from db.models import Feature as FeatureRow
from db.models import FeatureModel, Image
from index.features import DEFAULT
from index.features.interface import Distance, Model, Rows, unit

READ_ROWS = 10_000
PROBE = [np.full((8, 8, 4), 255, np.uint8)]
"""A picture to find out with whether a feature works at all."""


@dataclass(frozen=True)
class Computed:
    """What became of an image: a stored row, or the reason why there is none."""

    image_id: int
    vector: bytes | None
    problem: str = ""


def encode(model: Model, rows: Rows) -> list[bytes]:
    """Return rows as they are stored, little-endian. Raises ValueError for rows that are not the model's."""
    if rows.shape[1:] != (model.stored_length,):
        raise ValueError(f"{model.name} gave {rows.shape}, {model.stored_length} values a row were announced")
    if model.distance is Distance.COSINE:
        rows = unit(rows)
    if not np.isfinite(rows).all():
        raise ValueError(f"{model.name} gave values that are no numbers")
    stored = np.ascontiguousarray(rows).astype(model.stored_dtype.newbyteorder("<"))
    return [row.tobytes() for row in stored]


def decode(model: Model, vectors: Sequence[bytes]) -> Rows:
    """Return (n, stored_length) of what `encode` made, in the stored type."""
    dtype = model.stored_dtype.newbyteorder("<")
    return np.frombuffer(b"".join(vectors), dtype).reshape(len(vectors), model.stored_length)


def register(database: Database, model: Model) -> int:
    """Return the model's id, making its row if it is new."""
    values = {
        "name": model.name,
        "version": model.version,
        "dimension": model.dimension,
        "distance": model.distance.value,
    }
    found = find_model(database, model)
    if found is not None:
        return found
    with database.write() as connection:
        connection.execute(upsert(connection, FeatureModel).on_conflict_do_nothing(), [values])
    found = find_model(database, model)
    if found is None:
        raise LookupError(f"model {model.name} vanished")
    return found


def find_model(database: Database, model: Model) -> int | None:
    """Return the model's id, or None if nothing was ever featurized with it."""
    with database.read() as connection:
        return connection.scalar(
            select(FeatureModel.id).where(FeatureModel.name == model.name, FeatureModel.version == model.version)
        )


def lacking(connection: Connection, model_id: int, after_id: int, count: int) -> list[int]:
    """Return ids of images without a row, in order: the tiles of a sheet were made together and stand together."""
    has = select(FeatureRow.id).where(FeatureRow.model_id == model_id, FeatureRow.image_id == Image.id).exists()
    query = select(Image.id).where(Image.id > after_id, ~has).order_by(Image.id).limit(count)
    return list(connection.scalars(query))


def count_lacking(connection: Connection, model_id: int) -> int:
    """Count images without a row."""
    images = connection.scalar(select(func.count()).select_from(Image)) or 0
    rows = connection.scalar(select(func.count()).select_from(FeatureRow).where(FeatureRow.model_id == model_id)) or 0
    return images - rows


def count_due(database: Database, model_ids: Mapping[str, int]) -> dict[str, int]:
    """Count images without a row, by the models' names."""
    with database.read() as connection:
        return {name: count_lacking(connection, model_id) for name, model_id in model_ids.items()}


def save(connection: Connection, model: Model, model_id: int, computed: Sequence[Computed]) -> None:
    """Store rows and, for the default model, the flags that go with them.

    Vectors that exist stay. A problem gives way to a vector, which gets a row id of its own: copies go by those.
    """
    found = [done.image_id for done in computed if done.vector is not None]
    for chunk in chunked(found):
        connection.execute(
            delete(FeatureRow).where(
                FeatureRow.model_id == model_id, FeatureRow.image_id.in_(chunk), FeatureRow.vector.is_(None)
            )
        )
    rows = [
        {"model_id": model_id, "image_id": done.image_id, "vector": done.vector, "problem": done.problem}
        for done in computed
    ]
    insert_new(connection, FeatureRow, rows)
    if model.name == DEFAULT:
        for chunk in chunked(found):
            statement = update(Image).where(Image.id.in_(chunk)).values(featurized=True, indexed=True)
            connection.execute(statement)


def forget_problems(connection: Connection, model_id: int) -> int:
    """Make images without a vector due again; return how many."""
    gone = delete(FeatureRow).where(FeatureRow.model_id == model_id, FeatureRow.vector.is_(None))
    return connection.execute(gone).rowcount


def count_rows(connection: Connection, model_id: int) -> int:
    """Count vectors."""
    rows = (FeatureRow.model_id == model_id, FeatureRow.vector.is_not(None))
    return connection.scalar(select(func.count()).select_from(FeatureRow).where(*rows)) or 0


def last_row(connection: Connection, model_id: int) -> int:
    """Return the id of the newest row that has a vector, 0 if there is none: copies hold no others."""
    rows = select(FeatureRow.id).where(FeatureRow.model_id == model_id, FeatureRow.vector.is_not(None))
    return connection.scalar(rows.order_by(FeatureRow.id.desc()).limit(1)) or 0


def read_rows(
    database: Database, model: Model, model_id: int, after_row: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Rows]]:
    """Yield (row ids, image ids, rows) in order of row id, some thousands at a time."""
    columns = select(FeatureRow.id, FeatureRow.image_id, FeatureRow.vector)
    columns = columns.where(FeatureRow.model_id == model_id, FeatureRow.vector.is_not(None))
    while True:
        with database.read() as connection:
            query = columns.where(FeatureRow.id > after_row).order_by(FeatureRow.id).limit(READ_ROWS)
            found = connection.execute(query).all()
        if not found:
            return
        ids, images, vectors = zip(*found, strict=True)
        yield np.array(ids, np.int64), np.array(images, np.int64), decode(model, vectors)
        after_row = ids[-1]


def read_vectors(connection: Connection, model: Model, model_id: int, image_ids: Sequence[int]) -> dict[int, Rows]:
    """Return the rows of some images."""
    found: dict[int, Rows] = {}
    for chunk in chunked(image_ids):
        query = select(FeatureRow.image_id, FeatureRow.vector).where(
            FeatureRow.model_id == model_id, FeatureRow.vector.is_not(None), FeatureRow.image_id.in_(chunk)
        )
        for image_id, vector in connection.execute(query):
            found[image_id] = decode(model, [vector or b""])[0]
    return found
