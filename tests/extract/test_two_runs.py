"""Two `quarry extract run` at once share the work: each piece is done once, and a killed one is taken over."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from sqlalchemy import text

from db import Catalog, stages
from db.claims import Claims
from db.owners import is_known_dead
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, PageRecord
from db.vocabulary import FileRole, Outcome, Stage
from tests.conftest import ROOT, Home
from tests.snapshot import differences, snapshot

ARCHIVES, PICTURES = 24, 12


def picture(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def bring(home: Home) -> None:
    with home.open() as catalog, catalog.database.write() as connection:
        links = [FileLink(f"http://s/{n}.zip", FileRole.FILE) for n in range(ARCHIVES)]
        record_page(connection, PageRecord("http://s/p", "s", "P", files=tuple(links)))
        for number, link in enumerate(links):
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w") as archive:
                for member in range(PICTURES):
                    info = zipfile.ZipInfo(f"{member}.png")  # of no date: the same bytes in both homes
                    archive.writestr(info, picture(number * PICTURES + member))
            stored = catalog.blobs.put(stream.getvalue())
            record_fetched(connection, FetchedFile(link.url, stored.sha256, stored.size_bytes))


def started(home: Home) -> "subprocess.Popen[str]":
    command = home.command("quarry", "extract", "run", "--stage", "read", "--json", "--pool", "processes:1")
    return subprocess.Popen(
        command, env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def settled(run: "subprocess.Popen[str]") -> int:
    out, err = run.communicate(timeout=240)
    assert run.returncode == 0, err
    return int(json.loads(out)["settled"])


def pending(catalog: Catalog) -> int:
    with catalog.database.read() as connection:
        return stages.count_due(connection, Stage.READ)


def test_two_runs_at_once_do_everything_once(tmp_path: Path) -> None:
    alone, shared = Home(tmp_path / "alone"), Home(tmp_path / "shared")
    for home in (alone, shared):
        bring(home)
    everything = settled(started(alone))
    assert everything == ARCHIVES * (1 + PICTURES)
    both = [started(shared), started(shared)]
    assert sum(settled(run) for run in both) == everything
    with alone.open() as one, shared.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []


def test_what_a_killed_run_had_in_hand_is_taken_over(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    bring(home)
    first = started(home)
    with home.open() as catalog:
        while not _claimed(catalog):  # killed with work in hand, whatever it is doing then
            assert first.poll() is None
            time.sleep(0.005)
    second = started(home)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    settled(second)
    with home.open() as catalog:
        assert pending(catalog) == 0
        assert sum(1 for _ in catalog.images()) == ARCHIVES * PICTURES


def _claimed(catalog: Catalog) -> int:
    with catalog.database.read() as connection:
        query = "SELECT count(*) FROM ledger WHERE outcome = 'pending' AND reason LIKE 'claimed by %'"
        return int(connection.scalar(text(query)) or 0)


@pytest.fixture
def three_due(catalog: Catalog) -> list[int]:
    with catalog.database.write() as connection:
        stages.due(connection, Stage.READ, [1, 2, 3])
    return [1, 2, 3]


def test_what_is_claimed_is_left_to_its_owner_until_it_is_settled(catalog: Catalog, three_due: list[int]) -> None:
    mine, yours = Claims(), Claims()
    with catalog.database.write() as connection:
        assert mine.take(connection, Stage.READ, [1, 2]) == {1, 2}
    with catalog.database.write() as connection:
        assert yours.take(connection, Stage.READ, three_due) == {3}
        assert mine.take(connection, Stage.READ, [1]) == {1}
        assert yours.others(connection, Stage.READ, three_due)
        stages.settle_all(connection, Stage.READ, [stages.Settled(n, Outcome.OK, 1) for n in (1, 2)])
        assert not yours.others(connection, Stage.READ, three_due)
        assert mine.take(connection, Stage.READ, three_due) == set()


def test_a_claim_whose_time_is_up_is_taken_over(catalog: Catalog, three_due: list[int]) -> None:
    late, other = Claims(lease_s=-1), Claims()
    with catalog.database.write() as connection:
        assert late.take(connection, Stage.READ, three_due) == set(three_due)
        assert other.take(connection, Stage.READ, three_due) == set(three_due)


def test_what_a_run_that_ended_left_behind_is_free_though_its_process_lives(
    catalog: Catalog, three_due: list[int]
) -> None:
    ended, other = Claims(), Claims()
    with catalog.database.write() as connection:
        assert ended.take(connection, Stage.READ, three_due) == set(three_due)
        assert other.take(connection, Stage.READ, three_due) == set()
        ended.end()
        assert other.take(connection, Stage.READ, three_due) == set(three_due)


def test_the_reason_of_an_earlier_outcome_is_no_claim(catalog: Catalog, three_due: list[int]) -> None:
    with catalog.database.write() as connection:
        stages.settle_all(connection, Stage.READ, [stages.Settled(1, Outcome.DAMAGED, 1, "png", "truncated")])
        stages.due_again(connection, Stage.READ, [1])
        assert Claims().take(connection, Stage.READ, [1]) == {1}


def test_a_process_that_nobody_asked_after_is_dead(tmp_path: Path) -> None:
    say = "from db.owners import new_owner; print(new_owner(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", say], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.005)
        assert is_known_dead(owner)
