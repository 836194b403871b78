"""Sends bodies, honestly or as the switches say: slowly, cut short, under a wrong length."""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from demo.names import FILES_PREFIX
from demo.replica.state import REPLICA, Replica

_CHUNK_BYTES = 16_384


async def send(request: web.Request, body: bytes, headers: Mapping[str, str], status: int = 200) -> web.StreamResponse:
    """Send a response; HEAD gets the headers alone. The bytes sent are noted on the request for the log."""
    replica = request.app[REPLICA]
    response = web.StreamResponse(status=status, headers=dict(headers))
    response.content_length = len(body) + _lie(replica, request)
    if response.content_length != len(body):
        response.force_close()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    limit = _cut(replica, request)
    rate = replica.switches.slow_bytes_per_s if request.raw_path.startswith(FILES_PREFIX) else None
    # a visitor may hang up at any time; the log then shows how much had been sent
    with suppress(ConnectionError):
        await _write(request, response, body if limit is None else body[:limit], rate)
    if limit is not None and request.transport:
        request.transport.close()  # close() flushes first, abort() would not
    return response


async def _write(request: web.Request, response: web.StreamResponse, body: bytes, rate: float | None) -> None:
    step = _CHUNK_BYTES if not rate else max(1, min(_CHUNK_BYTES, int(rate / 10)))
    for start in range(0, len(body), step):
        chunk = body[start : start + step]
        if rate:  # before the chunk, so that nothing is pending once the visitor has the last byte
            await asyncio.sleep(len(chunk) / rate)
        await response.write(chunk)
        request["sent"] = request.get("sent", 0) + len(chunk)


async def send_html(request: web.Request, html: str, status: int = 200) -> web.StreamResponse:
    """Send a page as Drupal does for visitors: uncacheable, without ETag unless switched on."""
    switches = request.app[REPLICA].switches
    body = html.encode()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-cache, must-revalidate",
        "Expires": "Sun, 19 Nov 1978 05:00:00 GMT",
        "X-Generator": "Drupal 7 (http://drupal.org)",
        "Vary": "Accept-Encoding",
    }
    if switches.page_etag:
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
    if switches.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return await send(request, body, headers, status)


def _lie(replica: Replica, request: web.Request) -> int:
    wrong = replica.switches.wrong_content_length
    return wrong.delta_bytes if wrong and replica.strikes("length", wrong, request.raw_path) else 0


def _cut(replica: Replica, request: web.Request) -> int | None:
    abort = replica.switches.abort_after_bytes
    return abort.after_bytes if abort and replica.strikes("abort", abort, request.raw_path) else None
