"""Finished downloads reach the disk in groups, beside the crawl and not in its way.

A file counts as fetched only once its bytes and its name are on the disk. Small files that are in memory land in the
thread that settles them, right before the transaction that names them (`land_now`); for all others `Landing` waits in
threads of its own: what finishes meanwhile makes up the next group.
"""

import asyncio
from collections.abc import Sequence

from crawler.errors import TruncatedDownloadError
from crawler.partial import Partial
from db.blobs import BlobStore, Stored


class Landing:
    """Puts finished downloads into a blob store, in groups."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._waiting: list[tuple[Partial, asyncio.Future[Stored]]] = []
        self._task: asyncio.Task[None] | None = None

    async def land(self, partial: Partial) -> Stored:
        """Return once the file is in the store for sure. Raises TruncatedDownloadError, BlobStoreError and OSError."""
        done: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((partial, done))
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._work())
        return await done

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            partials = [partial for partial, _ in group]
            try:
                results = await asyncio.to_thread(_land, self._blobs, partials)
            except Exception:  # one of them, the disk or the bucket: which, shows when each is tried alone
                results = await asyncio.to_thread(_land_each, self._blobs, partials)
            for (_, done), result in zip(group, results, strict=True):
                if done.done():
                    continue
                if isinstance(result, Stored):
                    done.set_result(result)
                else:
                    done.set_exception(result)


def land_now(blobs: BlobStore, partials: Sequence[Partial]) -> None:
    """Put downloads that are not there yet into a blob store, or raise what is wrong with one (see `Landing.land`)."""
    due = [partial for partial in partials if not partial.has_landed]
    for partial, result in zip(due, _land(blobs, due) if due else (), strict=True):
        if isinstance(result, Exception):
            raise result
        partial.has_landed = True


def _land(blobs: BlobStore, partials: Sequence[Partial]) -> list[Stored | Exception]:
    results = [_finished(partial) for partial in partials]
    whole = [(partial, result) for partial, result in zip(partials, results, strict=True) if isinstance(result, Stored)]
    blobs.adopt_all([(partial.path, stored) for partial, stored in whole])
    for partial, _ in whole:
        partial.forget()
    return results


def _land_each(blobs: BlobStore, partials: Sequence[Partial]) -> list[Stored | Exception]:
    results: list[Stored | Exception] = []
    for partial in partials:
        try:
            results += _land(blobs, [partial])
        except Exception as error:  # whatever it is, somebody waits to hear of it
            results.append(error)
    return results


def _finished(partial: Partial) -> Stored | Exception:
    try:
        return partial.finish()
    except (TruncatedDownloadError, OSError) as error:
        return error
