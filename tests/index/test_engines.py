"""Other engines than the catalog's own: copies that follow the catalog, and can be thrown away."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from index import store
from index.engines import ADAPTERS, open_engine
from index.engines.exact import ExactEngine
from index.errors import EngineError
from index.features import open_feature
from index.featurizing import featurize_catalog
from index.search import Query, Searcher
from tests.conftest import Home
from tests.index.conftest import Gallery, add_picture, sprite


@pytest.mark.parametrize("scheme", sorted(ADAPTERS))
def test_an_adapter_finds_what_the_exact_scan_finds_and_follows_the_catalog(
    gallery: Gallery, tmp_path: Path, scheme: str
) -> None:
    pytest.importorskip(scheme, reason=f"{scheme} is an optional engine")
    catalog, feature = gallery.catalog, open_feature("hog")
    featurize_catalog(catalog, ("hog", "pdq"), "processes:1")
    place = tmp_path / "copy"
    engine = open_engine(catalog, f"{scheme}:{place}")
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
    del engine
    shutil.rmtree(place)
    engine = open_engine(catalog, f"{scheme}:{place}")
    assert engine.rebuild(feature.model, model_id) == len(list(catalog.images()))
    agree()


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
