"""The catalog as text: one line per sighting, TSV, JSONL or CSV, in a stable order, streamed."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sqlalchemy import text

from db.cells import harmless
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


class Writable(Protocol):
    """What text can be written to."""

    def write(self, value: str, /) -> object:
        """Write text."""


def rows(
    database: Database, selection: Selection = EVERYTHING, after: int = 0, until: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield sightings as dictionaries of COLUMNS, by sighting id; `after` and `until` are sighting ids."""
    for _, row in numbered_rows(database, selection, after, until):
        yield row


def numbered_rows(
    database: Database, selection: Selection = EVERYTHING, after: int = 0, until: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield sighting ids and sightings, by id, in memory that does not grow."""
    with database.read() as connection:
        conditions, values = selection.where(connection)
    conditions += ["v.sighting_id > :after", *(["v.sighting_id <= :until"] if until is not None else [])]
    where = " AND ".join(conditions)
    columns = ", ".join(f"v.{name}" for name in COLUMNS)
    query = text(
        f"SELECT v.sighting_id, {columns} FROM image_catalog v WHERE {where} ORDER BY v.sighting_id LIMIT :count"  # noqa: S608
    )
    values |= {"count": BATCH} if until is None else {"count": BATCH, "until": until}
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


def write_jsonl(database: Database, out: Writable, selection: Selection = EVERYTHING) -> int:
    """Write one JSON object a line; return the number of lines."""
    return write_lines("jsonl", rows(database, selection), out)


def write_tsv(database: Database, out: Writable, selection: Selection = EVERYTHING) -> int:
    r"""Write a header and one line per sighting; tabs, line ends and backslashes are escaped as \t \n \r \\."""
    return write_lines("tsv", rows(database, selection), out)


def write_csv(database: Database, out: Writable, selection: Selection = EVERYTHING) -> int:
    """Write a header and one record per sighting (RFC 4180); text that a spreadsheet would run gets an apostrophe."""
    return write_lines("csv", rows(database, selection), out)


def write_lines(format_: str, found: Iterable[dict[str, Any]], out: Writable) -> int:
    """Write rows as `jsonl`, `tsv` or `csv`; return how many there were."""
    write = {"jsonl": _write_jsonl, "tsv": _write_tsv, "csv": _write_csv}[format_]
    return write(found, out)


def _write_jsonl(found: Iterable[dict[str, Any]], out: Writable) -> int:
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - the last count is the answer
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
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


ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def cell(value: Any) -> str:
    r"""Return a value as it stands in a TSV: tabs, line ends and backslashes escaped as \t \n \r \\."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).translate(ESCAPES)
