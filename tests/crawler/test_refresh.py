"""Looking again: what changed is noticed, what did not costs nothing, nothing is forgotten."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import text

from demo.model import SiteContent, load, save
from demo.replica import Change, Refuse, serve
from demo.replica.files import changed
from demo.small import small_site
from tests.conftest import Home


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with home.open() as catalog, catalog.database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_finished_crawl_is_not_asked_again_unless_told(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        home.crawl(site.url)
        site.reset()
        home.crawl(site.url, "-a", "refresh=pages")
        paths = [line["path"] for line in site.log()]
    assert len([p for p in paths if p.startswith("/content/")]) == 12
    assert [p for p in paths if p.startswith("/sites/")] == []


def test_unchanged_files_answer_304_and_change_nothing(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        home.crawl(site.url)
        before = rows(home, "SELECT url, blob_id, fetched_at FROM file ORDER BY url")
        site.reset()
        home.crawl(site.url, "-a", "refresh=files")
        answers = {line["status"] for line in site.log() if line["path"].startswith("/sites/")}
        assert sum(line["bytes"] for line in site.log() if line["status"] == 304) == 0
    assert answers == {304, 403, 404}
    assert rows(home, "SELECT url, blob_id, fetched_at FROM file ORDER BY url") == before


def test_changed_bytes_become_current_and_the_old_ones_stay(small_content: Path, home: Home) -> None:
    target = next(f for _, f in load(small_content).offered() if f.stored == "cave_16x16_0.png")
    with serve(small_content) as site:
        home.crawl(site.url)
        home.quarry("extract", "run")
        ids = dict(rows(home, "SELECT hex(pixel_hash), id FROM image"))
        site.switch(change_midway=Change(match="cave_16x16_0", after=0))
        home.crawl(site.url, "-a", "refresh=files")
        home.quarry("extract", "run")
    old = (small_content / "blobs" / target.blob).read_bytes()
    versions = rows(
        home,
        "SELECT lower(hex(sha256)), blob.id = file.blob_id FROM file_version JOIN file ON file.id = file_id"
        " JOIN blob ON blob.id = file_version.blob_id WHERE name = 'cave_16x16_0.png'",
    )
    assert set(versions) == {(target.blob, 0), (hashlib.sha256(changed(old)).hexdigest(), 1)}
    after = dict(rows(home, "SELECT hex(pixel_hash), id FROM image"))
    assert ids.items() <= after.items()
    current = rows(home, f"SELECT DISTINCT is_current FROM image_catalog WHERE blob_sha256 = x'{target.blob}'")
    assert current == [(0,)]


def edited(content: Path, out: Path, edit: Any) -> Path:
    """Copy a site's content, with its pages changed."""
    (out / "blobs").parent.mkdir(parents=True, exist_ok=True)
    (out / "blobs").symlink_to(content / "blobs")
    site: SiteContent = load(content)
    save(dataclasses.replace(site, pages=tuple(p for p in (edit(page) for page in site.pages) if p is not None)), out)
    return out


def test_withdrawn_replaced_and_missing_are_noticed_and_kept(tmp_path: Path, home: Home) -> None:
    small_site(tmp_path / "before")

    def edit(page: Any) -> Any:
        if page.slug == "cave-tiles":  # a file is replaced: new id, new size, same URL
            first, *rest = page.files
            return dataclasses.replace(page, files=(dataclasses.replace(first, fid=first.fid + 5000), *rest))
        if page.slug == "monster-pack":  # a file is taken away
            return dataclasses.replace(page, files=page.files[1:])
        return None if page.slug == "cave-theme" else page  # a page is deleted

    after = edited(tmp_path / "before", tmp_path / "after", edit)
    with serve(tmp_path / "before") as site:
        home.crawl(site.url)
        port = port_of(site.url)
    files = rows(home, "SELECT count(*) FROM page_file")
    with serve(after, port=port) as site:
        home.crawl(site.url, "-a", "refresh=pages")
        again = [line["path"] for line in site.log() if line["path"].startswith("/sites/")]
    assert len(again) == 1
    assert "cave_16x16_0" in again[0]
    assert rows(home, "SELECT url FROM page WHERE gone_at IS NOT NULL") == [(f"{site.url}/content/cave-theme",)]
    withdrawn = rows(
        home,
        "SELECT DISTINCT slug FROM (SELECT substr(page.url, length(page.url) - 9) AS slug FROM page_file"
        " JOIN page ON page.id = page_id WHERE withdrawn_at IS NOT NULL) ORDER BY slug",
    )
    assert withdrawn == [("cave-theme",), ("nster-pack",)]
    assert rows(home, "SELECT count(*) FROM page_file") == files


def test_an_interrupted_refresh_goes_on_instead_of_beginning_anew(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        home.crawl(site.url)
        site.reset()
        early = ("-s", "CLOSESPIDER_PAGECOUNT=4", "-s", "CONCURRENT_REQUESTS=2")
        assert home.crawl(site.url, "-a", "refresh=pages", *early).returncode == 3
        home.crawl(site.url, "-a", "refresh=pages")
        content = [line["path"] for line in site.log() if line["path"].startswith("/content/")]
    assert len(set(content)) == 12
    assert len(content) <= 12 + 16
    assert rows(home, "SELECT refreshes FROM crawl") == [(1,)]


def test_a_host_that_refuses_everything_is_paused_and_nothing_is_lost(small_content: Path, home: Home) -> None:
    with serve(small_content) as site:
        site.switch(status_429=Refuse(match="/content/", times=6))
        done = home.crawl(site.url, "-s", "QUARRY_BREAKER_AFTER=3", "-s", "QUARRY_BREAKER_PAUSE=2")
    assert "times in a row; leaving the host alone" in done.stderr
    assert rows(home, "SELECT count(*) FROM frontier WHERE kind = 'content' AND state <> 'done'") == [(0,)]
