"""What a person sees of a crawl: live lines on a terminal, quiet logs, a summary with a line per cause."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from rich.filesize import decimal
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from scrapy.utils.asyncio import create_looping_call
from sqlalchemy.exc import DBAPIError

from crawler.session import has_session, session_of
from db.crawls import CrawlCounts, count_crawl, paused_hosts
from db.records import FetchedFile, PageRecord
from db.terminal import printable
from db.vocabulary import EntryKind, EntryState

if TYPE_CHECKING:
    from crawler.progress_bar import CrawlBar

REFRESH_S = 1.0
LOG_EVERY_S = 60.0
REREAD_S = 30.0
"""A large frontier is counted no more often than this."""
LARGE_FRONTIER = 10_000
REREAD_SHARE = 0.1
"""Counting takes no more than this share of the time."""
REAL_DELAY_S = 0.5
"""A shorter delay says nothing of how long requests take; then what they took so far does."""


class QuietFormatter(LogFormatter):
    """One line per fetch and per item is for debugging; else nothing is made of them at all."""

    def __init__(self, debugs: bool = False) -> None:
        self._debugs = debugs

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler."""
        return cls(crawler.settings.get("LOG_LEVEL") in ("DEBUG", logging.DEBUG))

    def crawled(  # type: ignore[override] # Scrapy asks whether there is anything to log
        self, request: Request, response: Response, spider: Spider
    ) -> LogFormatterResult | None:
        """Log a fetch."""
        return {**super().crawled(request, response, spider), "level": logging.DEBUG} if self._debugs else None

    def scraped(  # type: ignore[override]
        self, item: Any, response: Any, spider: Spider
    ) -> LogFormatterResult | None:
        """Log an item, by type only: pages are long."""
        if not self._debugs:
            return None
        return {"level": logging.DEBUG, "msg": "Scraped %(kind)s", "args": {"kind": type(item).__name__}}


@dataclass(frozen=True)
class Standing:
    """How far a crawl has come: entries done, failed (reason → entries), due by kind, and files known in all."""

    done: Counter[str]
    failures: dict[str, int]
    pending: Counter[str]
    files_known: int = 0

    @classmethod
    def of(cls, counts: CrawlCounts, page_limit: int | None) -> "Standing":
        """Read counts; beyond its page limit a crawl's entries are not due."""
        states = {state: Counter(kinds) for state, kinds in counts.by_state.items()}
        done, failed = states.get(EntryState.DONE, Counter()), states.get(EntryState.FAILED, Counter())
        pending = states.get(EntryState.PENDING, Counter()) + states.get(EntryState.LEASED, Counter())
        files_known = (done + failed + pending)[EntryKind.FILE]
        if page_limit is not None:
            settled = done[EntryKind.CONTENT] + failed[EntryKind.CONTENT]
            if settled + pending[EntryKind.CONTENT] >= page_limit:
                pending[EntryKind.LISTING] = 0
            pending[EntryKind.CONTENT] = max(0, min(pending[EntryKind.CONTENT], page_limit - settled))
        return cls(done, counts.failures, +pending, files_known)

    @property
    def failed(self) -> int:
        """Return how many entries failed for good."""
        return sum(self.failures.values())

    def after(self, settled: Counter[str]) -> "Standing":
        """Return the standing once some more entries, by kind, are done."""
        return Standing(self.done + settled, self.failures, self.pending - settled, self.files_known)

    def requests_left(self) -> float | None:
        """Estimate the requests to come; None while listings are due, which may bring any number."""
        if self.pending[EntryKind.LISTING]:
            return None
        content = self.done[EntryKind.CONTENT]
        files_per_page = self.files_known / content if content else 0.0
        return self.pending[EntryKind.CONTENT] * (1 + files_per_page) + self.pending[EntryKind.FILE]


class Tally:
    """What this process has done, and how far the crawl is: kept in memory, counted in the catalog now and then."""

    def __init__(self, crawler: Crawler, clock: Callable[[], float] = time.monotonic) -> None:
        self._crawler = crawler
        self._clock = clock
        self._began = clock()
        self._count_again_at = 0.0
        self._counted = Standing(Counter(), {}, Counter())
        self._since: Counter[str] = Counter()
        self._delays: dict[str, float] = {}
        self.pages = self.files = self.size_bytes = self.retries = self.answers = 0
        crawler.signals.connect(self._scraped, signals.item_scraped)
        crawler.signals.connect(self._downloaded, signals.response_downloaded)

    @property
    def elapsed_s(self) -> float:
        """Return how long this process has been at it."""
        return self._clock() - self._began

    def _scraped(self, item: Any) -> None:
        if isinstance(item, FetchedFile):
            self.files += 1
            self.size_bytes += item.size_bytes
            self._since[EntryKind.FILE] += 1
        elif isinstance(item, PageRecord):
            self.pages += 1
            self._since[EntryKind.CONTENT] += 1

    def _downloaded(self, response: Response) -> None:
        self.answers += 1
        self.size_bytes += len(response.body)

    def asked_again(self) -> None:
        """Count an entry that is asked for after a failed try."""
        self.retries += 1

    def standing(self) -> Standing:
        """Return how far the crawl is; counted in the catalog seldom enough to cost nothing."""
        if self._clock() >= self._count_again_at:
            self._count()
        return self._counted.after(self._since)

    def _count(self) -> None:
        session = session_of(self._crawler)
        began = self._clock()
        try:
            counts = count_crawl(session.catalog.database, session.crawl.id)
        except DBAPIError:  # whoever writes says so; here the last count has to do
            self._count_again_at = began + REREAD_S
            return
        self._counted = Standing.of(counts, getattr(self._crawler.spider, "page_limit", None))
        self._since.clear()
        rows = sum(sum(kinds.values()) for kinds in counts.by_state.values())
        self._count_again_at = self._clock() + count_again_after_s(rows, self._clock() - began)

    def paused(self) -> list[tuple[str, float]]:
        """Return the hosts that this crawl would ask but must leave alone, and until when (seconds since 1970)."""
        session = session_of(self._crawler)
        try:
            return paused_hosts(session.catalog.database, session.crawl.id, time.time())
        except DBAPIError:
            return []

    def in_flight(self) -> int:
        """Return how many requests are under way."""
        return sum(len(slot.transferring) for slot in self._slots().values())

    def eta_s(self) -> float | None:
        """Estimate the seconds left; None when that cannot be told."""
        self._delays = {host: slot.delay for host, slot in self._slots().items()} or self._delays
        mean = self.elapsed_s / self.answers if self.answers else 0.0
        return eta_s(self.standing().requests_left(), list(self._delays.values()), mean)

    def _slots(self) -> dict[str, Any]:
        engine: Any = self._crawler.engine
        return dict(engine.downloader.slots) if engine is not None else {}


_tallies: "WeakKeyDictionary[Crawler, Tally]" = WeakKeyDictionary()


def tally_of(crawler: Crawler) -> Tally:
    """Return the running crawl's tally, which begins at first use."""
    if crawler not in _tallies:
        _tallies[crawler] = Tally(crawler)
    return _tallies[crawler]


def count_again_after_s(rows: int, cost_s: float) -> float:
    """Say how long a count may be used: seconds when counting is cheap, half a minute or more when it is not."""
    return max(REFRESH_S if rows <= LARGE_FRONTIER else REREAD_S, cost_s / REREAD_SHARE)


def eta_s(requests: float | None, delays_s: list[float], mean_s: float) -> float | None:
    """Estimate the seconds that requests to one host take; None for several hosts, whose shares are not known."""
    if requests is None or len(delays_s) != 1:
        return None
    delay = delays_s[0]
    return requests * (delay if delay >= REAL_DELAY_S else max(delay, mean_s))


def duration(seconds: float) -> str:
    """Write a duration in two units: `45 s`, `3 min 20 s`, `2 h 5 min`, `1 d 4 h`."""
    whole = round(seconds)
    for unit, unit_s, next_unit, next_s in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= unit_s:
            return f"{whole // unit_s} {unit} {whole % unit_s // next_s} {next_unit}"
    return f"{whole} s"


def summary_of_run(pages: int, files: int, size_bytes: int, seconds: float) -> str:
    """Say what one run brought."""
    return f"{pages} pages, {files} files, {decimal(size_bytes)} in {duration(seconds)}"


def describe(tally: Tally) -> str:
    """Say how a running crawl is doing, in one line."""
    standing, eta = tally.standing(), tally.eta_s()
    rate = tally.files * 60 / max(tally.elapsed_s, 1.0)
    return (
        f"{tally.pages} pages, {tally.files} files, {decimal(tally.size_bytes)}, {rate:.1f} files/min, "
        f"{standing.failed} failed, ETA {'?' if eta is None else duration(eta)}"
    )


def describe_pauses(paused: Iterable[tuple[str, float]]) -> str:
    """Say which hosts are left alone until when, in local time; '' for none."""
    return ", ".join(
        f"{printable(host)} paused until {datetime.fromtimestamp(until).astimezone():%Y-%m-%d %H:%M:%S}"
        for host, until in paused
    )


class Progress:
    """Extension: shows progress and sums up."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.reason: str | None = None
        self.failures: dict[str, int] = {}
        self._tally = tally_of(crawler)
        self._bar: CrawlBar | None = None
        self._refresh = create_looping_call(self._show)
        self._log = create_looping_call(self._log_line)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler and listen for its beginning and end."""
        self = cls(crawler)
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._closed, signals.spider_closed)
        crawler.signals.connect(self._delayed, signals.robots_parsed)
        return self

    def _opened(self) -> None:
        if not has_session(self.crawler):
            return
        session = session_of(self.crawler)
        if session.crawl.known:
            done = sum(self._tally.standing().done.values())
            self._say(f"Continuing crawl {session.crawl.id}: {done} of its URLs are done already.")
        if sys.stderr.isatty():
            from crawler.progress_bar import CrawlBar  # slow to load, and of no use to a log file

            self._bar = CrawlBar()
            self._bar.start()
            self._refresh.start(REFRESH_S, now=False)
        else:
            self._log.start(self.crawler.settings.getfloat("QUARRY_PROGRESS_S", LOG_EVERY_S), now=False)

    def _delayed(self, robotparser: Any, request: Request) -> None:
        agent = self.crawler.settings["USER_AGENT"]
        delay = max(float(robotparser.crawl_delay(agent) or 0), self.crawler.settings.getfloat("DOWNLOAD_DELAY"))
        if delay:
            host = urlsplit(request.url).netloc
            self._say(f"{host}: one request every {delay:g} s, as its robots.txt and your settings ask.")

    def _show(self) -> None:
        standing = self._tally.standing()
        done = sum(standing.done.values()) + standing.failed
        if self._bar is not None:
            below = "\n".join(filter(None, (describe(self._tally), describe_pauses(self._tally.paused()))))
            self._bar.show(done, done + sum(standing.pending.values()), below)

    def _log_line(self) -> None:
        parts = (describe(self._tally), describe_pauses(self._tally.paused()))
        self._say(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {'; '.join(filter(None, parts))}")

    def _closed(self, reason: str) -> None:
        self.reason = reason
        for loop in (self._refresh, self._log):
            if loop.running:
                loop.stop()
        if self._bar is not None:
            self._show()
            self._bar.stop()
        if not has_session(self.crawler):
            return
        session = session_of(self.crawler)
        try:
            counts = count_crawl(session.catalog.database, session.crawl.id)
        except DBAPIError as error:
            self._say(f"Crawl {reason}; the catalog cannot be read: {error.orig}. The same command goes on from here.")
            return
        self.failures = counts.failures
        self._summary(reason, counts)

    def _summary(self, reason: str, counts: CrawlCounts) -> None:
        fetched = self.crawler.stats.get_value("response_received_count", 0) if self.crawler.stats else 0
        parts = [
            f"{sum(kinds.values())} {state} ({', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))})"
            for state, kinds in sorted(counts.by_state.items())
        ]
        said = "Nothing left to do" if reason == "finished" and not fetched else f"Crawl {reason}"
        self._say(f"{said}: {'; '.join(parts)}.")
        tally = self._tally
        self._say(f"  This run: {summary_of_run(tally.pages, tally.files, tally.size_bytes, tally.elapsed_s)}.")
        for cause, number in counts.failures.items():
            self._say(f"  {number} × {printable(cause)}")
        if counts.failures:
            self._say("  See `quarry catalog status --failed`; `quarry catalog retry` makes them due again.")
        if reason != "finished":
            self._say("  Stopped early; the same command goes on from here.")

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.say(line)
        else:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is what it is for
