"""A whole search, filtered, in a catalog of millions of images: what people wait for.

python -m benchmarks.index filters [--rows 2000000] [--database sqlite|postgresql] [--cache FOLDER]

The catalog is benchmarks.catalog_synthetic's: three sightings an image, a page for every two files; its images get
features as benchmarks.index_engines makes them. Each filter is asked 20 times with another picture's features: nearest
images, filter, near-duplicates folded, provenance and credit of 24 hits read. Only comparing pixels (tiers) is left
out, since there are none.
"""

import json
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from sqlalchemy import text

from benchmarks.catalog_synthetic import build
from benchmarks.databases import passing_catalog
from benchmarks.index_engines import ASKED_NOISE, NOISE, Floats, _real_rows, _rows, peak_mb
from db import Catalog
from index import store
from index.features import open_feature
from index.features.art import Art
from index.search import Query, Searcher
from index.selection import Selection

SIGHTINGS_AN_IMAGE = 10 / 3
BATCH = 50_000
FILTERS = {
    "none": Selection(),
    "licence CC0 (1 in 4)": Selection(licence="CC0"),
    "tiles": Selection(kind="tile"),
    "sheets": Selection(kind="sheet"),
    "size at least 16": Selection(min_size=16),
    "tag (1 page in 20)": Selection(tag="t7"),
    "author (1 in 3,000)": Selection(author="author 1234"),
    "licence and tag": Selection(licence="CC0", tag="t8"),
    "nobody": Selection(author="nobody at all"),
}
ASKED = 20


def filters(cache: Path, rows: int, database: str) -> None:
    with passing_catalog(database) as catalog:
        start = time.perf_counter()
        images = _fill(catalog, int(rows * SIGHTINGS_AN_IMAGE), _real_rows(cache))
        print(f"{images:,} images made in {time.perf_counter() - start:.0f} s", flush=True)
        _measure(catalog, _rows(_real_rows(cache), ASKED, ASKED_NOISE, 1))


def _fill(catalog: Catalog, sightings: int, real: Floats) -> int:
    """Make the catalog, people and tags for its pages, and a feature for each image; return how many."""
    sizes = build(catalog.database, sightings)
    model_id = store.register(catalog.database, Art.model)
    vectors = "INSERT INTO feature (model_id, image_id, vector) VALUES (:model, :id, :v)"
    with catalog.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO person (page_id, position, role, name, url)"
                " SELECT id, 0, 'author', 'author ' || (id % 3000), '' FROM page"
            )
        )
        connection.execute(text("INSERT INTO tag (page_id, name) SELECT id, 't' || (id % 20) FROM page"))
    for at in range(0, sizes.images, BATCH):
        count = min(BATCH, sizes.images - at)
        encoded = store.encode(Art.model, _rows(real, count, NOISE, at))
        values = [{"model": model_id, "id": at + n + 1, "v": vector} for n, vector in enumerate(encoded)]
        with catalog.database.write() as connection:
            connection.execute(text(vectors), values)
    with catalog.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return sizes.images


def _measure(catalog: Catalog, asked: Floats) -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    searcher = Searcher(catalog)
    start = time.perf_counter()
    with patch.object(type(open_feature("art")), "compute", lambda _, pictures: asked[: len(pictures)]):
        searcher.search(Query(picture=picture))
    figures: dict[str, object] = {"engine": searcher._engine.name, "copy_s": round(time.perf_counter() - start, 1)}  # noqa: SLF001
    for name, selection in FILTERS.items():
        walls, hits = [], 0
        for row in asked:
            with patch.object(type(open_feature("art")), "compute", lambda _, pictures, row=row: row[None]):
                start = time.perf_counter()
                hits += len(searcher.search(Query(picture=picture, selection=selection)).hits)
                walls.append((time.perf_counter() - start) * 1000)
        p50, p95 = np.percentile(walls, [50, 95])
        figures[name] = {"p50_ms": round(p50), "p95_ms": round(p95), "hits": hits / len(asked)}
        print(name, figures[name], flush=True)
    figures["peak_rss_mb"] = peak_mb()
    print(json.dumps(figures))
