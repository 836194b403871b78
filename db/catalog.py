"""What consumers call: iterate images, open pixels, mark progress, ask where something came from, watch for changes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import select

from db import changes, consumers, provenance
from db.blobs import BlobStore, is_disk_error
from db.changes import ImageChange
from db.consumers import FLAGS
from db.engine import Database, among
from db.errors import CopyError, UnknownImageError
from db.migrate import upgrade
from db.models import Image
from db.provenance import BlobProvenance, LicenceRef, SightingRow
from db.settings import Settings
from db.sources import Source, by_source, find_sources
from db.tallies import unfinished_copy_of
from db.tiles import TileRef, tiles_of
from db.urls import shown

if TYPE_CHECKING:
    from db.pixels import Rgba

__all__ = ["FLAGS", "Batch", "Catalog", "ConsumerRef", "ImageChange", "ImageRef", "LicenceRef", "SightingRow"]

ConsumerRef = consumers.ConsumerRef
DECODED_FRAMES = 16
"""So many decoded frames are kept, for who opens tile after tile of the same sheet."""


@dataclass(frozen=True)
class ImageRef:
    """A distinct image: its id (stable, never reused) and its size in pixels."""

    id: int
    width: int
    height: int


@dataclass(frozen=True)
class Batch:
    """Images to work on together: those of one sheet stand side by side. Mark `ids` when done."""

    images: tuple[ImageRef, ...]

    @property
    def ids(self) -> list[int]:
        """Return the ids, in the order of the images."""
        return [image.id for image in self.images]


class Catalog:
    """A catalog and its blob store, opened by URL. Usable as a context manager.

    Raises CopyError for a copy that is not finished, unless that is what it is opened for (`copying`).
    """

    def __init__(
        self,
        catalog_url: str | None = None,
        blobs_url: str | None = None,
        *,
        durable: bool = False,
        copying: bool = False,
    ) -> None:
        self.settings = Settings.load(catalog_url, blobs_url)
        self.database = Database(self.settings.catalog_url, durable=durable)
        upgrade(self.database)
        if not copying:
            self._refuse_unfinished()
        self.blobs = BlobStore(self.settings.blobs_url)
        self.unreadable: dict[int, str] = {}
        """Images that `open_many` left out since, and why."""

    def _refuse_unfinished(self) -> None:
        with self.database.read() as connection:
            source = unfinished_copy_of(connection)
        if source:
            self.close()
            here = shown(self.settings.catalog_url)
            raise CopyError(f"{here} is an unfinished copy of {shown(source)}; finish it with quarry catalog copy")

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    # What is there, and what is left to do

    def images(self, *, lacking: str | None = None, after_id: int = 0, batch: int = 1000) -> Iterator[ImageRef]:
        """Yield images in order of id; with `lacking`, those that a flag or a consumer's mark is lacking from.

        `lacking` is `"featurized"`, `"indexed"`, or the name of a consumer (see `consumer`), else UnknownConsumerError.
        """
        while True:
            page = self._page(lacking, after_id, batch)
            yield from page
            if len(page) < batch:
                return
            after_id = page[-1].id

    def _page(self, lacking: str | None, after_id: int, count: int) -> list[ImageRef]:
        return [ImageRef(*row) for row in consumers.images_page(self.database, lacking, after_id, count)]

    def batches(self, lacking: str, *, size: int = 1000, after_id: int = 0) -> Iterator[Batch]:
        """Yield batches of images that can be opened and lack a mark, in order of id.

        Within a batch tiles of one sheet stand together, so that `open_many` decodes their sheet once. Marking what
        was done is all it takes to go on there after a crash. Images that are seen nowhere any more are left out.
        """
        while page := self._page(lacking, after_id, size):
            with self.database.read() as connection:
                sources = find_sources(connection, [image.id for image in page])
            by_id = {image.id: image for image in page}
            ordered = tuple(by_id[image_id] for image_id in by_source(list(by_id), sources))
            if ordered:
                yield Batch(ordered)
            after_id = page[-1].id

    def consumer(self, name: str, version: int = 1) -> ConsumerRef:
        """Make a consumer known by name; then `images`, `batches` and `mark` take that name.

        A new consumer has all images to do, and so has one whose version is raised. Raises ConsumerVersionError if
        the catalog knows it at a higher version.
        """
        return consumers.register(self.database, name, version)

    def mark(self, consumer: str, image_ids: Sequence[int], *, version: int | None = None) -> None:
        """Note that a consumer is done with images: `featurized`, `indexed`, or a name given to `consumer`.

        With `version`, marks of a consumer that moved on to another version are refused with ConsumerVersionError.
        Marking twice changes nothing.
        """
        consumers.mark(self.database, consumer, image_ids, version)

    def count_lacking(self, consumer: str) -> int:
        """Tell how many images lack a mark; takes no longer with a larger catalog."""
        return consumers.count_lacking(self.database, consumer)

    def watch(self, since: int = 0, *, poll_s: float | None = None, batch: int = 1000) -> Iterator[ImageChange]:
        """Yield what happened to images after a cursor: new, withdrawn, back. Keep the last `cursor` to go on from it.

        Nothing is missed, whoever writes at the same time. It ends when all is told; with `poll_s` it looks again
        every so many seconds instead.
        """
        while True:
            changes.publish(self.database)
            while found := changes.read_changes(self.database, since, batch):
                yield from found
                since = found[-1].cursor
            if poll_s is None:
                return
            time.sleep(poll_s)

    # Pixels

    def open(self, image_id: int) -> "Rgba":
        """Return an image's canonical pixels, (height, width, 4) uint8 RGBA. Raises UnknownImageError."""
        return next(self.open_many([image_id]))[1]

    def open_many(self, image_ids: Sequence[int], *, leave_out: bool = False) -> Iterator[tuple[int, "Rgba"]]:
        """Yield ids with their pixels, each decoded frame in one go: images of one sheet follow each other.

        Pixels are (height, width, 4) uint8 RGBA and the caller's own. Raises UnknownImageError before anything is
        yielded if one of the images is not there, and what opening it raises if its bytes are missing or damaged. With
        `leave_out` such images are noted in `unreadable` instead; only a store out of reach is still raised.
        """
        with self.database.read() as connection:
            sources = find_sources(connection, image_ids)
        missing = [image_id for image_id in image_ids if image_id not in sources]
        why = "not in the catalog, or seen nowhere that still exists"
        if missing and not leave_out:
            raise UnknownImageError(f"image {missing[0]} is {why}")
        self.unreadable.update(dict.fromkeys(missing, why))
        for image_id in by_source(image_ids, sources):
            try:
                pixels = self._cut(sources[image_id])
            except Exception as error:
                if not leave_out or is_disk_error(error):
                    raise
                self.unreadable[image_id] = f"{type(error).__name__}: {error}"
            else:
                yield image_id, pixels

    def tiles_of(self, sheet_id: int) -> list[TileRef]:
        """Return a sheet's tiles in the order of the sheet; `open_many` gives their pixels. Empty if it has none."""
        with self.database.read() as connection:
            return tiles_of(connection, sheet_id)

    def _cut(self, source: Source) -> "Rgba":
        from db.orientation import upright

        pixels = self._frame(*source.decoded)
        if source.box is not None:
            x, y, w, h = source.box
            part = pixels[y : y + h, x : x + w]
            if part.shape[:2] != (h, w):
                raise UnknownImageError(f"its sheet, blob {source.sha256.hex()}, is smaller than it was")
            pixels = upright(part, source.orientation)
        return pixels.copy()

    @lru_cache(maxsize=DECODED_FRAMES)  # noqa: B019 - a catalog lives as long as its program
    def _frame(self, sha256: bytes, frame: int) -> "Rgba":
        # Most programs that open a catalog never look at a pixel: they should not wait for numpy and Pillow.
        from db.pixels import read_frame

        with self.blobs.open(sha256):  # says so if the blob is missing
            return read_frame(self.blobs.path(sha256), frame)

    # Where something came from

    def sightings(self, image_id: int, limit: int = 1_000_000) -> list[SightingRow]:
        """Return every place where an image was seen, as it was found: URL, page, authors, licences, credit line."""
        with self.database.read() as connection:
            return provenance.sightings_of(connection, image_id, limit)

    def find(self, url: str) -> list[ImageRef]:
        """Return the images at a URL, what the site shows there now first.

        With `#path=…&frame=…&xywh=…` that is one image (and what was there before, if the file changed); the URL of
        an archive gives all images in it. Raises ValueError for a fragment that makes no sense.
        """
        with self.database.read() as connection:
            return self._refs(provenance.images_at(connection, url))

    def images_on_page(self, page_url: str, *, batch: int = 1000) -> Iterator[ImageRef]:
        """Yield the images in the files of a page, each once, in order of id."""
        after_id = 0
        while True:
            with self.database.read() as connection:
                ids = provenance.images_on_page(connection, page_url, after_id, batch)
            yield from self._refs(ids)
            if len(ids) < batch:
                return
            after_id = ids[-1]

    def blob(self, sha256: bytes) -> BlobProvenance | None:
        """Return everything about some bytes: URLs, pages, members, images, and how reading them ended."""
        with self.database.read() as connection:
            return provenance.blob_provenance(connection, sha256)

    def _refs(self, image_ids: Sequence[int]) -> list[ImageRef]:
        with self.database.read() as connection:
            wanted = among(connection, Image.id, image_ids)
            rows = connection.execute(select(Image.id, Image.width, Image.height).where(wanted))
            found = {row.id: ImageRef(*row) for row in rows}
        return [found[image_id] for image_id in image_ids]
