"""What status, pending, consumers, watchers and provenance ask is answered from indexes, on both databases."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, event, text

from benchmarks.catalog_synthetic import build
from db import Catalog, stages
from db.changes import publish, read_changes
from db.crawls import count_crawl, open_crawl
from db.status import read_status
from db.vocabulary import Outcome, Stage

LARGE = frozenset(
    {"blob", "file", "frame", "frontier", "image", "ledger", "member", "place", "sighting", "tile", "consumer_todo"}
    | {"change", "page", "page_file"}
)
"""Tables that no question may read from end to end."""


@pytest.fixture(scope="module")
def built() -> dict[str, bool]:
    return {}


def first_pending(catalog: Catalog) -> None:
    with catalog.database.read() as connection:
        stages.due_blobs(connection, 0, 1000)
        stages.due_images(connection, 500, 1000)
        stages.count_due(connection, Stage.SLICE)


def consume(catalog: Catalog) -> None:
    list(catalog.images(lacking="nearly-done", batch=50))
    next(catalog.batches("half", size=50))
    next(iter(catalog.images(lacking="featurized", batch=50)))
    catalog.mark("half", [3000, 3001])
    catalog.mark("featurized", [3000, 3001])
    catalog.count_lacking("half")


def watch(catalog: Catalog) -> None:
    publish(catalog.database)
    read_changes(catalog.database, 2000, 100)


def trace(catalog: Catalog) -> None:
    seen = catalog.sightings(2500)[0]
    assert catalog.find(seen.url)
    assert seen.source_page
    next(catalog.images_on_page(seen.source_page))
    with catalog.database.read() as connection:
        sha256 = connection.scalar(text("SELECT sha256 FROM blob WHERE id = 900"))
    catalog.blob(bytes(sha256))


def retry(catalog: Catalog) -> None:
    with catalog.database.write() as connection:
        stages.retry(connection, [Outcome.FAILED])
        stages.outdate(connection, Stage.READ, {}, 1)


def crawl(catalog: Catalog) -> None:
    count_crawl(catalog.database, open_crawl(catalog.database, "x", {}, None).id)


@pytest.mark.parametrize("ask", [lambda c: read_status(c.database), first_pending, consume, watch, trace, retry, crawl])
def test_no_question_reads_a_large_table_from_end_to_end(catalog: Catalog, ask: Callable[[Catalog], object]) -> None:
    build(catalog.database, 30_000)
    asked: list[tuple[str, object]] = []

    @event.listens_for(catalog.database.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, values: object, _context: object, many: bool) -> None:
        if not many and statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            asked.append((statement, values))

    ask(catalog)
    event.remove(catalog.database.engine, "before_cursor_execute", note)
    assert asked
    with catalog.database.read() as connection:
        if connection.dialect.name == "postgresql":
            # With few rows reading a table is the cheapest way; what matters is that there is an index at all.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, values in asked:
            scanned = set(tables_read_whole(connection, statement, values)) & LARGE
            assert not scanned, f"{scanned}: {statement}"


def tables_read_whole(connection: Connection, statement: str, values: object) -> Iterator[str]:
    postgresql = connection.dialect.name == "postgresql"
    explain = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
    for row in connection.exec_driver_sql(explain + statement, values):  # type: ignore[arg-type]
        line = str(row[0] if postgresql else row[3])
        words = line.replace("->", " ").split()
        if postgresql and "Seq Scan on" in line:
            yield words[words.index("on") + 1]
        elif not postgresql and words[0] == "SCAN" and "INDEX" not in words:
            yield names(statement).get(words[1], words[1])
        elif not postgresql and line.endswith("(crawl_id=?)") and "ix_frontier_failed" not in line:
            yield "frontier"  # all of a crawl is as good as all


def names(statement: str) -> dict[str, str]:
    """Return what aliases stand for: SQLite's plans speak of those."""
    words = statement.replace(",", " ").replace("(", " ").replace(")", " ").split()
    found = {}
    for table, following, last in zip(words, words[1:], [*words[2:], ""], strict=False):
        if table in LARGE:
            found[last if following == "AS" else following] = table
    return found
