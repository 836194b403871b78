"""What it would bring to put small blobs into one file instead of a file each: write, read back, disk space.

python -m benchmarks.blob_packs [--count 20000] [--pairs 3]

Three stores of the same small blobs: the folder store (a temporary file and a rename each), one SQLite table (500 a
transaction, WAL), and an append-only file with an index of offsets. `durable` waits for the disk once, at the end.
"""

import argparse
import hashlib
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from db.blobs import BlobStore

Blobs = Sequence[tuple[bytes, bytes]]


def made(count: int) -> Blobs:
    """Make blobs of 200 to 3,000 bytes, as small sprites are."""
    rng = random.Random(1)
    data = [rng.randbytes(rng.randint(200, 3000)) for _ in range(count)]
    return [(hashlib.sha256(item).digest(), item) for item in data]


def folder_write(root: Path, blobs: Blobs) -> None:
    store = BlobStore(str(root))
    for _, data in blobs:
        store.put(data)


def folder_read(root: Path, keys: Iterable[bytes]) -> Iterator[bytes]:
    store = BlobStore(str(root))
    for key in keys:
        with store.open(key) as stream:
            yield stream.read()


def sqlite_write(root: Path, blobs: Blobs) -> None:
    root.mkdir(exist_ok=True)
    with sqlite3.connect(root / "packs.db") as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute("CREATE TABLE blob (sha256 BLOB PRIMARY KEY, data BLOB) WITHOUT ROWID")
        for at in range(0, len(blobs), 500):
            base.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?)", blobs[at : at + 500])
            base.commit()


def sqlite_read(root: Path, keys: Iterable[bytes]) -> Iterator[bytes]:
    with sqlite3.connect(root / "packs.db") as base:
        for key in keys:
            yield base.execute("SELECT data FROM blob WHERE sha256 = ?", (key,)).fetchone()[0]


def pack_write(root: Path, blobs: Blobs) -> None:
    root.mkdir(exist_ok=True)
    with (root / "pack").open("wb") as pack, (root / "index").open("wb") as index:
        at = 0
        for key, data in blobs:
            pack.write(data)
            index.write(key + at.to_bytes(8, "little") + len(data).to_bytes(4, "little"))
            at += len(data)


def pack_read(root: Path, keys: Iterable[bytes]) -> Iterator[bytes]:
    raw = (root / "index").read_bytes()
    offsets = {
        raw[n : n + 32]: (
            int.from_bytes(raw[n + 32 : n + 40], "little"),
            int.from_bytes(raw[n + 40 : n + 44], "little"),
        )
        for n in range(0, len(raw), 44)
    }
    descriptor = os.open(root / "pack", os.O_RDONLY)
    try:
        for key in keys:
            at, size = offsets[key]
            yield os.pread(descriptor, size, at)
    finally:
        os.close(descriptor)


STORES: dict[str, tuple[Callable[[Path, Blobs], None], Callable[[Path, Iterable[bytes]], Iterator[bytes]]]] = {
    "folder": (folder_write, folder_read),
    "SQLite": (sqlite_write, sqlite_read),
    "append-only": (pack_write, pack_read),
}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def round_of(name: str, blobs: Blobs, shuffled: Sequence[bytes]) -> dict[str, float]:
    """Write and read one store once."""
    write, read = STORES[name]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        written = timed(lambda: write(root, blobs))
        synced = timed(os.sync)
        seen = timed(lambda: sum(len(data) for data in read(root, shuffled)))
        used = sum(path.stat().st_blocks * 512 for path in root.rglob("*"))
    return {
        "write s": written[0],
        "write CPU s": written[1],
        "to disk s": synced[0],
        "read s": seen[0],
        "read CPU s": seen[1],
        "disk MB": used / 1e6,
    }


def main() -> None:
    """Run all stores in turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=3)
    args = parser.parse_args()
    blobs = made(args.count)
    keys = [key for key, _ in blobs]
    random.Random(2).shuffle(keys)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in STORES}
    for _ in range(args.pairs):
        for name in STORES:
            rounds[name].append(round_of(name, blobs, keys))
    table = Table(f"{args.count} blobs, {sum(len(d) for _, d in blobs) / 1e6:.0f} MB", *rounds["folder"][0])
    for name, costs in rounds.items():
        table.add_row(name, *(f"{statistics.median(cost[key] for cost in costs):.2f}" for key in costs[0]))
    Console().print(table)


if __name__ == "__main__":
    main()
