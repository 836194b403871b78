"""How fast results are settled: archives of images and sheets of tiles, 32 to a transaction, as `extract run` does.

python -m benchmarks.catalog_settle CATALOG_URL BLOBS SHARE OF: settle one of several shares, for each line that comes
in, beside other processes that settle theirs.
"""

import hashlib
import subprocess
import sys
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
ARCHIVE_BYTES, MEMBER_BYTES = 1001, 1000
Share = tuple[int, int]
COUNTED = ("blobs", "files_known", "members", "images", "tiles", "sightings")
_names = count()


def _sha() -> bytes:
    return hashlib.sha256(b"%d %f" % (next(_names), time.time())).digest()


def _image() -> ImageRecord:
    return ImageRecord(_sha(), 16, 16, transparent=True)


def settle_rows(catalog: Catalog) -> tuple[float, float]:
    """Return rows per second, and rows per CPU second of this process."""
    _fetch(catalog)
    before, start, cpu = _rows(catalog), time.perf_counter(), time.process_time()
    _settle(catalog, (0, 1))
    rows = _rows(catalog) - before
    return rows / (time.perf_counter() - start), rows / (time.process_time() - cpu)


def settle_together(catalog: Catalog, processes: int, turns: int) -> list[float]:
    """Return rows per second of several processes that settle at once, as several runs of `extract run` do."""
    urls = [catalog.settings.catalog_url, catalog.settings.blobs_url]
    command = [sys.executable, "-m", "benchmarks.catalog_settle", *urls]
    started = [
        subprocess.Popen(
            [*command, str(n), str(processes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for n in range(processes)
    ]
    rates = [_turn(catalog, started, processes) for _ in range(turns + 1)]
    for process in started:
        process.communicate()
    return rates[1:]  # what is built once a process was built in the first


def _turn(catalog: Catalog, started: "list[subprocess.Popen[str]]", processes: int) -> float:
    for _ in range(processes):
        _fetch(catalog)
    before, start = _rows(catalog), time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
    seconds = time.perf_counter() - start
    return (_rows(catalog) - before) / seconds


def _fetch(catalog: Catalog) -> None:
    with catalog.database.write() as connection:
        for sha in (_sha() for _ in range(ARCHIVES)):
            record_fetched(connection, FetchedFile(f"http://bench/{sha.hex()}.zip", sha, ARCHIVE_BYTES))


def _settle(catalog: Catalog, share: Share) -> None:
    with catalog.database.read() as connection:
        last = connection.exec_driver_sql("SELECT max(id) FROM image").scalar() or 0
    _settle_due_blobs(catalog, share)
    _settle_due_images(catalog, last, share)


def _settle_due_blobs(catalog: Catalog, share: Share) -> None:
    after = 0
    while True:
        with catalog.database.read() as connection:
            due = stages.due_blobs(connection, after, 256)
        if not due:
            return
        ours = [blob for blob in due if blob.id % share[1] == share[0]]
        for batch in chunked(ours, 32):
            with catalog.database.write() as connection:
                read = [(b.id, _archive() if b.size_bytes == ARCHIVE_BYTES else _picture()) for b in batch]
                record_reads(connection, read)
        after = due[-1].id if not ours else after


def _archive() -> ReadResult:
    members = tuple(
        MemberRecord(n, b"a/%d.png" % n, f"a/{n}.png", "file", "ok", "", _sha(), MEMBER_BYTES) for n in range(MEMBERS)
    )
    return ReadResult(Outcome.OK, 1, "zip", members=members)


def _picture() -> ReadResult:
    return ReadResult(Outcome.OK, 1, "png", frames=(FrameRecord(0, _image()),))


def _settle_due_images(catalog: Catalog, last: int, share: Share) -> None:
    """Slice what was read now (those with higher ids)."""
    with catalog.database.read() as connection:
        found = stages.due_images(connection, last, ARCHIVES * MEMBERS * share[1])
    due = [image_id for image_id in found if image_id % share[1] == share[0]]
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


def main() -> None:
    catalog_url, blobs, share, of = sys.argv[1:]
    with Catalog(catalog_url, blobs) as catalog:
        for _ in sys.stdin:
            _settle(catalog, (int(share), int(of)))
            print("done", flush=True)


if __name__ == "__main__":
    main()
