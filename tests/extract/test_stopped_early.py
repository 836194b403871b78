"""When the catalog or the disk is at fault, a run says so in a line, ends with exit code 3, and can be given again."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from db.owners import new_owner
from extract.litter import CHILD, own_name, sweep
from tests.conftest import Home
from tests.extract.test_run import bring, packed, png

NOBODY = "postgresql+psycopg://nobody@127.0.0.1:1/none"


def ended_early(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


@pytest.mark.parametrize(
    "command", [["run"], ["run", "--dry-run"], ["review"], ["tiles", "--out", "out"], ["choose", "1", "--whole"]]
)
def test_a_catalog_that_nobody_answers_for(home: Home, command: list[str]) -> None:
    ended_early(home.quarry("extract", *command, "--catalog", NOBODY), "the catalog cannot be used")


def test_a_catalog_in_a_place_that_is_no_folder(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended_early(home.quarry("extract", "run", "--catalog", f"sqlite:///{tmp_path}/file/c.db"))


def test_a_file_that_is_no_catalog(home: Home, tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"not a database" * 100)
    done = home.quarry("extract", "run", "--catalog", f"sqlite:///{tmp_path}/c.db")
    ended_early(done, "the catalog cannot be used", "not a database")


def test_a_full_disk(home: Home, tmp_path: Path) -> None:
    """The blob store has room for the archive alone (a tmpfs); with more room the same command goes on."""
    with home.open() as catalog:
        archive = packed(a_DOT_png=png(1, (800, 600)))
        bring(catalog, pack_DOT_zip=archive)
    room = len(archive) + 300_000
    small = tmp_path / "small"
    copied = f"cp -r {home.folder}/blobs/sha256 {small} && mkdir {small}/tmp"
    command = f"QUARRY_BLOBS={small} exec {sys.executable} -m quarry extract run"
    script = f"mkdir {small} && mount -t tmpfs -o size={room} none {small} && {copied} && {command}"
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("this system lets nobody make a mount namespace")
    done = home.run([*unshare, script])
    ended_early(done, "No space left")
    assert home.quarry("extract", "run").returncode == 0


def test_what_a_killed_run_left_behind_is_swept(home: Home, tmp_path: Path) -> None:
    big = tmp_path / "big.zip"
    with zipfile.ZipFile(big, "w") as archive:
        for number in range(200):
            archive.writestr(f"{number}.bin", os.urandom(1 << 20))
    with home.open() as catalog:
        bring(catalog, pack_DOT_zip=big.read_bytes())
        temporary = catalog.blobs.temporary
    run = home.start(home.command("quarry", "extract", "run"))
    while not any(temporary.glob(f"{CHILD}*/*")):
        assert run.poll() is None, "the run ended before it could be killed"
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    left = list(temporary.glob(f"{CHILD}*"))
    assert left
    assert home.quarry("extract", "run").returncode == 0
    assert not any(folder.exists() for folder in left)
    assert not list(temporary.glob(f"{CHILD}*"))


def test_nobody_sweeps_what_is_in_use_or_may_be(tmp_path: Path) -> None:
    _, number, created, rest = new_owner().split("|")
    elsewhere = f"{CHILD}another-machine%7C{number}%7C{created}%7C{rest}"
    for name in (own_name(CHILD), elsewhere, f"{CHILD}0123abcd", "journal-2"):
        (tmp_path / name).mkdir()
    assert sweep(tmp_path) == 0
    os.utime(tmp_path / elsewhere, (0, 0))
    os.utime(tmp_path / "journal-2", (0, 0))
    assert sweep(tmp_path) == 1
    assert not (tmp_path / elsewhere).exists()
