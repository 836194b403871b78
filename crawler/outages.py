"""Outages: telling a server that cannot be reached from a URL that cannot be had.

A request that gets no answer counts as one of its URL's tries. Several in a row from one host, with nothing answered
in between, put the host in doubt: what waits for it is handed back, and its robots.txt is asked for first. If that
answers, it was the URLs. If it does not, it is the host: the tries are forgiven, and the host is left alone, longer
each time. So an outage of any length costs no URL more than a few tries that are given back.

An outage ends by itself. Where other hosts answer meanwhile, the silent one is given up after
QUARRY_DEAD_HOST_AFTER seconds, and what it should have given fails with that cause. Where nobody answers, the crawl
stops early after QUARRY_OUTAGE_PATIENCE seconds with everything due.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from sqlalchemy.exc import DBAPIError

from crawler.errors import NotSentError
from crawler.session import end_early, session_of, stop_crawl
from crawler.waiting import hand_back_waiting
from db.frontier import Entry
from db.urls import host_of

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 2.0
LATELY_S = 300.0


@dataclass
class Silence:
    """A host that does not answer: entries that may not be to blame, and the outage, once it is known to be one."""

    suspects: list[int] = field(default_factory=list)
    in_doubt: bool = False
    since: float = 0.0
    pauses: int = 0


class Outages:
    """The hosts that a running crawl cannot reach. Times are seconds since 1970."""

    def __init__(self, crawler: Crawler, clock: Callable[[], float] = time.time) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._clock = clock
        self._after = settings.getint("QUARRY_OUTAGE_AFTER")
        self._longest_pause_s = settings.getfloat("QUARRY_OUTAGE_PAUSE")
        self._patience_s = settings.getfloat("QUARRY_OUTAGE_PATIENCE")
        self._dead_after_s = settings.getfloat("QUARRY_DEAD_HOST_AFTER")
        self._silent: dict[str, Silence] = {}
        self._answered: dict[str, float] = {}
        crawler.signals.connect(self._heard, signals.response_downloaded)

    def _heard(self, response: Response, request: Request) -> None:
        if response.status >= 500:
            return  # a gateway's word, which is no sign of life
        host = host_of(request.url)
        self._answered[host] = self._clock()
        silence = self._silent.get(host)
        if silence is not None and not silence.since:
            del self._silent[host]

    def suspect(self, entry: Entry, request: Request) -> None:
        """Note that an entry got no answer; after several in a row nothing more is sent before the host is asked."""
        silence = self._silent.setdefault(host_of(request.url), Silence())
        silence.suspects.append(entry.id)
        if len(silence.suspects) >= self._after and not silence.in_doubt:
            silence.in_doubt = True
            hand_back_waiting(self._crawler, request, "the host does not answer")

    def in_doubt(self, host: str) -> bool:
        """Tell whether a host should first show that it is there."""
        silence = self._silent.get(host)
        return silence is not None and (silence.in_doubt or silence.since > 0)

    def over(self, host: str) -> None:
        """Note that a host is there."""
        silence = self._silent.pop(host, None)
        if silence is not None and silence.since:
            logger.warning("%s: answers again, after %.0f s", host, self._clock() - silence.since)

    def unreachable(self, request: Request, why: str, asked_s: float = 0.0) -> IgnoreRequest:
        """Leave a host alone that cannot be reached; return what to say to those who wait for it.

        `asked_s`: how long the host itself asks to be left alone.
        """
        host, now = host_of(request.url), self._clock()
        silence = self._silent.setdefault(host, Silence())
        silence.since = silence.since or now
        silence.pauses += 1
        if self._is_dead(host, silence, now):
            return self._give_up(host, f"{why}; no answer for {now - silence.since:.0f} s while others answered")
        queue = session_of(self._crawler).queue
        forgiven, silence.suspects = silence.suspects, []
        try:
            pause_s = max(min(FIRST_PAUSE_S * 2 ** (silence.pauses - 1), self._longest_pause_s), asked_s)
            pause_s = max(pause_s, queue.delay_of(host))
            with queue.database.write() as connection:
                queue.pause_host(connection, host, now + pause_s, why)
                queue.forgive(connection, forgiven)
        except DBAPIError as error:
            stop_crawl(self._crawler, error)
            return NotSentError(why)
        logger.warning("%s: %s; leaving the host alone for %.0f s, nothing is lost", host, why, pause_s)
        if now - silence.since > self._patience_s:
            end_early(self._crawler, f"{host} could not be reached for {now - silence.since:.0f} s ({why})")
        return NotSentError(why, now + pause_s)

    def _is_dead(self, host: str, silence: Silence, now: float) -> bool:
        """Tell whether a host is silent while others answer, which must not be confused with an outage of everything.

        Others count if they answered lately; or, when nothing may be left to ask them, if none was asked in vain.
        """
        heard = max((when for name, when in self._answered.items() if name != host), default=0.0)
        lately = now - heard < LATELY_S or not any(name != host for name in self._silent)
        return now - silence.since > self._dead_after_s and heard > silence.since and lately

    def _give_up(self, host: str, why: str) -> IgnoreRequest:
        queue = session_of(self._crawler).queue
        logger.warning("%s: %s; giving up what it should have given", host, why)
        try:
            with queue.database.write() as connection:
                queue.fail_host(connection, host, why)
        except DBAPIError as error:
            stop_crawl(self._crawler, error)
            return NotSentError(why)
        return IgnoreRequest(why)


_outages: "WeakKeyDictionary[Crawler, Outages]" = WeakKeyDictionary()


def outages_of(crawler: Crawler) -> Outages:
    """Return what is known of the hosts that the running crawl cannot reach."""
    if crawler not in _outages:
        _outages[crawler] = Outages(crawler)
    return _outages[crawler]
