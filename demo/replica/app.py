"""The web application: routes, what happens around every request, and the control paths."""

import asyncio
import dataclasses
import re
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from demo.errors import DemoError
from demo.names import FILES_PREFIX
from demo.replica import views
from demo.replica.files import serve_file
from demo.replica.robots import forbidden, robots_txt
from demo.replica.state import REPLICA, Logged, Replica
from demo.replica.switches import Refuse, parse_switches
from demo.replica.transfer import send

_CONTROL = "/__replica__/"
_SETTLE_TRIES = 20
_SETTLE_S = 0.01
_DLCOUNTER = re.compile(r"/file/\d+/dlcounter")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(replica: Replica) -> web.Application:
    """Return the application serving the replica."""
    app = web.Application(middlewares=[_logged, _disturbed])
    app[REPLICA] = replica
    app.on_response_prepare.append(_sign)
    for path, handler in _ROUTES:
        app.router.add_get(path, handler)
    app.router.add_post(_CONTROL + "switches", _set_switches)
    app.router.add_post(_CONTROL + "reset", _reset)
    app.router.add_route("*", "/{tail:.*}", views.not_found)
    return app


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Apache"


async def _robots(request: web.Request) -> web.StreamResponse:
    body = robots_txt(request.app[REPLICA].crawl_delay).encode()
    return await send(request, body, {"Content-Type": "text/plain; charset=utf-8"})


async def _log(request: web.Request) -> web.StreamResponse:
    replica = request.app[REPLICA]
    for _ in range(_SETTLE_TRIES):
        if not replica.open_requests:
            break
        # a visitor may hold the last byte before its request is written down
        await asyncio.sleep(_SETTLE_S)
    entries = sorted(replica.log, key=lambda entry: entry.time)
    return web.json_response([dataclasses.asdict(entry) for entry in entries])


async def _set_switches(request: web.Request) -> web.StreamResponse:
    replica = request.app[REPLICA]
    try:
        replica.set_switches(parse_switches(await request.text(), replica.switches))
    except DemoError as error:
        return web.Response(status=400, text=str(error))
    return web.json_response(dataclasses.asdict(replica.switches))


async def _reset(request: web.Request) -> web.StreamResponse:
    request.app[REPLICA].reset()
    return web.json_response({})


@web.middleware
async def _logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write every visit down once it is over, whatever became of it."""
    if request.path.startswith(_CONTROL):
        return await handler(request)
    replica = request.app[REPLICA]
    replica.open_requests += 1
    log = replica.log  # a request that outlives a reset belongs to the log before it
    started, status = time.time(), 0  # 0 stays if the visitor hangs up
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        headers = request.headers
        entry = Logged(
            time=started,
            method=request.method,
            path=request.raw_path,
            status=status,
            range=headers.get("Range"),
            bytes=request.get("sent", 0),
            user_agent=headers.get("User-Agent"),
            violation=_violation(request),
        )
        replica.record(entry, log)
        replica.open_requests -= 1
    return response


def _violation(request: web.Request) -> str | None:
    if _DLCOUNTER.fullmatch(request.path):
        return "dlcounter"
    return "robots" if forbidden(request.raw_path) else None


@web.middleware
async def _disturbed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the switches that come before any handler: latency and refusals."""
    if request.path.startswith(_CONTROL):
        return await handler(request)
    switches = request.app[REPLICA].switches
    if switches.latency_s:
        await asyncio.sleep(switches.latency_s)
    for status, refuse in ((429, switches.status_429), (503, switches.status_503)):
        if refuse and request.app[REPLICA].strikes(str(status), refuse, request.raw_path):
            return await _refusal(request, status, refuse)
    return await handler(request)


async def _refusal(request: web.Request, status: int, refuse: Refuse) -> web.StreamResponse:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    if refuse.retry_after_s is not None:
        wait_s = refuse.retry_after_s
        headers["Retry-After"] = formatdate(time.time() + wait_s, usegmt=True) if refuse.as_date else str(wait_s)
    return await send(request, f"<h1>{status}</h1>\n".encode(), headers, status)


_ROUTES: tuple[tuple[str, Handler], ...] = (
    ("/robots.txt", _robots),
    ("/", views.popular),
    ("/art-search-advanced", views.advanced_search),
    ("/art-search", views.simple_search),
    ("/latest", views.latest),
    ("/latest/rss.xml", views.latest_rss),
    ("/popular", views.popular),
    ("/collections", views.collections),
    ("/content/{slug:.+}", views.content),
    ("/users/{slug:.+}", views.user),
    (r"/user/{uid:\d+}/{tab:favorites|collections}", views.favourites),
    (r"/node/{nid:\d+}", views.node),
    (FILES_PREFIX + "{name:.+}", serve_file),
    (_CONTROL + "log", _log),
)
