"""Worker processes on this machine.

Each task has a time limit of its own, and a worker that dies (out of memory, a crash in a C library) takes only its
own task along.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from multiprocessing import forkserver
from typing import Any

from pools.errors import WorkerDiedError

ITS_OWN = ("pebble.pool.process",)


def warm_up(url: str, preload: Sequence[str]) -> None:
    """Begin importing what workers on this machine need, in the process they will be forked from. Returns at once."""
    if url.startswith("processes"):
        _prepare(preload)
        forkserver.ensure_running()


def _prepare(preload: Sequence[str]) -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*preload, *ITS_OWN])
    return context


class ProcessExecutor(Executor):
    """So many worker processes; a task may take `timeout_s` seconds."""

    dashboard = ""

    def __init__(self, workers: int, timeout_s: float, preload: Sequence[str] = ()) -> None:
        context = _prepare(preload)
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

    def reopen(self) -> None:
        """Do nothing: these workers are never lost all at once."""

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
    except BaseException as error:  # a future that was cancelled says so with one that is no Exception
        answer.set_exception(error)
