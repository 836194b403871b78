"""Tiles as a folder of PNG files with a manifest: one file per distinct image, one line per tile."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from PIL import Image as PillowImage

from db import Catalog
from db.cells import json_line
from db.export import cell
from db.pixels import Rgba
from extract.tiles.samples import FIELDS, Sample, Selection, tiles_by_sheet

COLUMNS = ("file", *FIELDS)


@dataclass
class Written:
    """What an export did: tiles in the manifest, files written now and found from before, shards in all."""

    tiles: int = 0
    written: int = 0
    kept: int = 0
    shards: int = 0


def png(rgba: Rgba) -> bytes:
    """Encode pixels, (height, width, 4) uint8 RGBA."""
    out = io.BytesIO()
    PillowImage.fromarray(rgba, "RGBA").save(out, "PNG", compress_level=6)
    return out.getvalue()


def file_name(image_id: int) -> str:
    """Return where an image's file lies: an id never changes its pixels, so a file that is there is right."""
    return f"png/{image_id // 1000:04d}/{image_id}.png"


def write_folder(
    catalog: Catalog, out: Path, selection: Selection, manifest: str, step: Callable[[int], None]
) -> Written:
    """Write PNG files and ``manifest.tsv`` or ``manifest.jsonl``; `step` hears how many tiles are done.

    What is there already is kept, so a run that was stopped goes on. The manifest appears when all files are there;
    what could not be opened is left out of it, and noted as `catalog.unreadable`.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = Written()
    target = out / f"manifest.{manifest}"
    part = target.with_name(target.name + ".part")
    with part.open("w", encoding="utf-8", newline="\n") as lines:
        if manifest == "tsv":
            lines.write("\t".join(COLUMNS) + "\n")
        for tiles in tiles_by_sheet(catalog.database, selection):
            _write_missing(catalog, out, tiles, done)
            tiles = [tile for tile in tiles if tile["image_id"] not in catalog.unreadable]
            for tile in tiles:
                _write_line(lines, manifest, {"file": file_name(tile["image_id"]), **tile})
            done.tiles += len(tiles)
            step(len(tiles))
    part.replace(target)
    return done


def _write_missing(catalog: Catalog, out: Path, tiles: list[Sample], done: Written) -> None:
    paths = {tile["image_id"]: out / file_name(tile["image_id"]) for tile in tiles}
    missing = [image_id for image_id, path in paths.items() if not path.exists()]
    done.kept += len(paths) - len(missing)
    for image_id, rgba in catalog.open_many(missing, leave_out=True):
        path = paths[image_id]
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(png(rgba))
        part.replace(path)
        done.written += 1


def _write_line(lines: TextIO, manifest: str, row: Sample) -> None:
    if manifest == "tsv":
        lines.write("\t".join(cell(row[name]) for name in COLUMNS) + "\n")
    else:
        lines.write(json_line(row) + "\n")
