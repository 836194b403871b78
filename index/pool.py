"""Worker processes that open pictures and compute rows; only the runner writes.

A worker that dies takes its own batch along and nothing else; a batch that lasts too long is ended.
"""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, Protocol

from pebble import ProcessExpired, ProcessPool
from sqlalchemy.exc import DBAPIError

from db import Catalog
from db.blobs import is_disk_error
from index.errors import IndexingError, OutageError, WorkerDiedError
from index.features import open_feature
from index.store import Computed, encode

TIMEOUT_S = 600.0
COMPUTE_PICTURES = 32


class PoolUrlError(ValueError):
    """The pool URL is not understood."""


class FeaturePool(Protocol):
    """Where features are computed."""

    @property
    def workers(self) -> int:
        """Return how many batches are computed at once."""

    def submit(
        self, catalog_url: str, blobs_url: str, names: Sequence[str], image_ids: Sequence[int]
    ) -> "Future[dict[str, list[Computed]]]":
        """Compute some features of some images. The future raises TimeoutError, WorkerDiedError, OutageError."""

    def close(self, *, at_once: bool) -> None:
        """Stop working here."""


class LocalPool:
    """Worker processes on this machine."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["index.pool"])
        self.workers = workers
        self._pool: Any = ProcessPool(max_workers=workers, context=context)

    def submit(
        self, catalog_url: str, blobs_url: str, names: Sequence[str], image_ids: Sequence[int]
    ) -> "Future[dict[str, list[Computed]]]":
        """Compute some features of some images. The future raises TimeoutError or WorkerDiedError."""
        arguments = (catalog_url, blobs_url, tuple(names), tuple(image_ids))
        answer: Future[dict[str, list[Computed]]] = Future()
        answer.set_running_or_notify_cancel()
        asked: Future[dict[str, list[Computed]]] = self._pool.schedule(compute, args=arguments, timeout=TIMEOUT_S)
        asked.add_done_callback(lambda done: _pass_on(done, answer))
        return answer

    def close(self, *, at_once: bool) -> None:
        """Stop the workers."""
        if at_once:
            self._pool.stop()
        else:
            self._pool.close()
        self._pool.join()


def _pass_on(asked: "Future[dict[str, list[Computed]]]", answer: "Future[dict[str, list[Computed]]]") -> None:
    """Hand a worker's end to the caller, in our own words."""
    try:
        answer.set_result(asked.result())
    except ProcessExpired as error:
        answer.set_exception(WorkerDiedError(str(error)))
    except BaseException as error:
        answer.set_exception(error)


def open_feature_pool(url: str) -> FeaturePool:
    """Open `processes` (one per core), `processes:N` or `dask://host:port`. Raises PoolUrlError, OutageError."""
    if url.startswith("dask://"):
        return _open_cluster(url)
    scheme, _, count = url.partition(":")
    if scheme != "processes" or (count and (not count.isdigit() or int(count) < 1)):
        raise PoolUrlError(f"pool {url!r} is not known; there are processes:N and dask://host:port")
    return LocalPool(int(count) if count else len(os.sched_getaffinity(0)))


def _open_cluster(url: str) -> FeaturePool:
    address = url.removeprefix("dask://").rstrip("/")
    if not address.rpartition(":")[2].isdigit():
        raise PoolUrlError(f"pool {url!r} needs a port: dask://host:8786")
    try:
        from index.cluster import ClusterPool

        return ClusterPool(address)
    except ModuleNotFoundError as error:
        raise PoolUrlError("a cluster needs Dask: pip install 'artquarry[cluster]'") from error


@lru_cache(maxsize=1)
def _catalog(catalog_url: str, blobs_url: str) -> Catalog:
    return Catalog(catalog_url, blobs_url)


def compute(
    catalog_url: str, blobs_url: str, names: Sequence[str], image_ids: Sequence[int]
) -> dict[str, list[Computed]]:
    """Return each feature's results, in order of the images. Runs in a worker. Raises OutageError."""
    try:
        catalog = _catalog(catalog_url, blobs_url)
    except (DBAPIError, OSError) as error:
        raise OutageError(str(error)) from error
    done: dict[str, list[Computed]] = {name: [] for name in names}
    for start in range(0, len(image_ids), COMPUTE_PICTURES):
        pictures: dict[int, Any] = {}
        for image_id in image_ids[start : start + COMPUTE_PICTURES]:
            try:
                pictures[image_id] = catalog.open(image_id)
            except Exception as error:  # decoders raise errors of their own; the cause is recorded with the picture
                _raise_outage(error)
                for results in done.values():
                    results.append(Computed(image_id, None, f"cannot be opened: {error}"))
        for name in names:
            done[name] += _rows(name, pictures)
    return done


def is_outage(error: BaseException) -> bool:
    """Tell whether our own store, catalog or machine is at fault: an errno comes from the kernel, never from a picture.

    Decoders raise OSError for broken pictures too, but those carry no number.
    """
    refused = isinstance(error, OSError) and error.errno is not None
    return refused or is_disk_error(error) or isinstance(error, DBAPIError | OutageError)


def _raise_outage(error: Exception) -> None:
    if is_outage(error):
        raise OutageError(str(error)) from error


def _rows(name: str, pictures: dict[int, Any]) -> list[Computed]:
    """Compute all at once; if that fails, each alone, so that one picture does not spoil the rest."""
    if not pictures:
        return []
    feature = open_feature(name)
    try:
        vectors = encode(feature.model, feature.compute(list(pictures.values())))
    except IndexingError:
        raise
    except Exception as error:  # whatever a picture does to a feature is recorded with that picture
        _raise_outage(error)
        if len(pictures) == 1:
            return [Computed(next(iter(pictures)), None, f"{type(error).__name__}: {error}")]
        return [done for key, picture in pictures.items() for done in _rows(name, {key: picture})]
    return [Computed(key, vector) for key, vector in zip(pictures, vectors, strict=True)]
