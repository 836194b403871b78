"""What consumers call: iterate images, open pixels, mark progress, ask where something came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import RowMapping, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from db.blobs import BlobStore
from db.engine import Database, chunked
from db.errors import UnknownImageError
from db.migrate import upgrade
from db.models import Image
from db.settings import Settings
from db.sources import Source, by_source, find_sources
from db.tiles import TileRef, tiles_of

if TYPE_CHECKING:
    from db.pixels import Rgba

FLAGS = ("featurized", "indexed")


@dataclass(frozen=True)
class ImageRef:
    """A distinct image: its id (stable, never reused) and its size in pixels."""

    id: int
    width: int
    height: int


@dataclass(frozen=True)
class SightingRow:
    """Where an image was seen, and whom to credit. `url` leads back to exactly these pixels."""

    image_id: int
    url: str
    kind: str
    source_page: str | None
    title: str | None
    authors: str | None
    licence: str | None
    path: str
    width: int
    height: int
    parent_image_id: int | None
    rectangle: tuple[int, int, int, int] | None


class Catalog:
    """A catalog and its blob store, opened by URL. Usable as a context manager."""

    def __init__(self, catalog_url: str | None = None, blobs_url: str | None = None, *, durable: bool = False) -> None:
        self.settings = Settings.load(catalog_url, blobs_url)
        self.database = Database(self.settings.catalog_url, durable=durable)
        upgrade(self.database)
        self.blobs = BlobStore(self.settings.blobs_url)

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def images(self, *, lacking: str | None = None, after_id: int = 0, batch: int = 1000) -> Iterator[ImageRef]:
        """Yield images in order of id; with `lacking="featurized"` or `"indexed"` only those without that flag."""
        while True:
            query = select(Image.id, Image.width, Image.height).where(Image.id > after_id)
            if lacking is not None:
                query = query.where(~_flag(lacking))
            with self.database.read() as connection:
                rows = connection.execute(query.order_by(Image.id).limit(batch)).all()
            if not rows:
                return
            for row in rows:
                yield ImageRef(*row)
            after_id = rows[-1].id

    def mark(self, flag: str, image_ids: Sequence[int]) -> None:
        """Set `featurized` or `indexed` on images."""
        column = _flag(flag)
        with self.database.write() as connection:
            for chunk in chunked(image_ids):
                connection.execute(update(Image).where(Image.id.in_(chunk)).values({column: True}))

    def open(self, image_id: int) -> "Rgba":
        """Return an image's canonical pixels, (height, width, 4) uint8 RGBA. Raises UnknownImageError."""
        return next(self.open_many([image_id]))[1]

    def open_many(self, image_ids: Sequence[int]) -> Iterator[tuple[int, "Rgba"]]:
        """Yield ids with their pixels, each decoded frame in one go: images of one sheet follow each other.

        Pixels are (height, width, 4) uint8 RGBA and the caller's own. Raises UnknownImageError before anything is
        yielded if one of the images cannot be opened.
        """
        with self.database.read() as connection:
            sources = find_sources(connection, image_ids)
        missing = [image_id for image_id in image_ids if image_id not in sources]
        if missing:
            raise UnknownImageError(f"image {missing[0]} is not in the catalog, or was seen nowhere that still exists")
        for image_id in by_source(image_ids, sources):
            yield image_id, self._cut(sources[image_id])

    def tiles_of(self, sheet_id: int) -> list[TileRef]:
        """Return a sheet's tiles in the order of the sheet; `open_many` gives their pixels. Empty if it has none."""
        with self.database.read() as connection:
            return tiles_of(connection, sheet_id)

    def _cut(self, source: Source) -> "Rgba":
        from db.orientation import upright

        pixels = self._frame(*source.decoded)
        if source.box is not None:
            x, y, w, h = source.box
            pixels = upright(pixels[y : y + h, x : x + w], source.orientation)
        return pixels.copy()

    @lru_cache(maxsize=16)  # noqa: B019 - a catalog lives as long as its program
    def _frame(self, sha256: bytes, frame: int) -> "Rgba":
        # Most programs that open a catalog never look at a pixel: they should not wait for numpy and Pillow.
        from PIL import Image as PillowImage

        from db.pixels import canonical_rgba

        with self.blobs.open(sha256) as stream, PillowImage.open(stream) as picture:
            picture.seek(frame)
            return canonical_rgba(picture)

    def sightings(self, image_id: int) -> list[SightingRow]:
        """Return every place where an image was seen, in the order it was found."""
        with self.database.read() as connection:
            rows = connection.execute(
                text("SELECT * FROM image_catalog WHERE image_id = :id ORDER BY sighting_id"), {"id": image_id}
            )
            return [_sighting(row) for row in rows.mappings()]


def _flag(name: str) -> InstrumentedAttribute[bool]:
    if name not in FLAGS:
        raise ValueError(f"no flag {name!r}; there are {', '.join(FLAGS)}")
    return Image.featurized if name == "featurized" else Image.indexed


def _sighting(v: RowMapping) -> SightingRow:
    rectangle = None if v["x"] is None else (v["x"], v["y"], v["w"], v["h"])
    return SightingRow(
        image_id=v["image_id"],
        url=v["url"],
        kind=v["kind"],
        source_page=v["source_page"],
        title=v["title"],
        authors=v["authors"],
        licence=v["licence"],
        path=v["path"],
        width=v["width"],
        height=v["height"],
        parent_image_id=v["parent_image_id"],
        rectangle=rectangle,
    )
