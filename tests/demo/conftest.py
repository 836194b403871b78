from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.model import SiteContent
from demo.replica import Site, serve
from demo.small import small_site


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


Fetch = Callable[..., Answer]


def fetch_from(url: str, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small")
    small_site(out, pages=70, files_per_page=1)
    return out


@pytest.fixture(scope="session")
def content(folder: Path) -> SiteContent:
    from demo.model import load

    return load(folder)


@pytest.fixture(scope="session")
def running(folder: Path) -> Iterator[Site]:
    with serve(folder, crawl_delay=0.5) as site:
        yield site


@pytest.fixture
def site(running: Site) -> Site:
    running.reset()
    return running


@pytest.fixture
def fetch(site: Site) -> Fetch:
    def get(path: str, method: str = "GET", **headers: str) -> Answer:
        return fetch_from(site.url, path, method, **headers)

    return get
