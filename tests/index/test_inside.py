"""Sprites inside a screenshot: enlarged, over a ground, recompressed, some half covered."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from index import inside
from index.errors import SelectionError
from index.featurizing import featurize_catalog
from index.inside import Grid, enlargements, find_inside, reduced
from index.pictures import decode_picture
from index.selection import Selection
from tests.conftest import Home
from tests.index.conftest import Gallery, add_picture, photograph, png, sprite
from tests.index.test_featurize import blob_of


def screenshot(sprites: dict[int, tuple[int, int]], scale: int, quality: int) -> np.ndarray:
    """Lay sprites (by seed, at x and y) on a blotched ground, enlarge, and save as JPEG."""
    ground = Image.fromarray(photograph(77, 160, 120))
    for seed, corner in sprites.items():
        drawn = Image.fromarray(sprite(seed))
        ground.paste(drawn, corner, drawn)
    large = np.asarray(ground).repeat(scale, 0).repeat(scale, 1)
    out = io.BytesIO()
    Image.fromarray(large).convert("RGB").save(out, "JPEG", quality=quality)
    return decode_picture(out.getvalue())


@pytest.mark.parametrize(("scale", "quality"), [(1, 92), (2, 75), (3, 75), (4, 60)])
def test_sprites_are_named_with_their_places(gallery: Gallery, scale: int, quality: int) -> None:
    featurize_catalog(gallery.catalog, ("patches",), "processes:1")
    places = {3: (5, 7), 8: (70, 40), 15: (110, 80)}
    found = find_inside(gallery.catalog, screenshot(places, scale, quality))
    named = {hit.image_id: seen.rectangle for hit, seen in found}
    ids = list(gallery.sprites)
    for seed, (x, y) in places.items():
        assert named[ids[seed]] == (x * scale, y * scale, 32 * scale, 32 * scale), seed
    assert len(named) <= 4


def test_filters_and_what_to_do_first(gallery: Gallery) -> None:
    scene = screenshot({3: (5, 7), 14: (70, 40)}, 2, 80)
    with pytest.raises(SelectionError, match="--model patches"):
        find_inside(gallery.catalog, scene)
    featurize_catalog(gallery.catalog, ("patches",), "processes:1")
    found = find_inside(gallery.catalog, scene, Selection(author="Bo"))
    assert [hit.title for hit, _ in found] == ["Forest piece 14"]
    assert find_inside(gallery.catalog, photograph(9, 200, 150)) == []


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_an_enlargement_is_seen_wherever_it_was_cut(scale: int) -> None:
    scene = screenshot({3: (5, 7), 8: (70, 40), 15: (110, 80)}, scale, 80)
    assert enlargements(scene)[0] == (scale, 0, 0)
    cut = scene[2:, 1:]
    assert enlargements(cut)[0] == (scale, scale - 2, scale - 1)
    assert reduced(cut, Grid(scale, scale - 2, scale - 1)).shape == (119, 159, 4)


def test_what_is_not_enlarged_is_taken_as_it_is() -> None:
    assert enlargements(photograph(1, 200, 150))[-1] == (1, 0, 0)
    assert enlargements(screenshot({3: (5, 7)}, 1, 60))[-1] == (1, 0, 0)


def test_a_half_covered_sprite_and_one_beyond_the_edge_are_named(gallery: Gallery) -> None:
    featurize_catalog(gallery.catalog, ("patches",), "processes:1")
    ids = list(gallery.sprites)
    scene = screenshot({8: (60, 40), 15: (72, 44), 3: (134, 94)}, 2, 85)
    named = {hit.image_id: seen for hit, seen in find_inside(gallery.catalog, scene)}
    assert named[ids[15]].score > named[ids[8]].score > 0.9
    assert named[ids[3]].rectangle == (268, 188, 64, 64)


def test_nothing_is_named_in_what_is_plain_small_or_not_of_the_catalog(gallery: Gallery) -> None:
    featurize_catalog(gallery.catalog, ("patches",), "processes:1")
    for scene in (
        np.full((60, 80, 4), 255, np.uint8),
        np.full((3, 3, 4), 9, np.uint8),
        screenshot({999: (9, 9)}, 2, 90),
    ):
        assert find_inside(gallery.catalog, scene) == []


def test_what_is_compared_in_parts_is_what_is_compared_at_once(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    featurize_catalog(gallery.catalog, ("patches",), "processes:1")
    scene = screenshot({3: (5, 7), 8: (70, 40), 15: (110, 80)}, 2, 75)
    whole = find_inside(gallery.catalog, scene)
    monkeypatch.setattr(inside, "CHUNK", 100)
    monkeypatch.setattr(inside, "PICTURES", 5)
    assert find_inside(gallery.catalog, scene) == whole
    monkeypatch.setattr(inside, "MOST_OPENED", 1)
    assert len(find_inside(gallery.catalog, scene)) == 1


def test_a_sprite_whose_blob_is_gone_is_left_out(gallery: Gallery) -> None:
    catalog = gallery.catalog
    featurize_catalog(catalog, ("patches",), "processes:1")
    ids = list(gallery.sprites)
    blob_of(catalog, ids[8]).unlink()
    named = {hit.image_id for hit, _ in find_inside(catalog, screenshot({3: (5, 7), 8: (70, 40)}, 2, 75))}
    assert ids[3] in named and ids[8] not in named


def test_the_command(home: Home) -> None:
    with home.open() as catalog:
        for seed in (3, 4):
            add_picture(catalog, seed, sprite(seed), title=f"Piece {seed}", author=("Ann", "Bo")[seed % 2])
    path = home.folder / "scene.png"
    path.write_bytes(png(screenshot({4: (20, 30)}, 2, 80)))
    done = home.quarry("index", "inside", str(path), "--json")
    assert done.returncode == 0, done.stderr
    (hit,) = json.loads(done.stdout)
    assert (hit["title"], hit["at"]) == ("Piece 4", [40, 60, 64, 64])
    said = home.quarry("index", "inside", str(path), "--author", "Ann").stdout
    assert '64×64 at 40,60 "Piece 4" by Ann licensed CC0-1.0' in said
    assert home.quarry("index", "inside", str(path), "--author", "Bo").stdout.startswith("None of the catalog's")
    missing = home.quarry("index", "inside", "nothing.png")
    assert missing.returncode == 2 and "cannot be read" in missing.stderr
