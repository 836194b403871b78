"""Run a command and SIGKILL it at a chosen boundary: `python -m tests.system.faulty POINT before|after N ARGS…`.

ARGS are those of `scrapy` or `quarry`, the program's name first.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from crawler.partial import Partial
from crawler.scheduler import CatalogScheduler
from crawler.settling import Settler
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


def main() -> None:
    point, when, count, program = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
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
