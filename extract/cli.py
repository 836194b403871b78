"""`quarry extract …`: unpack, decode and slice what the crawl brought home, or one file at hand."""

import json
import logging
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
from db.vocabulary import PROBLEMS, Stage
from extract.archives.interface import Limits
from extract.errors import PoolGoneError
from extract.pool import PoolUrlError, open_pool, warm_up
from extract.review.cli import DEFAULT_OUT, choose, review
from extract.run import Result, StageRunner, StageWork, Summary, Tally, outdate, read_work, slice_work
from extract.sandbox import available
from extract.tiles.cli import tiles

logger = logging.getLogger(__name__)

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
@click.option("--stage", type=click.Choice([stage.value for stage in Stage]), help="Only this stage; default all.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--dry-run", is_flag=True, help="Only say how much is due.")
def run(
    catalog_url: str | None, blobs_url: str | None, pool: str, stage: str | None, as_json: bool, dry_run: bool
) -> None:
    """Unpack archives, decode images and slice sheets: everything that is still due.

    Safe to stop and to repeat. Exit code 0: done; 1: done, with problems; 3: stopped early.

    Example: quarry extract run
    """
    if pool.startswith("processes") and not dry_run:
        warm_up()
    with Catalog(catalog_url, blobs_url) as catalog:
        outdate(catalog)
        if dry_run:
            _say_due(catalog)
            return
        summary, stopped, gaps = Summary(), False, _say_gaps()
        try:
            _run_stages(catalog, pool, summary, stage)
        except PoolUrlError as error:
            raise click.UsageError(str(error)) from error
        except PoolGoneError as error:
            click.echo(str(error), err=True)
            stopped = True
        except KeyboardInterrupt:
            stopped = True
    _report(summary, as_json, stopped, gaps)
    sys.exit(STOPPED if stopped else SOME_PROBLEMS if summary.problems else DONE)


def _say_due(catalog: Catalog) -> None:
    for work in (read_work(Limits()), slice_work()):
        work.prepare(catalog.database)
        with catalog.database.read() as connection:
            click.echo(f"{work.stage.value}: {stages.count_due(connection, work.stage)} due")


def _run_stages(catalog: Catalog, pool_url: str, summary: Summary, only: str | None) -> None:
    pool = open_pool(pool_url, TASK_TIMEOUT_S)
    if dashboard := getattr(pool, "dashboard", ""):
        click.echo(f"watch the workers at {dashboard}", err=True)
    try:
        with _progress() as progress:
            for work in (read_work(Limits()), slice_work()):
                if only not in (None, work.stage.value):
                    continue
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
        TextColumn("{task.fields[rates]}"),
        TextColumn("{task.fields[problems]} problems"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _run_stage(catalog: Catalog, runner: StageRunner, work: StageWork, summary: Summary, progress: Progress) -> None:
    bar = progress.add_task(work.stage.value, total=None, problems=0, rates="")
    count, tally, began = 0, Tally(), time.monotonic()

    def settled(result: Result) -> None:
        nonlocal count
        summary.add(work.stage, result, PROBLEMS)
        tally.add(result)
        count += 1
        if count % 50 == 1 and not progress.disable:
            with catalog.database.read() as connection:
                left = stages.count_due(connection, work.stage)
            rates = tally.rates(time.monotonic() - began)
            progress.update(
                bar, completed=count, total=count + left, problems=sum(summary.problems.values()), rates=rates
            )

    runner.run(settled)
    rates = tally.rates(time.monotonic() - began)
    progress.update(bar, completed=count, total=count, problems=sum(summary.problems.values()), rates=rates)


def _say_gaps() -> str:
    """Say once what this kernel cannot take from the processes that read; '' when nothing."""
    gaps = available().missing()
    if gaps:
        logger.warning("reading archives with less protection than intended: %s", gaps)
    return gaps


def _report(summary: Summary, as_json: bool, stopped: bool, gaps: str) -> None:
    if as_json:
        problems = [
            {"stage": stage, "outcome": outcome, "reason": reason, "count": count}
            for (stage, outcome, reason), count in sorted(summary.problems.items())
        ]
        outcomes = {stage: dict(counter) for stage, counter in summary.outcomes.items()}
        click.echo(
            json.dumps(
                {
                    "settled": summary.settled,
                    "outcomes": outcomes,
                    "problems": problems,
                    "stopped": stopped,
                    "unprotected": gaps,
                }
            )
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
    if gaps and summary.settled:
        click.echo(f"Protection: {gaps}.")
    if stopped:
        click.echo("Stopped early; the same command goes on from here.")


@extract.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: Path, as_json: bool) -> None:
    """Show what is in an archive, one level deep, touching no catalog.

    Example: quarry extract inspect pack.zip
    """
    from extract.inspecting import inspect_file, tree  # readers and decoders, which `run` leaves to its workers

    found = inspect_file(file)
    if as_json:
        # Surrogates stand for bytes of names that are no text; JSON carries them escaped.
        click.echo(json.dumps(found))
    else:
        Console().print(tree(file.name, found))
    sys.exit(DONE if found["state"] in ("ok", "empty") else SOME_PROBLEMS)


@extract.command("slice")
@click.argument("images", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--review", "as_page", is_flag=True, help="Write a page with the cuts drawn on (see extract review).")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_OUT, help="Its folder.")
@click.pass_context
def slice_(context: click.Context, images: tuple[Path, ...], as_json: bool, as_page: bool, out: Path) -> None:
    """Say how images would be sliced, with the sidecar files beside them, touching no catalog.

    Example: quarry extract slice tiles.png
    """
    if as_page and not images:
        context.invoke(review, out=out)
        return
    if not images:
        raise click.UsageError("which images?")
    if as_page:
        from extract.review.page import write_review
        from extract.review.unsure import files_at_hand

        page, count = write_review(out, files_at_hand(images))
        click.echo(f"{count} images in {page}")
        return
    from extract.inspecting import slice_file

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


extract.add_command(review)
extract.add_command(choose)
extract.add_command(tiles)
