"""Catalogs for tests: pages with sheets of random pixels, recorded through the same calls as the stages make."""

import io

import numpy as np
from PIL import Image

from db import Catalog, stages
from db.derive import record_read, record_slices
from db.pixels import Rgba, canonical_rgba, pixel_hash
from db.recording import record_fetched, record_page
from db.records import (
    FetchedFile,
    FileLink,
    FrameRecord,
    ImageRecord,
    LicenceRecord,
    MemberRecord,
    PageRecord,
    PersonRecord,
    ReadResult,
    SliceResult,
    TileRecord,
)
from db.vocabulary import FileRole, Outcome, PersonRole

TILE = 4
CC0 = LicenceRecord("CC0", "http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0")
BY = LicenceRecord("CC-BY 3.0", "http://creativecommons.org/licenses/by/3.0/", "CC-BY-3.0")
BY_SA = LicenceRecord("CC-BY-SA 3.0", "http://creativecommons.org/licenses/by-sa/3.0/", "CC-BY-SA-3.0")
GPL = LicenceRecord("GPL 3.0", "http://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only")


def pixels(seed: int, tiles: int = 4) -> Rgba:
    """Return a sheet of `tiles` tiles in a row, each `TILE` pixels square, all different."""
    return np.random.default_rng(seed).integers(1, 255, (TILE, TILE * tiles, 4), dtype=np.uint8)


def png(rgba: Rgba) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgba, "RGBA").save(out, "PNG")
    return out.getvalue()


def image_record(rgba: Rgba) -> ImageRecord:
    canonical = canonical_rgba(Image.fromarray(np.ascontiguousarray(rgba), "RGBA"))
    return ImageRecord(pixel_hash(canonical), rgba.shape[1], rgba.shape[0], transparent=True)


def add_page(
    catalog: Catalog,
    name: str,
    *files: str,
    licences: tuple[LicenceRecord, ...] = (CC0,),
    author: str = "Ann",
    tags: tuple[str, ...] = (),
    title: str = "",
    attribution: str = "",
    art_type: str = "2D Art",
    posted_at: str | None = None,
) -> str:
    """Record a page that offers files; return its URL."""
    url = f"http://s/content/{name}"
    record = PageRecord(
        url=url,
        site="s",
        title=title or name,
        files=tuple(FileLink(file, FileRole.FILE) for file in files),
        people=(PersonRecord(PersonRole.AUTHOR, author),),
        licences=licences,
        tags=tags,
        attribution=attribution,
        art_type=art_type,
        posted_at=posted_at,
    )
    with catalog.database.write() as connection:
        record_page(connection, record)
    return url


def add_file(catalog: Catalog, url: str, data: bytes) -> None:
    """Bring the bytes of a URL."""
    stored = catalog.blobs.put(data)
    with catalog.database.write() as connection:
        record_fetched(connection, FetchedFile(url, stored.sha256, stored.size_bytes))


def settle(catalog: Catalog, results: dict[bytes, ReadResult]) -> None:
    """Read everything that is due, as told by the bytes' results."""
    by_sha = {catalog.blobs.put(data).sha256: result for data, result in results.items()}
    while True:
        with catalog.database.read() as connection:
            due = [blob for blob in stages.due_blobs(connection, 0, 1000) if blob.sha256 in by_sha]
        if not due:
            return
        with catalog.database.write() as connection:
            for blob in due:
                record_read(connection, blob.id, by_sha[blob.sha256])


def still(rgba: Rgba) -> ReadResult:
    return ReadResult(Outcome.OK, 1, "png", frames=(FrameRecord(0, image_record(rgba)),))


def archive(catalog: Catalog, **members: bytes) -> ReadResult:
    found = []
    for position, (path, data) in enumerate(members.items()):
        stored = catalog.blobs.put(data)
        found.append(MemberRecord(position, path.encode(), path, "file", "ok", "", stored.sha256, stored.size_bytes))
    return ReadResult(Outcome.OK, 1, "zip", members=tuple(found))


def slice_all(catalog: Catalog, sheets: dict[bytes, Rgba]) -> None:
    """Slice every due image whose pixels are given (by pixel hash) into its tiles; others stay whole."""
    with catalog.database.read() as connection:
        due = stages.due_images(connection, 0, 10_000)
        hashes = dict(
            connection.exec_driver_sql("SELECT id, pixel_hash FROM image").all()  # few images in tests
        )
    for image_id in due:
        rgba = sheets.get(bytes(hashes[image_id]))
        with catalog.database.write() as connection:
            record_slices(connection, image_id, _sliced(rgba))


def _sliced(rgba: Rgba | None) -> SliceResult:
    if rgba is None:
        return SliceResult(Outcome.EMPTY, 1, "single", 0.9, "pixels", "")
    tiles = tuple(
        TileRecord(x, 0, TILE, TILE, image_record(rgba[:, x : x + TILE]), 0, x // TILE)
        for x in range(0, rgba.shape[1], TILE)
    )
    return SliceResult(Outcome.OK, 1, "grid", 0.9, "pixels", "4x4", tile=(TILE, TILE), tiles=tiles)


def add_sheets(catalog: Catalog, count: int, tiles: int = 4, first: int = 0) -> list[Rgba]:
    """Add pages with one loose sheet each, read and sliced; return the sheets' pixels."""
    sheets = [pixels(first + number, tiles) for number in range(count)]
    for number, rgba in enumerate(sheets, first):
        add_page(catalog, f"p{number}", f"http://s/f{number}.png")
        add_file(catalog, f"http://s/f{number}.png", png(rgba))
    settle(catalog, {png(rgba): still(rgba) for rgba in sheets})
    slice_all(catalog, {image_record(rgba).pixel_hash: rgba for rgba in sheets})
    return sheets
