"""Where the stages do their work: a `concurrent.futures` executor from one URL.

`processes:N` are workers on this machine, `dask://host:port` those of a cluster. Nothing here knows of the catalog
or of what is computed.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from pools.errors import PoolUrlError


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
    if url.startswith("dask://"):
        return _open_cluster(url)
    scheme, _, count = url.partition(":")
    if scheme != "processes" or (count and (not count.isdigit() or int(count) < 1)):
        raise PoolUrlError(f"pool {url!r} is not known; there are processes:N and dask://host:port")
    from pools.local import ProcessExecutor

    return ProcessExecutor(int(count) if count else len(os.sched_getaffinity(0)), timeout_s, preload)


def _open_cluster(url: str) -> Pool:
    address = url.removeprefix("dask://").rstrip("/")
    if not address.rpartition(":")[2].isdigit():
        raise PoolUrlError(f"pool {url!r} needs a port: dask://host:8786")
    try:
        import distributed  # noqa: F401 - absent or not, before anything is begun
    except ModuleNotFoundError as error:
        raise PoolUrlError("a cluster needs Dask: pip install 'artquarry[cluster]'") from error
    from pools.cluster import DaskExecutor

    return DaskExecutor(address)
