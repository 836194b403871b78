"""Fetches pages with aiohttp, whole and in memory, and answers as Scrapy's own handler would.

Scrapy's handler takes twice as long per page, and loading it with its TLS machinery a tenth of the crawl's start.
Middlewares see the same requests, responses and errors: bodies come as they were sent, redirects are not followed.
"""

import time
from ipaddress import ip_address
from typing import Any

import aiohttp
from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings
from yarl import URL

HEADER_MAX_BYTES = 64 * 1024
OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp would add by itself; Scrapy's middlewares say what is sent."""


class Answer(aiohttp.ClientResponse):
    """Remembers who answered: a connection may be back in the pool before its response is looked at."""

    peer: tuple[Any, ...] | None = None

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Note the peer, then read the response's head."""
        if connection.transport is not None:
            self.peer = connection.transport.get_extra_info("peername")
        return await super().start(connection)


def make_connector(settings: BaseSettings) -> aiohttp.TCPConnector:
    """Return connections for pages and files, which check certificates unless told otherwise."""
    return aiohttp.TCPConnector(
        ssl=settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"), use_dns_cache=settings.getbool("DNSCACHE_ENABLED")
    )


def via_proxy(request: Request) -> dict[str, Any]:
    """Return what sends a request through the proxy that HttpProxyMiddleware chose, if any."""
    proxy = request.meta.get("proxy")
    if not proxy:
        return {}
    said = request.headers.get(b"Proxy-Authorization")
    headers = {"Proxy-Authorization": said.decode("latin-1")} if said else None
    return {"proxy": proxy if "://" in proxy else f"http://{proxy}", "proxy_headers": headers}


class PageDownload:
    """Fetches whole responses."""

    def __init__(self, settings: BaseSettings, connector: aiohttp.TCPConnector) -> None:
        self._max_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self._timeout_s = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._http = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            response_class=Answer,
            skip_auto_headers=OURS,
            max_line_size=HEADER_MAX_BYTES,
            max_field_size=HEADER_MAX_BYTES,
        )

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def fetch(self, request: Request) -> Response:
        """Fetch a page. Raises Scrapy's download errors."""
        timeout_s = request.meta.get("download_timeout", self._timeout_s)
        try:
            return await self._fetch(request, timeout_s)
        except TimeoutError as error:
            raise DownloadTimeoutError(f"Getting {request.url} took longer than {timeout_s} seconds.") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise CannotResolveHostError(str(error)) from error
        except aiohttp.ClientConnectorError as error:
            raise DownloadConnectionRefusedError(str(error)) from error
        except aiohttp.ClientPayloadError as error:
            raise ResponseDataLossError(str(error)) from error
        except aiohttp.ClientError as error:
            raise DownloadFailedError(f"{type(error).__name__}: {error}") from error

    async def _fetch(self, request: Request, timeout_s: float) -> Response:
        began = time.monotonic()
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in request.headers.items()
            if name != b"Proxy-Authorization"
            for value in values
        ]
        async with self._http.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.body or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            allow_redirects=False,
            **via_proxy(request),
        ) as answer:
            request.meta["download_latency"] = time.monotonic() - began
            return _response(request, answer, await self._body(request, answer))

    async def _body(self, request: Request, answer: aiohttp.ClientResponse) -> bytes:
        limit = request.meta.get("download_maxsize", self._max_bytes)
        if limit and (answer.content_length or 0) > limit:
            raise DownloadCancelledError(f"{answer.content_length} bytes announced, DOWNLOAD_MAXSIZE is {limit}")
        if not limit:
            return await answer.read()
        chunks, size_bytes = [], 0
        async for chunk in answer.content.iter_any():
            chunks.append(chunk)
            size_bytes += len(chunk)
            if size_bytes > limit:
                raise DownloadCancelledError(f"more than {limit} bytes, DOWNLOAD_MAXSIZE")
        return b"".join(chunks)


def _response(request: Request, answer: aiohttp.ClientResponse, body: bytes) -> Response:
    headers = Headers(answer.raw_headers)
    kind = responsetypes.from_args(headers=headers, url=request.url, body=body)
    peer = answer.peer if isinstance(answer, Answer) else None
    version = answer.version
    return kind(
        url=request.url,
        status=answer.status,
        headers=headers,
        body=body,
        ip_address=None if peer is None else ip_address(peer[0]),
        protocol=None if version is None else f"HTTP/{version.major}.{version.minor}",
    )
