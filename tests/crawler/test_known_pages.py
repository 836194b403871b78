"""A second crawl of the same site need not fetch the pages that the first one fetched (QUARRY_PAGE_MAX_AGE)."""

from pathlib import Path

from sqlalchemy import text

from demo.replica import Site, serve
from tests.conftest import Home
from tests.crawler.test_crawl import rows

DAY = "QUARRY_PAGE_MAX_AGE=86400"
OTHER_WAY = ("-a", "sort=favourites", "-a", "previews=1", "-s", DAY)


def paths(site: Site, prefix: str) -> list[str]:
    return [line["path"] for line in site.log() if line["path"].startswith(prefix)]


def test_a_page_that_another_crawl_fetched_is_not_fetched_again(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        home.crawl(site.url)
        before = rows(home, "SELECT url, title, fetched_at FROM page ORDER BY url")
        had = {line["path"] for line in site.log() if line["path"].startswith("/sites/") and line["status"] == 200}
        site.reset()
        home.crawl(site.url, *OTHER_WAY)
        assert paths(site, "/content/") == []
        assert had
        assert had.isdisjoint(paths(site, "/sites/"))
    assert rows(home, "SELECT url, title, fetched_at FROM page ORDER BY url") == before
    states = "SELECT crawl_id, count(*) FROM frontier WHERE kind = 'content' AND state = 'done' GROUP BY crawl_id"
    assert len({count for _, count in rows(home, states)}) == 1
    wanted = "SELECT count(*) FROM page_file JOIN file ON file.id = file_id WHERE role = 'preview' AND blob_id IS NULL"
    assert rows(home, wanted) == [(0,)]


def test_an_old_page_and_one_that_was_only_taken_over_are_fetched(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        home.crawl(site.url)
        known = len(paths(site, "/content/"))
        home.crawl(site.url, *OTHER_WAY)
        with home.open() as catalog, catalog.database.write() as connection:
            connection.execute(text("UPDATE frontier SET settled_at = '2020-01-01 00:00:00' WHERE crawl_id = 1"))
        site.reset()
        home.crawl(site.url, "-a", "sort=views", "-s", DAY)
        assert len(paths(site, "/content/")) == known


def test_looking_again_fetches_whatever_its_age(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        home.crawl(site.url)
        known = len(paths(site, "/content/"))
        home.crawl(site.url, *OTHER_WAY)
        site.reset()
        home.crawl(site.url, *OTHER_WAY, "-a", "refresh=pages")
        assert len(paths(site, "/content/")) == known
