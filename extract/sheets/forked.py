"""Work of many processes on data that is too large to send with every call: each of them keeps it from its start."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

Kept = TypeVar("Kept")
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_kept: Any = None


def answers(work: Callable[[Kept, Asked], Answer], kept: Kept, asked: Iterable[Asked], jobs: int) -> list[Answer]:
    """Call `work` with what is kept and each thing asked, in `jobs` forked processes; answers in the order asked."""
    with ProcessPoolExecutor(jobs, get_context("fork"), _keep, (work, kept)) as pool:
        return list(pool.map(_answer, asked))


def _keep(work: Callable[[Any, Any], Any], kept: Any) -> None:
    global _kept
    _kept = work, kept


def _answer(asked: Any) -> Any:
    work, kept = _kept
    return work(kept, asked)
