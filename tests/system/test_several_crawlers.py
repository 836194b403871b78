"""Several `scrapy crawl` on one PostgreSQL catalog: one host is served by one at a time, and the dead are replaced."""

import os
import signal
from itertools import pairwise
from pathlib import Path

from benchmarks.databases import new_database
from demo.replica import serve
from tests.conftest import Home
from tests.snapshot import differences, snapshot

DELAY_S = 0.3


def test_three_processes_share_a_crawl_and_keep_the_delay_while_killed(
    small_content: Path, tmp_path: Path, postgres_url: str
) -> None:
    whole, shared = Home(tmp_path / "whole", new_database(postgres_url)), Home(tmp_path / "shared", postgres_url)
    with serve(small_content) as site:
        assert whole.crawl(site.url).returncode == 1
        port = int(site.url.rpartition(":")[2])
    with serve(small_content, crawl_delay=DELAY_S, port=port) as site:
        shared.open().close()
        command = shared.crawl_command(site.url, "-s", "CONCURRENT_REQUESTS=4")
        running = [shared.start(command) for _ in range(3)]
        for seen in (8, 16, 24):
            while len(site.log()) < seen:
                assert any(process.poll() is None for process in running)
            owner = _owner_pid(shared)
            victim = next(process for process in running if process.pid == owner)
            os.killpg(victim.pid, signal.SIGKILL)
            victim.wait()
            running.remove(victim)
            running.append(shared.start(command))
        for process in running:
            process.wait(200)
        times = [line["time"] for line in site.log()]
    with whole.open() as one, shared.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
    # The log notes when an answer is done, so a gap may look shorter by what the earlier answer took.
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    assert gaps[0] > DELAY_S / 2
    assert sum(gaps) >= 0.95 * DELAY_S * len(gaps)


def _owner_pid(home: Home) -> int:
    """Return the pid of the process that serves the host, waiting for one."""
    from sqlalchemy import text

    with home.open() as catalog:
        while True:
            with catalog.database.read() as connection:
                owner = connection.execute(text("SELECT owner FROM host WHERE owner IS NOT NULL")).scalar()
            if owner is not None:
                return int(owner.split("|")[1])
