"""A stage that fails by our own fault says nothing of its input: what was known stays, and it may be tried again."""

from sqlalchemy import text

from db import Catalog
from db.derive import record_read, record_slices
from db.records import ReadResult, SliceResult
from db.vocabulary import Outcome
from tests.db.building import add_file, add_page, archive, image_record, pixels, png, settle, slice_all, still

RGBA = pixels(1)


def rows(catalog: Catalog) -> list[tuple[object, ...]]:
    with catalog.database.read() as connection:
        return [
            (table, *row)
            for table in ("member", "place", "frame", "sighting", "sheet", "tile")
            for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))
        ]


def known(catalog: Catalog) -> list[tuple[object, ...]]:
    """Fill a catalog with an archive that holds a sheet, and return all that is known."""
    add_page(catalog, "p", "http://s/pack.zip")
    add_file(catalog, "http://s/pack.zip", b"archive")
    settle(catalog, {b"archive": archive(catalog, **{"a.png": png(RGBA)}), png(RGBA): still(RGBA)})
    slice_all(catalog, {image_record(RGBA).pixel_hash: RGBA})
    return rows(catalog)


def outcomes(catalog: Catalog) -> list[tuple[object, ...]]:
    with catalog.database.read() as connection:
        found = connection.execute(text("SELECT stage, subject_id, outcome FROM ledger ORDER BY 1, 2"))
        return [tuple(row) for row in found]


def test_a_failed_reading_forgets_nothing(catalog: Catalog) -> None:
    before, seen = known(catalog), list(catalog.watch())
    for blob_id in (1, 2):
        with catalog.database.write() as connection:
            record_read(connection, blob_id, ReadResult(Outcome.FAILED, 2, "", "killed its worker 2 times"))
        assert rows(catalog) == before
    assert outcomes(catalog) == [("read", 1, "failed"), ("read", 2, "failed"), ("slice", 1, "ok")]
    assert list(catalog.watch()) == seen


def test_a_failed_slicing_forgets_nothing(catalog: Catalog) -> None:
    before = known(catalog)
    failed = SliceResult(Outcome.FAILED, 2, "single", 0.0, "pixels", "", reason="killed its worker 2 times")
    with catalog.database.write() as connection:
        record_slices(connection, 1, failed)
    assert rows(catalog) == before
    assert ("slice", 1, "failed") in outcomes(catalog)


def fail(catalog: Catalog, reason: str) -> None:
    """Let reading of the member and slicing of its picture fail."""
    with catalog.database.write() as connection:
        record_read(connection, 2, ReadResult(Outcome.FAILED, 2, "", reason))
        record_slices(connection, 1, SliceResult(Outcome.FAILED, 2, "single", 0.0, "pixels", "", reason=reason))


def test_what_failed_for_want_of_bytes_is_due_when_they_come(catalog: Catalog) -> None:
    known(catalog)
    fail(catalog, f"BlobMissingError: blob {'0' * 64} is not in here")
    with catalog.database.write() as connection:
        record_read(connection, 1, ReadResult(Outcome.FAILED, 2, "", "BlobDamagedError: other bytes"))
    assert {outcome for *_, outcome in outcomes(catalog)} == {"failed"}
    add_file(catalog, "http://s/pack.zip", b"archive")
    assert outcomes(catalog) == [("read", 1, "pending"), ("read", 2, "failed"), ("slice", 1, "failed")]
    with catalog.database.write() as connection:
        record_read(connection, 1, archive(catalog, **{"a.png": png(RGBA)}))
    assert outcomes(catalog) == [("read", 1, "ok"), ("read", 2, "pending"), ("slice", 1, "pending")]


def test_what_failed_otherwise_stays_so(catalog: Catalog) -> None:
    known(catalog)
    fail(catalog, "killed its worker 2 times")
    add_file(catalog, "http://s/again.png", png(RGBA))
    assert ("read", 2, "failed") in outcomes(catalog)
