"""A process that adds rows to a catalog and lets an engine's copy catch up, until somebody kills it.

python -m tests.index.vectors CATALOG_URL BLOBS ENGINE SEED: each line of output names an acknowledged image id.
"""

import sys

import numpy as np
from sqlalchemy import text

from db import Catalog
from index import store
from index.engines import open_engine
from index.features.interface import Distance, Model
from index.store import Computed

MODEL = Model("synthetic", 1, 16, Distance.COSINE)
BATCH = 40


def add_rows(catalog: Catalog, seed: int, count: int = BATCH) -> tuple[list[int], np.ndarray]:
    """Store random rows of new images in one transaction; return the images and what they were given."""
    model_id = store.register(catalog.database, MODEL)
    rows = np.random.default_rng(seed).normal(size=(count, MODEL.dimension)).astype(np.float32)
    vectors = store.encode(MODEL, rows)
    with catalog.database.write() as connection:
        first = (connection.scalar(text("SELECT max(id) FROM image")) or 0) + 1
        images = list(range(first, first + count))
        statement = text(
            "INSERT INTO image (id, pixel_hash, width, height, transparent) VALUES (:id, :hash, 1, 1, false)"
        )
        connection.execute(statement, [{"id": i, "hash": f"{seed}-{i}".encode()} for i in images])
        store.save(connection, MODEL, model_id, [Computed(*pair) for pair in zip(images, vectors, strict=True)])
    return images, rows


def main() -> None:
    catalog_url, blobs, engine_url, seed = sys.argv[1:]
    with Catalog(catalog_url, blobs) as catalog:
        engine = open_engine(catalog, engine_url)
        model_id = store.register(catalog.database, MODEL)
        for number in range(1000):
            images, rows = add_rows(catalog, int(seed) * 1000 + number)
            sys.stdout.write(" ".join(map(str, images)) + "\n")
            sys.stdout.flush()
            engine.search(MODEL, model_id, rows[0], 5)


if __name__ == "__main__":
    main()
