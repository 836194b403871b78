"""What a person sees of a crawl: a live line on a terminal, quiet logs, a summary with a line per cause."""

import logging
import sys
from typing import Any, Self
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.internet.task import LoopingCall

from crawler.session import session_of
from db.crawls import CrawlCounts, count_crawl
from db.terminal import printable

REFRESH_S = 1.0


class QuietFormatter(LogFormatter):
    """One line per fetch and per item is for debugging."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> LogFormatterResult:
        """Log a fetch."""
        return {**super().crawled(request, response, spider), "level": logging.DEBUG}

    def scraped(self, item: Any, response: Any, spider: Spider) -> LogFormatterResult:
        """Log an item, by type only: pages are long."""
        return {"level": logging.DEBUG, "msg": "Scraped %(kind)s", "args": {"kind": type(item).__name__}}


class Progress:
    """Extension: shows progress and sums up."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.reason: str | None = None
        self.failures: dict[str, int] = {}
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("[progress.description]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}"),
            console=self._console,
        )
        self._task = self._bar.add_task("crawl", total=None, detail="")
        self._refresh = LoopingCall(self._show)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler and listen for its beginning and end."""
        self = cls(crawler)
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._closed, signals.spider_closed)
        crawler.signals.connect(self._delayed, signals.robots_parsed)
        return self

    def _opened(self) -> None:
        session = session_of(self.crawler)
        if session.crawl.known:
            done = sum(self._count().by_state.get("done", {}).values())
            self._console.print(
                f"Continuing crawl {session.crawl.id}: {done} of its URLs are done already.", highlight=False
            )
        if sys.stderr.isatty():
            self._bar.start()
            self._refresh.start(REFRESH_S, now=False)

    def _delayed(self, robotparser: Any, request: Request) -> None:
        agent = self.crawler.settings["USER_AGENT"]
        delay = max(float(robotparser.crawl_delay(agent) or 0), self.crawler.settings.getfloat("DOWNLOAD_DELAY"))
        if delay:
            host = urlsplit(request.url).netloc
            self._console.print(f"{host}: one request every {delay:g} s, as its robots.txt and your settings ask.")

    def _count(self) -> CrawlCounts:
        session = session_of(self.crawler)
        return count_crawl(session.catalog.database, session.crawl.id)

    def _show(self) -> None:
        states = self._count().by_state
        done = sum(sum(states.get(state, {}).values()) for state in ("done", "failed"))
        total = done + sum(sum(states.get(state, {}).values()) for state in ("pending", "leased"))
        files = states.get("done", {}).get("file", 0)
        failed = sum(states.get("failed", {}).values())
        self._bar.update(self._task, completed=done, total=total, detail=f"{files} files, {failed} failed")

    def _closed(self, reason: str) -> None:
        self.reason = reason
        if self._refresh.running:
            self._refresh.stop()
            self._show()
            self._bar.stop()
        counts = self._count()
        self.failures = counts.failures
        self._summary(reason, counts)

    def _summary(self, reason: str, counts: CrawlCounts) -> None:
        fetched = self.crawler.stats.get_value("response_received_count", 0) if self.crawler.stats else 0
        parts = [
            f"{sum(kinds.values())} {state} ({', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))})"
            for state, kinds in sorted(counts.by_state.items())
        ]
        said = "Nothing left to do" if reason == "finished" and not fetched else f"Crawl {reason}"
        self._console.print(f"{said}: {'; '.join(parts)}.", highlight=False, soft_wrap=True)
        for cause, number in counts.failures.items():
            self._console.print(f"  {number} × {printable(cause)}", highlight=False, markup=False, soft_wrap=True)
        if counts.failures:
            self._console.print(
                "  See `quarry catalog status --failed`; `quarry catalog retry` makes them due again.",
                highlight=False,
                soft_wrap=True,
            )
        if reason != "finished":
            self._console.print("  Stopped early; the same command goes on from here.", highlight=False)
