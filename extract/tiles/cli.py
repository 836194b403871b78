"""`quarry extract tiles`: take the tiles out of the catalog."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from db.cli_options import catalog_options
from db.exit_codes import STOPPED
from db.terminal import tell_unreadable

if TYPE_CHECKING:
    from extract.tiles.folder import Written


@click.command()
@catalog_options
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--webdataset", is_flag=True, help="Write WebDataset shards (.tar) instead of PNG files.")
@click.option("--parquet", is_flag=True, help="Write Parquet shards as Hugging Face reads them (artquarry[parquet]).")
@click.option("--manifest", type=click.Choice(["tsv", "jsonl"]), default="tsv", show_default=True)
@click.option("--shard-size", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True, help="Images each.")
@click.option(
    "--licence",
    "licences",
    multiple=True,
    help="Only pages that offer it (SPDX): CC-BY-4.0, or CC-BY for any version of it.",
)
@click.option("--kind", type=click.Choice(["grid", "atlas"]), help="Only tiles of such sheets.")
@click.option("--sheet", "sheets", type=int, multiple=True, help="Only tiles of this sheet (an image id).")
@click.option("--no-lookalikes", is_flag=True, help="Of tiles that nearly look the same, only one.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def tiles(
    catalog_url: str | None,
    blobs_url: str | None,
    out: Path,
    webdataset: bool,
    parquet: bool,
    manifest: str,
    shard_size: int,
    licences: tuple[str, ...],
    kind: str | None,
    sheets: tuple[int, ...],
    no_lookalikes: bool,
    as_json: bool,
) -> None:
    """Write every tile, with its place, authors and licence: PNG files and a manifest, or shards for training.

    Safe to stop and to repeat: what is there and still right is kept.

    Example: quarry extract tiles --out tiles --licence CC0-1.0
    """
    if webdataset and parquet:
        raise click.UsageError("--webdataset or --parquet, not both")
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise click.UsageError("--parquet needs pyarrow: pip install 'artquarry[parquet]'")
    from db import Catalog
    from extract.tiles.samples import Selection
    from extract.tiles.writing import Shards, write_tiles

    selection = Selection(kind, sheets, licences, not no_lookalikes)
    shards: Shards = "webdataset" if webdataset else "parquet" if parquet else ""
    with Catalog(catalog_url, blobs_url) as catalog:
        done, stopped = write_tiles(catalog, out, selection, shards, shard_size, manifest)
    _report(done, out, as_json, stopped)
    if stopped:
        sys.exit(STOPPED)
    tell_unreadable(catalog.unreadable)


def _report(done: "Written", out: Path, as_json: bool, stopped: bool) -> None:
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(done), "out": str(out), "stopped": stopped}))
    elif stopped:
        click.echo("Stopped early; the same command goes on from here.")
    else:
        shards = f" in {done.shards} shards" if done.shards else ""
        click.echo(f"{done.tiles} tiles{shards} in {out}: {done.written} images written, {done.kept} were there")
