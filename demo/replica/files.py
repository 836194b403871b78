"""Serves ``/sites/default/files/`` as Apache would."""

import re
from urllib.parse import unquote

from aiohttp import web

from demo.model import SiteFile
from demo.names import FILES_PREFIX
from demo.replica.conditions import Unsatisfiable, Version, not_modified, parse_range, range_holds
from demo.replica.state import REPLICA, Replica
from demo.replica.transfer import send
from demo.replica.views import not_found

_FLIP = bytes(255 - value for value in range(256))
_CHANGED_AFTER_S = 3_600
_FORBIDDEN = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>403 Forbidden</title>\n</head><body>\n'
    "<h1>Forbidden</h1>\n<p>You don't have permission to access this resource.</p>\n</body></html>\n"
)


def changed(data: bytes) -> bytes:
    """Return what ``change_midway`` turns a file into: every byte differs, so any mixture of both shows."""
    return data.translate(_FLIP)


async def serve_file(request: web.Request) -> web.StreamResponse:
    """Answer GET and HEAD for one stored name."""
    replica = request.app[REPLICA]
    # from the raw path, decoded exactly once: %25 is a percent sign, and no framework may tidy it up
    stored = unquote(request.raw_path.partition("?")[0].removeprefix(FILES_PREFIX))
    file = replica.files.get(stored)
    if file is None or file.status == 404:
        return await not_found(request)
    if file.status == 403:
        return await send(request, _FORBIDDEN.encode(), {"Content-Type": "text/html; charset=iso-8859-1"}, 403)
    data, version = _current(replica, request, file)
    headers = {"ETag": version.etag, "Last-Modified": version.last_modified, "Accept-Ranges": "bytes"}
    if not_modified(version, request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = file.mime
    if replica.switches.ignore_range:
        del headers["Accept-Ranges"]
        return await send(request, data, headers)
    return await _ranged(request, data, version, headers)


async def _ranged(request: web.Request, data: bytes, version: Version, headers: dict[str, str]) -> web.StreamResponse:
    wanted = request.headers.get("Range") if request.method == "GET" else None
    if wanted is None or not range_holds(version, request.headers.get("If-Range")):
        return await send(request, data, headers)
    try:
        span = parse_range(wanted, len(data))
    except Unsatisfiable:
        refusal = {"Content-Type": "text/html; charset=iso-8859-1", "Content-Range": f"bytes */{len(data)}"}
        return await send(request, b"<h1>Requested Range Not Satisfiable</h1>\n", refusal, 416)
    if span is None:
        return await send(request, data, headers)
    first, end = span
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
    return await send(request, data[first:end], headers, 206)


def _current(replica: Replica, request: web.Request, file: SiteFile) -> tuple[bytes, Version]:
    data, mtime = replica.read(file), file.mtime
    change = replica.switches.change_midway
    if change and re.search(change.match, request.raw_path):
        seen = replica.asked(file.stored) if request.method == "GET" else 0
        if seen >= change.after:
            data, mtime = changed(data), mtime + _CHANGED_AFTER_S
    return data, Version(len(data), mtime)
