"""Extraction on a cluster: separate processes for the database, the bucket, the scheduler, workers and the runner."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from distributed import CancelledError
from distributed.comm import CommClosedError
from sqlalchemy import text

from db import Catalog
from db.records import ReadResult
from db.status import read_status
from extract.archives.interface import Limits
from extract.run import StageRunner, read_work, slice_work
from extract.tasks import ReadTask
from pools import Pool, open_pool
from pools.cluster import DaskExecutor, _pass_on
from pools.errors import PoolGoneError, PoolLostError, PoolUrlError
from pools.local import ProcessExecutor
from tests.conftest import ROOT, Home
from tests.extract.test_run import bring, packed, png, run
from tests.s3_server import serve_s3

ENV = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "false"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A scheduler and workers, each a process that is started again when it dies, as a service manager would."""

    def __init__(self, workers: int, env: dict[str, str]) -> None:
        self.port = free_port()
        self._env = {**ENV, **env}
        scheduler = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port)]
        worker = ["-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{self.port}", "--nthreads", "1", "--no-nanny"]
        self._commands = [[*scheduler, "--no-dashboard"], *([*worker, "--no-dashboard"] for _ in range(workers))]
        self.processes = [self._start(command) for command in self._commands]
        self._stopped = threading.Event()
        self._tending = threading.Thread(target=self._tend)
        self._tending.start()

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, *command], env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self, number: int) -> None:
        """Kill the scheduler (0) or a worker."""
        self.processes[number].kill()

    def _tend(self) -> None:
        """Start again what has ended."""
        while not self._stopped.wait(0.1):
            for number, process in enumerate(self.processes):
                if process.poll() is not None:
                    self.processes[number] = self._start(self._commands[number])

    def stop(self) -> None:
        self._stopped.set()
        self._tending.join()
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def cluster_of(workers: int, env: dict[str, str] | None = None) -> Iterator[Cluster]:
    cluster = Cluster(workers, env or {})
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.parametrize("url", ["dask://", "dask://host", "dask://host:x"])
def test_a_cluster_needs_a_port(url: str) -> None:
    with pytest.raises(PoolUrlError, match="port"):
        open_pool(url, 1.0)


def test_a_cluster_that_never_comes_ends_the_run() -> None:
    with pytest.raises(PoolGoneError, match="no Dask scheduler"):
        DaskExecutor(f"127.0.0.1:{free_port()}", wait_s=0.0)


@dataclass
class Ended:
    """Stands in for Dask's future: how the task ended, and what asking for its result raises."""

    status: str
    error: Exception

    def result(self, timeout: float) -> Any:
        raise self.error

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "error", "heard"),
    [
        ("finished", CommClosedError("the worker that held it died"), PoolLostError),
        ("pending", TimeoutError(), PoolLostError),
        ("cancelled", CancelledError(), PoolLostError),
        ("error", TimeoutError("its own"), TimeoutError),
        ("error", OSError(28, "its disk is full"), OSError),
        ("finished", TypeError("no such class here"), TypeError),
    ],
)
def test_a_connection_that_breaks_is_no_inputs_fault(status: str, error: Exception, heard: type[Exception]) -> None:
    answer: Future[Any] = Future()
    _pass_on(Ended(status, error), answer)
    assert type(answer.exception(0)) is heard


def die_of_poison(blobs_url: str, tasks: tuple[ReadTask, ...], limits: Limits) -> list[ReadResult]:
    """Stand in for a reader that one input kills, and note each death and how many inputs the worker had in hand."""
    from extract.worker import read_blobs

    if any(task.name == "poison.bin" for task in tasks):
        with (Path(blobs_url).parent / "deaths").open("a") as deaths:
            deaths.write(f"{len(tasks)}\n")
        os.kill(os.getpid(), signal.SIGKILL)
    return read_blobs(blobs_url, tasks, limits)


@contextmanager
def pool_of(kind: str) -> Iterator[Pool]:
    if kind == "here":
        here = ProcessExecutor(2, 60.0)
        yield here
        here.shutdown(cancel_futures=True)
        return
    with cluster_of(2) as cluster:
        there = DaskExecutor(f"127.0.0.1:{cluster.port}")
        yield there
        there.shutdown()


@pytest.mark.parametrize("kind", ["here", "on a cluster"])
def test_poison_is_set_apart_after_two_deaths_of_its_own_and_its_neighbours_are_not(
    catalog: Catalog, tmp_path: Path, kind: str
) -> None:
    bring(catalog, poison_DOT_bin=b"poison", **{f"p{n}_DOT_png": png(n) for n in range(20)})
    with pool_of(kind) as pool:
        StageRunner(catalog, pool, replace(read_work(Limits()), do=die_of_poison)).run(lambda _: None)
    assert read_status(catalog.database).stages["read"] == {"ok": 20, "failed": 1}
    (problem,) = read_status(catalog.database).problems
    assert "killed its worker 2 times" in problem.reason
    assert (tmp_path / "deaths").read_text().split().count("1") == 2


ADAPTIVE = """
import sys, threading, time
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=0, threads_per_worker=1, processes=True, dashboard_address=None,
                           scheduler_port=int(sys.argv[1]), memory_limit="1GiB")
    cluster.adapt(minimum=0, maximum=3, interval="100ms", wait_count=2)
    most, done = 0, threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
    while cluster.scheduler.workers or not done.is_set():  # until nobody needs it, and then until it has shrunk
        most = max(most, len(cluster.scheduler.workers))
        time.sleep(0.05)
    print(most, flush=True)
    cluster.close()
"""


def test_an_adaptive_cluster_grows_for_the_work_and_shrinks_after_it(catalog: Catalog, tmp_path: Path) -> None:
    """It begins without any worker; each has a limit of memory of its own. Its process ends when it is empty again."""
    files = {f"pack{n}_DOT_zip": packed(**{f"i{m}_DOT_png": png(100 * n + m) for m in range(6)}) for n in range(4)}
    bring(catalog, **files)
    (tmp_path / "adaptive.py").write_text(ADAPTIVE)
    port = free_port()
    command = [sys.executable, str(tmp_path / "adaptive.py"), str(port)]
    with subprocess.Popen(command, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        pool = open_pool(f"dask://127.0.0.1:{port}", 60.0)
        for work in (read_work(Limits()), slice_work()):
            StageRunner(catalog, pool, work).run(lambda _: None)
        pool.shutdown()
        most = int(cluster.communicate()[0].split()[0])
    assert cluster.returncode == 0
    assert 1 <= most <= 3
    assert read_status(catalog.database).problems == []
    assert read_status(catalog.database).totals["images"] == 24


def sightings(catalog: Catalog) -> list[tuple[Any, ...]]:
    query = "SELECT url, kind, width, height, pixel_hash FROM image_catalog ORDER BY url"
    with catalog.database.read() as connection:
        return [(*row[:4], bytes(row[4])) for row in connection.execute(text(query))]


def test_laptop_to_three_machines(postgres_url: str, tmp_path: Path) -> None:
    """What docs/cluster.md says, with PostgreSQL, a bucket and Dask; workers, scheduler and runner killed at random."""
    files = {f"pack{n}_DOT_zip": packed(**{f"i{m}_DOT_png": png(100 * n + m) for m in range(12)}) for n in range(8)}
    with Catalog(f"sqlite:///{tmp_path / 'laptop.db'}", str(tmp_path / "blobs")) as laptop:
        bring(laptop, **files)
    with serve_s3() as endpoint:
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        env = {**keys, "AWS_ENDPOINT_URL": endpoint, "QUARRY_BLOBS": "s3://blobs/art"}
        home = Home(tmp_path / "home", postgres_url, {**env, "QUARRY_CACHE": str(tmp_path / "cache-runner")})
        words = ["quarry", "catalog", "copy", f"sqlite:///{tmp_path / 'laptop.db'}", postgres_url]
        moved = home.run(home.command(*words, "--from-blobs", str(tmp_path / "blobs"), "--to-blobs", "s3://blobs/art"))
        assert moved.returncode == 0, moved.stderr
        with cluster_of(2, {**env, "QUARRY_CACHE": str(tmp_path / "cache-worker")}) as cluster:
            seed = random.randrange(1 << 30)
            extract_and_be_killed(home, cluster, random.Random(seed))
        problems = home.quarry("catalog", "status", "--failed")
        assert "No failures" in problems.stdout, (seed, problems.stdout)
        with Catalog(f"sqlite:///{tmp_path / 'laptop.db'}", str(tmp_path / "blobs")) as laptop:
            run(laptop)
            expected = sightings(laptop)
        with Catalog(postgres_url, str(tmp_path / "unused")) as moved_to:
            assert sightings(moved_to) == expected
            assert len(expected) == 96


def extract_and_be_killed(home: Home, cluster: Cluster, chance: random.Random) -> None:
    """Run `quarry extract run` until it ends by itself; three times something dies meanwhile."""
    command = home.command("quarry", "extract", "run", "--pool", f"dask://127.0.0.1:{cluster.port}")
    victims = [0, 1 + chance.randrange(2), -1]
    chance.shuffle(victims)
    process, kill_at = home.start(command), time.monotonic() + chance.uniform(1, 5)
    deadline = time.monotonic() + 240
    while (ended := process.poll()) is None or ended != 0:
        assert ended in (None, -signal.SIGKILL), f"the runner ended with {ended}: {home.said()}"
        assert time.monotonic() < deadline
        if ended is not None:
            process = home.start(command)
        if victims and time.monotonic() > kill_at:
            victim = victims.pop()
            process.kill() if victim < 0 else cluster.kill(victim)
            kill_at = time.monotonic() + chance.uniform(1, 5)
        time.sleep(0.05)
