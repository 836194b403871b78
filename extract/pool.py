"""A `concurrent.futures` executor from one URL: `processes:N` here, `dask://host:port` on a cluster.

Each task has a time limit of its own, and a worker that dies (out of memory, a crash in a C library) takes only its
own task along.
"""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any

from extract.errors import WorkerDiedError

if TYPE_CHECKING:
    from extract.cluster import DaskExecutor

PRELOAD = ["extract.worker", "pebble.pool.process", "click"]


class PoolUrlError(ValueError):
    """The pool URL is not understood."""


def warm_up(url: str) -> None:
    """Begin importing what workers on this machine need, in the process they will be forked from. Returns at once."""
    if not url.startswith("processes"):
        return
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    forkserver.ensure_running()


class ProcessExecutor(Executor):
    """Worker processes on this machine."""

    def __init__(self, workers: int, timeout_s: float) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        self.workers = workers
        self._timeout_s = timeout_s
        from pebble import ProcessPool  # slow to import, and `warm_up` should not wait for it

        self._pool: Any = ProcessPool(max_workers=workers, context=context)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function in a worker. The future raises TimeoutError, or WorkerDiedError if its worker died."""
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        asked: Future[Any] = self._pool.schedule(fn, args=args, kwargs=kwargs, timeout=self._timeout_s)
        asked.add_done_callback(lambda done: _pass_on(done, answer))
        return answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the workers, at once with `cancel_futures`."""
        if cancel_futures:
            self._pool.stop()
        else:
            self._pool.close()
        if wait:
            self._pool.join()


def _pass_on(asked: "Future[Any]", answer: "Future[Any]") -> None:
    """Hand a worker's end to the caller, in our own words."""
    from pebble import ProcessExpired

    try:
        answer.set_result(asked.result())
    except ProcessExpired as error:
        answer.set_exception(WorkerDiedError(str(error)))
    except Exception as error:
        answer.set_exception(error)


def open_pool(url: str, timeout_s: float) -> "ProcessExecutor | DaskExecutor":
    """Open `processes` (one per core), `processes:N` or `dask://host:port`. Raises PoolUrlError."""
    if url.startswith("dask://"):
        return _open_cluster(url)
    scheme, _, count = url.partition(":")
    if scheme != "processes" or (count and (not count.isdigit() or int(count) < 1)):
        raise PoolUrlError(f"pool {url!r} is not known; there are processes:N and dask://host:port")
    return ProcessExecutor(int(count) if count else len(os.sched_getaffinity(0)), timeout_s)


def _open_cluster(url: str) -> "DaskExecutor":
    address = url.removeprefix("dask://").rstrip("/")
    if not address.rpartition(":")[2].isdigit():
        raise PoolUrlError(f"pool {url!r} needs a port: dask://host:8786")
    try:
        from extract.cluster import DaskExecutor
    except ModuleNotFoundError as error:
        raise PoolUrlError("a cluster needs Dask: pip install 'artquarry[cluster]'") from error
    return DaskExecutor(address)
