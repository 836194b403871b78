"""Runs the featurize stage for the command line: a bar on a terminal, a summary at the end."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from db import Catalog
from db.terminal import printable
from index import store
from index.computing import is_outage
from index.features import open_feature
from index.featurize import FeaturizeRunner, Results, Summary
from pools import open_pool

TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    stored: dict[str, int]
    problems: dict[tuple[str, str], int]
    due: dict[str, int]
    stopped: bool = False
    cause: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        problems = [{"model": m, "reason": r, "count": n} for (m, r), n in sorted(self.problems.items())]
        return {
            "stored": self.stored,
            "problems": problems,
            "due": self.due,
            "stopped": self.stopped,
            "cause": self.cause,
        }

    def text(self) -> str:
        """Return lines for people."""
        lines = [f"{name}: {count} images" for name, count in sorted(self.stored.items())]
        lines += [f"  {n} × {m}: {printable(r)}" for (m, r), n in sorted(self.problems.items())]
        if self.cause:
            lines.append(f"Stopped by an outage, which no picture is blamed for: {printable(self.cause)}")
        if self.stopped:
            lines.append("Stopped early; the same command goes on from here.")
        return "\n".join(lines) or "Nothing to do: everything is featurized."


def featurize_catalog(catalog: Catalog, names: Sequence[str], pool_url: str, *, retry: bool = False) -> Outcome:
    """Compute what is lacking. Raises PoolUrlError, PoolGoneError; WeightsError before any work if there is no model.

    An outage of the catalog, the blob store or the disk stops the run; what was stored until then stays.
    """
    for name in names:
        open_feature(name).compute(store.PROBE)
    if retry:
        _forget_problems(catalog, names)
    pool = open_pool(pool_url, TIMEOUT_S, ("index.computing",))
    if pool.dashboard:
        print(f"watch the workers at {pool.dashboard}", file=sys.stderr)  # noqa: T201 - said to whoever waits
    runner = FeaturizeRunner(catalog, pool, names)
    due = runner.due()
    summary, stopped, cause = Summary(), False, ""
    try:
        _run(runner, summary, max(due.values(), default=0))
        pool.shutdown()
    except KeyboardInterrupt:
        stopped = True
        pool.shutdown(cancel_futures=True)
    except BaseException as error:
        pool.shutdown(cancel_futures=True)
        if not is_outage(error):
            raise
        stopped, cause = True, str(error)
    left = summary.left(due) if cause else runner.due()  # the catalog may be what is out
    return Outcome(dict(summary.stored), dict(summary.problems), left, stopped, cause)


def _forget_problems(catalog: Catalog, names: Sequence[str]) -> None:
    for name in names:
        model_id = store.register(catalog.database, open_feature(name).model)
        with catalog.database.write() as connection:
            store.forget_problems(connection, model_id)


def _run(runner: FeaturizeRunner, summary: Summary, total: int) -> None:
    columns = (TextColumn("featurize"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("featurize", total=total)

        def settled(results: Results) -> None:
            summary.add(results)
            progress.update(bar, advance=max(map(len, results.values())))

        runner.run(settled)
