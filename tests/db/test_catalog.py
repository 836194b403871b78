import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from db import Catalog, stages
from db.blobs import BlobStore
from db.credits import markdown
from db.derive import record_read, record_slices
from db.errors import BlobMissingError, UnknownImageError
from db.export import COLUMNS, rows, write_lines
from db.pixels import canonical_rgba, pixel_hash
from db.recording import record_fetched, record_page, record_pages
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
from db.status import read_status
from db.vocabulary import FileRole, Outcome, PersonRole, Stage

SHEET_URL = "http://s/sites/default/files/pack%20one.zip"


def picture(seed: int, size: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 255, (size, size, 4), dtype=np.uint8)


def png(rgba: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgba, "RGBA").save(out, "PNG")
    return out.getvalue()


def image_of(rgba: np.ndarray) -> ImageRecord:
    canonical = canonical_rgba(Image.fromarray(rgba, "RGBA"))
    return ImageRecord(pixel_hash(canonical), rgba.shape[1], rgba.shape[0], transparent=True)


def page(url: str, *files: FileLink, title: str = "A page") -> PageRecord:
    return PageRecord(
        url=url,
        site="s",
        title=title,
        files=files,
        tags=("cave", "stone"),
        people=(
            PersonRecord(PersonRole.AUTHOR, "Ann"),
            PersonRecord(PersonRole.COLLABORATOR, "Bo"),
            PersonRecord(PersonRole.SUBMITTER, "Cy"),
        ),
        licences=(
            LicenceRecord("CC0", "http://cc0", "CC0-1.0"),
            LicenceRecord("GPL 3.0", "http://gpl", "GPL-3.0-only"),
        ),
    )


def fetch(catalog: Catalog, url: str, data: bytes) -> None:
    stored = catalog.blobs.put(data)
    with catalog.database.write() as connection:
        record_fetched(connection, FetchedFile(url, stored.sha256, stored.size_bytes))


def due(catalog: Catalog) -> dict[bytes, int]:
    with catalog.database.read() as connection:
        return {blob.sha256: blob.id for blob in stages.due_blobs(connection, 0, 100)}


def read(catalog: Catalog, data: bytes, result: ReadResult) -> None:
    blob_id = due(catalog)[hashlib.sha256(data).digest()]
    with catalog.database.write() as connection:
        record_read(connection, blob_id, result)


def member(catalog: Catalog, position: int, path: str, data: bytes) -> MemberRecord:
    stored = catalog.blobs.put(data)
    return MemberRecord(position, path.encode(), path, "file", "ok", "", stored.sha256, stored.size_bytes)


def frames(*pictures: np.ndarray) -> ReadResult:
    found = tuple(FrameRecord(n, image_of(rgba), None) for n, rgba in enumerate(pictures))
    return ReadResult(Outcome.OK, 1, "png", frames=found)


@pytest.fixture
def sheet(catalog: Catalog) -> np.ndarray:
    """A page with one archive that holds one sheet of two tiles, read and sliced."""
    rgba = picture(1, 8)
    data, archive = png(rgba), b"archive bytes"
    with catalog.database.write() as connection:
        record_page(connection, page("http://s/content/p", FileLink(SHEET_URL, FileRole.FILE, "pack one.zip")))
    fetch(catalog, SHEET_URL, archive)
    read(catalog, archive, ReadResult(Outcome.OK, 1, "zip", members=(member(catalog, 0, "a b/tiles#1.png", data),)))
    read(catalog, data, frames(rgba))
    with catalog.database.read() as connection:
        (image_id,) = stages.due_images(connection, 0, 10)
    tiles = (TileRecord(0, 0, 4, 4, image_of(rgba[:4, :4]), 0, 0), TileRecord(4, 0, 4, 4, image_of(rgba[:4, 4:]), 0, 1))
    with catalog.database.write() as connection:
        record_slices(connection, image_id, SliceResult(Outcome.OK, 1, "grid", 0.9, "name", "4x4", tiles=tiles))
    return rgba


def test_every_sighting_has_an_url_that_leads_back(catalog: Catalog, sheet: np.ndarray) -> None:
    found = {row["url"]: row for row in rows(catalog.database)}
    base = SHEET_URL + "#path=a%20b/tiles%231.png"
    assert set(found) == {base, base + "&xywh=0,0,4,4", base + "&xywh=4,0,4,4"}
    tile = found[base + "&xywh=4,0,4,4"]
    assert (tile["title"], tile["authors"], tile["licence"]) == ("A page", "Ann; Bo", "CC0-1.0 OR GPL-3.0-only")
    assert (tile["kind"], found[base]["kind"]) == ("tile", "sheet")
    assert tile["parent_image_id"] == found[base]["image_id"]
    np.testing.assert_array_equal(catalog.open(tile["image_id"]), sheet[:4, 4:])


def test_the_same_bytes_at_another_url_are_known_at_once(catalog: Catalog, sheet: np.ndarray) -> None:
    fetch(catalog, "http://s/copy.zip", b"archive bytes")
    assert due(catalog) == {}
    urls = {row["url"] for row in rows(catalog.database)}
    assert "http://s/copy.zip#path=a%20b/tiles%231.png&xywh=0,0,4,4" in urls
    assert len(urls) == 6
    images = list(catalog.images())
    assert len(images) == 3


def test_an_archive_that_holds_itself_ends(catalog: Catalog) -> None:
    fetch(catalog, "http://s/quine.zip", b"quine")
    read(catalog, b"quine", ReadResult(Outcome.OK, 1, "zip", members=(member(catalog, 0, "q.zip", b"quine"),)))
    with catalog.database.read() as connection:
        assert connection.execute(text("SELECT max(depth) FROM place")).scalar() == 8


def test_reading_again_replaces_and_keeps_ids(catalog: Catalog, sheet: np.ndarray) -> None:
    before = {row["url"]: row["image_id"] for row in rows(catalog.database)}
    with catalog.database.write() as connection:
        stages.outdate(connection, Stage.READ, {}, 2)
    for data, result in (
        (
            b"archive bytes",
            ReadResult(Outcome.OK, 2, "zip", members=(member(catalog, 0, "a b/tiles#1.png", png(sheet)),)),
        ),
        (png(sheet), frames(sheet)),
    ):
        read(catalog, data, result)
    assert {row["url"]: row["image_id"] for row in rows(catalog.database)} == before


def test_slicing_anew_keeps_the_ids_of_tiles_that_stay(catalog: Catalog, sheet: np.ndarray) -> None:
    def tiles() -> dict[tuple[int, ...], int]:
        with catalog.database.read() as connection:
            return {tuple(r[1:]): r[0] for r in connection.execute(text("SELECT id, x, y, w, h FROM tile"))}

    before = tiles()
    with catalog.database.read() as connection:
        sheet_id = connection.execute(text("SELECT image_id FROM sheet")).scalar()
    kept = TileRecord(0, 0, 4, 4, image_of(sheet[:4, :4]))
    new = TileRecord(0, 4, 4, 4, image_of(sheet[4:, :4]))
    with catalog.database.write() as connection:
        record_slices(connection, sheet_id, SliceResult(Outcome.OK, 2, "grid", 0.9, "name", "", tiles=(kept, new)))
    after = tiles()
    assert set(after) == {(0, 0, 4, 4), (0, 4, 4, 4)}
    assert after[0, 0, 4, 4] == before[0, 0, 4, 4]
    assert not {i for box, i in after.items() if box not in before} & set(before.values())
    assert len(list(rows(catalog.database))) == 3


def test_a_new_place_makes_an_image_due_for_slicing_again(catalog: Catalog, sheet: np.ndarray) -> None:
    fetch(catalog, "http://s/tiles_4x4.png", png(sheet))
    with catalog.database.read() as connection:
        assert len(stages.due_images(connection, 0, 10)) == 1


def test_frames_of_an_animation_are_not_sliced(catalog: Catalog) -> None:
    fetch(catalog, "http://s/a.gif", b"gif")
    read(catalog, b"gif", frames(picture(1), picture(2)))
    with catalog.database.read() as connection:
        assert stages.due_images(connection, 0, 10) == []
    assert {row["url"] for row in rows(catalog.database)} == {"http://s/a.gif", "http://s/a.gif#frame=1"}


def test_consumers_mark_and_iterate_what_lacks_the_mark(catalog: Catalog, sheet: np.ndarray) -> None:
    ids = [image.id for image in catalog.images()]
    catalog.mark("featurized", ids[:2])
    assert [image.id for image in catalog.images(lacking="featurized")] == ids[2:]
    assert [image.id for image in catalog.images(lacking="indexed", batch=1)] == ids
    with pytest.raises(ValueError, match="no consumer"):
        catalog.mark("x", ids)


def test_sightings_tell_where_and_whom_to_credit(catalog: Catalog, sheet: np.ndarray) -> None:
    (seen,) = catalog.sightings(next(iter(catalog.images())).id)
    assert (seen.source_page, seen.authors, seen.rectangle) == ("http://s/content/p", "Ann; Bo", None)


def test_unknown_images_and_blobs_say_so(catalog: Catalog) -> None:
    with pytest.raises(UnknownImageError, match="image 7"):
        catalog.open(7)
    with pytest.raises(BlobMissingError):
        catalog.blobs.open(b"\0" * 32)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_source_page_does_not_depend_on_the_order_of_pages(catalog: Catalog, order: tuple[int, int]) -> None:
    link = FileLink("http://s/f.png", FileRole.FILE)
    mention = FileLink("http://s/f.png", FileRole.MENTION)
    pages = (page("http://s/content/b", link), page("http://s/content/a", mention))
    with catalog.database.write() as connection:
        for number in order:
            record_page(connection, pages[number])
        found = connection.execute(text("SELECT page.url FROM file JOIN page ON page.id = page_id")).scalar()
    assert found == "http://s/content/b"


def test_pages_recorded_together_are_as_if_recorded_one_by_one(catalog: Catalog) -> None:
    shared, own = FileLink("http://s/f.png", FileRole.FILE), FileLink("http://s/g.png", FileRole.FILE)
    pages = [
        page("http://s/content/p", shared, own, title="old"),
        page("http://s/content/q", shared),
        page("http://s/content/p", shared, title="new"),
    ]
    with catalog.database.write() as connection:
        ids = record_pages(connection, pages).ids
        rows = connection.execute(text("SELECT id, title FROM page ORDER BY url")).all()
        links = connection.execute(
            text(
                "SELECT page_file.page_id, name, withdrawn_at IS NOT NULL FROM page_file JOIN file ON file.id = file_id"
                " ORDER BY page_file.page_id, name"
            )
        ).all()
    p, q = ids["http://s/content/p"], ids["http://s/content/q"]
    assert [tuple(row) for row in rows] == [(p, "new"), (q, pages[1].title)]
    assert [(page_id, name, bool(gone)) for page_id, name, gone in links] == sorted(
        [(p, "f.png", False), (p, "g.png", True), (q, "f.png", False)]
    )


def test_recording_a_page_twice_changes_nothing(catalog: Catalog) -> None:
    record = page("http://s/content/p", FileLink("http://s/f.png", FileRole.FILE))
    counts = []
    for _ in range(2):
        with catalog.database.write() as connection:
            record_page(connection, record)
            counts.append(
                [
                    connection.execute(text(f"SELECT count(*) FROM {t}")).scalar()
                    for t in ("page", "person", "licence", "tag", "page_file", "file")
                ]
            )
    assert counts[0] == counts[1] == [1, 3, 2, 2, 1, 1]


def test_export_round_trips_hostile_text(catalog: Catalog, sheet: np.ndarray) -> None:
    hostile = 'tab\there\nline "quoted" \\ back'
    with catalog.database.write() as connection:
        record_page(connection, page("http://s/content/p", FileLink(SHEET_URL, FileRole.FILE), title=hostile))
    tsv, jsonl = io.StringIO(), io.StringIO()
    for format_, out in (("tsv", tsv), ("jsonl", jsonl)):
        assert write_lines(format_, rows(catalog.database), out) == 3
    lines = tsv.getvalue().split("\n")
    assert [len(line.split("\t")) for line in lines[:-1]] == [len(COLUMNS)] * 4
    assert json.loads(jsonl.getvalue().split("\n")[0])["title"] == hostile


def test_credits_name_authors_and_escape_markup(catalog: Catalog) -> None:
    with catalog.database.write() as connection:
        record_page(connection, page("http://s/content/p", title="[x](javascript:alert)"))
    (line,) = [line for line in markdown(catalog.database) if line.startswith("- ")]
    assert line == '- "\\[x\\](javascript:alert)" by Ann; Bo licensed CC0 or GPL 3.0: http://s/content/p'


def test_status_names_failures_with_an_example(catalog: Catalog) -> None:
    fetch(catalog, "http://s/bad.zip", b"bad")
    read(catalog, b"bad", ReadResult(Outcome.DAMAGED, 1, "zip", "no end of central directory"))
    (problem,) = read_status(catalog.database).problems
    assert (problem.example, problem.reason, problem.count) == ("http://s/bad.zip", "no end of central directory", 1)


def test_blob_store_drops_what_is_not_committed(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path))
    with store.writer() as writer:
        writer.write(b"half")
    assert list(store) == []
    assert list(store.temporary.iterdir()) == []
    stored = store.put(b"whole", durable=True)
    assert store.put(b"whole") == stored
    assert list(store) == [hashlib.sha256(b"whole").digest()]
    with store.open(stored.sha256) as stream:
        assert stream.read() == b"whole"


def test_transparent_pixels_count_as_equal() -> None:
    one, other = picture(1), picture(1)
    one[0, 0] = (1, 2, 3, 0)
    other[0, 0] = (9, 9, 9, 0)
    assert image_of(one) == image_of(other)
    other[0, 0, 3] = 1
    assert image_of(one) != image_of(other)
