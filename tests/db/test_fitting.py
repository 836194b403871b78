"""What does not fit into an index is told, alike on both databases, and keeps nothing else back."""

import os
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from db import Catalog
from db.crawls import open_crawl
from db.errors import TooLongError
from db.fitting import MAX_KEY_BYTES, is_refusal
from db.frontier import FrontierQueue
from db.models import Page
from db.recording import record_fetched, record_page
from db.records import CollectionRecord, FetchedFile, FileLink, NewEntry, PageRecord
from db.status import read_status
from db.vocabulary import EntryKind, FileRole
from tests.conftest import Home
from tests.crawler.test_crawl import rows
from tests.crawler.test_spiders import crawl, picture, tiny_site


def long(characters: int = 6000) -> str:
    """Return text that no compression makes short."""
    return os.urandom(characters // 2).hex()


def all_of(catalog: Catalog, query: str) -> list[tuple[object, ...]]:
    with catalog.database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_page_is_recorded_without_what_does_not_fit(catalog: Catalog) -> None:
    far, tag = f"http://s/{long()}", long()
    page = PageRecord(
        url="http://s/a",
        site="s",
        title="a",
        tags=("castle", tag, "Ж" * MAX_KEY_BYTES),
        files=(FileLink(far, FileRole.FILE), FileLink("http://s/a.png", FileRole.FILE)),
        collections=(CollectionRecord(far, "all"), CollectionRecord("http://s/c", "some")),
        extra={"views": 3},
    )
    with catalog.database.write() as connection:
        record_page(connection, page)
    assert all_of(catalog, "SELECT url FROM file") == [("http://s/a.png",)]
    assert all_of(catalog, "SELECT url FROM collection") == [("http://s/c",)]
    names = sorted(str(name) for (name,) in all_of(catalog, "SELECT name FROM tag"))
    assert "castle" in names
    assert [len(name.encode()) for name in names if name.endswith("…")] == [MAX_KEY_BYTES, MAX_KEY_BYTES - 1]
    with catalog.database.read() as connection:
        (extra,) = connection.scalars(Page.__table__.select().with_only_columns(Page.extra))
    why = f"URL too long: {len(far)} bytes, limit {MAX_KEY_BYTES}"
    assert extra == {"views": 3, "left_out": [{"url": far, "why": why}] * 2}


def test_what_is_as_long_as_may_be_fits(catalog: Catalog) -> None:
    url = "http://s/" + long()[: MAX_KEY_BYTES - 9]
    with catalog.database.write() as connection:
        files = (FileLink(url, FileRole.FILE),)
        record_page(connection, PageRecord(url=url, site="s", title="a", tags=(url,), files=files))
        record_fetched(connection, FetchedFile(url, b"1" * 32, 3))
    assert all_of(catalog, "SELECT url, tags FROM page") == [(url, url)]


def test_other_urls_are_refused_with_the_cause(catalog: Catalog) -> None:
    url = f"http://s/{long()}"
    with pytest.raises(TooLongError, match="limit"), catalog.database.write() as connection:
        record_page(connection, PageRecord(url=url, site="s", title="a"))
    with pytest.raises(TooLongError, match="limit"), catalog.database.write() as connection:
        record_fetched(connection, FetchedFile(url, b"1" * 32, 3))


def test_the_frontier_takes_such_a_url_as_failed(catalog: Catalog) -> None:
    queue = FrontierQueue(catalog.database, open_crawl(catalog.database, "x", {}, None).id)
    urls = [f"http://{long()}/", f"http://s/{long()}", "http://s/fine"]
    with catalog.database.write() as connection:
        queue.enqueue(connection, [NewEntry(url, EntryKind.FILE, "parse") for url in urls])
    assert [entry.url for entry in queue.lease(9)] == ["http://s/fine"]
    assert sum(problem.count for problem in read_status(catalog.database).problems) == 2


def test_a_database_that_refuses_a_row_is_not_a_database_that_is_gone(postgres_url: str, tmp_path: Path) -> None:
    with Catalog(postgres_url, str(tmp_path / "blobs")) as catalog:
        with pytest.raises(OperationalError) as caught, catalog.database.write() as connection:
            connection.execute(text("INSERT INTO host (name) VALUES (:name)"), {"name": long()})
        assert is_refusal(caught.value)
        with pytest.raises(DBAPIError) as caught_too, catalog.database.write() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 1"))
            connection.execute(text("SELECT pg_sleep(60)"))
        assert not is_refusal(caught_too.value)


def test_a_crawl_goes_on_past_such_links(catalog_url: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", catalog_url)
    links = f"<a href='/{long()}.png'>far</a><a href='/near.png'>near</a>"
    with tiny_site({"/": links, "/near.png": picture(1)}) as site:
        code, said = crawl(home, "links", f"start={site.url}/")
    assert code == 1, said
    assert rows(home, "SELECT count(*) FROM file WHERE blob_id IS NOT NULL") == [(1,)]
    assert rows(home, "SELECT count(*) FROM frontier WHERE reason LIKE 'URL too long%'") == [(1,)]
