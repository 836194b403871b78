from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.errors import FileTooLargeError, TruncatedDownloadError
from crawler.verdicts import Verdict, judge, retry_after_s
from db.frontier import MAX_ATTEMPTS

NOW = 1_700_000_000.0


def of_status(status: int, attempts: int = 0, **headers: str) -> Verdict:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = Response("http://s/x", status=status, headers=named, request=Request("http://s/x"))
    return judge(HttpError(response), attempts, clock=lambda: NOW, spread=lambda: 1.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_refusals_are_final(status: int) -> None:
    verdict = of_status(status)
    assert (verdict.retry_at, verdict.reason, verdict.status) == (None, f"HTTP {status}", status)


def test_retry_after_in_seconds_and_as_a_date_holds_the_host() -> None:
    assert of_status(429, Retry_After="120") == Verdict("HTTP 429", 429, NOW + 120, hold_host=True)
    date = format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=90), usegmt=True)
    assert of_status(503, Retry_After=date).retry_at == NOW + 90


def test_backoff_doubles_and_ends() -> None:
    waits = [(of_status(500, attempts).retry_at or 0) - NOW for attempts in range(MAX_ATTEMPTS - 1)]
    assert waits == [2, 4, 8, 16]
    last = of_status(500, MAX_ATTEMPTS - 1)
    assert (last.retry_at, last.reason) == (None, f"HTTP 500 ({MAX_ATTEMPTS} tries)")


def test_rules_and_limits_are_final_and_networks_are_not() -> None:
    assert judge(IgnoreRequest("Forbidden by robots.txt"), 0).reason == "Forbidden by robots.txt"
    assert judge(FileTooLargeError("9 bytes, limit 8"), 0).retry_at is None
    assert judge(TruncatedDownloadError("got 1 of 2 bytes"), 0).retry_at is not None


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), (b"7", 7.0), (b"soon", None), (b"Thu, 01 Jan 1970 00:00:00 GMT", 0.0)]
)
def test_retry_after_is_read_as_the_rfc_says(value: bytes | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds
