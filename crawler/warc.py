"""WARC files (ISO 28500, version 1.1) of all a crawl receives, beside the catalog. Off unless QUARRY_WARC is set.

A downloader middleware next to the network: it sees every answer as it was received, before the recorder does. An
answer goes on to be recorded in the catalog only when its records are on the disk, so whatever the catalog calls done
is in a WARC. A file being written is called `….open` and locked; what a killed process left behind is cut after its
last whole record and renamed at the next start.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest, NotConfigured
from scrapy.http import Headers as ScrapyHeaders
from scrapy.http import Response
from scrapy.settings import BaseSettings

from crawler.download import Exchange
from crawler.errors import CrawlUsageError, FileTooLargeError
from crawler.session import session_of
from crawler.warc_files import MAX_BYTES, Capture, WarcFolder
from db.records import FetchedFile

logger = logging.getLogger(__name__)

STOP_REASON = "the WARC cannot be written"

Headers = Iterable[tuple[bytes, bytes]]


def check_warc(settings: BaseSettings) -> None:
    """Raise CrawlUsageError if WARC files are asked for and cannot be had."""
    folder = settings.get("QUARRY_WARC")
    if not folder:
        return
    if Path(folder).exists() and not Path(folder).is_dir():
        raise CrawlUsageError(f"QUARRY_WARC={folder} is not a folder")
    try:
        import_module("warcio")
    except ModuleNotFoundError as error:
        raise CrawlUsageError("QUARRY_WARC needs warcio: pip install 'artquarry[warc]'") from error


class WarcMiddleware:
    """Has every answer written before anything else sees it; stops the crawl when that fails."""

    def __init__(self, crawler: Crawler, folder: Path) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self._folder = folder
        self._warc = WarcFolder(folder, settings.getint("QUARRY_WARC_MAX_BYTES", MAX_BYTES), _about(settings))
        self._broken = False
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build from Scrapy's crawler, if WARC files are asked for."""
        folder = crawler.settings.get("QUARRY_WARC")
        if not folder:
            raise NotConfigured
        check_warc(crawler.settings)
        self = cls(crawler, Path(folder))
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._closed, signals.spider_closed)
        return self

    def _opened(self) -> None:
        try:
            for path in self._warc.repair():
                logger.warning("%s: completed, after the process that wrote it was killed", path)
        except OSError as error:
            self._say(error)
            raise CloseSpider(STOP_REASON) from error

    def _closed(self) -> None:
        try:
            self._warc.close()
        except OSError as error:
            logger.error("the last WARC in %s stays open until the next crawl: %s", self._folder, error)  # noqa: TRY400

    def process_request(self, request: Request) -> None:
        """Ask for nothing more once answers cannot be kept."""
        if self._broken:
            self._give_back(request)
            raise IgnoreRequest(STOP_REASON)

    async def process_response(self, request: Request, response: Response) -> Response:
        """Write an answer, then let it pass."""
        if not await self._keep(self._capture(request, response)):
            self._give_back(request)
            raise IgnoreRequest(STOP_REASON)
        return response

    def _capture(self, request: Request, response: Response) -> Capture:
        exchange: Exchange | None = request.meta.pop("exchange", None)
        if exchange is None:
            return _of_page(request, response)
        fetched: FetchedFile | None = request.meta.get("fetched") if response.status == 200 else None
        if fetched is None:
            size_bytes = len(response.body) if exchange.whole else None
            return _of_file(request.url, exchange, response.body, hashlib.sha256(response.body).digest(), size_bytes)
        blob = session_of(self.crawler).catalog.blobs.path(fetched.sha256)
        return _of_file(request.url, exchange, blob, fetched.sha256, fetched.size_bytes)

    async def process_exception(self, request: Request, exception: Exception) -> None:
        """Write the head of an answer that was refused by a rule or for its size, or that refused to go on."""
        exchange: Exchange | None = request.meta.pop("exchange", None)
        if exchange is None or not (isinstance(exception, FileTooLargeError | IgnoreRequest) or exchange.status == 416):
            return  # the rest of an interrupted file comes later; then it is written whole
        if not await self._keep(_of_file(request.url, exchange, b"", hashlib.sha256().digest())):
            self._give_back(request)

    async def _keep(self, capture: Capture) -> bool:
        if self._broken:
            return False
        try:
            await asyncio.to_thread(self._warc.write, capture)
        except OSError as error:
            self._stop(error)
            return False
        return True

    def _stop(self, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            self._say(error)
            if self.crawler.engine is not None:
                self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=STOP_REASON))

    def _say(self, error: OSError) -> None:
        logger.error(
            "stopping: the WARC in %s cannot be written (%s); make room, or leave QUARRY_WARC out, and give the same "
            "command again",
            self._folder,
            error,
        )

    def _give_back(self, request: Request) -> None:
        """Leave an entry unsettled, neither done nor failed: it is due again at the next start."""
        session = session_of(self.crawler)
        entry = session.entry_of(request)
        if entry is not None:
            session.done_with(entry)


def _of_page(request: Request, response: Response) -> Capture:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    asked = list(_flat(request.headers))
    if b"Host" not in request.headers:
        asked.insert(0, (b"Host", parts.netloc.rpartition("@")[2].encode()))
    protocol = response.protocol if response.protocol in ("HTTP/1.0", "HTTP/1.1") else "HTTP/1.1"
    size_bytes = None if response.status == HTTPStatus.NOT_MODIFIED else len(response.body)
    return Capture(
        url=request.url,
        at=datetime.now(UTC),
        request=_head(f"{request.method} {target} HTTP/1.1", asked),
        response=_head(
            f"{protocol} {response.status} {_phrase(response.status)}", _fitting(_flat(response.headers), size_bytes)
        ),
        body=response.body,
        sha256=hashlib.sha256(response.body).digest(),
        address=str(response.ip_address or ""),
    )


def _of_file(url: str, exchange: Exchange, body: bytes | Path, sha256: bytes, size_bytes: int | None = None) -> Capture:
    """Describe a file's answer. One that came in parts is written whole, as the server would have sent it at once."""
    pieced = size_bytes is not None and exchange.status == HTTPStatus.PARTIAL_CONTENT
    status, reason = (HTTPStatus.OK.value, HTTPStatus.OK.phrase) if pieced else (exchange.status, exchange.reason)
    ranged = (b"content-range",) if pieced else ()
    asked = [(n, v) for n, v in exchange.asked if not (pieced and n.lower() in (b"range", b"if-range"))]
    target = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl() or "/"
    return Capture(
        url=url,
        at=exchange.began_at,
        request=_head(f"GET {target} HTTP/1.1", asked),
        response=_head(
            f"{exchange.version} {status} {reason}",
            _fitting(exchange.headers, size_bytes, b"content-encoding", *ranged),
        ),
        body=body,
        sha256=sha256,
        truncated="" if exchange.whole else "length",
        note="pieced together from several range responses, the last of them HTTP 206" if pieced else "",
    )


def _flat(headers: ScrapyHeaders) -> Headers:
    return [(name, value) for name in headers for value in headers.getlist(name)]


def _fitting(headers: Headers, size_bytes: int | None, *without: bytes) -> Headers:
    """Return headers that agree with a body of this size (None: leave the size) without its transfer coding."""
    for name, value in headers:
        if name.lower() == b"content-length" and size_bytes is not None:
            yield name, str(size_bytes).encode()
        elif name.lower() not in (b"transfer-encoding", *without):
            yield name, value


def _head(first_line: str, headers: Headers) -> bytes:
    lines = [first_line.rstrip().encode("latin-1"), *(name + b": " + value for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _about(settings: BaseSettings) -> dict[str, str]:
    """Return the fields of a warcinfo record."""
    software = [settings["USER_AGENT"].split(" ")[0], *(f"{name}/{version(name)}" for name in ("scrapy", "warcio"))]
    return {
        "software": " ".join(software),
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "robots": "obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore",
        "operator": settings.get("QUARRY_CONTACT") or "",
        "http-header-user-agent": settings["USER_AGENT"],
    }
