"""Exports to a folder, in parts: each appears whole or not at all, so that an export goes on where it stopped.

A part's name says which ids it holds; none that is committed later falls between them. What was asked for is kept
beside the parts: other filters into the same folder are refused, instead of mixed.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from db.catalog import Catalog
from db.engine import settled_up_to
from db.errors import ExportMismatchError
from db.export import numbered_rows, write_lines
from db.models import Sighting
from db.selection import Selection

ASKED = "_export.json"


@dataclass(frozen=True)
class Item:
    """Something to export, and the id that it goes by."""

    id: int
    value: Any


Write = Callable[[Iterator[Any], Path], object]


def export_parts(folder: Path, stem: str, suffix: str, items: Iterator[Item], per_part: int, write: Write) -> int:
    """Write items to parts of a folder; return how many parts were written. `items` begin after `last_id`."""
    written = 0
    while True:
        part: list[Item] = list(islice(items, per_part))
        if not part:
            return written
        target = folder / f"{stem}-{part[0].id:012d}-{part[-1].id:012d}{suffix}"
        unfinished = target.with_name(target.name + ".part")
        write((item.value for item in part), unfinished)
        unfinished.replace(target)
        written += 1


def last_id(folder: Path, stem: str, suffix: str) -> int:
    """Return the last id that finished parts hold, 0 if there are none."""
    name = re.compile(re.escape(stem) + r"-\d+-(\d+)" + re.escape(suffix))
    found = (name.fullmatch(path.name) for path in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0)


def begin(folder: Path, format_: str, selection: Selection) -> None:
    """Make the folder, or check that it holds the same export. Raises ExportMismatchError."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = json.dumps({"format": format_, "selection": json.loads(selection.key())}, indent=1)
    note = folder / ASKED
    if note.exists() and note.read_text() != asked:
        raise ExportMismatchError(f"{folder} holds another export (see {note}); choose another folder")
    if not note.exists():
        part = folder / (ASKED + ".part")
        part.write_text(asked)
        part.replace(note)


def export_rows(catalog: Catalog, format_: str, selection: Selection, folder: Path, per_part: int) -> int:
    """Export sightings as parts of `jsonl`, `tsv`, `csv` or `parquet`, going on where an earlier run stopped."""
    begin(folder, format_, selection)
    suffix = f".{format_}"
    after = last_id(folder, "part", suffix)
    until = settled_up_to(catalog.database, Sighting)
    items = (Item(number, row) for number, row in numbered_rows(catalog.database, selection, after, until))
    return export_parts(folder, "part", suffix, items, per_part, _row_writer(format_))


def _row_writer(format_: str) -> Write:
    if format_ == "parquet":
        from db.export_parquet import write_parquet

        return write_parquet

    def write(rows: Iterator[dict[str, Any]], path: Path) -> object:
        with path.open("w", encoding="utf-8", newline="") as stream:
            return write_lines(format_, rows, stream)

    return write
