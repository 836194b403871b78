"""The readers' clock: seconds of wall time, but for those in which a reader waits for whoever takes what it found.

A slow blob store is no fault of an archive. A process reads one archive at a time, hence one clock for all its readers.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SHORT_S = 0.05


class Clock:
    """A clock like `time.monotonic` that can be stopped."""

    def __init__(self, time_now: Callable[[], float] = time.monotonic) -> None:
        self._time_now = time_now
        self._stopped_s = 0.0
        self._stopped_at: float | None = None

    def now(self) -> float:
        """Return the time in seconds; what it counts from has no meaning."""
        stopped_at = self._stopped_at
        return (self._time_now() if stopped_at is None else stopped_at) - self._stopped_s

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the clock stand still meanwhile."""
        began = self._stopped_at = self._time_now()
        try:
            yield
        finally:
            self._stopped_s += self._time_now() - began
            self._stopped_at = None

    @contextmanager
    def alarm(self, deadline: float, act: Callable[[], object]) -> Iterator[None]:
        """Call `act` from another thread when this clock shows `deadline`, unless the block is left before."""
        left = threading.Event()

        def watch() -> None:
            while not left.wait(max(deadline - self.now(), _SHORT_S)):
                if self.now() >= deadline:
                    act()
                    return

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            left.set()


CLOCK = Clock()
"""What deadlines of readers in this process are times of."""
