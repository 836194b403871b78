"""`quarry catalog status`."""

import json
from typing import TYPE_CHECKING

import click

from db.cli_options import catalog_options
from db.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console

    from db.status import Problem, Status


@click.command()
@catalog_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--failed", is_flag=True, help="Only what failed, by cause, with the way out.")
def status(catalog_url: str | None, blobs_url: str | None, as_json: bool, failed: bool) -> None:
    """Show what is pending, done and failed, and why.

    Example: quarry catalog status --failed
    """
    from db.catalog import Catalog
    from db.status import read_status

    with Catalog(catalog_url, blobs_url) as opened:
        found = read_status(opened.database)
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    from rich.console import Console

    console = Console()
    if not failed:
        print_status(console, found)
    print_problems(console, found.problems)


def print_status(console: "Console", found: "Status") -> None:
    """Print totals, crawls and stages as tables."""
    from rich.markup import escape
    from rich.table import Table

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


def print_problems(console: "Console", problems: "list[Problem]") -> None:
    """Print a line per cause."""
    from rich.markup import escape

    for problem in problems:
        console.print(
            f"[yellow]{problem.count} × {problem.stage} {problem.outcome}[/]: {escape(printable(problem.reason))}\n"
            f"    e.g. {escape(printable(problem.example))}\n    {escape(problem.way_out)}",
            highlight=False,
            soft_wrap=True,
        )
    if not problems:
        console.print("No failures.")
