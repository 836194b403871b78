"""Other engines than the catalog's own: copies that follow the catalog, and can be thrown away."""

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from db import Catalog
from index import store
from index.engines import ADAPTERS, open_engine
from index.engines.exact import ExactEngine
from index.errors import EngineError
from index.features import open_feature
from index.featurizing import featurize_catalog
from index.search import Query, Searcher
from tests.conftest import ROOT, Home
from tests.index import vectors
from tests.index.conftest import Gallery, add_picture, sprite
from tests.index.contracts import ElasticsearchContract, PineconeContract, serving

PACKAGES = {"lancedb": "lancedb", "qdrant": "qdrant_client", "milvus": "milvus_lite"}
REAL = sorted(PACKAGES)
"""Engines that run here; Elasticsearch and Pinecone are spoken to by their clients through tests.index.contracts."""


@pytest.fixture(params=sorted(ADAPTERS))
def engine_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    scheme = request.param
    if scheme in PACKAGES:
        pytest.importorskip(PACKAGES[scheme], reason=f"{scheme} is an optional engine")
        yield f"{scheme}:{tmp_path / 'copy.db'}"
        return
    pytest.importorskip(scheme, reason=f"{scheme} is an optional engine")
    monkeypatch.setenv("PINECONE_API_KEY", "contract")
    contract = ElasticsearchContract() if scheme == "elasticsearch" else PineconeContract()
    with serving(contract) as url:
        yield f"{scheme}:{url}"


def test_an_adapter_finds_what_the_exact_scan_finds_and_follows_the_catalog(gallery: Gallery, engine_url: str) -> None:
    catalog, feature = gallery.catalog, open_feature("hog")
    featurize_catalog(catalog, ("hog", "pdq"), "processes:1")
    engine = open_engine(catalog, engine_url)
    exact = ExactEngine(catalog)
    model_id = store.register(catalog.database, feature.model)
    rows = feature.compute([sprite(3), sprite(100), sprite(4).repeat(2, 0).repeat(2, 1)])
    allowed = np.array(sorted(gallery.sprites))[5:15]

    def agree() -> None:
        for row in rows:
            for some in (None, allowed, allowed[:0]):
                one = engine.search(feature.model, model_id, row, 7, some)
                other = exact.search(feature.model, model_id, row, 7, some)
                assert [n.image_id for n in one] == [n.image_id for n in other]
                np.testing.assert_allclose([n.score for n in one], [n.score for n in other], atol=1e-3)

    agree()
    new = add_picture(catalog, 900, sprite(900))
    featurize_catalog(catalog, ("hog",), "processes:1")
    assert engine.search(feature.model, model_id, feature.compute([sprite(900)])[0], 1)[0].image_id == new
    agree()
    engine._copy(feature.model, model_id).clear()  # lost behind our back
    engine.close()
    agree()
    assert engine.rebuild(feature.model, model_id) == len(list(catalog.images()))
    agree()
    engine.close()


def test_what_was_acknowledged_is_found_after_three_kills(home: Home, engine_url: str) -> None:
    """A process that adds rows and searches is killed at any moment, three times; the copy catches up."""
    url, blobs = home.environment["QUARRY_CATALOG"], home.environment["QUARRY_BLOBS"]
    chance = random.Random(engine_url)
    acknowledged: set[int] = set()
    with home.open() as catalog:
        store.register(catalog.database, vectors.MODEL)
    for seed in range(3):
        command = home.command("tests.index.vectors", url, blobs, engine_url, str(seed))
        process = subprocess.Popen(command, cwd=ROOT, env=home.environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(chance.randint(2, 6)):
            acknowledged.update(map(int, process.stdout.readline().split()))
        process.send_signal(signal.SIGKILL)
        acknowledged.update(int(i) for line in process.stdout.read().splitlines(keepends=True) for i in whole(line))
        process.stdout.close()
        process.wait()
    with home.open() as catalog:
        engine, model_id = open_engine(catalog, engine_url), store.register(catalog.database, vectors.MODEL)
        with catalog.database.read() as connection:
            kept = store.read_vectors(connection, vectors.MODEL, model_id, sorted(acknowledged))
        assert set(kept) == acknowledged and len(kept) >= 3 * 2 * vectors.BATCH
        for image_id, row in kept.items():
            assert engine.search(vectors.MODEL, model_id, row, 1)[0].image_id == image_id
        assert engine.rebuild(vectors.MODEL, model_id) == store_count(catalog, model_id)
        engine.close()


def whole(line: str) -> list[str]:
    """Return a line's ids; a line that the kill cut short was not acknowledged."""
    return line.split() if line.endswith("\n") else []


def store_count(catalog: Catalog, model_id: int) -> int:
    with catalog.database.read() as connection:
        return store.count_rows(connection, model_id)


def test_a_wide_filter_is_met_by_the_nearest_of_all_or_by_comparing_all(
    catalog: Catalog, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(catalog, engine_url)
    images, rows = vectors.add_rows(catalog, 1, 200)
    model_id = store.register(catalog.database, vectors.MODEL)
    exact = ExactEngine(catalog)
    engine.search(vectors.MODEL, model_id, rows[0], 1)
    copy = engine._copy(vectors.MODEL, model_id)
    monkeypatch.setattr(copy, "most_allowed", 50, raising=False)
    monkeypatch.setattr(copy, "most_found", 40, raising=False)
    for allowed in (np.array(images[::2]), np.array(images[100:160])):
        for row in rows[:5]:
            one = engine.search(vectors.MODEL, model_id, row, 15, allowed)
            other = exact.search(vectors.MODEL, model_id, row, 15, allowed)
            assert [n.image_id for n in one] == [n.image_id for n in other]
    engine.close()


@pytest.mark.parametrize("scheme", ["elasticsearch", "qdrant", "milvus", "pinecone"])
def test_a_server_that_does_not_answer_is_named(catalog: Catalog, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip({"milvus": "pymilvus", "qdrant": "qdrant_client"}.get(scheme, scheme))
    monkeypatch.setenv("PINECONE_API_KEY", "contract")
    _, rows = vectors.add_rows(catalog, 1)
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"{scheme}:http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EngineError, match=f"{scheme}:http"):
            open_engine(catalog, url).search(vectors.MODEL, store.register(catalog.database, vectors.MODEL), rows[0], 1)


def test_milvus_as_a_server_holds_the_same(catalog: Catalog, tmp_path: Path) -> None:
    """Milvus Lite's own gRPC server in a process of its own stands for a server by URI."""
    pytest.importorskip("milvus_lite", reason="milvus is an optional engine")
    images, rows = vectors.add_rows(catalog, 3)
    with milvus_server(tmp_path / "server") as url:
        engine = open_engine(catalog, f"milvus:{url}")
        model_id = store.register(catalog.database, vectors.MODEL)
        for image_id, row in zip(images, rows, strict=True):
            assert engine.search(vectors.MODEL, model_id, row, 3)[0].image_id == image_id
        engine.close()


def test_hashes_are_left_to_the_exact_scan(gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lancedb", reason="lancedb is an optional engine")
    featurize_catalog(gallery.catalog, ("pdq",), "processes:1")
    monkeypatch.setenv("QUARRY_INDEX", f"lancedb:{tmp_path / 'copy'}")
    found = Searcher(gallery.catalog, "pdq").search(Query(picture=sprite(6)))
    assert (found.hits[0].title, found.hits[0].score, found.engine) == ("Forest piece 6", 1.0, "lancedb")


def test_an_unknown_engine_is_refused(gallery: Gallery) -> None:
    with pytest.raises(EngineError, match="lancedb"):
        open_engine(gallery.catalog, "nonsense:x")
    if gallery.catalog.database.engine.dialect.name == "sqlite":
        with pytest.raises(EngineError, match="pgvector"):
            open_engine(gallery.catalog, "pgvector:")


def test_without_the_extra_the_command_says_what_to_install(home: Home, tmp_path: Path) -> None:
    """The group's help needs nothing of the extra; a command that does names it."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("onnxruntime", "onnx", "skimage", "av", "starlette", "uvicorn"):
        (blocked / f"{name}.py").write_text(f"raise ModuleNotFoundError('no such module', name={name!r})")
    env = {"PYTHONPATH": f"{blocked}:{home.environment['PYTHONPATH']}"}
    bare = Home(home.folder, env=env)
    assert bare.quarry("--help").returncode == 0
    assert bare.quarry("index", "--help").returncode == 0
    for words in (("featurize",), ("serve",)):
        said = bare.quarry("index", *words)
        assert said.returncode == 2 and "pip install 'artquarry[index]'" in said.stderr, said.stderr


@contextmanager
def milvus_server(folder: Path) -> Iterator[str]:
    folder.mkdir()
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(folder), "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with closing(socket.socket()) as probe:
                if process.poll() is not None or probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)  # until it listens
        assert process.poll() is None
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_copies_of_a_catalog_without_a_file_lie_with_its_blobs_on_this_machine(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the blobs are in a bucket: not in a folder `s3:` of whatever directory the command runs in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUARRY_CACHE", str(tmp_path / "cache"))
    with Catalog(postgres_url, "s3://bucket/prefix") as catalog:
        vectors.add_rows(catalog, 1, 3)
        model_id = store.register(catalog.database, vectors.MODEL)
        assert ExactEngine(catalog).rebuild(vectors.MODEL, model_id) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert len(list((tmp_path / "cache").glob("*.vectors/*.rows"))) == 1
