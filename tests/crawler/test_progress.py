"""What a person sees: lines on a terminal, a line a minute off it, the summary."""

import os
import pty
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from crawler.progress import Standing, count_again_after_s, describe_pauses, duration, eta_s, summary_of_run
from db.crawls import CrawlCounts
from demo.replica import Site, serve
from tests.conftest import ROOT, Home

COUNTS = CrawlCounts(
    {
        "done": {"listing": 1, "content": 10, "file": 18},
        "failed": {"file": 2},
        "pending": {"listing": 2, "content": 100, "file": 8},
        "leased": {"content": 2, "file": 2},
    },
    {"HTTP 404": 2},
)


def on_a_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command with a terminal as its stderr; return exit code and what appeared there."""
    master, slave = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        seen = b""
        try:
            while chunk := os.read(master, 65536):
                seen += chunk
        except OSError:
            pass  # EIO: the other end is closed
        finally:
            os.close(master)
    return process.returncode, seen.decode()


def test_a_terminal_shows_lines_and_ends_with_the_summary(small_content: Path, home: Home) -> None:
    terminal = {**home.environment, "TERM": "xterm-256color", "COLUMNS": "100"}
    with serve(small_content) as site:
        site.switch(latency_s=0.1)
        code, seen = on_a_terminal(home.crawl_command(site.url), terminal)
    assert code == 1
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    shown = re.findall(r"(\d+) pages, (\d+) files, [\d.]+ \w+, [\d.]+ files/min, \d+ failed, ETA (?:\?|\d+ \w+)", plain)
    assert len(shown) >= 3
    assert [int(files) for _, files in shown] == sorted(int(files) for _, files in shown)
    summary = plain[plain.index("Crawl finished") :]
    assert summary.startswith("Crawl finished: 43 done (12 content, 30 file, 1 listing); 2 failed (2 file).")
    assert re.search(r"This run: 12 pages, 30 files, [\d.]+ kB in \d+ s\.", summary)
    assert "1 × HTTP 404" in summary


def test_off_a_terminal_there_is_a_line_now_and_then(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(latency_s=0.05)
        done = home.crawl(site.url, "-s", "QUARRY_PROGRESS_S=0.5")
    lines = re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \d+ pages, \d+ files, .*$", done.stderr, re.MULTILINE)
    assert len(lines) >= 2
    assert "\x1b" not in done.stderr


def test_by_default_a_short_crawl_prints_its_summary_only(site: Site, home: Home) -> None:
    done = home.crawl(site.url, "-a", "limit=1")
    assert "files/min" not in done.stderr
    assert "This run: 1 pages" in done.stderr
    again = home.crawl(site.url, "-a", "limit=1")
    assert "Nothing left to do" in again.stderr
    assert "This run: 0 pages, 0 files, 0 bytes in" in again.stderr


def test_scrapys_own_numbers_stay_available(site: Site, home: Home) -> None:
    done = home.crawl(site.url, "-a", "limit=1", "-L", "INFO")
    assert "Dumping Scrapy stats" in done.stderr


def test_what_lies_beyond_the_page_limit_is_not_due() -> None:
    everything, limited = Standing.of(COUNTS, None), Standing.of(COUNTS, 15)
    assert everything.pending == {"listing": 2, "content": 102, "file": 10}
    assert limited.pending == {"content": 5, "file": 10}
    assert Standing.of(COUNTS, 200).pending == everything.pending
    assert everything.failed == 2


def test_requests_left_are_unknown_while_listings_are_due() -> None:
    assert Standing.of(COUNTS, None).requests_left() is None
    assert Standing.of(COUNTS, 15).requests_left() == 5 * (1 + 30 / 10) + 10


def test_what_was_done_since_the_count_is_added() -> None:
    after = Standing.of(COUNTS, 15).after(Counter({"content": 2, "file": 11}))
    assert after.done == {"listing": 1, "content": 12, "file": 29}
    assert after.pending == {"content": 3}


@pytest.mark.parametrize(
    ("requests", "delays", "mean", "seconds"),
    [
        (100, [10.0], 3.0, 1000.0),  # the delay rules
        (100, [0.001], 0.2, 20.0),  # no delay worth the name: as long as it took so far
        (None, [10.0], 3.0, None),
        (100, [10.0, 5.0], 3.0, None),
        (100, [], 3.0, None),
    ],
)
def test_eta(requests: float | None, delays: list[float], mean: float, seconds: float | None) -> None:
    assert eta_s(requests, delays, mean) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (59.7, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (100_800, "1 d 4 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_large_frontiers_are_counted_seldom() -> None:
    assert count_again_after_s(50, 0.001) == 1.0
    assert count_again_after_s(1_000_000, 1.0) == 30.0
    assert count_again_after_s(9_000_000, 8.0) == pytest.approx(80.0)


def test_summary_and_pauses() -> None:
    assert summary_of_run(3, 5, 12_300_000, 65) == "3 pages, 5 files, 12.3 MB in 1 min 5 s"
    assert re.fullmatch(r"a\.org paused until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", describe_pauses([("a.org", 1.8e9)]))
    assert describe_pauses([]) == ""
