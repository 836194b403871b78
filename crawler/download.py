"""Download handler: pages into memory, files streamed to the blob store and continued where they stopped.

An unfinished file stays as `partial/KEY` in the blob store, with what the server said of that version (ETag or
Last-Modified) beside it. It is continued with Range and If-Range (RFC 9110 §14.2, §13.1.5): a server whose file has
changed answers 200 with the new one and the old bytes are dropped.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Headers, Response
from yarl import URL

from crawler.consent import refusal_in
from crawler.errors import DownloadError, FileTooLargeError, NoAnswerError, TruncatedDownloadError
from crawler.landing import Landing
from crawler.page_download import PageDownload, make_connector, via_proxy
from crawler.partial import Partial, Version
from crawler.session import session_of
from db.blobs import BlobStore, Stored
from db.records import FetchedFile

CHUNK_BYTES = 256 * 1024
ERROR_BODY_MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Exchange:
    """A file's request and answer as they went over the wire, for those who keep them (`meta["exchange"]`).

    `whole` tells that the response given out has all of the body, or the blob store has.
    """

    began_at: datetime
    asked: tuple[tuple[bytes, bytes], ...]
    version: str
    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...]
    whole: bool = False

    @classmethod
    def of(cls, answer: aiohttp.ClientResponse) -> "Exchange":
        """Describe an answer whose body is still to be read."""
        asked = tuple((n.encode("latin-1"), v.encode("latin-1")) for n, v in answer.request_info.headers.items())
        version = "HTTP/1.1" if answer.version is None else f"HTTP/{answer.version.major}.{answer.version.minor}"
        return cls(datetime.now(UTC), asked, version, answer.status, answer.reason or "", answer.raw_headers)


class BlobDownloadHandler(BaseDownloadHandler):
    """Streams what is asked for with `meta["to_blob"]` to the blob store; all else comes whole, as Scrapy has it."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._connector: aiohttp.TCPConnector | None = None
        self._pages: PageDownload | None = None
        self._http: aiohttp.ClientSession | None = None
        self._land: Landing | None = None
        self._max_bytes = crawler.settings.getint("QUARRY_FILE_MAXSIZE")
        self._respect_noai = crawler.settings.getbool("QUARRY_RESPECT_NOAI")
        self._silence_s = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._keeps_exchanges = bool(crawler.settings.get("QUARRY_WARC"))
        self._may_land_later = not self._keeps_exchanges and not crawler.settings.getdict("ITEM_PIPELINES")

    async def download_request(self, request: Request) -> Response:
        """Fetch a request; a file's response has no body but `meta["fetched"]`."""
        if not request.meta.get("to_blob"):
            if self._pages is None:
                self._pages = PageDownload(self.crawler.settings, self._connections())
            return await self._pages.fetch(request)
        try:
            return await self._fetch_file(request)
        except (TimeoutError, aiohttp.ClientConnectionError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        except aiohttp.ClientError as error:
            raise DownloadError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close all connections."""
        for opened in (self._pages, self._http, self._connector):
            if opened is not None:
                await opened.close()

    def _connections(self) -> aiohttp.TCPConnector:
        if self._connector is None:
            self._connector = make_connector(self.crawler.settings)
        return self._connector

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            # No total timeout: a large file may take hours, silence may not.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=self._silence_s)
            self._http = aiohttp.ClientSession(
                connector=self._connections(),
                connector_owner=False,
                timeout=timeout,
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http

    def _landing(self, blobs: BlobStore) -> Landing:
        if self._land is None:
            self._land = Landing(blobs)
        return self._land

    async def _fetch_file(self, request: Request) -> Response:
        blobs = session_of(self.crawler).catalog.blobs
        partial = Partial(blobs, request.url)
        headers = {
            "User-Agent": (request.headers.get(b"User-Agent") or b"").decode("latin-1"),
            "Accept-Encoding": "identity",
            **(partial.continue_headers() or _conditions(request)),
        }
        async with self._client().get(
            URL(request.url, encoded=True), headers=headers, allow_redirects=False, **via_proxy(request)
        ) as answer:
            if self._keeps_exchanges:
                request.meta["exchange"] = Exchange.of(answer)
            if answer.status == 416:
                partial.drop()
                raise TruncatedDownloadError("the server refuses to continue the file (HTTP 416); starting over")
            if answer.status not in (200, 206):
                return _plain(request, answer, body=await self._error_body(request, answer))
            if self._respect_noai and (refusal := refusal_in(answer.headers.get("X-Robots-Tag", ""))):
                raise IgnoreRequest(f"X-Robots-Tag: {refusal}")
            await self._receive(answer, partial)
            stored = await self._brought_in(request, blobs, partial)
            request.meta["fetched"] = _fetched(request, answer, stored)
            self._note_whole(request)
            return _plain(request, answer, status=200)

    async def _brought_in(self, request: Request, blobs: BlobStore, partial: Partial) -> Stored:
        """Have a file in the store, or on its way there with its settlement if nobody looks at it sooner."""
        if partial.in_memory and self._may_land_later and not blobs.is_remote:
            request.meta["landing"] = partial
            return partial.stored
        return await self._landing(blobs).land(partial)

    def _note_whole(self, request: Request) -> None:
        if self._keeps_exchanges:
            request.meta["exchange"] = replace(request.meta["exchange"], whole=True)

    async def _error_body(self, request: Request, answer: aiohttp.ClientResponse) -> bytes:
        """Return an error's body, or its beginning, if exchanges are kept; nobody else reads it."""
        body = b""
        if self._keeps_exchanges:
            with suppress(aiohttp.ClientError, TimeoutError):
                while len(body) < ERROR_BODY_MAX_BYTES and (chunk := await answer.content.read(ERROR_BODY_MAX_BYTES)):
                    body += chunk
                if answer.content.at_eof():
                    self._note_whole(request)
        return body

    async def _receive(self, answer: aiohttp.ClientResponse, partial: Partial) -> None:
        version = Version.of(answer)
        if version.total_bytes is not None and version.total_bytes > self._max_bytes:
            raise FileTooLargeError(f"{version.total_bytes} bytes announced, limit {self._max_bytes}")
        partial.begin(version, resume_at=version.start if answer.status == 206 else 0)
        try:
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                partial.write(chunk)
                if partial.size_bytes > self._max_bytes:
                    partial.drop()
                    raise FileTooLargeError(f"more than {self._max_bytes} bytes, the limit")
        except (TimeoutError, aiohttp.ClientError) as error:
            said = f"connection ended after {partial.size_bytes} bytes"
            gained = partial.size_bytes > partial.left_bytes and bool(version.validator)
            raise TruncatedDownloadError(said, gained=gained) from error
        finally:
            partial.pause()
        if version.total_bytes is not None and partial.size_bytes != version.total_bytes:
            if partial.size_bytes > version.total_bytes:
                partial.drop()
            raise TruncatedDownloadError(f"got {partial.size_bytes} of {version.total_bytes} bytes")


def _fetched(request: Request, answer: aiohttp.ClientResponse, stored: Stored) -> FetchedFile:
    return FetchedFile(
        url=request.meta.get("redirect_urls", [request.url])[0],
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        content_type=answer.headers.get("Content-Type", ""),
        etag=answer.headers.get("ETag", ""),
        last_modified=answer.headers.get("Last-Modified", ""),
    )


def _conditions(request: Request) -> dict[str, str]:
    """Return what asks for the file only if it is not the one we have."""
    asked = {name: request.headers.get(name) for name in ("If-None-Match", "If-Modified-Since")}
    return {name: value.decode("latin-1") for name, value in asked.items() if value}


def _plain(request: Request, answer: aiohttp.ClientResponse, status: int | None = None, body: bytes = b"") -> Response:
    kept: dict[str, Any] = {
        name: value
        for name, value in answer.headers.items()
        if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    }
    return Response(request.url, status=status or answer.status, headers=Headers(kept), body=body, request=request)
