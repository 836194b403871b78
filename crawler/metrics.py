"""What a running crawl tells Prometheus, on a loopback port. Off unless QUARRY_METRICS_PORT is set.

The numbers are those of the progress line. They are noted once a second by the crawl itself; a visitor only reads the
last note, so asking often costs the crawl nothing.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, NotConfigured
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import create_looping_call

from crawler.errors import CrawlUsageError
from crawler.progress import REFRESH_S, Tally, tally_of
from db.vocabulary import EntryKind

logger = logging.getLogger(__name__)

CAUSES = (
    (re.compile(r"HTTP (\d{3})"), r"http_\1"),
    (re.compile(r"Forbidden by robots"), "robots"),
    (re.compile(r"\d+ bytes announced|more than \d+ bytes"), "too_large"),
    (re.compile(r"the page could not be understood"), "page_shape"),
    (re.compile(r"could not be recorded"), "recording"),
    (re.compile(r"dropped inside Scrapy"), "dropped"),
    (re.compile(r"([A-Za-z_]\w*(?:Error|Exception|Timeout|Failed|Lost|Refused|Aborted|Done))\b"), r"\1"),
)
"""How a reason begins, and the class it belongs to: few enough to be labels."""

ADDRESS = "127.0.0.1"
STOP_REASON = "the metrics port cannot be had"


def check_metrics(settings: BaseSettings) -> None:
    """Raise CrawlUsageError if metrics are asked for and cannot be had."""
    port = settings.get("QUARRY_METRICS_PORT")
    if port is None:
        return
    if not str(port).isdigit() or int(port) >= 1 << 16:
        raise CrawlUsageError(f"QUARRY_METRICS_PORT={port} should be a port number, for example 9410")
    try:
        import_module("prometheus_client")
    except ModuleNotFoundError as error:
        raise CrawlUsageError(
            "QUARRY_METRICS_PORT needs prometheus-client: pip install 'artquarry[metrics]'"
        ) from error


def cause_class(reason: str) -> str:
    """Put a failure's reason into a class without URLs or numbers of its own, such as `http_404`."""
    for begins, name in CAUSES:
        if found := begins.match(reason):
            return found.expand(name)
    return "other"


@dataclass(frozen=True)
class Reading:
    """The numbers at one moment; hosts and when their pause ends, in seconds since 1970."""

    pages: int = 0
    files: int = 0
    size_bytes: int = 0
    retries: int = 0
    in_flight: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    paused: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, tally: Tally) -> "Reading":
        """Read a tally."""
        standing = tally.standing()
        failures: Counter[str] = Counter()
        for reason, number in standing.failures.items():
            failures[cause_class(reason)] += number
        pending = {kind.value: standing.pending.get(kind.value, 0) for kind in EntryKind}
        paused = dict(tally.paused())
        return cls(
            tally.pages, tally.files, tally.size_bytes, tally.retries, tally.in_flight(), failures, pending, paused
        )


class Exposition:
    """A Prometheus collector that gives out the last reading."""

    def __init__(self) -> None:
        self.reading = Reading()
        self._core: Any = import_module("prometheus_client.core")

    def collect(self) -> Iterator[Any]:
        """Yield every metric; called from the server's thread."""
        now = self.reading
        counter, gauge = self._core.CounterMetricFamily, self._core.GaugeMetricFamily
        yield counter("quarry_pages", "Content pages recorded since this process began", value=now.pages)
        yield counter("quarry_files", "Files brought home since this process began", value=now.files)
        yield counter("quarry_bytes", "Bytes received since this process began, pages and files", value=now.size_bytes)
        yield counter("quarry_retries", "Requests made again after a failed one", value=now.retries)
        yield gauge("quarry_in_flight", "Requests under way", value=now.in_flight)
        for name, help_text, label, values in (
            ("quarry_failures", "Entries of the crawl that failed for good, by cause", "cause", now.failures),
            ("quarry_pending", "Entries that are due, within the crawl's page limit", "kind", now.pending),
            ("quarry_host_paused_until_seconds", "When a host's pause ends, since 1970", "host", now.paused),
        ):
            family = gauge(name, help_text, labels=[label])
            for value, number in values.items():
                family.add_metric([value], number)
            yield family


class Metrics:
    """Extension: serves the numbers while the crawl runs."""

    def __init__(self, crawler: Crawler, port: int) -> None:
        self.crawler = crawler
        self._port = port
        self._exposition = Exposition()
        self._refresh = create_looping_call(self._note)
        self._served: tuple[Any, Any] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler, if metrics are asked for."""
        port = crawler.settings.get("QUARRY_METRICS_PORT")
        if port is None:
            raise NotConfigured
        check_metrics(crawler.settings)
        self = cls(crawler, int(port))
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._closed, signals.spider_closed)
        return self

    def _opened(self) -> None:
        client: Any = import_module("prometheus_client")
        registry = client.CollectorRegistry(auto_describe=False)
        registry.register(self._exposition)
        try:
            self._served = client.start_http_server(self._port, addr=ADDRESS, registry=registry)
        except OSError as error:
            logger.error("metrics on %s:%s: %s; choose another QUARRY_METRICS_PORT", ADDRESS, self._port, error)  # noqa: TRY400
            raise CloseSpider(STOP_REASON) from error
        self._refresh.start(REFRESH_S)

    def _note(self) -> None:
        self._exposition.reading = Reading.of(tally_of(self.crawler))

    def _closed(self) -> None:
        if self._refresh.running:
            self._refresh.stop()
        if self._served is not None:
            server, thread = self._served
            server.shutdown()
            server.server_close()
            thread.join()
