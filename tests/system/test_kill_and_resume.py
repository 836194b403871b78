"""SIGKILL at random moments, any number of times; the catalog ends as if nothing had happened."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from demo.replica import Site, serve
from demo.small import small_site
from tests.conftest import Home
from tests.snapshot import differences, snapshot

IN_FLIGHT = 16
"""What a crawl hands out at a time by default (CONCURRENT_REQUESTS)."""


def kill_after(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Let a process run so long, then kill it and its children; return whether it was still running."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_until(process: "subprocess.Popen[bytes]", site: Site, requests: int) -> bool:
    """Kill a crawl once the site has seen so many requests; return whether it was still running."""
    while process.poll() is None:
        if len(site.log()) >= requests:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=40, files_per_page=2)
    return out


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_crawl_killed_many_times_ends_as_if_never_killed(content: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole, killed = Home(tmp_path / "whole"), Home(tmp_path / "killed")
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        kills, seen = 0, 0
        for _ in range(6):
            seen += chance.randint(1, uninterrupted // 5)
            kills += kill_until(killed.start(killed.crawl_command(site.url)), site, seen)
        assert kills >= 3
        assert killed.crawl(site.url).returncode == 1
        # Each start asks for robots.txt once more.
        repeated = len(site.log()) - uninterrupted - kills
        assert repeated <= kills * IN_FLIGHT
    with whole.open() as one, killed.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []


def test_extraction_killed_many_times_ends_as_if_never_killed(content: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    whole, killed = Home(tmp_path / "whole"), Home(tmp_path / "killed")
    with serve(content) as site:
        for home in (whole, killed):
            assert home.crawl(site.url).returncode == 1
    assert whole.quarry("extract", "run").returncode == 1
    kills = sum(
        kill_after(killed.start(killed.command("quarry", "extract", "run")), chance.uniform(0.2, 1.4)) for _ in range(8)
    )
    assert kills >= 3
    assert killed.quarry("extract", "run").returncode in (0, 1)
    with whole.open() as one, killed.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
    again = killed.quarry("extract", "run")
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout


def test_workers_do_not_outlive_a_killed_run(content: Path, tmp_path: Path, home: Home) -> None:
    with serve(content) as site:
        home.crawl(site.url)
    run = home.start(home.command("quarry", "extract", "run"))
    try:
        run.wait(1.0)
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)  # the runner alone, not its group
        run.wait()
    deadline = 100
    while deadline and _alive_in_session(run.pid):
        deadline -= 1
        subprocess.run(["sleep", "0.1"], check=True)
    assert _alive_in_session(run.pid) == []


def _alive_in_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
