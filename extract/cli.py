"""`quarry extract …`: unpack, decode and slice what the crawl brought home, or one file at hand."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from db import Catalog, stages
from db.cli_options import catalog_options
from db.terminal import printable
from db.vocabulary import PROBLEMS
from extract.archives.interface import Limits
from extract.errors import PoolGoneError
from extract.inspecting import inspect_file, slice_file, tree
from extract.pool import PoolUrlError, open_pool
from extract.run import Result, StageRunner, StageWork, Summary, outdate, read_work, slice_work

DONE, SOME_PROBLEMS, STOPPED = 0, 1, 3
TASK_TIMEOUT_S = 900.0


@click.group()
def extract() -> None:
    """Turn files into images and tiles."""


@extract.command()
@catalog_options
@click.option(
    "--pool",
    default="processes",
    show_default=True,
    help="Where to work: processes (one a core), processes:N, dask://host:port.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--dry-run", is_flag=True, help="Only say how much is due.")
def run(catalog_url: str | None, blobs_url: str | None, pool: str, as_json: bool, dry_run: bool) -> None:
    """Unpack archives, decode images and slice sheets: everything that is still due.

    Safe to stop and to repeat. Exit code 0: done; 1: done, with problems; 3: stopped early.

    Example: quarry extract run
    """
    with Catalog(catalog_url, blobs_url) as catalog:
        outdate(catalog)
        if dry_run:
            _say_due(catalog)
            return
        summary, stopped = Summary(), False
        try:
            _run_stages(catalog, pool, summary)
        except PoolUrlError as error:
            raise click.UsageError(str(error)) from error
        except PoolGoneError as error:
            click.echo(str(error), err=True)
            stopped = True
        except KeyboardInterrupt:
            stopped = True
    _report(summary, as_json, stopped)
    sys.exit(STOPPED if stopped else SOME_PROBLEMS if summary.problems else DONE)


def _say_due(catalog: Catalog) -> None:
    with catalog.database.read() as connection:
        for work in (read_work(Limits()), slice_work()):
            click.echo(f"{work.stage.value}: {stages.count_due(connection, work.stage)} due")


def _run_stages(catalog: Catalog, pool_url: str, summary: Summary) -> None:
    pool = open_pool(pool_url, TASK_TIMEOUT_S)
    if dashboard := getattr(pool, "dashboard", ""):
        click.echo(f"watch the workers at {dashboard}", err=True)
    try:
        with _progress() as progress:
            for work in (read_work(Limits()), slice_work()):
                _run_stage(catalog, StageRunner(catalog, pool, pool.workers, work), work, summary, progress)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[problems]} problems"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _run_stage(catalog: Catalog, runner: StageRunner, work: StageWork, summary: Summary, progress: Progress) -> None:
    bar = progress.add_task(work.stage.value, total=None, problems=0)
    count = 0

    def settled(result: Result) -> None:
        nonlocal count
        summary.add(work.stage, result, PROBLEMS)
        count += 1
        if count % 50 == 1:
            with catalog.database.read() as connection:
                left = stages.count_due(connection, work.stage)
            progress.update(bar, completed=count, total=count + left, problems=sum(summary.problems.values()))

    runner.run(settled)
    progress.update(bar, completed=count, total=count, problems=sum(summary.problems.values()))


def _report(summary: Summary, as_json: bool, stopped: bool) -> None:
    if as_json:
        problems = [
            {"stage": stage, "outcome": outcome, "reason": reason, "count": count}
            for (stage, outcome, reason), count in sorted(summary.problems.items())
        ]
        outcomes = {stage: dict(counter) for stage, counter in summary.outcomes.items()}
        click.echo(
            json.dumps({"settled": summary.settled, "outcomes": outcomes, "problems": problems, "stopped": stopped})
        )
        return
    if not summary.settled and not stopped:
        click.echo("Nothing to do: everything is extracted.")
    for stage, counter in summary.outcomes.items():
        click.echo(f"{stage}: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(counter.items())))
    for (stage, outcome, reason), count in sorted(summary.problems.items()):
        click.echo(f"  {count} × {stage} {outcome}: {printable(reason)}")
    if summary.problems:
        click.echo("  See `quarry catalog status --failed`.")
    if stopped:
        click.echo("Stopped early; the same command goes on from here.")


@extract.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: Path, as_json: bool) -> None:
    """Show what is in an archive, one level deep, touching no catalog.

    Example: quarry extract inspect pack.zip
    """
    found = inspect_file(file)
    if as_json:
        # Surrogates stand for bytes of names that are no text; JSON carries them escaped.
        click.echo(json.dumps(found))
    else:
        Console().print(tree(file.name, found))
    sys.exit(DONE if found["state"] in ("ok", "empty") else SOME_PROBLEMS)


@extract.command("slice")
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def slice_(images: tuple[Path, ...], as_json: bool) -> None:
    """Say how images would be sliced, with the sidecar files beside them, touching no catalog.

    Example: quarry extract slice tiles.png
    """
    bad = False
    for image in images:
        start = time.perf_counter()
        found: dict[str, Any] = {"path": str(image), **slice_file(image)}
        found["seconds"] = round(time.perf_counter() - start, 4)
        bad = bad or found["kind"] == "error"
        click.echo(json.dumps(found) if as_json else _one_line(found))
    sys.exit(SOME_PROBLEMS if bad else DONE)


def _one_line(found: dict[str, Any]) -> str:
    tile = "×".join(map(str, found["tile"])) if found.get("tile") else ""
    rects = f"{len(found['rects'])} {tile} tiles" if found["rects"] else ""
    said = " ".join(part for part in (found["kind"], rects, f"({found['confidence']:.2f}: {found['why']})") if part)
    return printable(f"{found['path']}: {said}")
