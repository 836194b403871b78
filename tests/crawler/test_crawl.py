"""The spider against the replica, as a user runs it."""

import hashlib
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy import text

from demo.model import load
from demo.replica import Abort, Refuse, Site, WrongLength, serve
from tests.conftest import Home


def rows(home: Home, query: str) -> list[tuple[object, ...]]:
    with home.open() as catalog, catalog.database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def requested(site: Site) -> list[str]:
    return [line["path"] for line in site.log()]


def test_every_offered_file_is_brought_home_byte_for_byte(site: Site, small_content: Path, home: Home) -> None:
    done = home.crawl(site.url)
    assert done.returncode == 1, done.stderr
    content = load(small_content)
    offered = {f"{site.url}{file.path}": file for _, file in content.offered()}
    had = dict(rows(home, "SELECT url, hex(sha256) FROM file JOIN blob ON blob.id = blob_id"))
    assert set(had) == {url for url, file in offered.items() if file.status == 200}
    assert all(str(had[url]).lower() == offered[url].blob for url in had)
    assert {url for (url,) in rows(home, "SELECT url FROM frontier WHERE state = 'failed'")} == set(offered) - set(had)


def test_names_are_decoded_exactly_once(site: Site, home: Home) -> None:
    home.crawl(site.url)
    names = dict(rows(home, "SELECT url, name FROM file"))
    assert all(name == unquote(str(url).rpartition("/")[2]) for url, name in names.items())
    stored = set(names.values())
    assert any("%" in str(name) for name in stored)
    assert {"Crate.png", "crate.png"} <= {str(name) for name in stored}


def test_the_site_is_treated_politely(site: Site, home: Home) -> None:
    home.crawl(site.url)
    assert site.violations() == []
    paths = requested(site)
    assert paths[0] == "/robots.txt"
    assert not [p for p in paths if "dlcounter" in p or "/search/" in p or "/user" in p]
    assert len(paths) == len(set(paths))
    assert all("(+" in line["user_agent"] for line in site.log())


def test_previews_and_mentions_are_recorded_but_not_taken_unless_asked(site: Site, home: Home, tmp_path: Path) -> None:
    home.crawl(site.url)
    roles = dict(rows(home, "SELECT role, count(*) FROM page_file GROUP BY role"))
    assert set(roles) == {"file", "preview", "mention"}
    taken = dict(rows(home, "SELECT role, count(blob_id) FROM page_file JOIN file ON file.id = file_id GROUP BY role"))
    assert (taken["preview"], taken["mention"]) == (0, 0)
    asked = Home(tmp_path / "asked")
    asked.crawl(site.url, "-a", "previews=1", "-a", "mentions=1")
    more = dict(rows(asked, "SELECT role, count(blob_id) FROM page_file JOIN file ON file.id = file_id GROUP BY role"))
    assert more["preview"] == roles["preview"]
    assert not any("/styles/" in str(url) for (url,) in rows(asked, "SELECT url FROM file"))


def test_running_again_asks_the_site_nothing(site: Site, home: Home) -> None:
    home.crawl(site.url)
    before = len(site.log())
    again = home.crawl(site.url)
    assert len(site.log()) == before
    assert "Nothing left to do" in again.stderr


def test_another_query_does_not_fetch_known_files_again(site: Site, home: Home) -> None:
    home.crawl(site.url)
    site.reset()
    home.crawl(site.url, "-a", "sort=views")
    assert [p for p in requested(site) if p.startswith("/sites/") and "gone" not in p and "private" not in p] == []


def test_limit_stops_and_a_larger_limit_goes_on(site: Site, home: Home) -> None:
    def pages() -> int:
        return len([p for p in requested(site) if p.startswith("/content/")])

    assert home.crawl(site.url, "-a", "limit=3", "-a", "per_page=6").returncode == 0
    assert pages() == 3
    home.crawl(site.url, "-a", "limit=5", "-a", "per_page=6")
    assert pages() == 5
    assert len(requested(site)) == len(set(requested(site))) + 1  # robots.txt


def test_listings_that_shift_lose_no_page_and_repeat_none(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(shift_listing=2)
        home.crawl(site.url, "-a", "per_page=6")
        content = [p for p in requested(site) if p.startswith("/content/")]
        listed = {page.slug for page in load(small_content).pages}
    assert len(content) == len(set(content))
    assert listed <= {unquote(p.removeprefix("/content/")) for p in content}


def test_crawl_delay_is_kept_between_requests(small_content: Path, home: Home) -> None:
    with serve(small_content, crawl_delay=0.25) as site:
        home.crawl(site.url, "-a", "limit=3")
        times = [line["time"] for line in site.log()]
    # An answer's end is logged, so one gap may shrink by what an answer takes; all together may not.
    assert len(times) > 6
    assert times[-1] - times[1] >= 0.9 * 0.25 * (len(times) - 2)


def test_busy_site_is_left_alone_as_long_as_it_asks(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(status_429=Refuse(match="/content/", times=1, retry_after_s=2))
        home.crawl(site.url)
        log = site.log()
    refused = next(i for i, line in enumerate(log) if line["status"] == 429)
    assert log[refused + 1]["time"] - log[refused]["time"] >= 1.9
    assert rows(home, "SELECT count(*) FROM frontier WHERE kind = 'content' AND state <> 'done'") == [(0,)]


def test_interrupted_files_are_continued_with_range(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(abort_after_bytes=Abort(match=r"\.png$", after_bytes=200, times=2))
        home.crawl(site.url)
        log = site.log()
    continued = [line for line in log if line["status"] == 206]
    assert len(continued) == 2
    assert all(line["range"].startswith("bytes=") for line in continued)
    _bytes_are_right(home, small_content, site)


def test_a_server_that_ignores_range_is_survived(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(ignore_range=True, abort_after_bytes=Abort(match=r"\.png$", after_bytes=200, times=2))
        home.crawl(site.url)
    _bytes_are_right(home, small_content, site)


def test_a_lying_content_length_is_noticed(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(wrong_content_length=WrongLength(match=r"\.zip$", delta_bytes=50, times=1))
        home.crawl(site.url)
    _bytes_are_right(home, small_content, site)


def _bytes_are_right(home: Home, content: Path, site: Site) -> None:
    offered = {f"{site.url}{file.path}": file.blob for _, file in load(content).offered() if file.status == 200}
    had = rows(home, "SELECT url, lower(hex(sha256)) FROM file JOIN blob ON blob.id = blob_id")
    assert dict(had) == offered
    with home.open() as catalog:
        for sha256 in catalog.blobs:
            assert hashlib.sha256(catalog.blobs.path(sha256).read_bytes()).digest() == sha256
        assert list((catalog.blobs.root / "partial").iterdir()) == []


def test_a_size_limit_refuses_before_the_body(site: Site, home: Home) -> None:
    home.crawl(site.url, "-s", "QUARRY_FILE_MAXSIZE=1000")
    reasons = {str(r) for (r,) in rows(home, "SELECT reason FROM frontier WHERE state = 'failed'")}
    assert any(reason.endswith("bytes announced, limit 1000") for reason in reasons)
    assert max(int(str(n)) for (n,) in rows(home, "SELECT size_bytes FROM blob")) <= 1000


def test_each_broken_thing_is_recorded_with_its_cause_and_stops_nothing(site: Site, home: Home) -> None:
    home.crawl(site.url)
    done = home.quarry("extract", "run", "--json")
    assert done.returncode == 1
    problems = json.loads(home.quarry("catalog", "status", "--json").stdout)["problems"]
    causes = {Path(unquote(p["example"])).name: p["outcome"] for p in problems}
    assert causes["gone.png"] == "failed"
    assert causes["half_a_picture.png"] == "partial"
    assert causes["locked_headers.rar"] == causes["locked_members.rar"] == "encrypted"
    assert causes["broken download.zip"] in ("damaged", "partial")
    assert rows(home, "SELECT count(*) FROM page WHERE withheld <> ''") == [(1,)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-a", "type=4d"], "type='4d' is unknown"),
        (["-a", "limit=many"], "should be a whole number"),
        (["-a", "site=https://example.org"], "QUARRY_CONTACT"),
    ],
)
def test_wrong_arguments_say_what_to_do(home: Home, arguments: list[str], said: str) -> None:
    done = home.run(home.command("scrapy", "crawl", "opengameart", *arguments))
    assert done.returncode == 2
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
