"""Where the stages do their work: a `concurrent.futures` executor from one URL.

`processes:N` are workers on this machine, `dask://host:port` those of a cluster. Nothing here knows of the catalog
or of what is computed.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any, Protocol

from pools.errors import PoolUrlError

CLUSTER = "dask://"


class Pool(Protocol):
    """An executor that says how much it does at once, and may lose what it was given and be opened again."""

    @property
    def workers(self) -> int:
        """Return how many tasks run at once."""

    @property
    def dashboard(self) -> str:
        """Return where one can watch the workers; '' if nowhere."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function in a worker. The future raises TimeoutError, WorkerDiedError or PoolLostError."""

    def reopen(self) -> None:
        """Connect anew after PoolLostError. Raises PoolGoneError when nobody answers for a long time."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the workers, or leave those of a cluster; at once with `cancel_futures`."""


def open_pool(url: str, timeout_s: float, preload: Sequence[str] = ()) -> Pool:
    """Open `processes` (one per core), `processes:N` or `dask://host:port`. Raises PoolUrlError, PoolGoneError.

    `timeout_s` is how long a task may take here. `preload` are modules that workers on this machine import once.
    """
    check_pool_url(url)
    if url.startswith(CLUSTER):
        from pools.cluster import DaskExecutor

        return DaskExecutor(url.removeprefix(CLUSTER).rstrip("/"))
    from pools.local import ProcessExecutor

    count = url.partition(":")[2]
    return ProcessExecutor(int(count) if count else len(os.sched_getaffinity(0)), timeout_s, preload)


def check_pool_url(url: str) -> None:
    """Raise PoolUrlError if no pool can be opened by this URL; starts and asks nobody."""
    if url.startswith(CLUSTER):
        if not url.rstrip("/").rpartition(":")[2].isdigit():
            raise PoolUrlError(f"pool {url!r} needs a port: dask://host:8786")
        if find_spec("distributed") is None:
            raise PoolUrlError("a cluster needs Dask: pip install 'artquarry[cluster]'")
        return
    scheme, _, count = url.partition(":")
    if scheme != "processes" or (count and (not count.isdigit() or int(count) < 1)):
        raise PoolUrlError(f"pool {url!r} is not known; there are processes:N and dask://host:port")
