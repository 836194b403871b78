"""Finished downloads reach the disk together: one wait for several files, beside the crawl and not in its way.

A file counts as fetched only once its bytes and its name are on the disk. Waiting for that file by file takes as long
as all the rest of a crawl of small files; file systems serve many such waits at once in little more than the time of
one. So what finishes while others are being waited for makes up the next group.
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
