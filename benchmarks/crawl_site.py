"""The site to crawl: the demo's replica, rendered once and then served from memory.

The replica renders every page anew, which would take as much time as crawling it. Here each answer is kept, so that
the server needs a small part of one core. Large files are sent with sendfile(2).
"""

import argparse
import asyncio
import html
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from aiohttp import web

from crawler.spiders.opengameart import OpenGameArtSpider
from demo import furniture
from demo.builder import Draft, SiteBuilder, Upload
from demo.model import SiteContent
from demo.names import encode_path
from demo.replica import serve
from demo.small import small_site

ORIGIN = b"http://site.invalid"
KEPT = ("Content-Type", "ETag", "Last-Modified", "Cache-Control", "Expires")
NEXT = re.compile(r'<li class="pager-next[^"]*"><a[^>]*href="([^"]+)"')
CONTROL = "/__benchmark__/"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Answer:
    """One answer of the site. `body` is the name of a file; a `large` one is not read into memory."""

    path: str
    status: int
    headers: dict[str, str]
    body: str
    large: bool = False


@dataclass
class Seen:
    """What one visitor asked for. Times are seconds since 1970."""

    first: float = 0.0
    last: float = 0.0
    requests: int = 0
    pages: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def note(self, path: str, status: int) -> None:
        self.last = time.time()
        self.first = self.first or self.last
        self.requests += 1
        for prefix, known in (("/content/", self.pages), ("/sites/", self.files)):
            if status == 200 and path.startswith(prefix):
                known.add(path)


def make_small(folder: Path, pages: int) -> None:
    """Build and keep a site of that many pages, each with a file."""
    if not (folder / "answers.json").exists():
        _freeze(small_site(folder / "content", pages=pages, files_per_page=1), folder)


def make_large(folder: Path, sizes_mb: Sequence[int]) -> None:
    """Build and keep a site of one page that offers files of these sizes, filled with noise."""
    if (folder / "answers.json").exists():
        return
    builder = SiteBuilder(folder / "content", furniture.AUTHORS)
    names = [f"noise_{size}.bin" for size in sizes_mb]
    builder.add(Draft("Noise", furniture.OWN, uploads=[Upload(name, name.encode()) for name in names]))
    _freeze(builder.finish(), folder)
    answers = _load(folder)
    for name, size in zip(names, sizes_mb, strict=True):
        _noise(folder / name, size)
        path = next(path for path in answers if path.endswith(name))
        answers[path] = Answer(path, 200, answers[path].headers, name, large=True)
    _save(folder, list(answers.values()))


def _noise(path: Path, size_mb: int) -> None:
    numbers = random.Random(size_mb)
    with path.open("wb") as stream:
        for _ in range(size_mb):
            stream.write(numbers.randbytes(MEGABYTE))


def _freeze(content: SiteContent, folder: Path) -> None:
    answers = []
    with serve(folder / "content") as site:
        connection = HTTPConnection(urlsplit(site.url).netloc)
        for number, path in enumerate(_paths(connection, content, site.url)):
            status, headers, body = _get(connection, path)
            if path == "/robots.txt":
                body = b"".join(line for line in body.splitlines(True) if not line.startswith(b"Crawl-delay"))
            (folder / f"{number}.body").write_bytes(body.replace(site.url.encode(), ORIGIN))
            answers.append(Answer(path, status, headers, f"{number}.body"))
    _save(folder, answers)


def _paths(connection: HTTPConnection, content: SiteContent, url: str) -> Iterator[str]:
    yield "/robots.txt"
    listing = OpenGameArtSpider(type="", site=url).start_urls[0].removeprefix(url)
    while listing:
        yield listing
        following = NEXT.search(_get(connection, listing)[2].decode())
        listing = html.unescape(following[1]).removeprefix(url) if following else ""
    for page in content.pages:
        yield "/content/" + encode_path(page.slug)
        yield from (file.path for file in page.files)


def _get(connection: HTTPConnection, path: str) -> tuple[int, dict[str, str], bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    return response.status, {name: response.headers[name] for name in KEPT if name in response.headers}, body


def _save(folder: Path, answers: list[Answer]) -> None:
    (folder / "answers.json").write_text(json.dumps([asdict(answer) for answer in answers]))


def _load(folder: Path) -> dict[str, Answer]:
    return {row["path"]: Answer(**row) for row in json.loads((folder / "answers.json").read_text())}


def large_paths(folder: Path) -> list[str]:
    """Return the paths of the large files."""
    return [answer.path for answer in _load(folder).values() if answer.large]


def file_paths(folder: Path) -> list[str]:
    """Return the paths of all files that can be had."""
    return [a.path for a in _load(folder).values() if a.path.startswith("/sites/") and a.status == 200]


class Server:
    """A running site, from outside."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._process = psutil.Process(pid)

    def reset(self) -> None:
        self._call("reset")

    def seen(self) -> dict[str, Any]:
        """Return what was asked since the last reset: first, last, requests, pages, files."""
        seen: dict[str, Any] = json.loads(self._call("seen"))
        return seen

    def cpu_s(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _call(self, name: str) -> bytes:
        connection = HTTPConnection(urlsplit(self.url).netloc)
        connection.request("GET", CONTROL + name)
        body = connection.getresponse().read()
        connection.close()
        return body


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Serve a folder on a loopback port."""
    command = [sys.executable, "-m", "benchmarks.crawl_site", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().strip(), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def _app(folder: Path, answers: dict[str, Answer]) -> web.Application:
    seen = Seen()
    bodies: dict[str, bytes] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        found = answers.get(request.raw_path)
        seen.note(request.raw_path, found.status if found else 404)
        if found is None:
            return web.Response(status=404, text="no such page")
        if found.large:
            return web.FileResponse(folder / found.body, headers=found.headers)
        if found.path not in bodies:
            origin = f"http://{request.host}".encode()
            bodies[found.path] = (folder / found.body).read_bytes().replace(ORIGIN, origin)
        return web.Response(status=found.status, headers=found.headers, body=bodies[found.path])

    async def tell(_: web.Request) -> web.Response:
        return web.json_response({**asdict(seen), "pages": len(seen.pages), "files": len(seen.files)})

    async def reset(_: web.Request) -> web.Response:
        seen.__dict__.update(vars(Seen()))
        return web.Response()

    app = web.Application()
    app.router.add_get(CONTROL + "seen", tell)
    app.router.add_get(CONTROL + "reset", reset)
    app.router.add_get("/{path:.*}", answer)
    return app


async def _serve(folder: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = web.AppRunner(_app(folder, _load(folder)), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    asyncio.run(_serve(parser.parse_args().folder))
