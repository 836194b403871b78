"""How fast results are settled: archives of images and sheets of tiles, 32 to a transaction, as `extract run` does."""

import hashlib
import time
from itertools import count

from db import Catalog, stages
from db.derive import record_all_slices, record_reads
from db.engine import chunked
from db.recording import record_fetched
from db.records import FetchedFile, FrameRecord, ImageRecord, MemberRecord, ReadResult, SliceResult, TileRecord
from db.tallies import all_totals
from db.vocabulary import Outcome

ARCHIVES, MEMBERS, TILES = 12, 86, 90
COUNTED = ("blobs", "files_known", "members", "images", "tiles", "sightings")
_names = count()


def _sha() -> bytes:
    return hashlib.sha256(b"%d %f" % (next(_names), time.time())).digest()


def _image() -> ImageRecord:
    return ImageRecord(_sha(), 16, 16, transparent=True)


def settle_rows(catalog: Catalog) -> tuple[float, float]:
    """Return rows per second, and rows per CPU second of this process."""
    archives = [_sha() for _ in range(ARCHIVES)]
    with catalog.database.write() as connection:
        for sha in archives:
            record_fetched(connection, FetchedFile(f"http://bench/{sha.hex()}.zip", sha, 1000))
    before, start, cpu = _rows(catalog), time.perf_counter(), time.process_time()
    _settle_due_blobs(catalog, set(archives))
    _settle_due_images(catalog)
    rows = _rows(catalog) - before
    return rows / (time.perf_counter() - start), rows / (time.process_time() - cpu)


def _settle_due_blobs(catalog: Catalog, archives: set[bytes]) -> None:
    while True:
        with catalog.database.read() as connection:
            due = stages.due_blobs(connection, 0, 256)
        if not due:
            return
        for batch in chunked(due, 32):
            with catalog.database.write() as connection:
                record_reads(connection, [(b.id, _archive() if b.sha256 in archives else _picture()) for b in batch])


def _archive() -> ReadResult:
    members = tuple(
        MemberRecord(n, b"a/%d.png" % n, f"a/{n}.png", "file", "ok", "", _sha(), 1000) for n in range(MEMBERS)
    )
    return ReadResult(Outcome.OK, 1, "zip", members=members)


def _picture() -> ReadResult:
    return ReadResult(Outcome.OK, 1, "png", frames=(FrameRecord(0, _image()),))


def _settle_due_images(catalog: Catalog) -> None:
    """Slice what was read now (those with the highest ids)."""
    with catalog.database.read() as connection:
        last = connection.exec_driver_sql("SELECT max(id) FROM image").scalar() or 0
        due = stages.due_images(connection, last - ARCHIVES * MEMBERS, ARCHIVES * MEMBERS)
    for batch in chunked(due, 32):
        with catalog.database.write() as connection:
            record_all_slices(connection, [(i, _sheet() if n % 3 == 0 else _single()) for n, i in enumerate(batch)])


def _sheet() -> SliceResult:
    tiles = tuple(TileRecord(16 * n, 0, 16, 16, _image(), 0, n) for n in range(TILES))
    return SliceResult(Outcome.OK, 1, "grid", 0.9, "pixels", "16 x 16", tile=(16, 16), tiles=tiles)


def _single() -> SliceResult:
    return SliceResult(Outcome.EMPTY, 1, "single", 0.9, "pixels", "")


def _rows(catalog: Catalog) -> int:
    with catalog.database.read() as connection:
        totals = all_totals(connection)
    ledger = sum(number for (name, _), number in totals.items() if name == "ledger")
    return ledger + sum(totals.get((name, ""), 0) for name in COUNTED)
