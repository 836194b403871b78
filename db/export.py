"""The catalog as text: one line per sighting, TSV or JSONL, in a stable order, streamed."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from sqlalchemy import text

from db.engine import Database

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
)
BATCH = 2000


def rows(database: Database) -> Iterator[dict[str, Any]]:
    """Yield every sighting as a dictionary of COLUMNS, by sighting id."""
    query = text("SELECT * FROM image_catalog WHERE sighting_id > :after ORDER BY sighting_id LIMIT :count")
    after = 0
    while True:
        with database.read() as connection:
            batch = connection.execute(query, {"after": after, "count": BATCH}).mappings().all()
        if not batch:
            return
        for row in batch:
            yield {name: _plain(name, row[name]) for name in COLUMNS}
        after = batch[-1]["sighting_id"]


def _plain(name: str, value: Any) -> Any:
    if name == "pixel_hash":
        return bytes(value).hex()
    if name in ("featurized", "indexed", "is_current", "partial"):
        return bool(value)
    return value


def write_jsonl(database: Database, out: TextIO) -> int:
    """Write one JSON object a line; return the number of lines."""
    count = 0
    for count, row in enumerate(rows(database), 1):  # noqa: B007 - the last count is the answer
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def write_tsv(database: Database, out: TextIO) -> int:
    r"""Write a header and one line per sighting; tabs, line ends and backslashes are escaped as \t \n \r \\."""
    out.write("\t".join(COLUMNS) + "\n")
    count = 0
    for count, row in enumerate(rows(database), 1):  # noqa: B007 - the last count is the answer
        out.write("\t".join(cell(row[name]) for name in COLUMNS) + "\n")
    return count


ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def cell(value: Any) -> str:
    r"""Return a value as it stands in a TSV: tabs, line ends and backslashes escaped as \t \n \r \\."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).translate(ESCAPES)
