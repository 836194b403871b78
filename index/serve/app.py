"""The page and its HTTP interface. What it shows comes from the catalog; strangers' texts are escaped by the templates.

Safe by default: a strict content security policy, no third party, limits on uploads, and URLs fetched only from public
addresses. A POST from another site's page is refused.
"""

import io
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from jinja2 import Environment, FileSystemLoader, select_autoescape
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db import Catalog
from db.errors import CatalogError
from db.vocabulary import IMAGE_KINDS
from index.errors import IndexingError, PictureError
from index.features import DEFAULT
from index.fetch import fetch_picture
from index.search import Found, Searcher
from index.serve.forms import MOST_UPLOAD_BYTES, KeptPictures, asks_something, read_query
from index.serve.openapi import OPENAPI

logger = logging.getLogger(__name__)
HERE = Path(__file__).parent
MOST_BODY_BYTES = MOST_UPLOAD_BYTES + 65_536
MOST_SHOWN_SIDE = 1024
MOST_DIGITS = 18
"""Of an image's id: all that a signed 64-bit number is sure to hold."""
SHOWN_BOX = 184, 152
"""Pixels in a card of the page."""
YEAR_S = 31_536_000
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LICENCES = ("CC0", "CC-BY", "CC-BY-SA", "OGA-BY", "GPL", "LGPL")


class Guard:
    """Adds the headers above to every answer, failures too; refuses writes from other sites, and bodies too large.

    A body without a length is counted as it comes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                raise PictureError(f"the picture is larger than {MOST_UPLOAD_BYTES // 2**20} MiB")
            return message

        await (_refusal(Request(scope)) or self._app)(scope, counted, guarded)


def _refusal(request: Request) -> Response | None:
    origin = request.headers.get("origin")
    if request.method == "POST" and origin and urlsplit(origin).netloc != request.headers.get("host"):
        return JSONResponse({"error": "this request comes from another site"}, 403)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length[:MOST_DIGITS]) > MOST_BODY_BYTES:
        return JSONResponse({"error": "the picture is too large"}, 413)
    return None


def make_app(catalog: Catalog, model: str = DEFAULT, hosts: list[str] | None = None) -> ASGIApp:
    """Return the application for one catalog."""
    page = SearchPage(catalog, model)
    routes = [
        Route("/", page.home),
        Route("/search", page.search),
        Route("/picture", page.give, methods=["POST"]),
        Route("/image/{image_id}.png", page.image),
        Route("/picture/{key}.png", page.given),
        Route("/api/search", page.api_search, methods=["GET", "POST"]),
        Route("/openapi.json", page.openapi),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts or ["*"])]
    handlers: Any = {IndexingError: page.refused, CatalogError: page.refused, HTTPException: page.missing}
    return Guard(Starlette(routes=routes, middleware=middleware, exception_handlers=handlers))


class SearchPage:
    """Answers requests."""

    def __init__(self, catalog: Catalog, model: str) -> None:
        self._catalog = catalog
        self._searcher = Searcher(catalog, model)
        self._kept = KeptPictures()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(default=True)
        )

    def _render(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        text = self._templates.get_template(name).render(
            licences=LICENCES, kinds=IMAGE_KINDS, link=link, shown=shown, **values
        )
        return HTMLResponse(text, status)

    async def home(self, request: Request) -> Response:
        """Show the page: with results if the address asks something."""
        return await self._page(request, "page.html")

    async def search(self, request: Request) -> Response:
        """Return the results alone, for htmx; or the whole page for those without JavaScript."""
        return await self._page(request, "results.html" if request.headers.get("hx-request") else "page.html")

    async def _page(self, request: Request, template: str) -> Response:
        values = dict(request.query_params)
        found, error = None, ""
        if asks_something(values):
            try:
                found = await run_in_threadpool(self._find, values)
            except (IndexingError, CatalogError) as refused:
                error = str(refused)
        status = 422 if error and template == "page.html" else 200
        return self._render(template, status, found=found, values=values, error=error)

    def _find(self, values: dict[str, str]) -> Found:
        return self._searcher.search(read_query(values, self._kept))

    async def give(self, request: Request) -> Response:
        """Take a picture (a file or a URL) and lead to its results, which then have an address of their own."""
        async with request.form(max_files=1, max_fields=40, max_part_size=100_000) as form:
            values = {name: value for name, value in form.items() if isinstance(value, str) and value}
            values.pop("page", None)
            values.pop("image", None)
            values["picture"] = await self._keep(form.get("file"), values.pop("url", ""))
        target = f"/?{urlencode(values)}"
        if request.headers.get("hx-request"):
            return Response(headers={"HX-Redirect": target})
        return RedirectResponse(target, 303)

    async def _keep(self, file: object, url: str) -> str:
        if isinstance(file, UploadFile) and file.size:
            data = await file.read(MOST_UPLOAD_BYTES + 1)
        elif url:
            data = await run_in_threadpool(fetch_picture, url)
        else:
            raise PictureError("choose a picture, or give its address")
        return await run_in_threadpool(self._kept.keep, data)

    async def api_search(self, request: Request) -> Response:
        """Answer a search as JSON; a POST carries the picture as its body or as a form's `file`."""
        values = dict(request.query_params)
        if request.method == "POST":
            values["picture"] = await self._posted(request)
        found = await run_in_threadpool(self._find, values)
        hits = [{**hit.as_json(), "picture": f"/image/{hit.image_id}.png"} for hit in found.hits]
        return JSONResponse({"hits": hits, "more": found.more, "seconds": round(found.seconds, 4)})

    async def _posted(self, request: Request) -> str:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=1, max_fields=40) as form:
                return await self._keep(form.get("file"), str(form.get("url") or ""))
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > MOST_UPLOAD_BYTES:
                raise PictureError(f"the picture is larger than {MOST_UPLOAD_BYTES // 2**20} MiB")
        return await run_in_threadpool(self._kept.keep, bytes(data))

    async def image(self, request: Request) -> Response:
        """Return an image of the catalog as PNG; ids are never reused, so it may be kept for ever."""
        written = str(request.path_params["image_id"])
        if not (written.isascii() and written.isdigit() and len(written) <= MOST_DIGITS):
            raise HTTPException(404)
        data = await run_in_threadpool(lambda: _png(self._catalog.open(int(written))))
        return Response(data, media_type="image/png", headers={"Cache-Control": f"public, max-age={YEAR_S}, immutable"})

    async def given(self, request: Request) -> Response:
        """Return the picture that somebody searches with."""
        data = await run_in_threadpool(lambda: _png(self._kept.picture(request.path_params["key"])))
        return Response(data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})

    async def openapi(self, request: Request) -> Response:
        """Describe the HTTP interface."""
        return JSONResponse(OPENAPI)

    async def refused(self, request: Request, error: Exception) -> Response:
        """Say what is wrong with a request."""
        status = 404 if isinstance(error, CatalogError) else 422
        if request.url.path.startswith("/api/") or request.url.path.endswith(".png"):
            return JSONResponse({"error": str(error)}, status)
        if request.headers.get("hx-request"):
            return self._render("results.html", found=None, values={}, error=str(error))
        return self._render("page.html", status, found=None, values={}, error=str(error))

    async def missing(self, request: Request, error: Exception) -> Response:
        """Say that there is no such page."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": "there is nothing here"}, status)
        return self._render("page.html", status, found=None, values={}, error="There is no such page.")


def link(values: dict[str, str], **changes: str | int) -> str:
    """Return the address of a search with some values changed; empty ones vanish."""
    merged = {**values, **{name: str(value) for name, value in changes.items()}}
    return "/?" + urlencode({name: value for name, value in merged.items() if value})


def shown(width: int, height: int) -> tuple[int, int, bool]:
    """Return how large to show an image, and whether by whole pixels: only a whole number keeps them all alike."""
    scale = min(SHOWN_BOX[0] / width, SHOWN_BOX[1] / height)
    if scale >= 1:
        return width * int(scale), height * int(scale), True
    return max(1, round(width * scale)), max(1, round(height * scale)), False


def _png(rgba: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    picture = Image.fromarray(np.ascontiguousarray(rgba))
    picture.thumbnail((MOST_SHOWN_SIDE, MOST_SHOWN_SIDE))
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
