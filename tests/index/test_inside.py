"""Sprites inside a screenshot: enlarged, over a ground, recompressed, some half covered."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from index.errors import SelectionError
from index.featurizing import featurize_catalog
from index.inside import enlargement, find_inside, reduced
from index.pictures import decode_picture
from index.selection import Selection
from tests.conftest import Home
from tests.index.conftest import Gallery, add_picture, photograph, png, sprite


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


def test_an_enlargement_is_seen_wherever_it_was_cut() -> None:
    scene = screenshot({3: (5, 7)}, 3, 80)[2:, 1:]
    assert enlargement(scene) == (3, 1, 2)
    assert reduced(scene, *enlargement(scene)).shape == (119, 159, 4)
    assert enlargement(photograph(1, 200, 150)) == (1, 0, 0)


def test_the_command(home: Home) -> None:
    with home.open() as catalog:
        for seed in (3, 4):
            add_picture(catalog, seed, sprite(seed), title=f"Piece {seed}")
    path = home.folder / "scene.png"
    path.write_bytes(png(screenshot({4: (20, 30)}, 2, 80)))
    done = home.quarry("index", "inside", str(path), "--json")
    assert done.returncode == 0, done.stderr
    (hit,) = json.loads(done.stdout)
    assert (hit["title"], hit["at"]) == ("Piece 4", [40, 60, 64, 64])
