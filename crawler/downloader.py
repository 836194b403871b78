"""Scrapy's downloader and its statistics, with less ceremony per request.

What happens is Scrapy's: the same middlewares in the same order, the same slots, the same numbers. Scrapy 2.19 asks at
each step whether a component still uses one of its old ways (an argument `spider`, a Deferred in place of a coroutine);
ours do not, and for small pages those questions were a twentieth of all work.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader, Slot
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware
from scrapy.http import Response, TextResponse
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.defer import deferred_from_coro, ensure_awaitable
from scrapy.utils.misc import build_from_crawler
from twisted.internet.defer import Deferred

from crawler.politeness import LEAST_DELAY_S

META_REFRESH_CHARACTERS = 4096
"""So far into a document Scrapy looks for a redirect."""


class Middlewares(DownloaderMiddlewareManager):
    """The downloader middlewares; those that want a `spider` go Scrapy's own way."""

    async def _process_request(
        self, request: Request, download_func: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Response | Request:
        if self._mw_methods_requiring_spider:
            return await super()._process_request(request, download_func)
        for method in self.methods["process_request"]:
            outcome = method(request=request)  # type: ignore[misc]
            if outcome is not None and not isinstance(outcome, Response | Request):
                outcome = await ensure_awaitable(outcome)
            if outcome is not None:
                return _checked(method, outcome)
        return await download_func(request)

    async def _process_response(self, response: Response | Request, request: Request) -> Response | Request:
        if self._mw_methods_requiring_spider:
            return await super()._process_response(response, request)
        for method in self.methods["process_response"] if not isinstance(response, Request) else ():
            outcome = method(request=request, response=response)  # type: ignore[misc]
            if not isinstance(outcome, Response | Request):
                outcome = await ensure_awaitable(outcome)
            response = _checked(method, outcome)
            if isinstance(response, Request):
                break
        return response


def _checked(method: Any, outcome: Any) -> Response | Request:
    if not isinstance(outcome, Response | Request):
        raise TypeError(f"{method.__qualname__} must return a Response or a Request, not {type(outcome).__name__}")
    return outcome


class PoliteDownloader(Downloader):
    """Scrapy's downloader. No host is without any delay (see LEAST_DELAY_S)."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.middleware = build_from_crawler(Middlewares, crawler)

    def fetch(self, request: Request) -> "Deferred[Response | Request]":  # type: ignore[override]
        """Fetch through the middlewares."""
        self.active.add(request)
        return deferred_from_coro(self._fetch(request))

    async def _fetch(self, request: Request) -> Response | Request:
        try:
            return await self.middleware.download_async(self._enqueue_request, request)
        finally:
            self.active.remove(request)

    def _get_slot(self, request: Request) -> tuple[str, Slot]:  # type: ignore[override]
        key, slot = super()._get_slot(request)
        slot.delay = max(slot.delay, LEAST_DELAY_S)
        return key, slot


class MetaRefresh(MetaRefreshMiddleware):
    """Scrapy's redirects by `<meta http-equiv="refresh">`; most documents need not be searched for one."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Follow a redirect that the document asks for."""
        if isinstance(response, TextResponse) and "refresh" in response.text[:META_REFRESH_CHARACTERS].lower():
            return super().process_response(request, response)
        return response


class Stats(MemoryStatsCollector):
    """Scrapy's statistics."""

    __getattribute__ = object.__getattribute__  # Scrapy's looks for callers that still hand over a spider
