"""pgvector on a real PostgreSQL out of a wheel: build time, latency, and recall against comparing everything.

python -m benchmarks.index_pgvector [--rows 20000] [--dimension 256]

Vectors lie in clusters, as pictures do; random ones without any would be harder than pictures are.
"""

import argparse
import json
import time

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from benchmarks.databases import passing_catalog
from db import Catalog
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import Engine
from index.engines.pgvector import PgvectorEngine, has_pgvector
from index.features.interface import Distance, Model

QUERIES, CLUSTER = 40, 25


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=256)
    arguments = parser.parse_args()
    model = Model("synthetic", 1, arguments.dimension, Distance.COSINE)
    chance = np.random.default_rng(0)
    with passing_catalog("postgresql") as catalog:
        print(json.dumps(measure(catalog, model, arguments.rows, chance), indent=1))


def measure(catalog: Catalog, model: Model, rows: int, chance: np.random.Generator) -> dict[str, object]:
    if not has_pgvector(catalog.database):
        raise SystemExit("this PostgreSQL has no pgvector")
    centres = chance.normal(size=(rows // CLUSTER, model.dimension))
    vectors = centres[np.arange(rows) % len(centres)] + 0.7 * chance.normal(size=(rows, model.dimension))
    model_id = store.register(catalog.database, model)
    encoded = store.encode(model, vectors.astype(np.float32))
    with catalog.database.write() as connection:
        values = [{"id": n + 1, "key": str(n).encode(), "model": model_id, "v": v} for n, v in enumerate(encoded)]
        connection.execute(
            text("INSERT INTO image (id, pixel_hash, width, height, transparent) VALUES (:id, :key, 1, 1, false)"),
            values,
        )
        connection.execute(text("INSERT INTO feature (model_id, image_id, vector) VALUES (:model, :id, :v)"), values)
    engine, exact = PgvectorEngine(catalog), ExactEngine(catalog)
    start = time.perf_counter()
    engine.rebuild(model, model_id)
    figures: dict[str, object] = {"rows": rows, "build_s": round(time.perf_counter() - start, 1)}
    queries = vectors[chance.choice(rows, QUERIES)] + 0.3 * chance.normal(size=(QUERIES, model.dimension))
    for name, share in (("all", 1.0), ("filter 50 %", 0.5), ("filter 5 %", 0.05)):
        allowed = None if share == 1 else np.sort(chance.choice(rows, int(rows * share), replace=False)) + 1
        figures[name] = _recall(engine, exact, model, model_id, queries, allowed)
    return figures


def _recall(
    engine: Engine,
    exact: Engine,
    model: Model,
    model_id: int,
    queries: NDArray[np.float64],
    allowed: NDArray[np.int64] | None,
) -> dict[str, float]:
    found, walls = [], []
    for query in queries:
        row = (query / np.linalg.norm(query)).astype(np.float32)
        start = time.perf_counter()
        near = {n.image_id for n in engine.search(model, model_id, row, 10, allowed)}
        walls.append((time.perf_counter() - start) * 1000)
        found.append(len(near & {n.image_id for n in exact.search(model, model_id, row, 10, allowed)}) / 10)
    return {"recall@10": round(float(np.mean(found)), 3), "p50_ms": round(float(np.median(walls)), 1)}


if __name__ == "__main__":
    main()
