"""`quarry catalog verify`, `retry`, `migrate`, `copy`: look after a catalog, and move it."""

import json
import sys
from collections import Counter

import click

from db.cli_options import catalog_options
from db.exit_codes import SOME_PROBLEMS, STOPPED
from db.terminal import printable
from db.vocabulary import Outcome

SHOWN = 20


@click.command()
@catalog_options
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--hashes", is_flag=True, help="Also read all bytes and compare them with their names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(catalog_url: str | None, blobs_url: str | None, repair: bool, hashes: bool, as_json: bool) -> None:
    """Compare rows and bytes, both ways; look for dangling leases, half settled work and wrong totals.

    Example: quarry catalog verify --hashes --repair
    """
    from dataclasses import asdict

    from db.catalog import Catalog
    from db.errors import BlobStoreError
    from db.verify import verify as look

    with Catalog(catalog_url, blobs_url) as opened:
        try:
            report = look(opened, repair=repair, hashes=hashes)
        except (BlobStoreError, OSError) as error:
            click.echo(printable(f"stopped: {error}; nothing was judged by that, try again later"), err=True)
            sys.exit(STOPPED)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        for finding in report.findings[:SHOWN]:
            click.echo(printable(f"{finding.what}: {finding.which} ({finding.way_out})"))
        for what, count in sorted(Counter(finding.what for finding in report.findings).items()):
            click.echo(f"{count} × {what}")
        click.echo(f"{report.blobs} blobs looked at, {len(report.findings)} findings, {report.mended} mended")
    sys.exit(SOME_PROBLEMS if len(report.findings) > report.mended else 0)


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--from-blobs", required=True, help="Blob store of the source: a folder or s3://bucket/prefix.")
@click.option("--to-blobs", required=True, help="Blob store of the target; the same one to copy rows only.")
@click.option("--discard", is_flag=True, help="Give up what was written into a finished copy.")
def copy(source: str, target: str, from_blobs: str, to_blobs: str, discard: bool) -> None:
    """Copy a catalog and its bytes to another database and store.

    The same command goes on after a stop, and later brings the copy up to date.

    Example: quarry catalog copy sqlite:///quarry-data/catalog.db postgresql+psycopg://host/artquarry
    --from-blobs quarry-data/blobs --to-blobs s3://bucket/blobs
    """
    from db.catalog import Catalog
    from db.copying import copy_catalog
    from db.urls import shown

    def step(what: str, count: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {count:,}\x1b[K", nl=False, err=True)

    with Catalog(source, from_blobs) as old, Catalog(target, to_blobs, durable=True, copying=True) as new:
        copy_catalog(old, new, step, discard=discard)
    click.echo(f"{shown(target)} is a copy of {shown(source)}, compared row by row")


@click.command()
@catalog_options
@click.option("--dry-run", is_flag=True, help="Only say how much there is to retry.")
@click.option("--all-problems", is_flag=True, help="Also broken, encrypted and refused input.")
def retry(catalog_url: str | None, blobs_url: str | None, dry_run: bool, all_problems: bool) -> None:
    """Make failed downloads and failed extractions due again.

    Example: quarry catalog retry && quarry extract run
    """
    from db import stages
    from db.catalog import Catalog
    from db.crawls import retry_failed
    from db.status import read_status

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


@click.command()
@catalog_options
def migrate(catalog_url: str | None, blobs_url: str | None) -> None:
    """Bring the catalog to this program's schema (every command does so when it opens one)."""
    from db.catalog import Catalog
    from db.urls import shown

    with Catalog(catalog_url, blobs_url) as opened:
        click.echo(f"{shown(opened.settings.catalog_url)} is up to date")
