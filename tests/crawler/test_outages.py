"""When a host is given up: not because of an outage of everything."""

import pytest
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.spiders import Spider

from crawler.outages import LATELY_S, Outages, Silence
from db.frontier import Entry
from db.vocabulary import EntryKind

DEAD_AFTER_S = 3600.0
SILENT = Silence(since=1000.0, pauses=9)


class Watched:
    """What is known of the hosts of a crawl at a time that the test tells."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.crawler = Crawler(Spider, Settings({"QUARRY_OUTAGE_AFTER": 99, "QUARRY_DEAD_HOST_AFTER": DEAD_AFTER_S}))
        self.outages = Outages(self.crawler, lambda: self.now)

    def answers(self, host: str, now: float) -> None:
        self.now = now
        request = Request(f"http://{host}/")
        sent = {"response": Response(request.url), "request": request, "spider": None}
        self.crawler.signals.send_catch_log(signals.response_downloaded, **sent)

    def fails(self, host: str) -> None:
        request = Request(f"http://{host}/")
        self.outages.suspect(Entry(1, request.url, host, EntryKind.FILE, "parse", {}, 0), request)

    def dead(self, now: float) -> bool:
        return self.outages._is_dead("a", SILENT, now)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_host_that_is_silent_while_others_answer_is_dead(watched: Watched) -> None:
    watched.answers("b", 1005.0 + DEAD_AFTER_S)
    watched.fails("c")
    assert not watched.dead(999.0 + DEAD_AFTER_S)
    assert watched.dead(1006.0 + DEAD_AFTER_S)


def test_an_outage_of_everything_makes_no_host_dead(watched: Watched) -> None:
    watched.answers("b", 1005.0)
    watched.fails("b")
    assert not watched.dead(1001.0 + DEAD_AFTER_S)
    watched.answers("b", 1001.0 + DEAD_AFTER_S)
    assert watched.dead(1000.0 + DEAD_AFTER_S + LATELY_S)


def test_the_last_host_with_work_is_dead_though_nobody_else_is_asked(watched: Watched) -> None:
    watched.answers("b", 1005.0)
    assert watched.dead(1001.0 + DEAD_AFTER_S)


def test_a_host_that_is_alone_is_never_dead(watched: Watched) -> None:
    assert not watched.dead(1e9)
