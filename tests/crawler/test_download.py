"""Downloads from servers that misbehave: whatever they do, the bytes are right or the failure says why."""

import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import Home

BODY = hashlib.sha256(b"seed").digest() * 40_000
OTHER = BODY[::-1]


@dataclass
class Bad:
    """A server whose behaviour is chosen by the path; it notes what it was asked."""

    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """`bad` is set by a subclass for each test."""

    bad: Bad
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.bad.asked.append((self.path, self.headers.get("Range")))
        self.bad.seen[self.path] = self.bad.seen.get(self.path, 0) + 1
        behave = getattr(self, "_" + self.path.strip("/").removesuffix(".bin").replace("-", "_"), self._absent)
        behave(self.bad.seen[self.path])

    def _send(self, status: int, body: bytes, cut: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def _absent(self, n: int) -> None:
        self._send(404, b"", cut=0)

    def _continues(self, n: int) -> None:
        asked = self.headers.get("Range")
        if asked is None:
            self._send(200, BODY, cut=300_000, ETag='"v1"')
            return
        assert self.headers["If-Range"] == '"v1"'
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
        span = f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"
        self._send(206, BODY[first:], cut=200_000 if n == 2 else None, ETag='"v1"', Content_Range=span)

    def _changes(self, n: int) -> None:
        if n == 1:
            self._send(200, BODY, cut=300_000, ETag='"v1"')
        else:
            self._send(200, OTHER, ETag='"v2"')

    def _no_validator(self, n: int) -> None:
        self._send(200, BODY, cut=300_000 if n == 1 else None)

    def _not_satisfiable(self, n: int) -> None:
        if self.headers.get("Range"):
            self._send(416, b"", Content_Range=f"bytes */{len(BODY)}")
        else:
            self._send(200, BODY, cut=300_000 if n == 1 else None, ETag='"v1"')

    def _wrong_part(self, n: int) -> None:
        if self.headers.get("Range") and n == 2:
            self._send(206, BODY[5:], ETag='"v1"', Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}")
        else:
            self._send(200, BODY, cut=300_000 if n == 1 else None, ETag='"v1"')

    def _gzip(self, n: int) -> None:
        packed = gzip.compress(BODY, mtime=0)
        self._send(200, packed, Content_Encoding="gzip", ETag='"z"')

    def _too_long(self, n: int) -> None:
        self._send(200, BODY, length=str(50 * 1024**3), cut=1000)

    def _endless(self, n: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(BODY), BODY))
        except OSError:
            self.close_connection = True

    def _noai(self, n: int) -> None:
        self._send(200, BODY, X_Robots_Tag="noai")


@pytest.fixture
def bad() -> Iterator[Bad]:
    state = Bad()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"bad": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(home: Home, bad: Bad, tmp_path: Path, *names: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """Fetch files by name; return the hash of what was stored, or the reason why nothing was."""
    wanted = tmp_path / "list.txt"
    wanted.write_text("".join(f"{bad.url}/{name}.bin\n" for name in names))
    home.run(home.command("scrapy", "crawl", "urls", "-a", f"list={wanted}", "-s", "DOWNLOAD_DELAY=0", *more))
    with home.open() as catalog, catalog.database.read() as connection:
        rows = connection.execute(
            text(
                "SELECT file.name, sha256, reason FROM frontier JOIN file ON file.url = frontier.url"
                " LEFT JOIN blob ON blob.id = blob_id"
            )
        ).all()
        for path in catalog.blobs:
            assert hashlib.sha256(catalog.blobs.path(path).read_bytes()).digest() == path
    return {name.removesuffix(".bin"): sha256 or reason for name, sha256, reason in rows}


def test_interruptions_are_continued_until_the_file_is_whole(home: Home, bad: Bad, tmp_path: Path) -> None:
    assert fetch(home, bad, tmp_path, "continues") == {"continues": hashlib.sha256(BODY).digest()}
    ranges = [asked for path, asked in bad.asked if path == "/continues.bin"]
    assert len(ranges) == 3
    assert ranges[0] is None
    assert all(asked is not None for asked in ranges[1:])


def test_a_file_that_changes_midway_is_fetched_anew_and_never_mixed(home: Home, bad: Bad, tmp_path: Path) -> None:
    assert fetch(home, bad, tmp_path, "changes") == {"changes": hashlib.sha256(OTHER).digest()}


def test_without_a_validator_nothing_is_continued(home: Home, bad: Bad, tmp_path: Path) -> None:
    assert fetch(home, bad, tmp_path, "no-validator") == {"no-validator": hashlib.sha256(BODY).digest()}
    assert [asked for path, asked in bad.asked if path.startswith("/no-")] == [None, None]


@pytest.mark.parametrize("name", ["not-satisfiable", "wrong-part"])
def test_a_refused_or_wrong_part_starts_over(home: Home, bad: Bad, tmp_path: Path, name: str) -> None:
    assert fetch(home, bad, tmp_path, name) == {name: hashlib.sha256(BODY).digest()}


def test_coded_bodies_are_stored_decoded(home: Home, bad: Bad, tmp_path: Path) -> None:
    assert fetch(home, bad, tmp_path, "gzip") == {"gzip": hashlib.sha256(BODY).digest()}


def test_sizes_are_limited_before_and_during_the_body(home: Home, bad: Bad, tmp_path: Path) -> None:
    limit = ("-s", "QUARRY_FILE_MAXSIZE=5000000")
    found = fetch(home, bad, tmp_path, "too-long", "endless", more=limit)
    assert found == {
        "too-long": f"{50 * 1024**3} bytes announced, limit 5000000",
        "endless": "more than 5000000 bytes, the limit",
    }
    with home.open() as catalog:
        assert sum(p.stat().st_size for p in catalog.blobs.root.rglob("*") if p.is_file()) < 1_000_000


def test_files_that_refuse_machines_are_left_when_asked_to(home: Home, bad: Bad, tmp_path: Path) -> None:
    assert fetch(home, bad, tmp_path, "noai", more=("-s", "QUARRY_RESPECT_NOAI=1")) == {"noai": "X-Robots-Tag: noai"}
