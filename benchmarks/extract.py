"""How fast archives become catalogued images, beside a script around `7zz x` or `bsdtar -x` and Pillow.

python -m benchmarks.extract [--quick] [--only small|large|nested|mixed] [--pairs N] [--json OUT]

Ours unpacks, hashes, stores, decodes, hashes pixels and records all of it in a catalog (`quarry extract run --stage
read`), and may be killed at any moment; the peer leaves a folder of files and knows nothing. Both use two processes,
take turns, and what counts is the ratio of neighbours. Slicing is not included: it is a stage of its own. Processor
seconds are those of all processes together, peak memory that of the largest one.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import extract_corpus as corpus
from benchmarks.processes import as_users_run, compile_packages
from db import Catalog
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, PageRecord
from db.vocabulary import FileRole
from extract.archives.sevenzip_tool import find_program

ROOT = Path(__file__).parents[1]
MEASURE = [sys.executable, "-I", "-S", str(ROOT / "benchmarks" / "extract_measure.py")]
PEER = ROOT / "benchmarks" / "peers" / "unpack_decode.py"
MB = 1_000_000


@dataclass(frozen=True)
class Case:
    """One set of archives, and the programs to compare with."""

    name: str
    make: Callable[[Path], list[Path]]
    peers: tuple[str, ...] = ("7zz", "bsdtar")


@dataclass(frozen=True)
class Row:
    """Medians of one case against one peer, and the spread of the pairs' ratios (ours divided by theirs)."""

    case: str
    peer: str
    images: int
    ours_s: float
    peer_s: float
    ratio: float
    lowest: float
    highest: float
    ours_cpu_s: float
    peer_cpu_s: float
    ours_peak_mb: float
    peer_peak_mb: float


def cases(*, quick: bool) -> list[Case]:
    """Return the cases of the issue, a tenth of them with `quick`."""
    part = 10 if quick else 1
    small = [
        Case(f"small {kind}", lambda folder, kind=kind: corpus.small(folder, kind, 2000 // part))
        for kind in ("zip", "7z", "rar", "tar.gz")
    ]
    return [
        *small,
        Case("large", lambda folder: corpus.large(folder, 180 // part)),
        Case("nested", lambda folder: corpus.nested(folder, 100 // part)),
        Case("mixed", lambda folder: corpus.mixed(folder, 200 // part), ("7zz",)),
    ]


def measured(command: Sequence[str], cwd: Path, ok: Sequence[int] = (0,)) -> dict[str, Any]:
    """Run a command and return what it cost."""
    env = as_users_run(PYTHONPATH=str(ROOT))
    with (cwd / "log.txt").open("w") as log:
        done = subprocess.run([*MEASURE, *command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=log, check=True)
    cost: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if cost["exit"] not in ok:
        raise SystemExit(f"{' '.join(command)} ended with {cost['exit']}:\n{(cwd / 'log.txt').read_text()[-2000:]}")
    return cost


def prepared(folder: Path, archives: Sequence[Path]) -> None:
    """Put the archives into a new catalog, as a crawl would."""
    with Catalog(f"sqlite:///{folder}/catalog.db", str(folder / "blobs")) as catalog:
        links = [FileLink(f"http://bench/{path.name}", FileRole.FILE) for path in archives]
        with catalog.database.write() as connection:
            record_page(connection, PageRecord("http://bench/p", "bench", "P", files=tuple(links)))
            for link, path in zip(links, archives, strict=True):
                stored = catalog.blobs.put(path.read_bytes())
                record_fetched(connection, FetchedFile(link.url, stored.sha256, stored.size_bytes))


def ours(folder: Path, archives: Sequence[Path]) -> tuple[dict[str, Any], int]:
    """Extract with us; return the cost and how many images the catalog knows."""
    prepared(folder, archives)
    places = ["--catalog", f"sqlite:///{folder}/catalog.db", "--blobs", str(folder / "blobs")]
    command = [sys.executable, "-m", "quarry", "extract", "run", "--stage", "read", "--pool", "processes:2", *places]
    cost = measured(command, folder)
    with Catalog(f"sqlite:///{folder}/catalog.db", str(folder / "blobs")) as catalog:
        return cost, sum(1 for _ in catalog.images())


def peer(program: str, folder: Path, archives: Sequence[Path]) -> dict[str, Any]:
    """Unpack and decode as people do."""
    path = str(find_program()) if program == "7zz" else str(shutil.which(program))
    return measured([sys.executable, str(PEER), path, str(folder / "out"), *map(str, archives)], folder)


def compare(case: Case, program: str, folder: Path, pairs: int) -> Row:
    """Run both in turns."""
    sources = folder / case.name.replace(" ", "-")
    if not sources.exists():
        sources.mkdir()
        archives = case.make(sources)
        (sources / "list.json").write_text(json.dumps([str(path) for path in archives]))
    archives = [Path(path) for path in json.loads((sources / "list.json").read_text())]
    mine, theirs, images = [], [], 0
    for _ in range(pairs):  # nothing is deleted until all is over: ext4 is slow where files were deleted just now
        cost, images = ours(Path(tempfile.mkdtemp(dir=folder)), archives)
        mine.append(cost)
        theirs.append(peer(program, Path(tempfile.mkdtemp(dir=folder)), archives))
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(mine, theirs, strict=True)]

    def median(costs: Sequence[dict[str, Any]], key: str, unit: float = 1.0) -> float:
        return statistics.median(cost[key] for cost in costs) / unit

    return Row(
        case.name,
        program,
        images,
        median(mine, "seconds"),
        median(theirs, "seconds"),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        median(mine, "cpu_s"),
        median(theirs, "cpu_s"),
        median(mine, "peak_bytes", MB),
        median(theirs, "peak_bytes", MB),
    )


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, one pair")
    parser.add_argument("--only", help="cases whose name begins so")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the rows there")
    args = parser.parse_args()
    rows = []
    console = Console()
    compile_packages("db", "extract", "pools")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(quick=args.quick):
            if args.only and not case.name.startswith(args.only):
                continue
            for program in case.peers:
                if program != "7zz" and shutil.which(program) is None:
                    console.print(f"{case.name}: skipped beside {program}, which is not installed (libarchive-tools)")
                    continue
                rows.append(compare(case, program, Path(folder), 1 if args.quick else args.pairs))
                console.print(_line(rows[-1]))
    console.print(_table(rows))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def _line(row: Row) -> str:
    return f"{row.case} beside {row.peer}: {row.ours_s:.2f} s, {row.peer_s:.2f} s, ratio {row.ratio:.2f}"


def _table(rows: Sequence[Row]) -> Table:
    table = Table("archives", "beside", "images", "ours s", "peer s", "ratio (range)", "CPU s", "peak MB")
    for row in rows:
        table.add_row(
            row.case,
            row.peer,
            str(row.images),
            f"{row.ours_s:.2f}",
            f"{row.peer_s:.2f}",
            f"{row.ratio:.2f} ({row.lowest:.2f}–{row.highest:.2f})",
            f"{row.ours_cpu_s:.2f} / {row.peer_cpu_s:.2f}",
            f"{row.ours_peak_mb:.0f} / {row.peer_peak_mb:.0f}",
        )
    return table


if __name__ == "__main__":
    main()
