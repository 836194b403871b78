"""Ctrl-C and SIGTERM: what waits is handed back at once, what is on the wire is brought home, nothing is lost."""

import os
import random
import signal
from pathlib import Path

import pytest

from benchmarks.databases import new_database
from demo.replica import serve
from demo.small import small_site
from tests.conftest import Home
from tests.crawler.test_crawl import rows
from tests.snapshot import differences, snapshot
from tests.system.running import Running

IN_FLIGHT = 16


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=30, files_per_page=2)
    return out


def test_what_waits_for_its_turn_is_handed_back_at_once(content: Path, home: Home) -> None:
    with serve(content, crawl_delay=40) as site:
        run = Running(home.crawl_command(site.url, "-L", "INFO"), home)
        run.hears("asks for 40.0 s between requests")
        run.send(signal.SIGINT)
        assert run.ends() == 3  # within the delay of one request, or the test is given up
        assert [line["path"] for line in site.log()] == ["/robots.txt"]
    assert rows(home, "SELECT state, attempts, count(*) FROM frontier GROUP BY 1, 2") == [("pending", 0, 1)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_any_number_of_times_nothing_is_asked_for_twice(
    content: Path, tmp_path: Path, catalog_url: str, number: signal.Signals
) -> None:
    chance = random.Random(int(number))
    postgres = catalog_url.startswith("postgresql")
    if postgres != (number == signal.SIGTERM) and not os.environ.get("QUARRY_TEST_THOROUGH"):
        pytest.skip("QUARRY_TEST_THOROUGH is not set; one signal for each database")
    whole = Home(tmp_path / "whole", new_database(catalog_url) if postgres else "")
    stopped = Home(tmp_path / "stopped", catalog_url)
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        stops = 0
        for _ in range(3):
            seen = len(site.log()) + chance.randint(2, uninterrupted // 4)
            run = Running(stopped.crawl_command(site.url), stopped)
            if run.saw_or_ended(site, seen):
                run.send(number)
                stops += 1
                assert run.ends() == 3
                assert not [line for line in run.said if "Traceback" in line]
        assert stops >= 2
        assert stopped.crawl(site.url).returncode == 1
        assert len(site.log()) == uninterrupted + stops  # each start asks for robots.txt
    with whole.open() as one, stopped.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []


def test_two_ctrl_c_stop_at_once_and_lose_nothing(content: Path, tmp_path: Path) -> None:
    whole, stopped = Home(tmp_path / "whole"), Home(tmp_path / "stopped")
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        for more in (10, 20):
            seen = len(site.log()) + more  # counted from now, or the second one is stopped before it can hear it
            site.switch(latency_s=0.05)  # so that it is not done before anybody looks
            run = Running(stopped.crawl_command(site.url, "-L", "INFO"), stopped)
            run.saw(site, seen)
            site.switch(latency_s=30)  # so that something is on the wire
            run.send(signal.SIGINT)
            run.hears("shutting down gracefully")
            run.send(signal.SIGINT)
            assert run.ends() == 3  # long before the answer comes, or the test is given up
            site.switch(latency_s=0)
        assert stopped.crawl(site.url).returncode == 1
        repeated = len(site.log()) - uninterrupted - 2
    assert repeated <= 2 * IN_FLIGHT
    with whole.open() as one, stopped.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
