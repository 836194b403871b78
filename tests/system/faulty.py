"""Run a command and harm it: `python -m tests.system.faulty POINT before|after N ARGS…` sends SIGKILL at a boundary.

ARGS are those of `scrapy` or `quarry`, the program's name first. `names FILE N ARGS…`: no name is resolved while the
file exists. `full WHAT N ARGS…`: from the Nth time on, there is no room where WHAT is done. `awhile WHAT N ARGS…`:
from the Nth time on the process has too many files open, for a while.
"""

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from crawler import warc_files
from crawler.partial import Partial
from crawler.scheduler import CatalogScheduler
from crawler.settling import Settler
from db import blobs
from db.blobs import BlobStore
from db.frontier import FrontierQueue
from extract.run import StageRunner

POINTS: dict[str, tuple[type, str]] = {
    "seed": (CatalogScheduler, "_seed"),
    "lease": (FrontierQueue, "lease"),
    "enqueue": (FrontierQueue, "enqueue"),
    "settle": (FrontierQueue, "settle_all"),
    "commit": (Settler, "_commit"),
    "begin": (Partial, "begin"),
    "write": (Partial, "write"),
    "finish": (Partial, "finish"),
    "adopt": (BlobStore, "adopt"),
    "release": (FrontierQueue, "release"),
    "end": (FrontierQueue, "finish_crawl"),
    "take": (StageRunner, "_take"),
    "submit": (StageRunner, "_submit"),
}


A_WHILE = 11
"""So often something is refused: a file is landed early, with its group, alone, and then fetched again."""


def arm(point: str, when: str, count: int) -> None:
    owner, name = POINTS[point]
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


def forget_names(while_exists: Path) -> None:
    def forgetful(original: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
            if while_exists.exists():
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            return original(host, *args, **kwargs)

        return resolve

    for name in ("getaddrinfo", "gethostbyname"):
        setattr(socket, name, forgetful(getattr(socket, name)))


ROOM_TAKEN_BY: dict[str, tuple[Any, str]] = {
    "part": (Partial, "write"),
    "note": (Path, "write_text"),
    "fsync": (blobs, "_sync"),
    "rename": (Path, "replace"),
    "warc": (warc_files._Out, "write"),
}


def fill(what: str, count: int) -> None:
    """Leave no room for what is written: the real thing for SQLite, ENOSPC elsewhere."""
    if what == "catalog":
        event.listen(Engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count={count}"))
        return
    refuse(what, errno.ENOSPC, lambda calls: calls >= count)


def refuse(what: str, number: int, when: Callable[[int], bool]) -> None:
    """Have the system refuse what is done, with this errno, when it is done for such a time."""
    owner, name = ROOM_TAKEN_BY[what]
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def refused(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if when(calls):
            raise OSError(number, os.strerror(number))
        return original(*args, **kwargs)

    setattr(owner, name, refused)


def main() -> None:
    point, when, count, program = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if point == "names":
        forget_names(Path(when))
    elif point == "full":
        fill(when, count)
    elif point == "awhile":
        refuse(when, errno.EMFILE, lambda calls: calls in range(count, count + A_WHILE))
    else:
        arm(point, when, count)
    sys.argv = sys.argv[4:]
    if program == "scrapy":
        from scrapy.cmdline import execute

        execute()
    else:
        import quarry

        quarry.main(prog_name="quarry")


if __name__ == "__main__":
    main()
