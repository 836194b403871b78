"""The catalog as text: one line per sighting, TSV, JSONL or CSV, in a stable order, streamed."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sqlalchemy import text

from db.cells import harmless, json_line, tsv_cell
from db.engine import Database
from db.selection import EVERYTHING, Selection

COLUMNS = (
    "image_id",
    "url",
    "source_page",
    "title",
    "authors",
    "licence",
    "kind",
    "width",
    "height",
    "parent_image_id",
    "x",
    "y",
    "w",
    "h",
    "tile_row",
    "tile_column",
    "tile_name",
    "path",
    "frame",
    "file_url",
    "tags",
    "art_type",
    "is_current",
    "featurized",
    "indexed",
    "format",
    "mode",
    "palette_size",
    "duration_ms",
    "frame_label",
    "partial",
    "alpha",
    "colours",
    "upscale",
    "pixel_hash",
    "tile_position",
    "tile_tag",
    "orientation",
    "alike_image_id",
)
BATCH = 2000
LAST = 2**63 - 1


class Writable(Protocol):
    """What text can be written to."""

    def write(self, value: str, /) -> object:
        """Write text."""


def rows(database: Database, selection: Selection = EVERYTHING) -> Iterator[dict[str, Any]]:
    """Yield sightings as dictionaries of COLUMNS, by sighting id."""
    for _, row in numbered_rows(database, selection):
        yield row


def numbered_rows(
    database: Database, selection: Selection = EVERYTHING, after: int = 0, until: int = LAST
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield sighting ids and sightings, by id, in memory that does not grow; `after` and `until` are sighting ids."""
    with database.read() as connection:
        conditions, values = selection.where(connection)
    where = " AND ".join([*conditions, "v.sighting_id > :after", "v.sighting_id <= :last"])
    columns = ", ".join(f"v.{name}" for name in COLUMNS)
    query = text(
        f"SELECT v.sighting_id, {columns} FROM image_catalog v WHERE {where} ORDER BY v.sighting_id LIMIT :count"  # noqa: S608
    )
    values |= {"count": BATCH, "last": until}
    while True:
        with database.read() as connection:
            batch = connection.execute(query, {**values, "after": after}).all()
        for sighting_id, *found in batch:
            row = dict(zip(COLUMNS, found, strict=True))
            for name in NOT_PLAIN:
                row[name] = plain(name, row[name])
            yield sighting_id, row
        if len(batch) < BATCH:
            return
        after = batch[-1][0]


BOOLEANS = ("featurized", "indexed", "is_current", "partial")
NOT_PLAIN = (*BOOLEANS, "pixel_hash")


def plain(name: str, value: Any) -> Any:
    """Return a column's value as both databases and every format have it."""
    if name == "pixel_hash":
        return bytes(value).hex()
    if name in BOOLEANS:
        return bool(value)
    return value


def write_lines(format_: str, found: Iterable[dict[str, Any]], out: Writable) -> int:
    """Write rows as `jsonl`, `tsv` or `csv`; return how many there were.

    JSONL: an object a line. TSV: a header, then a line per row with escapes (see db.cells). CSV: a header, then a
    record per row (RFC 4180), in which text that a spreadsheet would run gets an apostrophe.
    """
    write = {"jsonl": _write_jsonl, "tsv": _write_tsv, "csv": _write_csv}[format_]
    return write(found, out)


def _write_jsonl(found: Iterable[dict[str, Any]], out: Writable) -> int:
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - the last count is the answer
        out.write(json_line(row) + "\n")
    return count


def _write_tsv(found: Iterable[dict[str, Any]], out: Writable) -> int:
    out.write("\t".join(COLUMNS) + "\n")
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - the last count is the answer
        out.write("\t".join(cell(row[name]) for name in COLUMNS) + "\n")
    return count


def _write_csv(found: Iterable[dict[str, Any]], out: Writable) -> int:
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - the last count is the answer
        writer.writerow([harmless(v) if isinstance(v, str) else cell(v) for v in (row[name] for name in COLUMNS)])
    return count


def cell(value: Any) -> str:
    """Return a value as it stands in a TSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return tsv_cell(value) if isinstance(value, str) else str(value)
