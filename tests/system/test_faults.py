"""SIGKILL exactly at every boundary of a crawl and of an extraction, on both databases."""

import signal
from pathlib import Path

import pytest

from benchmarks.databases import new_database
from demo.replica import Site, serve
from demo.small import small_site
from tests.conftest import Home
from tests.snapshot import differences, snapshot

CRAWL_POINTS = [
    ("seed", "before", 1),
    ("enqueue", "after", 1),
    ("seed", "after", 1),
    ("lease", "before", 1),
    ("lease", "after", 1),
    ("settle", "before", 1),
    ("enqueue", "before", 1),
    ("commit", "before", 1),
    ("commit", "after", 2),
    ("lease", "after", 3),
    ("begin", "before", 1),
    ("begin", "after", 1),
    ("write", "before", 1),
    ("write", "after", 2),
    ("finish", "before", 1),
    ("adopt", "before", 2),
    ("adopt", "after", 1),
    ("finish", "after", 3),
    ("settle", "after", 5),
    ("commit", "after", 3),
]
LAST_POINTS = [("release", "before", 1), ("end", "before", 1), ("end", "after", 1), ("release", "after", 1)]
EXTRACT_POINTS = [
    ("submit", "before", 1),
    ("submit", "after", 2),
    ("take", "before", 1),
    ("take", "after", 1),
    ("take", "before", 2),
]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=60, files_per_page=2)
    return out


def die(home: Home, site: Site, point: str, when: str, count: int) -> None:
    words = home.crawl_command(site.url)[2:]
    done = home.run(home.command("tests.system.faulty", point, when, str(count), *words))
    assert done.returncode == -signal.SIGKILL, f"{point} {when} {count}: {done.returncode} {done.stderr[-500:]}"


def test_a_crawl_killed_at_every_boundary_ends_as_if_never_killed(
    content: Path, tmp_path: Path, catalog_url: str
) -> None:
    whole, killed = Home(tmp_path / "whole"), Home(tmp_path / "killed", catalog_url)
    if catalog_url.startswith("postgresql"):
        whole = Home(tmp_path / "whole", new_database(catalog_url))
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        for fault in CRAWL_POINTS:
            die(killed, site, *fault)
        assert killed.crawl(site.url).returncode == 1
        for fault in LAST_POINTS:
            die(killed, site, *fault)
        assert killed.crawl(site.url).returncode == 1
    with whole.open() as one, killed.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
        assert list(one.blobs) == list(other.blobs)


def test_an_extraction_killed_at_every_boundary_ends_as_if_never_killed(content: Path, tmp_path: Path) -> None:
    whole, killed = Home(tmp_path / "whole"), Home(tmp_path / "killed")
    with serve(content) as site:
        for home in (whole, killed):
            assert home.crawl(site.url).returncode == 1
    assert whole.quarry("extract", "run").returncode == 1
    for point, when, count in EXTRACT_POINTS:
        done = killed.run(killed.command("tests.system.faulty", point, when, str(count), "quarry", "extract", "run"))
        assert done.returncode == -signal.SIGKILL
    assert killed.quarry("extract", "run").returncode in (0, 1)
    with whole.open() as one, killed.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
