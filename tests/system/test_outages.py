"""Servers that go away in the middle of a crawl and come back: nothing is lost, nothing fails, little is repeated."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.replica import Abort, Refuse, Site, serve
from demo.small import small_site
from tests.conftest import Home
from tests.crawler.test_crawl import rows
from tests.crawler.test_spiders import HANG_UP, crawl, picture, tiny_site
from tests.snapshot import differences, snapshot
from tests.system.flaky import Road, road_to
from tests.system.running import Running

IMPATIENT = ("-s", "QUARRY_OUTAGE_PAUSE=0.2")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=16, files_per_page=2)
    return out


@contextmanager
def whole_and_road(content: Path, whole: Home) -> Iterator[tuple[Site, Road, int]]:
    """Crawl a site undisturbed; give it, the road that led there, and how many requests that took."""
    with serve(content) as site, road_to(site.url) as road:
        assert whole.crawl(road.url).returncode == 1
        asked = len(site.log())
        site.reset()
        yield site, road, asked


def assert_same(whole: Home, other: Home) -> None:
    with whole.open() as one, other.open() as two:
        assert differences(snapshot(one), snapshot(two)) == []
        assert list(one.blobs) == list(two.blobs)


def test_a_server_that_hangs_up_then_refuses_then_returns_costs_nothing(content: Path, tmp_path: Path) -> None:
    whole, struck = Home(tmp_path / "whole"), Home(tmp_path / "struck")
    with whole_and_road(content, whole) as (site, road, asked):
        run = Running(struck.crawl_command(road.url, *IMPATIENT), struck)
        for seen, cut, pauses in ((6, road.reset, 1), (20, road.vanish, 3)):
            run.saw(site, seen)
            cut()
            run.hears("leaving the host alone", pauses)
            road.open()
        assert run.ends() == 1
        repeated = len(site.log()) - asked
        robots = sum(line["path"] == "/robots.txt" for line in site.log())
    run.hears("answers again", 2)
    assert repeated - robots <= 2  # what was on the wire at each cut
    assert_same(whole, struck)
    assert rows(struck, "SELECT count(*) FROM frontier WHERE attempts > 1") == [(0,)]


def test_an_outage_without_end_stops_the_crawl_with_everything_due(content: Path, tmp_path: Path) -> None:
    whole, struck = Home(tmp_path / "whole"), Home(tmp_path / "struck")
    with whole_and_road(content, whole) as (site, road, asked):
        run = Running(struck.crawl_command(road.url, *IMPATIENT, "-s", "QUARRY_OUTAGE_PATIENCE=0.5"), struck)
        run.saw(site, 12)
        road.vanish()
        assert run.ends() == 3
        run.hears("could not be reached")
        run.hears("Stopped early; the same command goes on from here")
        assert not [line for line in run.said if "Traceback" in line]
        assert rows(struck, "SELECT count(*) FROM frontier WHERE state IN ('failed', 'leased')") == [(0,)]
        assert struck.crawl(road.url, *IMPATIENT, "-s", "QUARRY_OUTAGE_PATIENCE=0.5").returncode == 3
        road.open()
        assert struck.crawl(road.url).returncode == 1
        assert len(site.log()) - asked <= 1 + 1  # robots.txt, and what was on the wire
    assert_same(whole, struck)


def test_a_name_that_cannot_be_resolved_for_a_while(content: Path, tmp_path: Path) -> None:
    whole, struck = Home(tmp_path / "whole"), Home(tmp_path / "struck")
    no_names = tmp_path / "no-names"
    with whole_and_road(content, whole) as (site, road, _):
        named = road.url.replace("127.0.0.1", "localhost")
        site.reset()
        words = struck.crawl_command(named, *IMPATIENT)[2:]
        run = Running(struck.command("tests.system.faulty", "names", str(no_names), "1", *words), struck)
        run.saw(site, 10)
        no_names.touch()
        road.reset()  # a connection that is open needs no name
        road.open()
        run.hears("leaving the host alone", 2)
        no_names.unlink()
        assert run.ends() == 1
    assert rows(struck, "SELECT count(*) FROM frontier WHERE state = 'failed' AND http_status IS NULL") == [(0,)]
    ours = rows(struck, "SELECT count(*) FROM file WHERE blob_id IS NOT NULL")
    assert ours == rows(whole, "SELECT count(*) FROM file WHERE blob_id IS NOT NULL")


def test_a_file_interrupted_more_often_than_it_has_tries_is_brought_home(content: Path, home: Home) -> None:
    with serve(content) as site:
        site.switch(abort_after_bytes=Abort(match=r"set_12.*\.zip$", after_bytes=100, times=7))
        assert home.crawl(site.url).returncode == 1
        parts = [line for line in site.log() if "set_12" in line["path"]]
    assert len(parts) == 8
    assert [line["status"] for line in parts[1:]] == [206] * 7
    assert rows(home, "SELECT count(*) FROM file WHERE name LIKE 'set_12%' AND blob_id IS NULL") == [(0,)]


def test_one_silent_host_fails_in_the_end_and_the_others_do_not_wait_for_it(home: Home, tmp_path: Path) -> None:
    with tiny_site({f"/{n}.png": picture(n) for n in range(20)}) as site:
        dead = [f"http://127.0.0.2:9/{n}.png" for n in range(20)]
        listed = tmp_path / "files.txt"
        listed.write_text("\n".join([*dead, *(f"{site.url}/{n}.png" for n in range(20))]))
        words = ("-a", f"list={listed}", "-s", "DOWNLOAD_DELAY=0.1", *IMPATIENT, "-s", "QUARRY_DEAD_HOST_AFTER=1")
        done = home.run(home.command("scrapy", "crawl", "urls", *words))
    assert done.returncode == 1, done.stderr
    assert rows(home, "SELECT count(*) FROM file WHERE blob_id IS NOT NULL") == [(20,)]
    failed = rows(home, "SELECT url, reason FROM frontier WHERE state = 'failed'")
    assert {url for url, _ in failed} == set(dead)
    assert all("while others answered" in str(reason) for _, reason in failed)


def test_a_robots_txt_that_cannot_be_read_allows_nothing(content: Path, home: Home) -> None:
    with serve(content) as site:
        site.switch(status_503=Refuse(match=r"/robots\.txt", times=2), status_429=Refuse(match=r"/robots\.txt"))
        assert home.crawl(site.url, *IMPATIENT).returncode == 1
        log = site.log()
    assert [line["path"] for line in log[:4]] == ["/robots.txt"] * 4
    assert "/robots.txt" not in {line["path"] for line in log[4:]}
    assert rows(home, "SELECT max(attempts) FROM frontier") == [(0,)]


def test_a_missing_robots_txt_allows_everything(home: Home) -> None:
    with tiny_site({"/": "<a href='/one.png'>1</a>", "/one.png": picture(1)}) as site:
        del site.served["/robots.txt"]
        assert crawl(home, "links", f"start={site.url}/")[0] == 0
        assert sorted(site.asked) == ["/", "/one.png", "/robots.txt"]


def test_the_delay_that_a_host_once_asked_for_holds_while_its_robots_txt_cannot_be_read(
    content: Path, home: Home
) -> None:
    with serve(content, crawl_delay=1.2) as site:
        assert home.crawl(site.url, "-a", "limit=1", "-s", "CLOSESPIDER_PAGECOUNT=1").returncode == 3
        site.switch(status_503=Refuse(match=r"/robots\.txt", times=2))
        begun = len(site.log())
        assert home.crawl(site.url, "-a", "limit=1", *IMPATIENT).returncode == 0
        times = [line["time"] for line in site.log()[begun:]]
    assert times[1] - times[0] >= 1.1
    assert times[2] - times[1] >= 1.1


def test_a_url_that_is_hung_up_on_uses_up_its_tries_when_its_host_is_there(home: Home) -> None:
    with tiny_site({"/": "<a href='/bad.png'>1</a><a href='/one.png'>1</a>", "/one.png": picture(1)}) as site:
        site.served["/bad.png"] = HANG_UP
        words = ("-a", f"start={site.url}/", "-s", "DOWNLOAD_DELAY=0", "-s", "QUARRY_OUTAGE_AFTER=2")
        run = Running(home.command("scrapy", "crawl", "links", *words), home)
        while site.asked.count("/robots.txt") < 2 or site.asked.count("/bad.png") < 3:
            assert run.code is None
        run.send(signal.SIGINT)
        assert run.ends() == 3
    assert not [line for line in run.said if "leaving the host alone" in line]
    ((attempts,),) = rows(home, "SELECT attempts FROM frontier WHERE url LIKE '%bad.png'")
    assert int(str(attempts)) >= 2  # the host is there, so its tries count
