"""Time that a reader spends waiting for the blob store is not held against the archive."""

import io
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extract import confined
from extract.archives.clock import CLOCK, Clock
from extract.archives.interface import Limits, Note
from extract.archives.unpack import TELL_MEMBERS, HashSink, Memory, unpack
from extract.confined import Work, run_confined
from extract.sandbox import Budget


class Hand:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.looks = threading.Semaphore(0)

    def now(self) -> float:
        self.looks.release()
        return self.at


def test_an_archive_is_not_late_because_its_members_are_taken_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(2 * TELL_MEMBERS + 1):
            archive.writestr(f"{number}.txt", "")
    (tmp_path / "a.zip").write_bytes(stream.getvalue())
    hand = Hand()
    monkeypatch.setattr(CLOCK, "_time_now", hand.now)
    monkeypatch.setattr(CLOCK, "_stopped_s", 0.0)  # and what it was afterwards
    told: list[Note] = []

    def slow_store(notes: tuple[Note, ...]) -> None:
        told.extend(notes)
        hand.at += 1000.0

    unpacked = unpack(tmp_path / "a.zip", HashSink(), Limits(seconds=300), memory=Memory(tell=slow_store))
    assert len(told) == 2 * TELL_MEMBERS
    assert (unpacked.state, unpacked.reason) == ("ok", "")


def test_an_alarm_does_not_go_off_while_the_clock_stands_still() -> None:
    hand, went_off = Hand(), threading.Event()
    clock = Clock(hand.now)
    with clock.alarm(clock.now() + 0.01, went_off.set):
        with clock.stopped():
            hand.at += 1000.0
        for _ in range(20):  # among them looks of the alarm's
            assert hand.looks.acquire(timeout=30)
            assert not went_off.is_set()
            clock.now()
        hand.at += 1.0
        assert went_off.wait(30)


def test_a_child_is_not_late_because_its_parent_was_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = Hand()
    monkeypatch.setattr(confined, "time", SimpleNamespace(monotonic=hand.now, sleep=time.sleep))

    def do(item: int, folder: Path, tell: Callable[[Any], None]) -> int:
        tell(item)
        time.sleep(0.5)  # so that there is no answer yet when the parent looks again
        return item

    def busy(item: int, folder: Path, part: bytes) -> None:
        hand.at += 1000.0

    work = Work(do, int, 30.0, Budget())
    assert [result for _, _, result in run_confined(work, [1], tmp_path, busy)] == [1]
