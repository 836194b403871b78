"""Search by picture, words and both, on SQLite and PostgreSQL, with filters, tiers and provenance."""

import json

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from db import Catalog
from index.engines import open_engine
from index.engines.exact import ExactEngine, copies_folder
from index.errors import SelectionError
from index.features import open_feature
from index.featurizing import featurize_catalog
from index.search import Query, Searcher
from index.selection import Selection
from index.store import read_vectors, register
from index.tiers import Tier, tier_of
from index.words import Words
from tests.conftest import Home
from tests.index.conftest import Gallery, add_picture, fill, png, sprite


@pytest.fixture
def searched(gallery: Gallery) -> Gallery:
    featurize_catalog(gallery.catalog, ("art",), "processes:1")
    return gallery


def recolour(rgba: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rgba[..., [2, 0, 1, 3]])


def test_an_altered_picture_finds_its_source_with_page_author_licence_and_credit(searched: Gallery) -> None:
    searcher = Searcher(searched.catalog)
    image_id, rgba = list(searched.sprites.items())[5]
    framed = np.pad(rgba.repeat(3, 0).repeat(3, 1), ((7, 7), (7, 7), (0, 0)))
    hit = searcher.search(Query(picture=framed)).hits[0]
    assert (hit.image_id, hit.tier) == (image_id, "identical pixels")
    assert hit.score is not None and hit.score > 0.93
    assert hit.source_page == "http://s/content/5"
    assert hit.credit == '"Castle piece 5" by Ann licensed CC0-1.0: http://s/content/5'


def test_a_tile_leads_to_its_sheet(searched: Gallery) -> None:
    found = Searcher(searched.catalog).search(Query(picture=searched.sheet[32:64, 64:96]))
    hit = found.hits[0]
    assert (hit.kind, hit.sheet_id, hit.rectangle) == ("tile", searched.sheet_id, (64, 32, 32, 32))
    assert hit.url.endswith("xywh=64,32,32,32")


def test_tiers_say_how_alike(searched: Gallery) -> None:
    rgba = sprite(7)
    assert tier_of(rgba, rgba.repeat(2, 0).repeat(2, 1)) is Tier.IDENTICAL
    assert tier_of(recolour(rgba), rgba) is Tier.RECOLOURED
    assert tier_of(sprite(8), rgba) is Tier.SIMILAR


def test_recoloured_and_turned_pictures_are_found_by_option(searched: Gallery) -> None:
    searcher = Searcher(searched.catalog)
    image_id, rgba = list(searched.sprites.items())[9]
    other = searcher.search(Query(picture=recolour(rgba), recoloured=True)).hits[0]
    assert (other.image_id, other.tier) == (image_id, "recoloured")
    turned = np.ascontiguousarray(np.rot90(rgba))
    assert searcher.search(Query(picture=turned, orientations=True)).hits[0].image_id == image_id


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(licence="CC-BY"), {0, 3, 6, 9, 12, 15, 18, 21}),
        (Selection(author="bo"), set(range(12, 24))),
        (Selection(tag="stone"), set(range(1, 24, 2))),
        (Selection(since="2020-01-01", until="2020-12-31"), {20, 21}),
        (Selection(author="Bo", licence="cc-by-3.0"), {12, 15, 18, 21}),
        (Selection(author="b%"), set()),
    ],
)
def test_filters(searched: Gallery, selection: Selection, expected: set[int]) -> None:
    found = Searcher(searched.catalog).search(Query(picture=sprite(1), selection=selection, count=50, fold=False))
    assert {int(hit.title.split()[-1]) for hit in found.hits if hit.title and "piece" in hit.title} == expected


@pytest.mark.parametrize("look", [1, 8, 2000])
def test_filters_keep_the_nearest_however_far_they_look_first(
    searched: Gallery, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    """The nearest that pass, whether they were among those asked first or the whole selection was looked up."""
    monkeypatch.setattr("index.filtered.LOOK", look)
    searcher = Searcher(searched.catalog)
    everything = searcher.search(Query(picture=sprite(7), count=50, fold=False)).hits
    for selection, passes in (
        (Selection(licence="CC-BY"), lambda hit: hit.licence == "CC-BY-3.0"),
        (Selection(author="bo", min_size=20), lambda hit: hit.authors == "Bo"),
        (Selection(kind="tile"), lambda hit: hit.kind == "tile"),
        (Selection(kind="sheet"), lambda hit: hit.kind == "sheet"),
        (Selection(author="nobody"), lambda hit: False),
    ):
        found = searcher.search(Query(picture=sprite(7), selection=selection, count=5, fold=False)).hits
        assert [hit.image_id for hit in found] == [hit.image_id for hit in everything if passes(hit)][:5], selection


def test_kinds_and_sizes(searched: Gallery) -> None:
    searcher = Searcher(searched.catalog)
    tiles = searcher.search(Query(picture=sprite(1), selection=Selection(kind="tile"), count=50, fold=False)).hits
    assert len(tiles) == 8 and {hit.kind for hit in tiles} == {"tile"}
    large = searcher.search(Query(picture=sprite(1), selection=Selection(min_size=100))).hits
    assert [hit.image_id for hit in large] == [searched.sheet_id]
    with pytest.raises(SelectionError, match="tile"):
        Selection(kind="nonsense")


def test_words_find_titles_tags_authors_paths_and_their_beginnings(searched: Gallery) -> None:
    searcher = Searcher(searched.catalog)

    def titles(words: str) -> set[str]:
        found = searcher.search(Query(words=words, count=50, fold=False))
        return {str(hit.title) for hit in found.hits}

    assert titles("treasure") == {"Treasure sheet"}
    assert titles("stone castl") == {f"Castle piece {n}" for n in range(1, 24, 2)}
    assert titles("hero17") == {"Castle piece 17"}
    assert titles("Bo forest") == {f"Forest piece {n}" for n in range(12, 24, 2)}
    assert titles("nosuchword") == set()
    assert titles("castle ' OR 1=1 \" --") == set()
    with pytest.raises(SelectionError):
        titles("!!!")


def test_words_shorter_than_a_trigram_are_found_at_the_beginning_of_words(catalog: Catalog) -> None:
    for number, said in enumerate(
        (
            {"title": "Ox cart"},
            {"title": "A red fox"},
            {"name": "farm_big_ox-4.png"},
            {"tags": ("ox", "cow")},
            {"author": "Ox of the farm"},
            {"title": "Oxen at 16 px"},
        )
    ):
        add_picture(catalog, number, sprite(number), **{"title": "Nothing", "name": f"n{number}.png", **said})
    words = Words(catalog)
    by_place = [page.rpartition("/")[2] for page in _pages(catalog)]

    def pages(query: str) -> set[str]:
        return {by_place[place - 1] for place in words.places(query)}

    assert pages("ox") == {"0", "2", "3", "4", "5"}
    assert pages("OX farm") == {"2", "4"}
    assert pages("4 ox") == {"2"}
    assert pages("16") == {"5"}
    assert pages("q") == set()
    assert pages("red fox") == {"1"}


def _pages(catalog: Catalog) -> list[str]:
    query = "SELECT p.url FROM place pl JOIN file f ON f.id = pl.file_id JOIN page p ON p.id = f.page_id ORDER BY pl.id"
    with catalog.database.read() as connection:
        return list(connection.scalars(text(query)))


def test_words_catch_up_with_new_pages_and_changed_ones(searched: Gallery) -> None:
    words = Words(searched.catalog)
    assert len(words.places("castle")) == 12
    add_picture(searched.catalog, 600, sprite(600), title="Castle gate")
    assert len(words.places("castle")) == 13
    before = words.places("treasure")
    assert words.rebuild() > 0
    assert words.places("treasure") == before


def test_words_and_a_picture_together(searched: Gallery) -> None:
    image_id, rgba = list(searched.sprites.items())[4]
    searcher = Searcher(searched.catalog)
    assert searcher.search(Query(picture=rgba, words="forest")).hits[0].image_id == image_id
    hits = searcher.search(Query(picture=rgba, words="castle", count=50)).hits
    assert hits and all(hit.title and hit.title.startswith("Castle") for hit in hits)


def test_near_duplicates_are_folded_with_a_count(searched: Gallery) -> None:
    image_id, rgba = list(searched.sprites.items())[2]
    brighter = np.clip(rgba.astype(int) + 2, 0, 255).astype(np.uint8)
    brighter[rgba[..., 3] == 0] = 0
    twin = add_picture(searched.catalog, 700, brighter, title="Twin")
    featurize_catalog(searched.catalog, ("art",), "processes:1")
    searcher = Searcher(searched.catalog)
    hit = searcher.search(Query(picture=rgba)).hits[0]
    assert (hit.image_id, hit.duplicates) == (image_id, (twin,))
    apart = searcher.search(Query(picture=rgba, fold=False)).hits[:2]
    assert [(h.image_id, h.duplicates) for h in apart] == [(image_id, ()), (twin, ())]


def test_pages_of_hits_do_not_overlap(searched: Gallery) -> None:
    searcher = Searcher(searched.catalog)
    pages = [searcher.search(Query(words="piece", count=10, offset=offset, fold=False)) for offset in (0, 10, 20)]
    ids = [hit.image_id for page in pages for hit in page.hits]
    assert len(ids) == len(set(ids)) == 24
    assert [page.more for page in pages] == [True, True, False]


def test_a_query_that_asks_nothing_or_too_early_says_so(gallery: Gallery) -> None:
    searcher = Searcher(gallery.catalog)
    with pytest.raises(SelectionError, match="words"):
        searcher.search(Query())
    with pytest.raises(SelectionError, match="featurize"):
        searcher.search(Query(picture=sprite(1)))


def test_the_engine_agrees_with_comparing_everything(searched: Gallery) -> None:
    """The engine that the catalog's URL chooses: an exact scan, or pgvector's index."""
    catalog, feature = searched.catalog, open_feature("art")
    model_id = register(catalog.database, feature.model)
    engine = open_engine(catalog)
    expected_name = "pgvector" if catalog.database.engine.dialect.name == "postgresql" else "exact"
    assert engine.name == expected_name
    images = [image.id for image in catalog.images()]
    with catalog.database.read() as connection:
        stored = read_vectors(connection, feature.model, model_id, images)
    row = feature.compute([sprite(3)])[0]
    scores = {image_id: float(vector.astype(np.float32) @ row) for image_id, vector in stored.items()}
    best = sorted(scores, key=lambda image_id: -scores[image_id])
    assert [near.image_id for near in engine.search(feature.model, model_id, row, 5)] == best[:5]
    allowed = np.array(sorted(best[10:20]))
    assert [near.image_id for near in engine.search(feature.model, model_id, row, 3, allowed)] == best[10:13]
    assert engine.rebuild(feature.model, model_id) == len(images)
    assert [near.image_id for near in engine.search(feature.model, model_id, row, 5)] == best[:5]


def test_the_copy_survives_damage_and_notices_another_catalog(searched: Gallery) -> None:
    catalog, feature = searched.catalog, open_feature("art")
    model_id = register(catalog.database, feature.model)
    row = feature.compute([sprite(3)])[0]
    before = ExactEngine(catalog).search(feature.model, model_id, row, 5)
    folder = copies_folder(catalog)
    [rows] = folder.glob("art-*.rows")
    [note_file] = folder.glob("art-*.json")
    with rows.open("ab") as stream:
        stream.write(b"half a row")  # killed while it grew
    add_picture(catalog, 800, sprite(800))
    featurize_catalog(catalog, ("art",), "processes:1")
    after = ExactEngine(catalog).search(feature.model, model_id, feature.compute([sprite(800)])[0], 1)
    assert after[0].score > 0.99
    note = json.loads(note_file.read_text())
    note_file.write_text(json.dumps({**note, "first": "00"}))
    rows.write_bytes(bytes(rows.stat().st_size))
    assert ExactEngine(catalog).search(feature.model, model_id, row, 5) == before


def test_the_commands_say_the_same_as_python(home: Home) -> None:
    with home.open() as catalog:
        fill(catalog)
    assert home.quarry("index", "featurize", "--dry-run").stdout == "art: 33 due\n"
    done = home.quarry("index", "featurize", "--pool", "processes:1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stored"] == {"art": 33}
    query = home.folder / "query.png"
    query.write_bytes(png(sprite(5)))
    found = json.loads(home.quarry("index", "search", str(query), "--json", "--licence", "CC0").stdout)
    assert found["hits"][0]["title"] == "Castle piece 5"
    assert found["hits"][0]["tier"] == "identical pixels"
    text = home.quarry("index", "search", "treasure", "--kind", "sheet").stdout
    assert '"Treasure sheet" by Ann licensed CC0-1.0' in text
    refused = home.quarry("index", "search", str(home.folder / "catalog.db"))
    assert refused.returncode == 2 and "no picture" in refused.stderr
    assert home.quarry("index", "rebuild").returncode == 0


def test_a_jpeg_of_a_tile_is_found(searched: Gallery, tmp_path) -> None:
    image_id, rgba = list(searched.sprites.items())[11]
    ground = Image.new("RGBA", (32, 32), "white")
    ground.alpha_composite(Image.fromarray(rgba))
    ground.convert("RGB").save(tmp_path / "q.jpg", quality=60)
    from index.pictures import read_picture

    hits = Searcher(searched.catalog).search(Query(picture=read_picture(str(tmp_path / "q.jpg")))).hits
    assert hits[0].image_id == image_id
