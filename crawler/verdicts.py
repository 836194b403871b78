"""What a failed download means: worth another try and when, or final and why."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from sqlalchemy import Connection

from crawler.errors import FileTooLargeError, NoAnswerError, TruncatedDownloadError
from db.frontier import MAX_ATTEMPTS, Entry, FrontierQueue
from db.recording import record_page_gone
from db.vocabulary import EntryKind

BACKOFF_BASE_S = 2.0
BACKOFF_MAX_S = 3600.0
LONGEST_WAIT_S = 24 * 3600.0
"""No server's number keeps a crawl waiting longer at a time."""
RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
ABSENT_STATUSES = frozenset({404, 410})
REFUSAL_STATUSES = frozenset({401, 403, 429})
HOLD_STATUSES = frozenset({429, 503})
BREAKING_STATUSES = REFUSAL_STATUSES | frozenset({500, 502, 503, 504, 520, 522, 524})
"""So many of these in a row say something of the host and not of what was asked."""
NO_ANSWER = (
    NoAnswerError,
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)
"""Whatever was asked for, nothing came back."""


@dataclass(frozen=True)
class Verdict:
    """`retry_at` (seconds since 1970) or None when final; `hold_host`: leave the whole host alone until then.

    `counts`: whether this was one of the tries that an entry has; not when it brought the next try further.
    """

    reason: str
    status: int | None = None
    retry_at: float | None = None
    hold_host: bool = False
    counts: bool = True


def carry_out(connection: Connection, queue: FrontierQueue, entry: Entry, verdict: Verdict) -> None:
    """Write what a failure means for its entry: another try later, or the end, with its cause."""
    if verdict.retry_at is not None:
        if verdict.hold_host:
            queue.pause_host(connection, entry.host, verdict.retry_at, verdict.reason)
        until, counts = verdict.retry_at, verdict.counts
        queue.postpone(connection, entry.id, until, verdict.reason, verdict.status, counts=counts)
        return
    if verdict.status in ABSENT_STATUSES and entry.kind is EntryKind.CONTENT:
        record_page_gone(connection, entry.url)
    queue.fail(connection, entry.id, verdict.reason, verdict.status)


def judge(
    error: BaseException,
    attempts: int,
    *,
    clock: Callable[[], float] = time.time,
    spread: Callable[[], float] = random.random,
) -> Verdict:
    """Judge a failure after `attempts` earlier ones. Backoff is exponential with jitter; Retry-After wins over it."""
    if isinstance(error, HttpError):
        return _judge_status(error.response, attempts, clock(), spread())
    if isinstance(error, IgnoreRequest):
        return Verdict(str(error) or "refused by a rule")
    if isinstance(error, FileTooLargeError):
        return Verdict(str(error))
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, TruncatedDownloadError) and error.gained:
        return Verdict(reason, retry_at=clock() + _backoff(attempts, spread()), counts=False)
    return _again(reason, None, attempts, clock() + _backoff(attempts, spread()))


def _judge_status(response: Response, attempts: int, now: float, spread: float) -> Verdict:
    status = response.status
    if status not in RETRY_STATUSES:
        return Verdict(f"HTTP {status}", status=status)
    asked = retry_after_s(response.headers.get(b"Retry-After"), now)
    wait = _backoff(attempts, spread) if asked is None else asked
    verdict = _again(f"HTTP {status}", status, attempts, now + wait)
    return replace(verdict, hold_host=status in HOLD_STATUSES)


def _again(reason: str, status: int | None, attempts: int, retry_at: float) -> Verdict:
    if attempts + 1 >= MAX_ATTEMPTS:
        return Verdict(f"{reason} ({attempts + 1} tries)", status)
    return Verdict(reason, status, retry_at)


def _backoff(attempts: int, spread: float) -> float:
    return float(min(BACKOFF_BASE_S * 2**attempts, BACKOFF_MAX_S) * (0.5 + spread / 2))


def retry_after_s(value: bytes | None, now: float) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date (RFC 9110 §10.2.3); None when absent or unreadable."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.fromtimestamp(now, UTC)).total_seconds()), LONGEST_WAIT_S)
