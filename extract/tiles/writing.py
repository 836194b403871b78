"""What `quarry extract tiles` does, with a progress bar; apart from its options, which `--help` reads."""

import sys
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db import Catalog
from extract.tiles.folder import Written, write_folder
from extract.tiles.samples import Selection, count
from extract.tiles.shards import ParquetWriter, WebDatasetWriter, write_shards

Shards = Literal["", "webdataset", "parquet"]


def write_tiles(
    catalog: Catalog, out: Path, selection: Selection, shards: Shards, shard_size: int, manifest: str
) -> tuple[Written, bool]:
    """Write a folder or shards; return what was written, and whether somebody stopped it."""
    with _progress() as progress:
        total = None if progress.disable else count(catalog.database, selection, distinct=bool(shards))
        bar = progress.add_task("tiles", total=total)

        def step(count: int) -> None:
            progress.advance(bar, count)

        try:
            if shards:
                writer = WebDatasetWriter() if shards == "webdataset" else ParquetWriter()
                return write_shards(catalog, out, selection, writer, shard_size, step), False
            return write_folder(catalog, out, selection, manifest, step), False
        except KeyboardInterrupt:
            return Written(), True


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
