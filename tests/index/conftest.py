"""A catalog with drawn sprites in it, filled as crawl and extraction fill one."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from db import Catalog, stages
from db.derive import record_read, record_slices
from db.pixels import canonical_rgba, pixel_hash
from db.recording import record_fetched, record_page
from db.records import (
    FetchedFile,
    FileLink,
    FrameRecord,
    ImageRecord,
    LicenceRecord,
    PageRecord,
    PersonRecord,
    ReadResult,
    SliceResult,
    TileRecord,
)
from db.vocabulary import FileRole, Outcome, PersonRole

LICENCES = {
    "CC0-1.0": LicenceRecord("CC0", "http://cc0", "CC0-1.0"),
    "CC-BY-3.0": LicenceRecord("CC-BY 3.0", "http://by", "CC-BY-3.0"),
}


def sprite(seed: int, size: int = 32) -> np.ndarray:
    """Draw something with a shape and colours of its own on a transparent ground."""
    chance = np.random.default_rng(seed)
    picture = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        colour = (*(int(c) for c in chance.integers(30, 256, 3)), 255)
        x, y, w, h = (int(v) for v in chance.integers(2, size - 8, 4))
        box = (x, y, min(size - 2, x + 4 + w // 2), min(size - 2, y + 4 + h // 2))
        (draw.ellipse if chance.random() < 0.5 else draw.rectangle)(box, fill=colour)
    return canonical_rgba(picture)


def photograph(seed: int, width: int = 160, height: int = 120) -> np.ndarray:
    """Return something smooth and opaque, as photographs are."""
    chance = np.random.default_rng(seed)
    small = Image.fromarray(chance.integers(0, 256, (6, 8, 3)).astype(np.uint8))
    return canonical_rgba(small.resize((width, height), Image.Resampling.BICUBIC))


def png(rgba: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG")
    return out.getvalue()


def image_record(rgba: np.ndarray) -> ImageRecord:
    return ImageRecord(pixel_hash(rgba), rgba.shape[1], rgba.shape[0], transparent=bool((rgba[..., 3] < 255).any()))


@dataclass(frozen=True)
class Source:
    """What a page says of a picture."""

    title: str = "A page"
    author: str = "Ann"
    licence: str = "CC0-1.0"
    tags: tuple[str, ...] = ()
    name: str = ""
    posted_at: str = "2024-05-01"

    def page(self, number: int, url: str) -> PageRecord:
        return PageRecord(
            url=f"http://s/content/{number}",
            site="s",
            title=self.title,
            files=(FileLink(url, FileRole.FILE, url.rpartition("/")[2]),),
            tags=self.tags,
            posted_at=self.posted_at,
            people=(PersonRecord(PersonRole.AUTHOR, self.author),),
            licences=(LICENCES[self.licence],),
        )


def add_picture(catalog: Catalog, number: int, rgba: np.ndarray, *, tile: int = 0, **said: Any) -> int:
    """Record a page with one picture, sliced into square tiles of a size if asked; return the image's id."""
    source = Source(**said)
    url = f"http://s/files/{source.name or f'sprite-{number}.png'}"
    stored = catalog.blobs.put(png(rgba))
    with catalog.database.write() as connection:
        record_page(connection, source.page(number, url))
        record_fetched(connection, FetchedFile(url, stored.sha256, stored.size_bytes))
        (blob,) = [b for b in stages.due_blobs(connection, 0, 10_000) if b.sha256 == stored.sha256]
        frame = FrameRecord(0, image_record(rgba), None)
        record_read(connection, blob.id, ReadResult(Outcome.OK, 1, "png", frames=(frame,)))
        image_id = stages.due_images(connection, 0, 10_000)[-1]
        tiles = tuple(tile_record(rgba, x, y, tile) for x, y in corners(rgba, tile))
        kind = "grid" if tile else "single"
        record_slices(connection, image_id, SliceResult(Outcome.OK, 1, kind, 0.9, "name", "", tiles=tiles))
    return image_id


def corners(rgba: np.ndarray, tile: int) -> list[tuple[int, int]]:
    """Return the corners of a sheet's tiles, row by row."""
    if not tile:
        return []
    return [(x, y) for y in range(0, rgba.shape[0], tile) for x in range(0, rgba.shape[1], tile)]


def tile_record(rgba: np.ndarray, x: int, y: int, tile: int) -> TileRecord:
    pixels = canonical_rgba(Image.fromarray(rgba[y : y + tile, x : x + tile]))
    return TileRecord(x, y, tile, tile, image_record(pixels), y // tile, x // tile)


@dataclass(frozen=True)
class Gallery:
    """A catalog with 24 sprites, one sheet of 4 × 2 tiles, and what is in it."""

    catalog: Catalog
    sprites: dict[int, np.ndarray]
    sheet_id: int
    sheet: np.ndarray


def fill(catalog: Catalog) -> Gallery:
    sprites = {}
    for number in range(24):
        rgba = sprite(number)
        image_id = add_picture(
            catalog,
            number,
            rgba,
            title=f"{'Castle' if number % 2 else 'Forest'} piece {number}",
            author="Ann" if number < 12 else "Bo",
            licence="CC0-1.0" if number % 3 else "CC-BY-3.0",
            tags=("stone",) if number % 2 else ("tree",),
            name=f"hero{number}.png",
            posted_at=f"20{10 + number // 2}-01-01",
        )
        sprites[image_id] = rgba
    sheet = np.concatenate([np.concatenate([sprite(100 + 4 * r + c) for c in range(4)], 1) for r in range(2)], 0)
    sheet_id = add_picture(catalog, 99, sheet, title="Treasure sheet", name="loot.png", tile=32)
    return Gallery(catalog, sprites, sheet_id, sheet)


@pytest.fixture
def gallery(catalog: Catalog) -> Gallery:
    return fill(catalog)


@pytest.fixture(scope="session")
def sqlite_gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A featurized gallery on SQLite, for tests that only read."""
    from index.featurizing import featurize_catalog

    folder: Path = tmp_path_factory.mktemp("gallery")
    with Catalog(f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs")) as catalog:
        filled = fill(catalog)
        featurize_catalog(catalog, ("art", "pdq", "image-match"), "processes:1")
        yield filled
