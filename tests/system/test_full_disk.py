"""No room left, at every place that writes: the crawl stops and says so; with room again it ends as if nothing was."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from demo.replica import Abort, Site, serve
from demo.small import small_site
from tests.conftest import ROOT, Home
from tests.crawler.test_crawl import rows
from tests.snapshot import differences, snapshot

IN_FLIGHT = 16


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=30, files_per_page=2)
    return out


def stops_for_want_of_room(home: Home, site: Site, what: str, count: int, *more: str) -> None:
    words = home.crawl_command(site.url, *more)[2:]
    done = home.run(home.command("tests.system.faulty", "full", what, str(count), *words))
    assert done.returncode == 3, f"{what} {count}: {done.stderr}"
    assert "make room" in done.stderr
    assert "Traceback" not in done.stderr
    if (home.folder / "catalog.db").exists():
        assert rows(home, "SELECT count(*) FROM frontier WHERE state = 'failed' AND http_status IS NULL") == [(0,)]
        done_without = "state = 'done' AND reason = '' AND kind = 'file' AND url NOT IN "
        had = "(SELECT url FROM file WHERE blob_id IS NOT NULL)"
        assert rows(home, f"SELECT count(*) FROM frontier WHERE {done_without}{had}") == [(0,)]


def test_a_full_disk_at_every_place_that_writes_stops_the_crawl_and_loses_nothing(
    content: Path, tmp_path: Path
) -> None:
    whole, struck = Home(tmp_path / "whole"), Home(tmp_path / "struck")
    warc = ("-s", f"QUARRY_WARC={tmp_path / 'warc'}")
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        struck.open().close()
        used = pages_of(struck)
        # The catalog has room for its tables; for its seeds; for half of what there is to say.
        faults = [("catalog", used), ("catalog", used + 4), ("warc", 30), ("part", 1), ("note", 1), ("fsync", 5)]
        faults += [("rename", 3), ("part", 6), ("catalog", used + 8)]
        for what, count in faults:
            if what == "note":  # of a small file there is one only when its download was interrupted
                site.switch(abort_after_bytes=Abort(match=r"\.(zip|7z|png)$", after_bytes=100, times=1))
            stops_for_want_of_room(struck, site, what, count, *(warc if what == "warc" else ()))
        assert struck.crawl(site.url).returncode == 1
        repeated = len(site.log()) - uninterrupted - len(faults)
    assert repeated <= len(faults) * IN_FLIGHT
    with whole.open() as one, struck.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
        assert list(one.blobs) == list(other.blobs)


def test_a_file_that_cannot_land_for_a_moment_is_asked_for_again(content: Path, tmp_path: Path) -> None:
    whole, struck = Home(tmp_path / "whole"), Home(tmp_path / "struck")
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        words = struck.crawl_command(site.url)[2:]
        done = struck.run(struck.command("tests.system.faulty", "awhile", "fsync", "5", *words))
    assert done.returncode == 1, done.stderr
    assert "Too many open files" in done.stderr
    with whole.open() as one, struck.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
        assert list(one.blobs) == list(other.blobs)


def pages_of(home: Home) -> int:
    return int(str(rows(home, "PRAGMA page_count")[0][0]))


def test_a_disk_that_is_really_full(content: Path, tmp_path: Path) -> None:
    """A small tmpfs in a mount namespace of its own, which most Linux systems let anybody make."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare command")
    alone = [unshare, "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = "mount -t tmpfs -o size=700k tmpfs"
    if subprocess.run([*alone, f"{mount} /mnt"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets only root mount")
    whole, struck = Home(tmp_path / "whole"), Home(tmp_path / "struck")
    struck.folder.mkdir()
    out = tmp_path / "out"
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        command = '"$@"; echo "exit $?" >&2'
        script = f"{mount} $DISK && {command}; mount -o remount,size=64m $DISK && {command}; cp -a $DISK $OUT"
        places = {"DISK": str(struck.folder), "OUT": str(out)}
        words = [*alone, script, "sh", *struck.crawl_command(site.url)]
        environment = {**os.environ, **struck.environment, **places}
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("exit ")] == ["exit 3", "exit 1"], done.stderr
    assert "make room" in done.stderr
    with whole.open() as one, Home(out).open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
        assert list(one.blobs) == list(other.blobs)
