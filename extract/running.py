"""What `quarry extract run` does: open the catalog and a pool, drain the stages, show progress, report.

Apart from `extract.cli`, which begins to start the workers before any of this is imported.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from db import Catalog, stages
from db.changes import publish
from db.exit_codes import DONE, SOME_PROBLEMS, STOPPED
from db.terminal import printable
from db.vocabulary import PROBLEMS
from extract.archives.interface import Limits
from extract.litter import sweep
from extract.preload import PRELOAD
from extract.run import StageRunner, StageWork, outdate, read_work, slice_work
from extract.sandbox import available
from extract.stopping import why_stopped
from extract.tally import Result, Summary, Tally
from pools import Pool, check_pool_url, open_pool
from pools.errors import PoolUrlError

if TYPE_CHECKING:
    from rich.progress import Progress

logger = logging.getLogger(__name__)

TASK_TIMEOUT_S = 900.0


def drain(catalog_url: str | None, blobs_url: str | None, pool_url: str, stage: str | None, *, as_json: bool) -> int:
    """Run the stages (or one of them) until nothing is due, report, and return the exit code."""
    summary, stopped, gaps = Summary(), False, _say_gaps()
    try:
        check_pool_url(pool_url)
        with Catalog(catalog_url, blobs_url) as catalog:
            sweep(catalog.blobs.temporary)
            outdate(catalog)
            works = [work for work in (read_work(Limits()), slice_work()) if stage in (None, work.stage.value)]
            if any(_due(catalog, work) for work in works):  # nobody waits for workers that have nothing to do
                with _pool(pool_url) as pool:
                    _run_stages(catalog, pool, works, summary)
            else:
                publish(catalog.database)
    except PoolUrlError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt:
        stopped = True
    except Exception as error:
        if not (why := why_stopped(error)):
            raise
        click.echo(printable(why), err=True)
        stopped = True
    _report(summary, as_json, stopped, gaps)
    return STOPPED if stopped else SOME_PROBLEMS if summary.problems else DONE


@contextmanager
def _pool(url: str) -> Iterator[Pool]:
    """Open a pool, and end it: at once if something went wrong."""
    pool = open_pool(url, TASK_TIMEOUT_S, PRELOAD)
    try:
        yield pool
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def say_due(catalog_url: str | None, blobs_url: str | None) -> None:
    """Say how much is due."""
    with Catalog(catalog_url, blobs_url) as catalog:
        outdate(catalog)
        for work in (read_work(Limits()), slice_work()):
            click.echo(f"{work.stage.value}: {_due(catalog, work)} due")


def _due(catalog: Catalog, work: StageWork) -> int:
    work.prepare(catalog.database)
    with catalog.database.read() as connection:
        return stages.count_due(connection, work.stage)


def _run_stages(catalog: Catalog, pool: Pool, works: Sequence[StageWork], summary: Summary) -> None:
    if dashboard := pool.dashboard:
        click.echo(f"watch the workers at {dashboard}", err=True)
    with _progress() as progress:
        for work in works:
            _run_stage(catalog, StageRunner(catalog, pool, work), work, summary, progress)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

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


def _run_stage(catalog: Catalog, runner: StageRunner, work: StageWork, summary: Summary, progress: "Progress") -> None:
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
