"""How long every `quarry` command takes to start: `python -m benchmarks.catalog_start`.

Runs `--help` of every command there is, and each that can run with nothing to do on a catalog of a few images; prints
the median by the clock. Bytecode is compiled beforehand, as it is after a first run.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import click

from benchmarks.processes import as_users_run
from db import Catalog
from quarry import main as quarry
from tests.db.building import add_sheets

TRIES = 7
NOTHING_TO_DO = (
    "catalog status",
    "catalog status --json",
    "catalog status --failed",
    "catalog retry",
    "catalog migrate",
    "catalog verify",
    "catalog credits",
    "catalog export --format tsv",
    "catalog export --format jsonl",
    "catalog export --format csv",
    "catalog export --format parquet --out {out}/x.parquet",
    "catalog report --out {out}/report",
    "extract run",
    "extract run --dry-run",
    "index featurize --dry-run",
)


def commands(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*words, name)
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)


def seconds(words: list[str], env: dict[str, str]) -> float:
    times = []
    for attempt in range(TRIES + 1):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "quarry", *words], env=env, capture_output=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{words}: {done.stderr.decode()[-500:]}")
        if attempt:
            times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as out:
        env = as_users_run(
            QUARRY_CATALOG=f"sqlite:///{out}/catalog.db",
            QUARRY_BLOBS=f"{out}/blobs",
            PYTHONPYCACHEPREFIX=str(Path(tempfile.gettempdir()) / "quarry-bytecode"),
        )
        with Catalog(env["QUARRY_CATALOG"], env["QUARRY_BLOBS"]) as catalog:
            add_sheets(catalog, 3)
        asked = [line.format(out=out).split() for line in NOTHING_TO_DO]
        asked += [[*words, "--help"] for words in [(), *commands(quarry)]]  # type: ignore[arg-type]
        print("| command | s |\n|---|---|")
        for words in asked:
            said = " ".join(words).replace(out, "…")
            print(f"| `quarry {said}` | {seconds(words, env):.2f} |", flush=True)


if __name__ == "__main__":
    main()
