"""How well and how fast the index finds art.

python -m benchmarks.index quality  [--cache FOLDER] [--features a,b] [--per 110] [--unseen]
python -m benchmarks.index latency  [--rows 200000] [--dimension 256]
python -m benchmarks.index engines  [--rows 200000] [--engines exact,pgvector,lancedb]
python -m benchmarks.index filters  [--rows 2000000] [--database sqlite]
python -m benchmarks.index inside   [--screens 24]
python -m benchmarks.index featurize [--images 2000]
python -m benchmarks.index rank     [--pictures 20000]

`quality`: 3,000 pictures of packs that the fit never saw are indexed; 1,320 altered ones (benchmarks.index_alterations)
look for their source. R@1, R@10: the source is among the first one or ten; mAP: over all pictures of the source's
folder. `--unseen` asks with five other kinds of alteration, which nothing was fitted or chosen on. Times are processor
seconds of one core.
"""

import argparse
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import text

from benchmarks.index_alterations import ALTERATIONS, UNSEEN
from benchmarks.index_art import Piece, measured_pieces
from benchmarks.index_engines import ENGINES, engines
from benchmarks.index_filters import filters
from benchmarks.index_inside import inside
from db import Catalog
from index import store
from index.engines.exact import ExactEngine
from index.engines.interface import similarities
from index.features import FEATURES, open_feature
from index.features.interface import Distance, Model
from index.pictures import decode_picture

Alteration = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]
WINDOWS = {"patches"}
GIVEN = {"vgg16", "clip", "siglip", "dinov2"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["quality", "latency", "engines", "filters", "inside", "featurize", "rank"])
    parser.add_argument("--cache", type=Path, default=Path(".demo/index-art"))
    parser.add_argument("--features", default=",".join(sorted(set(FEATURES) - GIVEN - WINDOWS)))
    parser.add_argument("--per", type=int, default=110)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--screens", type=int, default=24)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--pictures", type=int, default=20_000)
    arguments = parser.parse_args()
    if arguments.what == "quality":
        kinds = UNSEEN if arguments.unseen else ALTERATIONS
        quality(arguments.cache, arguments.features.split(","), arguments.per, kinds)
    elif arguments.what == "latency":
        latency(arguments.rows, arguments.dimension)
    elif arguments.what == "engines":
        engines(arguments.cache, arguments.rows, arguments.engines.split(","))
    elif arguments.what == "filters":
        filters(arguments.cache, arguments.rows, arguments.database)
    elif arguments.what == "inside":
        inside(arguments.cache, arguments.screens)
    elif arguments.what == "featurize":
        featurize(arguments.cache, arguments.images)
    else:
        rank(arguments.pictures)


def quality(cache: Path, names: Sequence[str], per: int, alterations: Mapping[str, Alteration]) -> None:
    pieces = measured_pieces(cache)
    chance = np.random.default_rng(1)
    queries = [
        (kind, at, alter(pieces[at].rgba, chance))
        for kind, alter in alterations.items()
        for at in chance.choice(len(pieces), per, replace=False)
    ]
    print(f"{len(pieces)} indexed, {len(queries)} queries, {len({p.folder for p in pieces})} folders\n")
    print("| feature | R@1 | R@10 | mAP | ms a picture |" + "".join(f" {kind} |" for kind in alterations))
    print("|---|---|---|---|---|" + "---|" * len(alterations), flush=True)
    for name in names:
        print(_row(name, pieces, queries), flush=True)


def _row(name: str, pieces: Sequence[Piece], queries: Sequence[tuple[str, int, NDArray[np.uint8]]]) -> str:
    feature = open_feature(name)
    feature.compute([pieces[0].rgba])
    start = time.process_time()
    rows = _stored(name, [piece.rgba for piece in pieces])
    asked = _stored(name, [picture for _, _, picture in queries])
    milliseconds = (time.process_time() - start) / (len(rows) + len(asked)) * 1000
    scores = np.stack([similarities(feature.model, rows, row) for row in asked])
    truth = np.array([at for _, at, _ in queries])
    own = scores[np.arange(len(queries)), truth]
    # A tie counts half: the source is somewhere among equals.
    ranks = (scores > own[:, None]).sum(1) + ((scores == own[:, None]).sum(1) - 1) / 2
    kinds = np.array([kind for kind, _, _ in queries])
    shares = "".join(f" {100 * (ranks[kinds == kind] < 1).mean():.0f} |" for kind in dict.fromkeys(kinds))
    found = f"{100 * (ranks < 1).mean():.1f} | {100 * (ranks < 10).mean():.1f}"
    return f"| {name} | {found} | {_mean_precision(scores, truth, pieces):.3f} | {milliseconds:.1f} |{shares}"


def _stored(name: str, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    feature = open_feature(name)
    vectors = [
        vector
        for at in range(0, len(pictures), 32)
        for vector in store.encode(feature.model, feature.compute(pictures[at : at + 32]))
    ]
    rows = store.decode(feature.model, vectors)
    return rows.astype(np.float32) if feature.model.distance is Distance.COSINE else rows


def _mean_precision(scores: NDArray[np.float32], truth: NDArray[np.int64], pieces: Sequence[Piece]) -> float:
    folders = np.array([piece.folder for piece in pieces])
    order = np.argsort(-scores, 1, kind="stable")
    found = []
    for at, ranking in zip(truth, order, strict=True):
        hits = np.flatnonzero(folders[ranking] == folders[at])
        found.append(((np.arange(len(hits)) + 1) / (hits + 1)).mean())
    return float(np.mean(found))


def latency(rows: int, dimension: int) -> None:
    """Search a catalog of random vectors: the copy is built from its rows as it would be from real ones."""
    model = Model("synthetic", 1, dimension, Distance.COSINE)
    chance = np.random.default_rng(0)
    with (
        tempfile.TemporaryDirectory() as folder,
        Catalog(f"sqlite:///{folder}/catalog.db", f"{folder}/blobs") as catalog,
    ):
        model_id = store.register(catalog.database, model)
        _fill(catalog, model, model_id, rows, chance)
        start = time.perf_counter()
        engine = ExactEngine(catalog)
        engine.rebuild(model, model_id)
        built = time.perf_counter() - start
        figures: dict[str, object] = {"rows": rows, "dimension": dimension, "build_s": round(built, 1)}
        allowed = np.sort(chance.choice(np.arange(1, rows + 1), rows // 20, replace=False))
        for name, filtered in (("all", None), ("filter 5 %", allowed)):
            figures[name] = _times(engine, model, model_id, chance, filtered)
        figures["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        figures.update(_faiss(engine, model, model_id, chance))
        print(json.dumps(figures, indent=1))


def _fill(catalog: Catalog, model: Model, model_id: int, rows: int, chance: np.random.Generator) -> None:
    for at in range(0, rows, 20_000):
        count = min(20_000, rows - at)
        vectors = store.encode(model, chance.normal(size=(count, model.dimension)).astype(np.float32))
        values = [{"id": at + n + 1, "model": model_id, "vector": v} for n, v in enumerate(vectors)]
        with catalog.database.write() as connection:
            connection.execute(
                text(
                    "INSERT INTO image (id, pixel_hash, width, height, transparent)"
                    " VALUES (:id, CAST(:id AS blob), 1, 1, false)"
                ),
                values,
            )
            connection.execute(
                text("INSERT INTO feature (model_id, image_id, vector) VALUES (:model, :id, :vector)"), values
            )


def _times(
    engine: ExactEngine, model: Model, model_id: int, chance: np.random.Generator, allowed: NDArray[np.int64] | None
) -> dict[str, float]:
    walls, cpus = [], []
    for number in range(33):
        row = chance.normal(size=model.dimension).astype(np.float32)
        wall, cpu = time.perf_counter(), time.process_time()
        engine.search(model, model_id, row / np.linalg.norm(row), 100, allowed)
        if number >= 3:
            walls.append((time.perf_counter() - wall) * 1000)
            cpus.append((time.process_time() - cpu) * 1000)
    p50, p95 = np.percentile(walls, [50, 95])
    return {"p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "cpu_ms": round(float(np.median(cpus)), 1)}


def _faiss(engine: ExactEngine, model: Model, model_id: int, chance: np.random.Generator) -> dict[str, object]:
    """The named peer, on the same rows in the same run, where it is installed."""
    try:
        import faiss
    except ImportError:
        return {}
    faiss.omp_set_num_threads(1)
    rows = engine.matrix(model, model_id)[1]
    flat = faiss.IndexFlatIP(model.dimension)
    flat.add(np.ascontiguousarray(rows))
    cpus = []
    for _ in range(20):
        row = chance.normal(size=(1, model.dimension)).astype(np.float32)
        cpu = time.process_time()
        flat.search(row, 100)
        cpus.append((time.process_time() - cpu) * 1000)
    return {"faiss flat cpu_ms": round(float(np.median(cpus)), 1)}


def featurize(cache: Path, images: int) -> None:
    """One core through the default feature, from pixels in memory."""
    pieces = measured_pieces(cache)[:images]
    feature = open_feature("art")
    feature.compute([pieces[0].rgba])
    wall, cpu = time.perf_counter(), time.process_time()
    for at in range(0, len(pieces), 32):
        feature.compute([piece.rgba for piece in pieces[at : at + 32]])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{len(pieces)} pictures: {1000 * cpu / len(pieces):.1f} ms a picture of one core, {len(pieces) / wall:.0f}/s",
        end="",
    )
    print(f" by the wall, {peak} MB at most")


def rank(pictures: int) -> None:
    """The mosaic: two 72 × 62 fields among so many photographs (drawn, JPEG): thumbnails, then exact comparison."""
    from index.compare import structural_similarity

    feature = open_feature("thumbnail")
    drawn = [_jpeg(seed) for seed in range(min(pictures, 200))]
    start = time.process_time()
    for data in (drawn * (pictures // len(drawn) + 1))[:pictures]:
        feature.compute([decode_picture(data)])
    thumbnails = time.process_time() - start
    start = time.process_time()
    for seed in (17, 42):
        crop = np.asarray(Image.fromarray(decode_picture(drawn[seed])).resize((72, 62)))
        candidates = [np.asarray(Image.fromarray(decode_picture(data)).resize((72, 62))) for data in drawn]
        scores = [structural_similarity(candidate, crop) for candidate in candidates]
        if int(np.argmax(scores)) != seed:
            raise SystemExit("not found")
    exact = time.process_time() - start
    print(
        f"{pictures} pictures of 480 × 360: {thumbnails:.1f} s of one core for decoding and thumbnails (once), ", end=""
    )
    print(f" (once), {exact / 2:.2f} s for comparing a crop with 200 candidates")


def _jpeg(seed: int) -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((480, 360), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


if __name__ == "__main__":
    main()
