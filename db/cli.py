"""`quarry catalog …`: look at the catalog and take things out of it."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress
from rich.table import Table

from db import stages
from db.catalog import Catalog
from db.cli_care import copy, verify
from db.cli_export import credits, export
from db.cli_options import catalog_options, selection_options
from db.crawls import retry_failed
from db.selection import Selection
from db.status import Problem, Status, read_status
from db.terminal import printable, tell_unreadable
from db.vocabulary import Outcome


@click.group()
def catalog() -> None:
    """Look at the catalog, and take things out of it."""


for command in (export, credits, verify, copy):
    catalog.add_command(command)


@catalog.command()
@catalog_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--failed", is_flag=True, help="Only what failed, by cause, with the way out.")
def status(catalog_url: str | None, blobs_url: str | None, as_json: bool, failed: bool) -> None:
    """Show what is pending, done and failed, and why.

    Example: quarry catalog status --failed
    """
    with Catalog(catalog_url, blobs_url) as opened:
        found = read_status(opened.database)
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    console = Console()
    if not failed:
        print_status(console, found)
    print_problems(console, found.problems)


def print_status(console: Console, found: Status) -> None:
    """Print totals, crawls and stages as tables."""
    totals = Table("what", "number", title="Catalog", title_justify="left")
    for name, number in found.totals.items():
        totals.add_row(name.replace("_", " "), f"{number:,}")
    console.print(totals)
    if found.crawls:
        crawls = Table(
            "crawl",
            "spider",
            "arguments",
            "limit",
            "pending",
            "leased",
            "done",
            "failed",
            "state",
            title="Crawls",
            title_justify="left",
        )
        for crawl in found.crawls:
            entries = [str(crawl["entries"].get(state, 0)) for state in ("pending", "leased", "done", "failed")]
            asked = ", ".join(f"{k}={v}" for k, v in crawl["arguments"].items())
            crawls.add_row(
                str(crawl["id"]),
                crawl["spider"],
                escape(printable(asked)),
                str(crawl["limit"] or ""),
                *entries,
                crawl["state"],
            )
        console.print(crawls)
    stages_table = Table("stage", "outcome", "number", title="Stages", title_justify="left")
    for stage, outcomes in found.stages.items():
        for outcome, number in sorted(outcomes.items()):
            stages_table.add_row(stage, outcome, f"{number:,}")
    console.print(stages_table)


def print_problems(console: Console, problems: list[Problem]) -> None:
    """Print a line per cause."""
    for problem in problems:
        console.print(
            f"[yellow]{problem.count} × {problem.stage} {problem.outcome}[/]: {escape(printable(problem.reason))}\n"
            f"    e.g. {escape(printable(problem.example))}\n    {escape(problem.way_out)}",
            highlight=False,
            soft_wrap=True,
        )
    if not problems:
        console.print("No failures.")


@catalog.command()
@catalog_options
@click.option("--dry-run", is_flag=True, help="Only say how much there is to retry.")
@click.option("--all-problems", is_flag=True, help="Also broken, encrypted and refused input.")
def retry(catalog_url: str | None, blobs_url: str | None, dry_run: bool, all_problems: bool) -> None:
    """Make failed downloads and failed extractions due again.

    Example: quarry catalog retry && quarry extract run
    """
    outcomes = [Outcome.FAILED]
    if all_problems:
        outcomes += [Outcome.PARTIAL, Outcome.ENCRYPTED, Outcome.DAMAGED, Outcome.REFUSED]
    with Catalog(catalog_url, blobs_url) as opened:
        if dry_run:
            problems = read_status(opened.database).problems
            crawl = sum(p.count for p in problems if p.stage == "crawl")
            work = sum(p.count for p in problems if p.stage != "crawl" and p.outcome in outcomes)
            click.echo(f"would retry {crawl} downloads and {work} extractions")
            return
        crawl = retry_failed(opened.database)
        with opened.database.write() as connection:
            work = stages.retry(connection, outcomes)
    click.echo(f"{crawl} downloads and {work} extractions are due again")


@catalog.command()
@catalog_options
def migrate(catalog_url: str | None, blobs_url: str | None) -> None:
    """Bring the catalog to this program's schema (every command does so when it opens one)."""
    with Catalog(catalog_url, blobs_url) as opened:
        click.echo(f"{opened.settings.catalog_url} is up to date")


@catalog.command()
@catalog_options
@selection_options
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("quarry-report"), show_default=True
)
def report(catalog_url: str | None, blobs_url: str | None, selection: Selection, out: Path) -> None:
    """Write contact sheets to look at: every page, sheet and tile as browsable HTML.

    Example: quarry catalog report --out report && xdg-open report/index.html
    """
    from db.report.build import build_report  # with Jinja2 and Pillow, which no other verb needs

    with (
        Catalog(catalog_url, blobs_url) as opened,
        Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        ) as progress,
    ):
        task = progress.add_task("pages", total=read_status(opened.database).totals["pages"])
        index = build_report(opened, out, lambda: progress.advance(task), selection)
    click.echo(str(index))
    tell_unreadable(opened.unreadable)
