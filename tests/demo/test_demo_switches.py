import gzip
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from demo.errors import DemoError
from demo.replica import Abort, Change, Refuse, Site, Switches, WrongLength, serve
from demo.replica.files import changed

Fetch = Callable[..., Any]
FILE = "/sites/default/files/cave_16x16_0.png"


def test_refusals_name_the_wait_and_end(fetch: Fetch, site: Site) -> None:
    site.switch(status_429=Refuse("cave", times=2, retry_after_s=3))
    answers = [fetch(FILE) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "3"
    assert fetch("/latest").status == 200


def test_the_wait_may_be_a_date(fetch: Fetch, site: Site) -> None:
    site.switch(status_503=Refuse("/content/", retry_after_s=60, as_date=True))
    answer = fetch("/content/faq")
    assert answer.status == 503
    assert 55 < parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() - time.time() < 62


def test_aborted_download_resumes(fetch: Fetch, site: Site) -> None:
    whole = fetch(FILE).body
    site.switch(abort_after_bytes=Abort("cave_16x16", after_bytes=1000))
    with pytest.raises(http.client.IncompleteRead) as cut:
        fetch(FILE)
    assert cut.value.partial == whole[:1000]
    rest = fetch(FILE, Range="bytes=1000-")
    assert cut.value.partial + rest.body == whole


def test_a_fault_may_strike_each_path_once(fetch: Fetch, site: Site) -> None:
    site.switch(status_503=Refuse("/content/", per_path=True))
    statuses = [fetch(f"/content/{slug}").status for slug in ("faq", "cave-tiles", "faq", "cave-tiles")]
    assert statuses == [503, 503, 200, 200]


def test_ranges_can_be_ignored(fetch: Fetch, site: Site) -> None:
    whole = fetch(FILE).body
    site.switch(ignore_range=True)
    answer = fetch(FILE, Range="bytes=5-")
    assert (answer.status, answer.body) == (200, whole)
    assert answer.headers["Accept-Ranges"] is None


@pytest.mark.parametrize("delta", [50, -50])
def test_the_length_can_lie(fetch: Fetch, site: Site, delta: int) -> None:
    whole = fetch(FILE).body
    site.switch(wrong_content_length=WrongLength("cave_16x16", delta))
    if delta < 0:
        assert fetch(FILE).body == whole[:delta]
    else:
        with pytest.raises(http.client.IncompleteRead):
            fetch(FILE)
    assert fetch(FILE).body == whole


def test_a_file_can_change_midway(fetch: Fetch, site: Site) -> None:
    before = fetch(FILE)
    site.switch(change_midway=Change("cave_16x16"))
    etag = before.headers["ETag"]
    assert fetch(FILE).body == before.body
    after = fetch(FILE, Range="bytes=10-", If_Range=etag)
    assert (after.status, after.body) == (200, changed(before.body))
    assert after.headers["ETag"] != etag


def test_slow_files_are_still_whole(fetch: Fetch, site: Site) -> None:
    whole = fetch(FILE).body
    site.switch(slow_bytes_per_s=200_000, latency_s=0.01)
    assert fetch(FILE).body == whole


def test_pages_can_be_compressed_and_validated(fetch: Fetch, site: Site) -> None:
    plain = fetch("/content/faq")
    site.switch(gzip=True, page_etag=True)
    packed = fetch("/content/faq", Accept_Encoding="gzip, deflate")
    assert gzip.decompress(packed.body) == plain.body
    assert fetch("/content/faq", If_None_Match=packed.headers["ETag"]).status == 304
    assert fetch(FILE, Accept_Encoding="gzip").headers["Content-Encoding"] is None


@pytest.mark.parametrize("changes", [{"nonsense": 1}, {"latency_s": "long"}, {"beyond_end": "explode"}])
def test_unknown_switches_are_refused(site: Site, changes: dict[str, Any]) -> None:
    with pytest.raises(DemoError, match="switches not understood"):
        site.switch(**changes)


def test_the_log_tells_who_asked_for_what(fetch: Fetch, site: Site) -> None:
    started = time.time()
    fetch(FILE, Range="bytes=0-9", User_Agent="quarry-test")
    fetch("/latest?page=1")
    entries = site.log()
    assert len(entries) == 2, entries
    first, second = entries
    assert started - 1 < first.pop("time") <= second["time"]
    assert first == {
        "method": "GET",
        "path": FILE,
        "status": 206,
        "range": "bytes=0-9",
        "bytes": 10,
        "user_agent": "quarry-test",
        "violation": None,
    }
    assert second["path"] == "/latest?page=1"


def test_large_answers_are_logged_before_the_log_is_read(fetch: Fetch, site: Site) -> None:
    for _ in range(5):
        fetch("/content/cave-theme")
        assert site.log()[-1]["path"] == "/content/cave-theme"
        site.reset()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_breaking_the_rules_is_noted(fetch: Fetch, site: Site, method: str) -> None:
    fetch("/file/123456/dlcounter", method)
    fetch("/user/login/")
    fetch("/art-search-advanced")
    assert [entry["violation"] for entry in site.violations()] == ["dlcounter", "robots"]


def test_switches_and_log_file_at_start(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    with serve(folder, switches=Switches(status_503=Refuse("robots")), log=log) as site:
        connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/robots.txt")
        assert connection.getresponse().status == 503
        connection.close()
        assert site.log() == [json.loads(log.read_text())]
    with pytest.raises(ConnectionRefusedError):
        site.log()


def test_missing_content_is_explained(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo.replica", "--content", str(tmp_path)]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, timeout=30)
    assert result.returncode == 2
    assert "build the content first" in result.stderr


def test_terminated_server_exits_cleanly(folder: Path) -> None:
    command = [sys.executable, "-m", "demo.replica", "--content", str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.terminate()
        assert process.wait(10) == 0
