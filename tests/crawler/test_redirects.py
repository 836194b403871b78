"""Redirects to other hosts: asked by whoever serves that host, recorded under the URL that the page links."""

from typing import Any

from sqlalchemy import text

from db.crawls import open_crawl
from db.frontier import FrontierQueue
from db.records import NewEntry
from db.urls import host_of
from db.vocabulary import EntryKind
from tests.conftest import Home
from tests.crawler.test_crawl import rows
from tests.crawler.test_spiders import Pages, crawl, picture, tiny_site
from tests.system.running import Running


def shop(storage: str) -> dict[str, str | bytes]:
    links = "".join(f"<a href='/{n}.png'>{n}</a>" for n in range(4))
    return {"/": f"<title>Shop</title>{links}", **{f"/{n}.png": f"{storage}/store/{n}.png" for n in range(4)}}


def storage() -> dict[str, str | bytes]:
    return {f"/store/{n}.png": picture(n) for n in range(4)}


def named(site: Pages) -> str:
    return site.url.replace("127.0.0.1", "localhost")


def led_to(home: Home) -> list[tuple[object, ...]]:
    return rows(home, "SELECT url, host, data FROM frontier WHERE kind = 'file' ORDER BY url")


def test_a_file_on_another_host_is_recorded_under_the_url_that_was_linked(home: Home) -> None:
    with tiny_site(storage()) as store, tiny_site(shop(named(store))) as site:
        code, said = crawl(home, "links", f"start={site.url}/", f"allow={host_of(named(store))}")
        assert code == 0, said
        assert sorted(store.asked) == ["/robots.txt", *(f"/store/{n}.png" for n in range(4))]
        files = rows(home, "SELECT file.url, page.url, blob_id IS NOT NULL FROM file JOIN page ON page.id = page_id")
        assert sorted(files, key=str) == [(f"{site.url}/{n}.png", f"{site.url}/", 1) for n in range(4)]
        for number, (url, host, data) in enumerate(led_to(home)):
            assert (url, host) == (f"{site.url}/{number}.png", host_of(site.url))
            assert f"{named(store)}/store/{number}.png" in str(data)
        site.asked.clear()
        crawl(home, "links", f"start={site.url}/", f"allow={host_of(named(store))}", "refresh=files")
        assert {f"/{n}.png" for n in range(4)} <= set(site.asked)  # asked again where it was linked


def test_a_host_that_another_process_serves_is_left_to_it(home: Home) -> None:
    with tiny_site(storage()) as store, tiny_site(shop(named(store))) as site, home.open() as catalog:
        other = open_crawl(catalog.database, "other", {}, None)
        holder = FrontierQueue(catalog.database, other.id)
        with catalog.database.write() as connection:
            holder.enqueue(connection, [NewEntry(f"{named(store)}/x", EntryKind.FILE, "parse_file")])
        assert len(holder.lease(1)) == 1
        words = ("-a", f"start={site.url}/", "-a", f"allow={host_of(named(store))}", "-s", "DOWNLOAD_DELAY=0")
        run = Running(home.command("scrapy", "crawl", "links", *words), home)
        while _waiting_at(catalog, host_of(named(store))) < 4:
            assert run.code is None, "".join(run.said)
        assert store.asked == []
        holder.release()
        assert run.ends() == 0
        assert sorted(store.asked) == ["/robots.txt", *(f"/store/{n}.png" for n in range(4))]


def _waiting_at(catalog: Any, host: str) -> int:
    with catalog.database.read() as connection:
        query = "SELECT count(*) FROM frontier WHERE state = 'pending' AND kind = 'file' AND host = :host"
        return int(connection.scalar(text(query + " AND url NOT LIKE '%/x'"), {"host": host}))


def test_redirects_from_host_to_host_and_in_a_circle_end(home: Home) -> None:
    with tiny_site({}) as far, tiny_site({"/": "<a href='/a.png'>a</a><a href='/loop.png'>l</a>"}) as site:
        site.served["/a.png"] = "/b.png"
        site.served["/b.png"] = f"{named(far)}/c.png"
        far.served["/c.png"] = f"{site.url}/d.png"
        site.served["/d.png"] = picture(1)
        site.served["/loop.png"] = f"{named(far)}/loop.png"
        far.served["/loop.png"] = f"{site.url}/loop.png"
        code, said = crawl(home, "links", f"start={site.url}/", f"allow={host_of(named(far))}")
    assert code == 1, said
    assert rows(home, "SELECT url FROM file WHERE blob_id IS NOT NULL") == [(f"{site.url}/a.png",)]
    assert rows(home, "SELECT reason FROM frontier WHERE state = 'failed'") == [("max redirections reached",)]
    assert len([path for path in site.asked + far.asked if path == "/loop.png"]) == 21
