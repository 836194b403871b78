"""A list of files: text, CSV, JSON, JSON lines or Parquet; what else it says of each file is kept.

scrapy crawl urls -a list=files.csv -s QUARRY_CONTACT=you@example.org
"""

import csv
import hashlib
import importlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crawler.errors import CrawlUsageError
from crawler.pages.web import licence_of, usable
from crawler.spiders.base import CatalogSpider
from crawler.spiders.links import refuse_unknown
from db.records import FileLink, NewEntry, PageRecord, PersonRecord
from db.urls import host_of
from db.vocabulary import EntryKind, FileRole, PersonRole

Rows = Iterator[dict[str, Any]]
CLAIMS = ("title", "author", "licence")
LINKS_PER_RECORD = 500


@dataclass(frozen=True)
class Listed:
    """A file of the list. `number` counts rows from 1; `page` and `claims` (title, author, licence) say whose it is."""

    number: int
    url: str
    page: str
    claims: tuple[str, ...]
    extra: dict[str, Any]


class UrlsSpider(CatalogSpider):
    """Takes every file of a list.

    list: a .txt, .csv, .tsv, .json, .jsonl or .parquet file. Columns: url (required), title, author, licence (SPDX),
    page (where the file is shown); all others are kept with the file.
    """

    name = "urls"
    skip_known_files = True  # their links are seeded, so that nothing is lost by not asking

    def __init__(self, list: str = "", **kwargs: str) -> None:
        super().__init__()
        refuse_unknown(kwargs, ("list",))
        if not list:
            raise CrawlUsageError("list is missing; say for example -a list=files.csv")
        self.path = Path(list).expanduser()
        self.start_urls = [*{host_of(row.url): row.url for row in self.rows()}.values()]
        if not self.start_urls:
            raise CrawlUsageError(f"list={list!r} holds no web address")
        # the content, so that a longer list of the same name is another crawl
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        self.crawl_arguments = {"list": str(self.path), "sha256": digest}

    def rows(self) -> Iterator[Listed]:
        """Read the list."""
        home = self.path.resolve().as_uri()
        for number, row in enumerate(_read(self.path), 1):
            url = usable("", str(row.get("url") or ""))
            if not url:
                raise CrawlUsageError(f"{self.path}, row {number}: {row.get('url')!r} is no web address (column `url`)")
            row = {**row, "licence": row.get("licence") or row.get("license")}
            claims = tuple(str(row.get(name) or "").strip() for name in CLAIMS)
            page = usable("", str(row.get("page") or "")) or home
            known = {"url", "page", "license", *CLAIMS}
            yield Listed(number, url, page, claims, {k: v for k, v in row.items() if k not in known})

    def seeds(self) -> Iterator[NewEntry | PageRecord]:
        """Begin with all files, each linked to its page; neighbours that share a page are recorded together."""
        together: list[Listed] = []
        for row in _own_pages(self.rows()):
            if together and (row.page != together[0].page or len(together) == LINKS_PER_RECORD):
                yield from self._seed(together)
                together = []
            together.append(row)
        yield from self._seed(together)

    def _seed(self, rows: list[Listed]) -> Iterator[NewEntry | PageRecord]:
        first = rows[0]
        title, author, licence = first.claims
        yield PageRecord(
            url=first.page,
            site=urlsplit(first.page).netloc or self.path.name,
            title=title or (self.path.name if first.page.startswith("file:") else first.page),
            people=(PersonRecord(PersonRole.AUTHOR, author),) if author else (),
            licences=(licence_of(licence),) if licence else (),
            files=tuple(FileLink(row.url, FileRole.FILE, extra=row.extra) for row in rows),
            links_from=first.number - 1,
        )
        for row in rows:
            yield self.entry(row.url, EntryKind.FILE)


def _own_pages(rows: Iterable[Listed]) -> Iterator[Listed]:
    """Give rows that claim another author or licence for the same page a page of their own (`#row=`, RFC 7111)."""
    claimed: dict[str, tuple[str, ...]] = {}
    others: dict[tuple[str, tuple[str, ...]], str] = {}
    for row in rows:
        if claimed.setdefault(row.page, row.claims) == row.claims:
            yield row
        else:
            own = others.setdefault((row.page, row.claims), f"{row.page.partition('#')[0]}#row={row.number}")
            yield replace(row, page=own)


def _read(path: Path) -> Rows:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise CrawlUsageError(f"list={str(path)!r} should end in {', '.join(READERS)}")
    try:
        for row in reader(path):
            yield {str(name): plain(value) for name, value in row.items() if name is not None}
    except (OSError, ValueError, csv.Error) as error:
        raise CrawlUsageError(f"list={str(path)!r} cannot be read: {error}") from None


def _read_text(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig") as lines:
        for line in map(str.strip, lines):
            if line and not line.startswith("#"):
                yield {"url": line}


def _read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        if "url" not in (table.fieldnames or ()):
            raise CrawlUsageError(f"list={str(path)!r} should begin with a line of column names, one of them `url`")
        yield from table


def _read_json_lines(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig") as lines:
        for line in lines:
            if line.strip():
                yield _row(json.loads(line))


def _read_json(path: Path) -> Rows:
    said = json.loads(path.read_text("utf-8-sig"))
    if not isinstance(said, list):
        raise CrawlUsageError(f"list={str(path)!r} should be a JSON array")
    yield from map(_row, said)


def _read_parquet(path: Path) -> Rows:
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise CrawlUsageError("Parquet needs one more package: pip install 'artquarry[parquet]'") from None
    with parquet.ParquetFile(path) as table:
        for batch in table.iter_batches():
            yield from batch.to_pylist()


def _row(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {"url": said}


READERS: dict[str, Callable[[Path], Rows]] = {
    ".txt": _read_text,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it in any database: dates and bytes as text, no NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
