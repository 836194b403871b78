"""An archive of many members that is killed half-way goes on behind what was noted, whatever killed it."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from db import Catalog
from db.blobs import BlobStore
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, PageRecord
from db.vocabulary import FileRole
from extract.archives import unpack as unpacking
from extract.archives.interface import Limits, Note
from extract.archives.unpack import HashSink, Memory, unpack
from extract.journal import Journal
from extract.tasks import ReadTask
from extract.versions import READ_VERSIONS
from extract.worker import read_blobs

MANY = 5_000


def many(count: int = MANY) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.txt", f"member {number}")
    return stream.getvalue()


def many_tar(count: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number in range(count):
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = 10
            archive.addfile(info, io.BytesIO(b"%010d" % number))
    return stream.getvalue()


class CountingSink(HashSink):
    """Counts how many members were read."""

    def __init__(self) -> None:
        self.opened = 0

    def writer(self):
        self.opened += 1
        return super().writer()


@pytest.mark.parametrize("build", [many, many_tar])
def test_members_that_were_noted_are_not_read_again(build, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(build(3_000))
    told: list[Note] = []
    whole = unpack(path, HashSink(), memory=Memory(tell=told.extend))
    assert len(told) == 2 * unpacking.TELL_MEMBERS
    sink = CountingSink()
    again = unpack(path, sink, memory=Memory(known=told))
    assert sink.opened == 3_000 - len(told)
    assert again == whole


def test_notes_of_another_archive_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(many(10))
    wrong = [Note("zipfile", n, b"other.txt", "ok", "", bytes(32), 5) for n in range(10)]
    sink = CountingSink()
    assert unpack(path, sink, memory=Memory(known=wrong)) == unpack(path, HashSink())
    assert sink.opened == 10


def test_a_journal_cut_short_keeps_its_whole_batches(tmp_path: Path) -> None:
    notes = [Note("zipfile", n, b"%d" % n, "ok", "", bytes([n]) * 32, n) for n in range(4)]
    journal = Journal(tmp_path, 1)
    journal.append(b"key", notes[:2])
    journal.append(b"key", notes[2:])
    (file,) = (tmp_path / "journal-1").iterdir()
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert list(Journal(tmp_path, 1).read(b"key")) in ([], notes[:2])
    Journal(tmp_path, 1).append(b"key", notes[2:])
    assert list(journal.read(b"key")) == notes
    journal.forget(b"key")
    assert journal.read(b"key") == ()


def test_a_newer_reader_does_not_use_an_older_journal(tmp_path: Path) -> None:
    Journal(tmp_path, 1).append(b"key", [Note("zipfile", 0, b"a", "ok", "", bytes(32), 1)])
    assert Journal(tmp_path, 2).read(b"key") == ()


def test_a_journal_whose_blobs_are_gone_is_not_believed(tmp_path: Path) -> None:
    blobs = BlobStore(str(tmp_path))
    stored = blobs.put(many(3))
    task = ReadTask(1, stored.sha256, stored.size_bytes, "a.zip")
    Journal(blobs.temporary, READ_VERSIONS["archive"]).append(
        stored.sha256, [Note("zipfile", 0, b"0.txt", "ok", "", bytes(32), 8)]
    )
    (result,) = read_blobs(str(tmp_path), (task,), Limits())
    assert [member.path for member in result.members] == ["0.txt", "1.txt", "2.txt"]
    assert all(blobs.has(member.sha256) for member in result.members if member.sha256)


def start(folder: Path) -> "subprocess.Popen[bytes]":
    places = ["--catalog", f"sqlite:///{folder}/catalog.db", "--blobs", str(folder / "blobs")]
    command = [sys.executable, "-m", "quarry", "extract", "run", "--stage", "read", "--pool", "processes:1", *places]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_killed_run_goes_on_inside_the_archive(tmp_path: Path) -> None:
    with Catalog(f"sqlite:///{tmp_path}/catalog.db", str(tmp_path / "blobs")) as catalog:
        stored = catalog.blobs.put(many())
        with catalog.database.write() as connection:
            link = FileLink("http://s/f/many.zip", FileRole.FILE)
            record_page(connection, PageRecord(url="http://s/p", site="s", title="P", files=(link,)))
            record_fetched(connection, FetchedFile(link.url, stored.sha256, stored.size_bytes))
        journal = Journal(catalog.blobs.temporary, READ_VERSIONS["archive"])
        process = start(tmp_path)
        while not journal.read(stored.sha256) and process.poll() is None:
            pass  # until the first batch is noted
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        noted = journal.read(stored.sha256)
        kept = {note.sha256: catalog.blobs.path(note.sha256).stat() for note in noted if note.sha256}
        assert start(tmp_path).wait() == 0
        with catalog.database.read() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM member WHERE state = 'ok'").scalar()
        assert count == MANY
        assert {key: catalog.blobs.path(key).stat().st_ino for key in kept} == {k: s.st_ino for k, s in kept.items()}
        assert journal.read(stored.sha256) == ()
