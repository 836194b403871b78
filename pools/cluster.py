"""Workers on other machines: a Dask cluster behind the same `concurrent.futures` executor.

The cluster may come and go. What it cannot promise, the runner makes up for from the ledger: a lost scheduler takes
all that was in flight along, and the runner submits it again once there is a scheduler; a worker that dies takes its
tasks along, and the runner finds out alone which of them kills workers.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from pools.errors import PoolGoneError, PoolLostError, WorkerDiedError

logger = logging.getLogger(__name__)

RESULT_S = 60.0
"""So long a result that is there may travel; without a limit a client that lost its cluster would wait for ever."""
CONNECT_S = 5.0
ASK_EVERY_S = 2.0
WAIT_S = 600.0
"""So long a cluster may be away before a run gives up; what is due stays due."""


def _tell_of_every_death(dask_scheduler: Any) -> None:
    """Let the scheduler report a task whose worker died instead of trying it on others: the runner decides."""
    dask_scheduler.allowed_failures = 0


class DaskExecutor(Executor):
    """A Dask cluster by the address of its scheduler, `host:port`. Raises PoolGoneError when it stays away."""

    def __init__(self, address: str, *, wait_s: float = WAIT_S) -> None:
        self._address = f"tcp://{address}"
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._client: Any = None
        self._workers, self._ask_again_at = 1, 0.0
        self._connect()

    @property
    def workers(self) -> int:
        """Return how many tasks run at once; clusters grow and shrink."""
        if time.monotonic() > self._ask_again_at:
            try:
                self._workers = max(1, sum(self._client.nthreads().values()))
            except Exception as error:
                logger.debug("no answer from the scheduler: %s", error)
            self._ask_again_at = time.monotonic() + ASK_EVERY_S
        return self._workers

    @property
    def dashboard(self) -> str:
        """Return where Dask shows what its workers do."""
        return str(self._client.dashboard_link)

    def _connect(self) -> None:
        from distributed import Client

        give_up, waited = time.monotonic() + self._wait_s, False
        while True:
            try:
                self._client = Client(self._address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
                self._client.run_on_scheduler(_tell_of_every_death)
            except (OSError, TimeoutError) as error:
                if time.monotonic() > give_up:
                    raise PoolGoneError(f"no Dask scheduler at {self._address}: {error}") from error
                if not waited:
                    logger.warning("waiting for a Dask scheduler at %s", self._address)
                waited = True
                time.sleep(0.2)
            else:
                return

    def reopen(self) -> None:
        """Connect anew after PoolLostError, waiting for a scheduler. Harmless when the connection stands."""
        with self._lock:
            if self._client.status == "running" and self._answers():
                return
            self._client.close(timeout=1)
            self._connect()

    def _answers(self) -> bool:
        try:
            self._client.run_on_scheduler(_tell_of_every_death)
        except Exception as error:
            logger.debug("the scheduler does not answer: %s", error)
            return False
        return True

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function on the cluster. The future raises WorkerDiedError or PoolLostError for lost tasks."""
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        try:
            asked = self._client.submit(fn, *args, pure=False, **kwargs)
        except Exception as error:
            answer.set_exception(PoolLostError(f"could not submit: {error}"))
            return answer
        asked.add_done_callback(lambda done: _pass_on(done, answer))
        return answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; it goes on without us."""
        self._client.close(timeout=5 if wait else 0)


def _pass_on(asked: Any, answer: "Future[Any]") -> None:
    """Hand a Dask future's end to ours, in our own words."""
    from distributed import CancelledError, KilledWorker

    try:
        answer.set_result(asked.result(timeout=RESULT_S))
    except KilledWorker as error:
        answer.set_exception(WorkerDiedError(str(error)))
    except OSError as error:  # the task's own (TimeoutError is one), or of a connection that is gone
        own = asked.status == "error"
        answer.set_exception(error if own else PoolLostError(f"the cluster does not answer any more: {error}"))
    except CancelledError as error:
        answer.set_exception(PoolLostError(f"the cluster forgot it: {error}"))
    except Exception as error:
        answer.set_exception(error)
    finally:
        asked.release()
