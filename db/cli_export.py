"""`quarry catalog export`, `credits`, `report`: take things out of the catalog."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from db.cli_options import catalog_options, selection_options
from db.terminal import Guarded, tell_unreadable

if TYPE_CHECKING:
    from db.catalog import Catalog
    from db.selection import Selection

TEXTS = ("tsv", "jsonl", "csv")
FOLDERS = ("datasets", "webdataset")


@click.command()
@catalog_options
@selection_options
@click.option(
    "--format", "format_", type=click.Choice([*TEXTS, "parquet", *FOLDERS]), default="jsonl", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write [standard output], or folder.")
@click.option("--parts", type=click.IntRange(1), help="Write a folder of files with so many rows each; resumable.")
def export(
    catalog_url: str | None,
    blobs_url: str | None,
    selection: "Selection",
    format_: str,
    out: Path | None,
    parts: int | None,
) -> None:
    """Write images and tiles with their URL, source page, authors and licence.

    Example: quarry catalog export --format tsv --licence CC0-1.0 --out images.tsv
    """
    from db.catalog import Catalog

    with Catalog(catalog_url, blobs_url) as opened:
        if format_ in FOLDERS or parts is not None:
            if out is None:
                raise click.UsageError("--out FOLDER is needed for this")
            _export_folder(opened, format_, selection, out, parts or 10_000)
        elif format_ == "parquet":
            if out is None:
                raise click.UsageError("--out FILE is needed for this")
            _export_parquet(opened, selection, out)
        else:
            _export_text(opened, format_, selection, out)


def _export_folder(opened: "Catalog", format_: str, selection: "Selection", out: Path, per_part: int) -> None:
    from db.errors import ExportMismatchError
    from db.export_parts import export_rows
    from db.export_pixels import export_datasets, export_webdataset

    try:
        if format_ == "datasets":
            count = export_datasets(opened, selection, out, per_part)
        elif format_ == "webdataset":
            count = export_webdataset(opened, selection, out, per_part)
        else:
            count = export_rows(opened, format_, selection, out, per_part)
    except ExportMismatchError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{count} new files in {out}")
    tell_unreadable(opened.unreadable)


def _export_parquet(opened: "Catalog", selection: "Selection", out: Path) -> None:
    from db.export import rows
    from db.export_parquet import write_parquet

    part = out.with_name(out.name + ".part")
    count = write_parquet(rows(opened.database, selection), part)
    part.replace(out)
    click.echo(f"{count} rows in {out}")


def _export_text(opened: "Catalog", format_: str, selection: "Selection", out: Path | None) -> None:
    from db.export import rows, write_lines

    found = rows(opened.database, selection)
    if out is None:
        write_lines(format_, found, Guarded(sys.stdout))
        return
    part = out.with_name(out.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as stream:
        count = write_lines(format_, found, stream)
    part.replace(out)
    click.echo(f"{count} rows in {out}")


@click.command()
@catalog_options
@selection_options
@click.option(
    "--format", "format_", type=click.Choice(["markdown", "html", "csv"]), default="markdown", show_default=True
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write [standard output].")
def credits(
    catalog_url: str | None, blobs_url: str | None, selection: "Selection", format_: str, out: Path | None
) -> None:
    """Write whom to credit for what, and what each licence asks for.

    Example: quarry catalog credits --licence CC-BY-3.0 --out CREDITS.md
    """
    from db.catalog import Catalog
    from db.credits import write_credits

    with Catalog(catalog_url, blobs_url) as opened:
        lines = write_credits(opened.database, format_, selection)  # type: ignore[arg-type]
        if out is None:
            screen = Guarded(sys.stdout)
            for line in lines:
                screen.write(line + "\n")
            return
        part = out.with_name(out.name + ".part")
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(line + "\n" for line in lines)
        part.replace(out)
    click.echo(f"credits in {out}")


@click.command()
@catalog_options
@selection_options
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("quarry-report"), show_default=True
)
def report(catalog_url: str | None, blobs_url: str | None, selection: "Selection", out: Path) -> None:
    """Write contact sheets to look at: every page, sheet and tile as browsable HTML.

    Example: quarry catalog report --out report && xdg-open report/index.html
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress

    from db.catalog import Catalog
    from db.report.build import build_report
    from db.status import read_status

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
