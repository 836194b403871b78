"""Every engine that runs here on the same rows: build time, searches a second, recall, and rows lost by kills.

python -m benchmarks.index engines [--rows 200000] [--engines exact,pgvector,lancedb,milvus,qdrant] [--cache FOLDER]

The rows are `art` features of the pictures that `quality` indexes, and neighbours of them (likeness about 0.9, as
frames and recoloured variants have), up to `--rows`. Elasticsearch and Pinecone are services; they are not here.
"Rows lost": while the copy of 20,000 rows is made, its process is killed three times; then it is made to its end.
"""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from benchmarks.databases import passing_catalog
from benchmarks.index_art import measured_pieces
from db import Catalog
from index import store
from index.engines import open_engine
from index.engines.exact import ExactEngine
from index.engines.interface import Engine
from index.features import open_feature
from index.features.interface import Distance, Model

MODEL = Model("likeart", 1, 256, Distance.COSINE)
QUERIES, NOISE, ASKED_NOISE = 100, 0.48, 0.3
ENGINES = ("exact", "pgvector", "lancedb", "milvus", "qdrant")
KILLED_ROWS = 20_000
Floats = NDArray[np.float32]


def engines(cache: Path, rows: int, names: list[str]) -> None:
    """Print a line of the table for each engine, each in a process of its own."""
    real = _real_rows(cache)
    print(
        "| engine | rows | build s | q/s | p50 ms | p95 ms | recall@10 | q/s, filter 5 % | recall, filter 5 % |", end=""
    )
    print(" peak MB |\n|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        for job in (_measure, _lose):
            process = multiprocessing.get_context("spawn").Process(target=job, args=(name, rows, real))
            process.start()
            process.join()


def _real_rows(cache: Path) -> Floats:
    kept = cache / "likeart.npy"
    if not kept.is_file():
        feature = open_feature("art")
        pictures = [piece.rgba for piece in measured_pieces(cache)]
        parts = [feature.compute(pictures[at : at + 32]) for at in range(0, len(pictures), 32)]
        np.save(kept, np.concatenate(parts))
    found: Floats = np.load(kept)
    return found


def _rows(real: Floats, count: int, noise: float, seed: int) -> Floats:
    """Return rows beside real ones; `noise` is the length of the way."""
    chance = np.random.default_rng(seed)
    away = chance.normal(size=(count, real.shape[1])).astype(np.float32)
    away *= noise / np.linalg.norm(away, axis=1, keepdims=True)
    found: Floats = real[np.arange(count) % len(real)] + away
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@contextmanager
def _filled(name: str, rows: int, real: Floats) -> Iterator[tuple[Catalog, int, str]]:
    """Give a catalog with so many rows, its model, and the engine's URL."""
    with passing_catalog("postgresql" if name == "pgvector" else "sqlite") as catalog:
        model_id = store.register(catalog.database, MODEL)
        vectors = store.encode(MODEL, _rows(real, rows, NOISE, 0))
        for at in range(0, rows, 20_000):
            values = [
                {"id": at + n + 1, "key": str(at + n).encode(), "model": model_id, "v": vector}
                for n, vector in enumerate(vectors[at : at + 20_000])
            ]
            with catalog.database.write() as connection:
                connection.execute(text(_IMAGES), values)
                connection.execute(text(_FEATURES), values)
        copy = Path(catalog.settings.blobs_url).with_name("copy.db")
        yield catalog, model_id, name if name in ("exact", "pgvector") else f"{name}:{copy}"


_IMAGES = "INSERT INTO image (id, pixel_hash, width, height, transparent) VALUES (:id, :key, 1, 1, false)"
_FEATURES = "INSERT INTO feature (model_id, image_id, vector) VALUES (:model, :id, :v)"


def _measure(name: str, rows: int, real: Floats) -> None:
    with _filled(name, rows, real) as (catalog, model_id, url):
        engine, exact = open_engine(catalog, url), ExactEngine(catalog)
        start = time.perf_counter()
        engine.rebuild(MODEL, model_id)
        built = time.perf_counter() - start
        asked = _rows(real[np.random.default_rng(2).permutation(len(real))], QUERIES, ASKED_NOISE, 1)
        walls, recall = _ask(engine, exact, model_id, asked, None)
        allowed = np.sort(np.random.default_rng(3).choice(rows, rows // 20, replace=False)) + 1
        filtered, filtered_recall = _ask(engine, exact, model_id, asked, allowed)
        p50, p95 = np.percentile(walls, [50, 95]) * 1000
        peak = peak_mb()
        print(f"| {name} | {rows:,} | {built:.0f} | {len(walls) / sum(walls):.0f} | {p50:.1f} | {p95:.1f} |", end="")
        print(f" {recall:.3f} | {len(filtered) / sum(filtered):.0f} | {filtered_recall:.3f} |", end="", flush=True)
        print(f" {peak} |", flush=True)


def _ask(
    engine: Engine, exact: Engine, model_id: int, asked: Floats, allowed: NDArray[np.int64] | None
) -> tuple[list[float], float]:
    """Return seconds of each search, and recall@10 against comparing everything."""
    engine.search(MODEL, model_id, asked[0], 10, allowed)
    walls, recalls = [], []
    for row in asked:
        start = time.perf_counter()
        near = engine.search(MODEL, model_id, row, 10, allowed)
        walls.append(time.perf_counter() - start)
        right = exact.search(MODEL, model_id, row, 10, allowed)
        recalls.append(len({n.image_id for n in near} & {n.image_id for n in right}) / 10)
    return walls, float(np.mean(recalls))


def _lose(name: str, rows: int, real: Floats) -> None:
    """Kill what makes the copy three times, then make it to its end and look for every row."""
    with _filled(name, min(rows, KILLED_ROWS), real) as (catalog, model_id, url):
        settings = catalog.settings
        for seconds in (2.0, 2.5, 3.0):  # begun, under way, nearly done: it depends on the engine
            arguments = (settings.catalog_url, settings.blobs_url, url, model_id)
            process = multiprocessing.get_context("spawn").Process(target=_catch_up, args=arguments)
            process.start()
            process.join(seconds)
            process.kill()
            process.join()
        engine = open_engine(catalog, url)
        lost = 0
        for ids, images, found in store.read_rows(catalog.database, MODEL, model_id):
            for image, row in list(zip(images, found, strict=True))[:: max(1, len(ids) // 250)]:
                near = engine.search(MODEL, model_id, row.astype(np.float32), 3)
                lost += int(image) not in {n.image_id for n in near}
        print(f"{name}: {lost} of every 40th of {min(rows, KILLED_ROWS):,} rows lost", flush=True)


def peak_mb() -> int:
    """Return what this process held at most, in MB; `getrusage` would count what its parent held before it began."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def _catch_up(catalog_url: str, blobs_url: str, url: str, model_id: int) -> None:
    with Catalog(catalog_url, blobs_url) as catalog:
        open_engine(catalog, url).rebuild(MODEL, model_id)
