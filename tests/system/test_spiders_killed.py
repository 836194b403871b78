"""The spiders for any site: killed while they seed and while they crawl, on both databases."""

import os
import signal
from pathlib import Path

import pytest

from benchmarks.databases import new_database
from tests.conftest import Home
from tests.crawler.test_spiders import Pages, picture, tiny_site
from tests.snapshot import differences, snapshot

IN_FLIGHT = 16
FILES = 60


def served() -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {f"/{number}.png": picture(number) for number in range(FILES) if number % 9}
    pages: dict[str, str | bytes] = {
        f"/page/{number}": f"<title>Page {number}</title><a href='/page/{number + 1}'>on</a>"
        + "".join(f"<a href='/{file}.png'>{file}</a>" for file in range(number * 5, number * 5 + 5))
        for number in range(12)
    }
    listed = "".join(f"<url><loc>/page/{number}</loc></url>" for number in range(12))
    return {**files, **pages, "/page/12": "<title>end</title>", "/sitemap.xml": f"<urlset>{listed}</urlset>"}


def arguments(spider: str, site: Pages, folder: Path) -> list[str]:
    listed = folder / "files.csv"
    lines = [f"{site.url}/{n}.png,{site.url}/page/{n // 7},Title {n // 7},mum,{n}" for n in range(FILES)]
    listed.write_text("\n".join(["url,page,title,author,width", *lines]))
    given = {
        "sequence": [f"url={site.url}/{{0..{FILES - 1}}}.png", "author=mum"],
        "urls": [f"list={listed}"],
        "links": [f"start={site.url}/page/0", "depth=20"],
        "sitemap": [f"site={site.url}", "match=/page/"],
    }
    return [word for argument in given[spider] for word in ("-a", argument)]


@pytest.mark.parametrize("spider", ["sequence", "urls", "links", "sitemap"])
def test_killed_while_it_seeds_and_while_it_crawls(spider: str, tmp_path: Path, catalog_url: str) -> None:
    postgres = catalog_url.startswith("postgresql")
    if postgres == (spider == "urls") and not os.environ.get("QUARRY_TEST_THOROUGH"):
        pytest.skip("QUARRY_TEST_THOROUGH is not set; each spider on one database")
    whole = Home(tmp_path / "whole", new_database(catalog_url) if postgres else "")
    killed = Home(tmp_path / "killed", catalog_url)
    with tiny_site(served()) as site:
        words = ["scrapy", "crawl", spider, *arguments(spider, site, tmp_path), "-s", "DOWNLOAD_DELAY=0"]
        done = whole.run(whole.command(*words))
        assert done.returncode in (0, 1), done.stderr
        uninterrupted = len(site.asked)
        site.asked.clear()
        for fault in (("enqueue", "after", "1"), ("commit", "before", "2"), ("adopt", "after", "3")):
            struck = killed.run(killed.command("tests.system.faulty", *fault, *words))
            assert struck.returncode == -signal.SIGKILL, struck.stderr
        assert killed.run(killed.command(*words)).returncode == done.returncode
        starts = site.asked.count("/robots.txt") - 1
        assert len(site.asked) - uninterrupted - starts <= 3 * IN_FLIGHT
    with whole.open() as one, killed.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
        assert list(one.blobs) == list(other.blobs)
