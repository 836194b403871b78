"""Workers on other machines: `--pool dask://host:8786`, as `quarry extract run` uses them.

A worker that dies takes its batch along, which the runner then tries picture by picture. A scheduler that dies takes
all batches along: the run stops as after any outage, and the same command goes on. Workers open the catalog and the
blob store themselves, so both must be where they can reach them.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from index.errors import OutageError, WorkerDiedError
from index.pool import compute
from index.store import Computed

RESULT_S = 60.0
"""So long a result that is there may travel; without a limit a client that lost its cluster would wait for ever."""
CONNECT_S = 30.0


def _tell_of_every_death(dask_scheduler: Any) -> None:
    """Let the scheduler report a task whose worker died instead of trying it on others: the runner decides."""
    dask_scheduler.allowed_failures = 0


class ClusterPool:
    """A Dask cluster by the address of its scheduler, `host:port`. Raises OutageError if there is none."""

    def __init__(self, address: str, connect_s: float = CONNECT_S) -> None:
        from distributed import Client

        self._client: Any = None
        try:
            self._client = Client(f"tcp://{address}", timeout=connect_s, set_as_default=False)  # type: ignore[no-untyped-call]
            self._client.run_on_scheduler(_tell_of_every_death)
        except (OSError, TimeoutError) as error:
            raise OutageError(f"no Dask scheduler at {address}: {error}") from error

    @property
    def workers(self) -> int:
        """Return how many tasks run at once; clusters grow and shrink."""
        try:
            threads: dict[str, int] = self._client.nthreads()
            return max(1, sum(threads.values()))
        except Exception as error:
            raise OutageError(f"the scheduler does not answer: {error}") from error

    def submit(
        self, catalog_url: str, blobs_url: str, names: Sequence[str], image_ids: Sequence[int]
    ) -> "Future[dict[str, list[Computed]]]":
        """Compute some features of some images. The future raises WorkerDiedError, or OutageError without a cluster."""
        answer: Future[dict[str, list[Computed]]] = Future()
        answer.set_running_or_notify_cancel()
        try:
            arguments = (catalog_url, blobs_url, tuple(names), tuple(image_ids))
            asked = self._client.submit(compute, *arguments, pure=False)
        except Exception as error:
            answer.set_exception(OutageError(f"the cluster takes no work: {error}"))
            return answer
        asked.add_done_callback(lambda done: _pass_on(done, answer))
        return answer

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster; it goes on without us."""
        with suppress(OSError, TimeoutError):  # a scheduler that is gone cannot be taken leave of
            self._client.close(timeout=1 if at_once else 5)


def _pass_on(asked: Any, answer: "Future[dict[str, list[Computed]]]") -> None:
    """Hand a Dask future's end to ours, in our own words."""
    from distributed import CancelledError, KilledWorker

    try:
        answer.set_result(asked.result(timeout=RESULT_S))
    except KilledWorker as error:
        answer.set_exception(WorkerDiedError(str(error)))
    except TimeoutError as error:  # the task's own, or of a client whose connection is gone
        own = asked.status == "error"
        answer.set_exception(error if own else OutageError("the cluster does not answer any more"))
    except CancelledError as error:
        answer.set_exception(OutageError(f"the cluster forgot its work: {error}"))
    except Exception as error:
        answer.set_exception(error)
    finally:
        asked.release()
