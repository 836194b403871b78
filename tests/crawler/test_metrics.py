"""Numbers for Prometheus, asked for while a crawl runs."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from scrapy.settings import Settings

from crawler.errors import CrawlUsageError
from crawler.metrics import cause_class, check_metrics
from demo.replica import Refuse, serve
from tests.conftest import ROOT, Home

client = pytest.importorskip("prometheus_client.parser")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def numbers(port: int) -> dict[str, float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        exposition = connection.getresponse().read().decode()
    finally:
        connection.close()
    return {
        sample.name + "".join(f":{value}" for value in sample.labels.values()): sample.value
        for family in client.text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def watch(home: Home, site_url: str, port: int) -> tuple[list[dict[str, float]], int]:
    command = home.crawl_command(site_url, "-s", f"QUARRY_METRICS_PORT={port}")
    process = subprocess.Popen(command, cwd=ROOT, env=home.environment, stderr=subprocess.DEVNULL)
    readings: list[dict[str, float]] = []
    while process.poll() is None:
        with suppress(OSError):  # not yet, or no longer
            readings.append(numbers(port))
        time.sleep(0.1)
    return readings, process.returncode


def test_a_running_crawl_can_be_watched(small_content: Path, home: Home) -> None:
    port = free_port()
    with serve(small_content) as site:
        site.switch(latency_s=0.1, status_429=Refuse(match="/art-search", times=1, retry_after_s=2))
        readings, code = watch(home, site.url, port)
        host = site.url.removeprefix("http://")
    assert code == 1
    last = readings[-1]  # up to a second old when the crawl ended
    for name in ("quarry_pages_total", "quarry_files_total", "quarry_bytes_total", "quarry_retries_total"):
        assert [r[name] for r in readings] == sorted(r[name] for r in readings)
    assert last["quarry_pages_total"] >= 9
    assert last["quarry_files_total"] > 15
    assert last["quarry_bytes_total"] > 100_000
    assert last["quarry_retries_total"] == 1
    assert {last.get(f"quarry_failures:{cause}", 1) for cause in ("http_403", "http_404")} == {1}
    due = [sum(r.get(f"quarry_pending:{kind}", 0) for kind in ("listing", "content", "file")) for r in readings]
    assert max(due) > 3  # what is handed out, up to sixteen, is not due any more
    assert last["quarry_pending:listing"] == 0
    assert max(r["quarry_in_flight"] for r in readings) == 1
    assert any(f"quarry_host_paused_until_seconds:{host}" in r for r in readings)
    assert not [name for name in last if name.startswith(("python_", "process_"))]
    with pytest.raises(OSError, match="refused"):
        numbers(port)


def test_nothing_listens_unless_asked(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        assert home.crawl(site.url, "-a", "limit=1").returncode == 0


def test_a_taken_port_stops_the_crawl_and_says_so(small_content: Path, home: Home) -> None:
    with socket.socket() as taken, serve(small_content) as site:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = home.crawl(site.url, "-s", f"QUARRY_METRICS_PORT={taken.getsockname()[1]}")
        assert site.log() == []
    assert done.returncode == 3
    assert "choose another QUARRY_METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("HTTP 404", "http_404"),
        ("HTTP 503 (5 tries)", "http_503"),
        ("Forbidden by robots.txt", "robots"),
        ("1234 bytes announced, limit 1000", "too_large"),
        ("TruncatedDownloadError: connection ended after 7 bytes (5 tries)", "TruncatedDownloadError"),
        ("DownloadError: ServerTimeoutError: x", "DownloadError"),
        ("the page could not be understood: PageShapeError: no title", "page_shape"),
        ("https://example.org/ said something new", "other"),
    ],
)
def test_reasons_fall_into_few_classes(reason: str, cause: str) -> None:
    assert cause_class(reason) == cause


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    check_metrics(Settings({"QUARRY_METRICS_PORT": "9410"}))
    for wrong in ("many", "70000", "-1"):
        with pytest.raises(CrawlUsageError, match="should be a port number"):
            check_metrics(Settings({"QUARRY_METRICS_PORT": wrong}))
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    check_metrics(Settings())
    with pytest.raises(CrawlUsageError, match=r"artquarry\[metrics\]"):
        check_metrics(Settings({"QUARRY_METRICS_PORT": "9410"}))
