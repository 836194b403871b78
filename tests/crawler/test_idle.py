"""A crawl is not at its end while a response is on its way from one part of Scrapy to the next."""

import sys

from demo.replica import Site
from tests.conftest import Home
from tests.crawler.test_crawl import rows

LATE = """
import asyncio, sys
from scrapy.cmdline import execute
from scrapy.core.engine import ExecutionEngine
from twisted.internet.defer import Deferred

on_time = ExecutionEngine._handle_downloader_output

def late(self, result, request):
    arrives = Deferred()
    arrives.addBoth(lambda found: on_time(self, found, request))
    asyncio.get_running_loop().call_later(0.1, arrives.callback, result)
    self._slot.nextcall.schedule()  # the engine looks whether there is anything left to do
    return arrives

ExecutionEngine._handle_downloader_output = late
execute()
"""


def test_a_crawl_waits_for_what_is_between_the_downloader_and_the_scraper(site: Site, home: Home) -> None:
    words = home.crawl_command(site.url, "-a", "limit=3")[2:]
    done = home.run([sys.executable, "-c", LATE, *words[1:]])
    assert "Crawl finished" in done.stderr
    assert rows(home, "SELECT count(*) FROM frontier WHERE state = 'done' AND kind = 'content'") == [(3,)]
