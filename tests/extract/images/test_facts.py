"""Facts about pixels, and pixels that do not depend on how a file turns them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from db import Catalog, stages
from db.pixels import canonical
from db.records import ImageFacts
from db.vocabulary import AlphaKind, Outcome, Stage
from extract.images import families
from extract.images.decode import decode, image_record, read_frame
from extract.images.facts import COLOURS_MAX, image_facts
from extract.run import outdate
from extract.versions import read_versions_by_format
from tests.extract.images.cases import CASES
from tests.extract.images.painted import Pixels, saved
from tests.extract.images.pictures import Case, graded, opaque, sprite
from tests.extract.test_run import bring, column, run

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its orientation (EXIF 2.3, table 6)."""


def corners() -> Image.Image:
    pixels = np.full((16, 32, 3), 128, np.uint8)
    pixels[:8, :8], pixels[:8, 24:], pixels[8:, :8] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("format_", "pillow", "options"),
    [
        ("jpeg", "JPEG", {"quality": 100, "subsampling": 0}),
        ("png", "PNG", {}),
        ("webp", "WEBP", {"lossless": True}),
        ("tiff", "TIFF", {}),
        ("avif", "AVIF", {"quality": 100, "subsampling": "4:4:4"}),
        ("heif", "HEIF", {"quality": -1, "chroma": 444}),
        ("jxl", "JXL", {"lossless": True, "use_container": True}),
    ],
)
def test_pictures_are_upright(
    tmp_path: Path, orientation: int, format_: str, pillow: str, options: dict[str, object]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "blob"
    path.write_bytes(saved(corners(), pillow, exif=exif.tobytes(), **options))
    upright = corners().transpose(TURNS[orientation]) if orientation > 1 else corners()
    seen = read_frame(path, 0)[..., :3].astype(int)
    assert seen.shape == np.asarray(upright).shape
    assert np.abs(seen - np.asarray(upright)).max() < 20


PICTURES = st.builds(
    lambda seed, h, w, colours: np.random.default_rng(seed).integers(0, colours, (h, w, 4)).astype(np.uint8) * 85,
    st.integers(0, 2**16), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4),
)  # fmt: skip


@given(PICTURES, st.integers(1, 5))
def test_enlarging_by_whole_pixels_is_what_is_measured(pixels: Pixels, factor: int) -> None:
    small = canonical(pixels)
    large = np.kron(small, np.ones((factor, factor, 1), np.uint8))
    assert image_facts(large).upscale == factor * image_facts(small).upscale


@given(PICTURES)
def test_facts_are_those_of_a_plain_count(pixels: Pixels) -> None:
    pixels = canonical(pixels)
    facts = image_facts(pixels)
    assert facts.colours == len({tuple(pixel) for pixel in pixels.reshape(-1, 4)})
    alphas = set(pixels[..., 3].ravel().tolist())
    expected = AlphaKind.NONE if alphas == {255} else AlphaKind.BINARY if alphas <= {0, 255} else AlphaKind.GRADED
    assert facts.alpha == expected
    height, width = pixels.shape[:2]
    factors = [
        k
        for k in range(1, min(height, width) + 1)
        if height % k == 0
        and width % k == 0
        and np.array_equal(np.kron(pixels[::k, ::k], np.ones((k, k, 1), np.uint8)), pixels)
    ]
    assert facts.upscale == max(factors)


def test_large_pictures_are_looked_at_in_blocks() -> None:
    rows = np.arange(1200 * 1200, dtype=np.uint32).reshape(1200, 1200) // (1200 * 4) * 4096
    pixels = (rows | 0xFF000000).astype(np.uint32).view(np.uint8).reshape(1200, 1200, 4)
    assert image_facts(pixels) == ImageFacts(AlphaKind.NONE, 300, 4)
    many = (np.arange(1200 * 1200, dtype=np.uint32).reshape(1200, 1200) | 0xFF000000).astype(np.uint32)
    assert image_facts(many.view(np.uint8).reshape(1200, 1200, 4)).colours == COLOURS_MAX


def test_facts_reach_the_catalog_and_its_readers(catalog: Catalog) -> None:
    bring(catalog, a_DOT_png=saved(Image.fromarray(sprite()), "PNG"))
    run(catalog)
    with catalog.database.read() as connection:
        from sqlalchemy import text

        query = "SELECT format, mode, alpha, colours, upscale, partial FROM image_catalog WHERE kind <> 'tile'"
        (row,) = connection.execute(text(query)).all()
    assert tuple(row) == ("png", "RGBA", "binary", 4, 1, False)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.format in ("psd", "xcf", "ase", "svg", "kra", "cur")], ids=str
)
def test_a_consumer_opens_every_kind_of_image(catalog: Catalog, case: Case) -> None:
    bring(catalog, **{f"picture_DOT_{case.format}": case.data})
    run(catalog)
    (image,) = column(catalog, "SELECT image_id FROM frame WHERE number = 0")
    difference = np.abs(catalog.open(image).astype(int) - canonical(case.frames[0].copy())).max()
    assert difference <= case.tolerance


def test_images_of_an_older_catalog_get_their_facts(catalog: Catalog) -> None:
    from sqlalchemy import text

    bring(catalog, a_DOT_png=saved(Image.fromarray(opaque()), "PNG"), b_DOT_psd=CASES_BY_NAME["psd-rgb"].data)
    run(catalog)
    with catalog.database.write() as connection:  # as version 1 left it: no facts, and PSD unknown
        connection.execute(text("UPDATE image SET alpha = NULL, colours = NULL, upscale = NULL"))
        connection.execute(text("UPDATE ledger SET version = 1"))
        connection.execute(text("UPDATE ledger SET outcome = 'unsupported' WHERE format = 'psd'"))
    outdate(catalog)
    assert run(catalog).outcomes["read"] == {"ok": 2}
    assert set(column(catalog, "SELECT colours FROM image")) == {4}
    outdate(catalog)
    assert run(catalog).settled == 0


CASES_BY_NAME = {str(case): case for case in CASES}


def test_installing_a_wheel_makes_its_files_due(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(catalog, a_DOT_jxl=CASES_BY_NAME["jxl-lossless"].data)
    with monkeypatch.context() as without:
        without.setattr(families, "_installed", lambda package: package != "pillow_jxl")
        missing = decode(catalog.blobs.path(column(catalog, "SELECT sha256 FROM blob")[0]), "jxl")
        versions = read_versions_by_format()
    assert (missing.outcome, missing.reason) == (Outcome.UNSUPPORTED, "install artquarry[formats]")
    assert versions["jxl"] == 0
    run(catalog)
    with catalog.database.write() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE ledger SET version = 0, outcome = 'unsupported' WHERE stage = 'read'"))
        assert stages.outdate(connection, Stage.READ, versions, 2) == 0
    outdate(catalog)
    assert run(catalog).outcomes["read"] == {"ok": 1}


def test_a_record_without_facts_loses_none(catalog: Catalog) -> None:
    from db.derive import ensure_images

    known = image_record(graded())
    with catalog.database.write() as connection:
        first = ensure_images(connection, [dataclasses.replace(known, facts=None)])
        assert ensure_images(connection, [known]) == first
        assert ensure_images(connection, [dataclasses.replace(known, facts=None)]) == first
    assert column(catalog, "SELECT alpha FROM image") == ["graded"]
