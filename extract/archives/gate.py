"""The counting gate: every byte, entry and second an archive costs passes here and is held against the limits.

Claims in headers are never trusted; what counts is what came out. The clock is an argument so that tests need not
wait.
"""

from collections.abc import Callable, Iterator

from extract.archives.clock import CLOCK
from extract.archives.interface import Limits
from extract.errors import RefusedError


class Gate:
    """Counts one pass over one archive. Raises RefusedError naming the limit, the number seen and the limit."""

    def __init__(
        self, limits: Limits, archive_bytes: int, deadline: float, clock: Callable[[], float] = CLOCK.now
    ) -> None:
        self._limits = limits
        self._archive_bytes = max(archive_bytes, 1)
        self._deadline = deadline
        self._clock = clock
        self._total = 0
        self._entries = 0

    def admit_entry(self) -> None:
        """Count one more entry, folders included."""
        self._entries += 1
        if self._entries > self._limits.entries:
            raise RefusedError("entries", self._entries, self._limits.entries)
        self.check_clock()

    def check_clock(self) -> None:
        """Hold the wall clock against the deadline."""
        late = self._clock() - self._deadline
        if late > 0:
            raise RefusedError("seconds", self._limits.seconds + late, self._limits.seconds)

    def admit_bytes(self, count: int) -> None:
        """Count bytes that came out."""
        self._total += count
        limits = self._limits
        if self._total > limits.total_bytes:
            raise RefusedError("total bytes", self._total, limits.total_bytes)
        if self._total > limits.ratio_from_bytes + limits.ratio * self._archive_bytes:
            raise RefusedError("ratio to one", self._total / self._archive_bytes, limits.ratio)
        self.check_clock()

    def through(self, chunks: Iterator[bytes], member_bytes: int | None = None) -> Iterator[bytes]:
        """Pass chunks on, counting. `member_bytes` is the limit on this one stream."""
        seen = 0
        for chunk in chunks:
            seen += len(chunk)
            if member_bytes is not None and seen > member_bytes:
                raise RefusedError("member bytes", seen, member_bytes)
            self.admit_bytes(len(chunk))
            yield chunk
