import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from demo.model import SiteContent, SiteFile
from demo.names import file_path

Fetch = Callable[..., Any]


@pytest.fixture
def zipped(content: SiteContent) -> SiteFile:
    return next(file for _, file in content.offered() if file.stored == "monsters.zip")


@pytest.fixture
def body(fetch: Fetch, zipped: SiteFile) -> bytes:
    data: bytes = fetch(zipped.path).body
    return data


def test_every_file_is_served_as_promised(fetch: Fetch, content: SiteContent) -> None:
    for _, file in content.offered():
        answer = fetch(file.path)
        assert answer.status == file.status, file
        if file.status == 200:
            assert hashlib.sha256(answer.body).hexdigest() == file.blob
            assert len(answer.body) == file.size_bytes
        else:
            assert answer.headers["Content-Type"].startswith("text/html")


def test_percent_signs_are_decoded_exactly_once(fetch: Fetch, content: SiteContent) -> None:
    stored = {file.stored: file for _, file in content.offered()}
    assert stored["Mantis_200%_0.png"].path == "/sites/default/files/Mantis_200%25_0.png"
    assert fetch("/sites/default/files/Mantis_200%25_0.png").status == 200
    assert fetch("/sites/default/files/Mantis_200%2525_0.png").status == 404


@pytest.mark.parametrize(
    "stored", ["Höhle_0.png", "кот.png", "space before .png", "SHOUT.PNG", "Moss & Stone (v1.2) + extra #2.png"]
)
def test_awkward_names_are_served(fetch: Fetch, stored: str) -> None:
    assert fetch(file_path(stored)).status == 200


def test_case_twins_are_two_files(fetch: Fetch) -> None:
    upper, lower = (fetch(f"/sites/default/files/{name}.png").body for name in ("Crate", "crate"))
    assert upper != lower
    assert fetch("/sites/default/files/CRATE.png").status == 404


def test_headers_are_apaches(fetch: Fetch, zipped: SiteFile) -> None:
    headers = fetch(zipped.path).headers
    assert headers["ETag"] == f'"{zipped.size_bytes:x}-{zipped.mtime * 1_000_000:x}"'
    assert headers["Last-Modified"].endswith("GMT")
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "application/zip"


def test_head_announces_the_length_and_sends_nothing(fetch: Fetch, zipped: SiteFile) -> None:
    answer = fetch(zipped.path, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(zipped.size_bytes)


@pytest.mark.parametrize(
    ("wanted", "span"),
    [("bytes=0-9", slice(0, 10)), ("bytes=100-", slice(100, None)), ("bytes=-7", slice(-7, None))],
)
def test_ranges(fetch: Fetch, zipped: SiteFile, body: bytes, wanted: str, span: slice) -> None:
    answer = fetch(zipped.path, Range=wanted)
    assert (answer.status, answer.body) == (206, body[span])
    first = range(len(body))[span][0]
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/{len(body)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=9-2", "lines=1-2", "bytes=-"])
def test_ranges_not_understood_are_ignored(fetch: Fetch, zipped: SiteFile, body: bytes, wanted: str) -> None:
    answer = fetch(zipped.path, Range=wanted)
    assert (answer.status, answer.body) == (200, body)


def test_range_outside_the_file_is_416(fetch: Fetch, zipped: SiteFile) -> None:
    answer = fetch(zipped.path, Range=f"bytes={zipped.size_bytes}-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{zipped.size_bytes}"


def test_if_range_decides_whether_the_range_stands(fetch: Fetch, zipped: SiteFile) -> None:
    headers = fetch(zipped.path).headers
    statuses = [
        fetch(zipped.path, Range="bytes=5-", If_Range=validator).status
        for validator in (headers["ETag"], headers["Last-Modified"], '"other"')
    ]
    assert statuses == [206, 206, 200]


def test_unchanged_files_are_304(fetch: Fetch, zipped: SiteFile) -> None:
    headers = fetch(zipped.path).headers
    answer = fetch(zipped.path, If_None_Match=headers["ETag"])
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == headers["ETag"]
    assert fetch(zipped.path, If_Modified_Since=headers["Last-Modified"]).status == 304
    assert fetch(zipped.path, If_Modified_Since="Mon, 02 Jan 2006 15:04:05 GMT").status == 200
    assert fetch(zipped.path, If_None_Match='"other"', If_Modified_Since=headers["Last-Modified"]).status == 200
