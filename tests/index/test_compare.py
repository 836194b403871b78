"""Comparing two pictures, ranking crops, and the story of the mosaic."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from index.compare import compare_pictures
from index.errors import PictureError, SelectionError
from index.featurizing import featurize_catalog
from index.pictures import decode_picture, picture_or_words, read_bytes
from index.rank import rank_crops
from index.selection import Selection
from tests.conftest import Home
from tests.index.conftest import Gallery, add_picture, photograph, png, sprite


def stored(rgba: np.ndarray, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgba).convert("RGB" if kind == "JPEG" else "RGBA").save(out, kind, **options)
    return out.getvalue()


def test_the_same_file_and_the_same_pixels() -> None:
    rgba = photograph(1)
    one = png(rgba)
    assert compare_pictures(one, one).verdict == "identical bytes"
    found = compare_pictures(one, stored(rgba, "BMP"))
    assert (found.identical_bytes, found.identical_pixels, found.verdict) == (False, True, "identical pixels")


def test_a_recompressed_and_a_smaller_copy_are_the_same_picture() -> None:
    rgba = photograph(2, 320, 240)
    recompressed = compare_pictures(png(rgba), stored(rgba, "JPEG", quality=60))
    assert recompressed.same and not recompressed.identical_pixels and recompressed.ssim < 1
    smaller = np.asarray(Image.fromarray(rgba).resize((160, 120)))
    assert compare_pictures(png(rgba), stored(smaller, "JPEG", quality=85)).same


def test_the_worst_band_decides() -> None:
    rgba = photograph(3)
    changed = rgba.copy()
    changed[..., 2] = 255 - changed[..., 2]
    found = compare_pictures(png(rgba), png(changed))
    assert not found.same
    assert found.nrmse > 0.2


@pytest.mark.parametrize("other", [photograph(5), photograph(4, 60, 300), sprite(4, 16)])
def test_another_picture_is_different(other: np.ndarray) -> None:
    found = compare_pictures(png(photograph(4)), png(other))
    assert not found.same and found.verdict.startswith(("different", "alike"))


def test_tiny_pictures_have_no_window_and_are_compared_all_the_same() -> None:
    one, other = np.full((2, 2, 4), 255, np.uint8), np.full((2, 2, 4), 250, np.uint8)
    other[..., 3] = 255
    assert compare_pictures(png(one), png(other)).same


def test_bytes_that_are_no_picture_are_refused(tmp_path) -> None:
    with pytest.raises(PictureError):
        decode_picture(b"%PDF-1.4")
    with pytest.raises(PictureError, match="allowed"):
        decode_picture(png(photograph(1)), most_pixels=100)
    with pytest.raises(PictureError, match="cannot be read"):
        read_bytes(str(tmp_path / "nothing.png"))
    assert picture_or_words(("castle", "wall")) == (None, "castle wall")


def test_the_two_photographs_behind_a_mosaic_are_found(gallery: Gallery) -> None:
    """Two 72 × 62 fields of a mosaic, recompressed, among pictures of another size and shape."""
    catalog = gallery.catalog
    ids = [add_picture(catalog, 1000 + n, photograph(1000 + n, 240, 207), title=f"Photo {n}") for n in range(60)]
    featurize_catalog(catalog, ("thumbnail",), "processes:1")
    crops = []
    for number in (17, 42):
        field = Image.fromarray(photograph(1000 + number, 240, 207)).convert("RGB").resize((72, 62))
        out = io.BytesIO()
        field.save(out, "JPEG", quality=70)
        crops.append(decode_picture(out.getvalue()))
    found = rank_crops(catalog, crops, Selection(), keep=20, count=3)
    assert [hits[0].image_id for hits in found] == [ids[17], ids[42]]
    assert all(hits[0].score > 0.8 > hits[1].score for hits in found if hits[0].score and hits[1].score is not None)
    with pytest.raises(SelectionError, match="no picture"):
        rank_crops(catalog, crops, Selection(author="nobody"))


def test_ranking_before_thumbnails_says_what_to_do(gallery: Gallery) -> None:
    with pytest.raises(SelectionError, match="--model thumbnail"):
        rank_crops(gallery.catalog, [photograph(1)], Selection())


def test_the_commands(home: Home) -> None:
    with home.open() as catalog:
        add_picture(catalog, 1, photograph(1), title="Lake")
        add_picture(catalog, 2, photograph(2), title="Hill")
    crop = home.folder / "crop.jpg"
    crop.write_bytes(stored(np.asarray(Image.fromarray(photograph(2)).resize((72, 54))), "JPEG", quality=80))
    ranked = home.quarry("index", "rank", str(crop), "--json")
    assert ranked.returncode == 0, ranked.stderr
    assert json.loads(ranked.stdout)[0]["hits"][0]["title"] == "Hill"
    one, other = home.folder / "a.png", home.folder / "b.png"
    one.write_bytes(png(photograph(1)))
    other.write_bytes(png(photograph(2)))
    same = home.quarry("index", "compare", str(one), str(one))
    assert (same.returncode, same.stdout) == (0, "identical bytes (SSIM 1.0000, NRMSE 0.0000, of the worst band)\n")
    assert home.quarry("index", "compare", str(one), str(other)).returncode == 1
    missing = home.quarry("index", "compare", str(one), "nothing.png")
    assert missing.returncode == 2 and "cannot be read" in missing.stderr
