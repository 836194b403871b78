"""WARC files of a crawl, read back with the tools that others use."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from scrapy.settings import Settings
from sqlalchemy import text

from crawler import warc_files
from crawler.errors import CrawlUsageError
from crawler.warc import check_warc
from crawler.warc_files import Capture, WarcFolder, whole_bytes
from demo.replica import Abort, Site, serve
from tests.conftest import Home

pytest.importorskip("warcio")
from warcio.archiveiterator import ArchiveIterator


@dataclass(frozen=True)
class Seen:
    kind: str
    url: str
    status: str
    digest: str
    payload: bytes
    headers: dict[str, str]
    record: dict[str, str]


def records(folder: Path) -> list[Seen]:
    return [seen for path in sorted(folder.glob("*.warc.gz")) for seen in records_of(path)]


def records_of(path: Path) -> Iterator[Seen]:
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            payload = record.raw_stream.read()
            http = record.http_headers
            yield Seen(
                record.rec_type,
                record.rec_headers.get_header("WARC-Target-URI") or "",
                "" if http is None else http.statusline.split(" ")[0],
                record.rec_headers.get_header("WARC-Payload-Digest") or "",
                payload,
                {} if http is None else {name.lower(): value for name, value in http.headers},
                dict(record.rec_headers.headers),
            )


def responses(folder: Path) -> list[Seen]:
    return [seen for seen in records(folder) if seen.kind == "response"]


def check(folder: Path) -> "subprocess.CompletedProcess[str]":
    files = [str(path) for path in sorted(folder.glob("*.warc.gz"))]
    command = [sys.executable, "-m", "warcio.cli", "check", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def asked(site: Site) -> Counter[tuple[str, str]]:
    return Counter((line["path"], str(line["status"])) for line in site.log())


def kept(folder: Path) -> Counter[tuple[str, str]]:
    pairs = ((urlsplit(seen.url), seen.status) for seen in responses(folder))
    return Counter((f"{url.path}?{url.query}" if url.query else url.path, status) for url, status in pairs)


@pytest.mark.parametrize("gzipped", [False, True])
def test_every_answer_is_kept_once_with_its_status_and_bytes(small_content: Path, home: Home, gzipped: bool) -> None:
    folder = home.folder / "warc"
    with serve(small_content) as site:
        site.switch(gzip=gzipped)
        done = home.crawl(site.url, "-s", f"QUARRY_WARC={folder}", "-a", "previews=1")
        assert done.returncode == 1, done.stderr
        assert kept(folder) == asked(site)
    assert (checked := check(folder)).returncode == 0, checked.stdout
    assert not list(folder.glob("*.open"))
    for seen in responses(folder):
        assert seen.digest == f"sha256:{hashlib.sha256(seen.payload).hexdigest()}"
        assert int(seen.headers.get("content-length", len(seen.payload))) == len(seen.payload)
        assert "transfer-encoding" not in seen.headers
    coded = {seen.headers.get("content-encoding") for seen in responses(folder) if "/content/" in seen.url}
    assert ("gzip" in coded) == gzipped
    assert {"301", "403", "404"} & {seen.status for seen in responses(folder)}
    assert all(seen.payload for seen in responses(folder) if seen.status == "404")


def test_files_in_the_warc_are_the_blobs(site: Site, home: Home) -> None:
    folder = home.folder / "warc"
    home.crawl(site.url, "-s", f"QUARRY_WARC={folder}")
    by_url = {seen.url: seen for seen in responses(folder)}
    with home.open() as catalog, catalog.database.read() as connection:
        files = connection.execute(text("SELECT url, sha256 FROM file JOIN blob ON blob.id = blob_id")).all()
        assert len(files) > 20
        for url, sha256 in files:
            assert by_url[url].payload == catalog.blobs.path(sha256).read_bytes()
            assert by_url[url].digest == f"sha256:{sha256.hex()}"


def test_requests_stand_beside_their_answers_and_the_file_says_who_made_it(site: Site, home: Home) -> None:
    folder = home.folder / "warc"
    home.crawl(site.url, "-a", "limit=2", "-s", f"QUARRY_WARC={folder}", "-s", "QUARRY_CONTACT=me@example.org")
    first, *rest = records(folder)
    assert first.kind == "warcinfo"
    said = first.payload.decode()
    assert "software: artquarry/" in said
    assert "robots: obey" in said
    assert "operator: me@example.org" in said
    answers = {seen.record["WARC-Record-ID"]: seen for seen in rest if seen.kind == "response"}
    requests = [seen for seen in rest if seen.kind == "request"]
    assert [answers[seen.record["WARC-Concurrent-To"]].url for seen in requests] == [seen.url for seen in requests]
    assert all(seen.headers["host"] == urlsplit(site.url).netloc for seen in requests)
    assert all("me@example.org" in seen.headers["user-agent"] for seen in requests)
    assert {seen.record["WARC-Warcinfo-ID"] for seen in rest} == {first.record["WARC-Record-ID"]}


def test_a_file_that_came_in_parts_is_kept_whole(small_content: Path, home: Home) -> None:
    folder = home.folder / "warc"
    with serve(small_content) as site:
        site.switch(abort_after_bytes=Abort(match=r"\.png$", after_bytes=200, times=1))
        home.crawl(site.url, "-s", f"QUARRY_WARC={folder}")
        (path,) = [line["path"] for line in site.log() if line["status"] == 206]
    url = f"{site.url}{path}"
    (answer,) = [seen for seen in responses(folder) if seen.url == url]
    (note,) = [seen for seen in records(folder) if seen.kind == "metadata"]
    assert answer.status == "200"
    assert "content-range" not in answer.headers
    assert answer.digest == f"sha256:{hashlib.sha256(answer.payload).hexdigest()}"
    assert (note.url, b"pieced together" in note.payload) == (url, True)
    assert check(folder).returncode == 0


def test_a_file_too_large_leaves_its_head(site: Site, home: Home) -> None:
    folder = home.folder / "warc"
    home.crawl(site.url, "-s", "QUARRY_FILE_MAXSIZE=1000", "-s", f"QUARRY_WARC={folder}")
    cut = [seen for seen in responses(folder) if seen.record.get("WARC-Truncated") == "length"]
    assert cut
    assert all(seen.payload == b"" and int(seen.headers["content-length"]) > 1000 for seen in cut)
    assert kept(folder) == asked(site)
    assert check(folder).returncode == 0


def test_files_are_rotated(site: Site, home: Home) -> None:
    folder = home.folder / "warc"
    home.crawl(site.url, "-s", f"QUARRY_WARC={folder}", "-s", "QUARRY_WARC_MAX_BYTES=10000")
    files = sorted(folder.iterdir())
    assert len(files) > 3
    assert len({path.name.split("-")[2] for path in files}) == len(files)
    assert all(next(records_of(path)).kind == "warcinfo" for path in files)
    assert kept(folder) == asked(site)


def test_nothing_left_to_do_writes_nothing(site: Site, home: Home) -> None:
    folder = home.folder / "warc"
    home.crawl(site.url)
    home.crawl(site.url, "-s", f"QUARRY_WARC={folder}")
    assert list(folder.iterdir()) == []


def test_killed_and_continued_loses_no_answer(small_content: Path, home: Home) -> None:
    folder = home.folder / "warc"
    with serve(small_content) as site:
        for seen in (8, 20):
            process = home.start(home.crawl_command(site.url, "-s", f"QUARRY_WARC={folder}"))
            while process.poll() is None and len(site.log()) < seen:
                time.sleep(0.005)
            os.killpg(process.pid, 9)
            process.wait()
            assert list(folder.glob("*.open"))
        home.crawl(site.url, "-s", f"QUARRY_WARC={folder}")
        paths = {path for path, _ in asked(site)}
    assert not list(folder.glob("*.open"))
    assert (checked := check(folder)).returncode == 0, checked.stdout
    assert {path for path, _ in kept(folder)} == paths
    with home.open() as catalog, catalog.database.read() as connection:
        done = set(connection.scalars(text("SELECT url FROM frontier WHERE state = 'done' AND reason = ''")))
    assert done <= {seen.url for seen in responses(folder)}


def test_a_warc_that_cannot_be_written_stops_the_crawl_and_settles_nothing(small_content: Path, home: Home) -> None:
    folder = home.folder / "warc"
    with serve(small_content, crawl_delay=0.1) as site:
        options = ("-s", f"QUARRY_WARC={folder}", "-s", "QUARRY_WARC_MAX_BYTES=1")
        process = subprocess.Popen(
            home.crawl_command(site.url, *options),
            cwd=Path(__file__).parents[2],
            env=home.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        while process.poll() is None and len(site.log()) < 8:
            time.sleep(0.005)
        moved = folder.rename(folder.with_name("moved"))
        folder.write_text("in the way")
        _, said = process.communicate(timeout=60)
        assert process.returncode == 3, said
        assert "the WARC" in said
        assert "cannot be written" in said
        assert "Traceback" not in said
        asked_after = len(site.log())
        with home.open() as catalog, catalog.database.read() as connection:
            done = set(connection.scalars(text("SELECT url FROM frontier WHERE state IN ('done', 'failed')")))
            leased = connection.scalar(text("SELECT count(*) FROM frontier WHERE state = 'leased' OR attempts > 0"))
        for left in moved.glob("*.open"):
            left.rename(left.with_suffix(""))
        assert asked_after < 12  # not all 16 that were handed out
        assert leased == 0
        assert done <= {seen.url for seen in responses(moved)}
        folder.unlink()
        assert home.crawl(site.url, *options).returncode == 1


def capture(number: int, body: bytes | Path = b"body") -> Capture:
    data = body.read_bytes() if isinstance(body, Path) else body
    return Capture(
        f"http://127.0.0.1/{number}",
        datetime.now(UTC),
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data),
        body,
        hashlib.sha256(data).digest(),
    )


def test_a_full_disk_leaves_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = WarcFolder(tmp_path, 1 << 30, {"software": "test"})
    folder.write(capture(1))
    room = 100

    def full(self: warc_files._Out, data: bytes) -> None:
        nonlocal room
        room -= len(data)
        self.raw.write(data[: max(0, room)])
        if room < 0:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(warc_files._Out, "write", full)
        with pytest.raises(OSError, match="No space left"):
            folder.write(capture(2, os.urandom(10_000)))
    folder.write(capture(3))
    folder.close()
    assert [seen.url[-1] for seen in responses(tmp_path)] == ["1", "3"]


def test_any_cut_is_repaired_to_whole_records(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    whole = WarcFolder(made, 1 << 30, {"software": "test"})
    for number in range(3):
        whole.write(capture(number, os.urandom(300)))
    whole.close()
    (path,) = made.iterdir()
    data = path.read_bytes()
    ends = [0]
    while ends[-1] < len(data):
        ends.append(next(n for n in range(ends[-1] + 1, len(data) + 1) if whole_bytes(io.BytesIO(data[:n])) > ends[-1]))
    assert len(ends) == 1 + 7  # warcinfo, and three pairs
    for size in {*range(0, len(data), 97), *ends}:
        assert whole_bytes(io.BytesIO(data[:size])) == max(end for end in ends if end <= size)
    assert whole_bytes(io.BytesIO(data + bytes(5000))) == len(data)


def test_only_what_nobody_writes_is_repaired(tmp_path: Path) -> None:
    living, late = (WarcFolder(tmp_path, 1 << 30, {"software": "test"}) for _ in range(2))
    living.write(capture(1))
    (path,) = tmp_path.iterdir()
    left = path.with_name("artquarry-20260101000000-00000-1.warc.gz.open")
    shutil.copy(path, left)
    with left.open("ab") as stream:
        stream.write(b"\x1f\x8b half a member")
    path.with_name("artquarry-20260101000000-00001-1.warc.gz.open").touch()
    assert late.repair() == [left.with_suffix("")]
    assert sorted(tmp_path.iterdir()) == sorted([path, left.with_suffix("")])
    living.close()
    assert len(responses(tmp_path)) == 2


def test_large_files_are_streamed(tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as stream:
        stream.truncate(200 << 20)
    script = (
        "import resource, sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from crawler.warc_files import Capture, WarcFolder\n"
        "folder = WarcFolder(Path(sys.argv[2]), 1 << 30, {'software': 'test'}); folder.repair()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "body = Path(sys.argv[1])\n"
        "folder.write(Capture('http://127.0.0.1/', datetime.now(UTC), b'GET', b'HTTP/1.1 200 OK', body, bytes(32)))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    command = [sys.executable, "-c", script, str(big), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert int(done.stdout) < 20_000  # KiB


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CrawlUsageError, match="not a folder"):
        check_warc(Settings({"QUARRY_WARC": str(file)}))
    monkeypatch.setitem(sys.modules, "warcio", None)
    check_warc(Settings())
    with pytest.raises(CrawlUsageError, match=r"artquarry\[warc\]"):
        check_warc(Settings({"QUARRY_WARC": str(tmp_path)}))
