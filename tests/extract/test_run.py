"""The stage runner: what is due is done once, by any number of workers, whatever they die of."""

import hashlib
import io
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from db import Catalog, stages
from db.derive import record_read
from db.glance import seems_done
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, FrameRecord, PageRecord, ReadResult
from db.status import read_status
from db.vocabulary import PROBLEMS, FileRole, Outcome, Stage
from extract.archives.interface import Limits
from extract.images.decode import image_record
from extract.run import StageRunner, batches, read_work, slice_work
from extract.tally import Summary
from extract.tasks import ReadTask
from pools import Pool, open_pool
from pools.errors import PoolUrlError
from pools.local import ProcessExecutor
from tests.conftest import ROOT, Home

TSX = """<tileset name="t" tilewidth="8" tileheight="8" spacing="2" margin="1" tilecount="4" columns="2">
 <image source="{name}" width="20" height="20"/></tileset>"""


class Inline(Executor):
    """Runs at once, in this process."""

    workers, dashboard = 2, ""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def reopen(self) -> None:
        raise AssertionError("nothing is ever lost here")


def png(seed: int, size: tuple[int, int] = (20, 20)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 4), dtype=np.uint8)
    pixels[..., 3] = 255
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, "PNG")
    return out.getvalue()


def packed(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return out.getvalue()


def bring(catalog: Catalog, **files: bytes) -> None:
    """Put files on a page of their own, as a crawl would."""
    links = {f"http://s/sites/default/files/{name.replace('_DOT_', '.')}": data for name, data in files.items()}
    with catalog.database.write() as connection:
        offered = tuple(FileLink(url, FileRole.FILE) for url in links)
        record_page(connection, PageRecord(url="http://s/content/p", site="s", title="P", files=offered))
        for url, data in links.items():
            stored = catalog.blobs.put(data)
            record_fetched(connection, FetchedFile(url, stored.sha256, stored.size_bytes))


def run(catalog: Catalog, pool: Pool | None = None, limits: Limits | None = None) -> Summary:
    summary = Summary()
    for work in (read_work(limits or Limits()), slice_work()):
        stage = work.stage
        StageRunner(catalog, pool or Inline(), work).run(lambda result, s=stage: summary.add(s, result, PROBLEMS))
    return summary


def column(catalog: Catalog, query: str) -> list[Any]:
    with catalog.database.read() as connection:
        return list(connection.scalars(text(query)))


def test_nested_archives_end_as_images_with_their_whole_path(catalog: Catalog) -> None:
    inner = packed(b_DOT_png=png(1))
    bring(catalog, outer_DOT_zip=packed(in__inner_DOT_zip=inner, a_DOT_png=png(2)))
    run(catalog)
    assert set(column(catalog, "SELECT url FROM image_catalog")) == {
        "http://s/sites/default/files/outer.zip#path=a.png",
        "http://s/sites/default/files/outer.zip#path=in/inner.zip&path=b.png",
    }


@pytest.mark.parametrize("loose", [False, True])
def test_a_sidecar_in_the_archive_or_on_the_page_decides(catalog: Catalog, loose: bool) -> None:
    sheet, tsx = png(3), TSX.format(name="sheet.png").encode()
    if loose:
        bring(catalog, sheet_DOT_png=sheet, level_DOT_tsx=tsx)
    else:
        bring(catalog, pack_DOT_zip=packed(art__sheet_DOT_png=sheet, art__level_DOT_tsx=tsx))
    run(catalog)
    assert column(catalog, "SELECT source FROM sheet") == ["sidecar"]
    assert column(catalog, "SELECT x || ',' || y FROM tile ORDER BY id") == ["1,1", "11,1", "1,11", "11,11"]


def test_what_happened_is_told_even_if_nobody_watches(catalog: Catalog) -> None:
    """Else what triggers note on PostgreSQL would grow for ever."""
    bring(catalog, **{f"p{n}_DOT_png": png(n) for n in range(3)})
    with catalog.database.write() as connection:
        connection.execute(text("INSERT INTO recheck (image_id) VALUES (1)"))
    run(catalog)
    with catalog.database.read() as connection:
        for table in ("change_pending", "recheck"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        assert connection.scalar(text("SELECT count(*) FROM change WHERE kind = 'new'")) == 3
    assert [change.image_id for change in catalog.watch()][:3] == [1, 2, 3]


def test_running_again_does_nothing(catalog: Catalog) -> None:
    bring(catalog, pack_DOT_zip=packed(a_DOT_png=png(1), b_DOT_png=png(2)), c_DOT_png=png(1))
    assert run(catalog).settled == 5
    assert run(catalog).settled == 0
    assert len(list(catalog.images())) == 2


def test_a_new_version_redoes_only_its_own_stage(catalog: Catalog) -> None:
    bring(catalog, a_DOT_png=png(1), pack_DOT_zip=packed(b_DOT_png=png(2)))
    run(catalog)
    with catalog.database.write() as connection:
        assert stages.outdate(connection, Stage.READ, {"png": 99}, 1) == 2
    assert run(catalog).outcomes["read"] == {"ok": 2}


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", png(1)[:200], b"", b"just text"])
def test_bad_input_is_recorded_and_stops_nothing(catalog: Catalog, data: bytes) -> None:
    bring(catalog, bad_DOT_png=data, good_DOT_png=png(5))
    summary = run(catalog)
    assert summary.outcomes["read"]["ok"] == 1
    assert summary.outcomes["read"].total() == 2
    (reason,) = column(catalog, "SELECT reason FROM ledger WHERE stage = 'read' AND outcome <> 'ok'")
    assert reason


def test_a_limit_ends_as_refused_with_its_name(catalog: Catalog) -> None:
    bring(catalog, many_DOT_zip=packed(**{f"f{n}": b"x" for n in range(20)}))
    run(catalog, limits=Limits(entries=10))
    (problem,) = read_status(catalog.database).problems
    assert problem.outcome == "refused"
    assert "10" in problem.reason


def kill_me_when_marked(blobs_url: str, tasks: tuple[ReadTask, ...], limits: Limits) -> list[ReadResult]:
    """Stand in for a reader that crashes on one input."""
    from extract.worker import read_blobs

    if any(task.name == "poison.bin" for task in tasks):
        os.kill(os.getpid(), signal.SIGKILL)
    return read_blobs(blobs_url, tasks, limits)


def sleep_when_marked(blobs_url: str, tasks: tuple[ReadTask, ...], limits: Limits) -> list[ReadResult]:
    """Stand in for a reader that never ends."""
    from extract.worker import read_blobs

    if any(task.name == "poison.bin" for task in tasks):
        time.sleep(3600)
    return read_blobs(blobs_url, tasks, limits)


@pytest.mark.parametrize(
    ("poison", "timeout_s", "outcome"), [(kill_me_when_marked, 60.0, "failed"), (sleep_when_marked, 3.0, "refused")]
)
def test_poison_is_set_apart_and_everything_else_is_done(
    catalog: Catalog, poison: Any, timeout_s: float, outcome: str
) -> None:
    import dataclasses

    bring(catalog, poison_DOT_bin=b"poison", **{f"p{n}_DOT_png": png(n) for n in range(40)})
    work = dataclasses.replace(read_work(Limits()), do=poison)
    pool = ProcessExecutor(2, timeout_s)
    try:
        StageRunner(catalog, pool, work).run(lambda result: None)
    finally:
        pool.shutdown(cancel_futures=True)
    counts = read_status(catalog.database).stages["read"]
    assert counts == {"ok": 40, outcome: 1}


def test_batches_keep_small_things_together_and_large_ones_apart() -> None:
    tasks = [ReadTask(n, b"", size, "") for n, size in enumerate([10] * 140 + [20_000_000] * 2 + [10])]
    assert [len(batch) for batch in batches(tasks)] == [72, 68, 1, 1, 1]
    assert [len(batch) for batch in batches(tasks[:140], workers=4)] == [18] * 7 + [14]
    assert [len(batch) for batch in batches(tasks[:140] * 3)] == [128, 128, 128, 36]
    assert list(batches([])) == []


@pytest.mark.parametrize("url", ["processes:0", "processes:x", "threads:2", "dask://h"])
def test_unknown_pools_are_refused(url: str) -> None:
    with pytest.raises(PoolUrlError):
        open_pool(url, 1.0)


def test_lost_results_say_what_happened() -> None:
    lost = read_work(Limits()).lost(Outcome.FAILED, "why")
    assert (lost.outcome, lost.reason) == (Outcome.FAILED, "why")


def test_inspect_and_slice_speak_json(tmp_path: Path) -> None:
    import json
    import subprocess
    import sys

    archive = tmp_path / "pack.zip"
    archive.write_bytes(packed(d__a_DOT_png=png(1)))
    image = tmp_path / "tiles_10x10.png"
    Image.fromarray(np.kron(np.array([[9, 99], [199, 50]], np.uint8), np.ones((10, 10), np.uint8))).save(image)
    quarry = [sys.executable, "-m", "quarry", "extract"]
    found = json.loads(
        subprocess.run([*quarry, "inspect", str(archive), "--json"], check=True, capture_output=True).stdout
    )
    assert (found["state"], found["format"]) == ("ok", "zip")
    assert [(m["path"], m["size"], m["state"]) for m in found["members"]] == [("d/a.png", len(png(1)), "ok")]
    sliced = json.loads(
        subprocess.run([*quarry, "slice", str(image), "--json"], check=True, capture_output=True).stdout
    )
    assert (sliced["kind"], sliced["tile"], len(sliced["rects"])) == ("grid", [10, 10], 4)


def test_a_missing_blob_fails_alone(catalog: Catalog) -> None:
    bring(catalog, gone_DOT_png=png(1), here_DOT_png=png(2))
    catalog.blobs.path(hashlib.sha256(png(1)).digest()).unlink()
    assert run(catalog).outcomes["read"] == {"failed": 1, "ok": 1}
    (problem,) = read_status(catalog.database).problems
    assert "BlobMissingError" in problem.reason


def test_nested_archives_with_identical_members_do_not_multiply_places(catalog: Catalog) -> None:
    layer = b"leaf"
    for _ in range(4):
        layer = packed(**{f"m{n}": layer for n in range(30)})
    bring(catalog, bomb_DOT_zip=layer)
    run(catalog)
    assert column(catalog, "SELECT count(*) FROM place")[0] < 300_000
    assert [p.outcome for p in read_status(catalog.database).problems] == ["refused"]


def test_an_image_that_no_file_shows_any_more_is_not_due_for_ever(catalog: Catalog) -> None:
    """A later decoder drew other pixels, before the first ones were sliced; then the first one's ways came back."""
    bring(catalog, a_DOT_png=png(1))
    StageRunner(catalog, Inline(), read_work(Limits())).run(lambda result: None)
    pending = "SELECT count(*) FROM ledger WHERE outcome = 'pending'"
    (blob_id,) = column(catalog, "SELECT id FROM blob")
    with catalog.database.write() as connection:
        before = ReadResult(Outcome.OK, 1, "png", frames=(FrameRecord(0, image_record(pixels_of(png(1)))),))
        record_read(connection, blob_id, ReadResult(Outcome.OK, 1, "png", frames=()))
    assert column(catalog, pending) == [1]
    run(catalog)
    assert column(catalog, pending) == [0]
    assert column(catalog, "SELECT reason FROM ledger WHERE stage = 'slice'") == ["no file shows these pixels any more"]
    with catalog.database.write() as connection:
        record_read(connection, blob_id, before)
    assert column(catalog, pending) == [1]
    run(catalog)
    assert column(catalog, "SELECT outcome FROM ledger WHERE stage = 'slice'") != ["ignored"]
    assert column(catalog, pending) == [0]


def pixels_of(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_a_glance_tells_whether_workers_will_be_wanted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    assert not seems_done(url)
    assert not seems_done("postgresql://nobody@nowhere/none")
    with Catalog(url, str(tmp_path / "blobs")) as catalog:
        assert seems_done(url)
        bring(catalog, a_DOT_png=png(1))
        assert not seems_done(url)
        run(catalog)
        assert seems_done(url)


def test_a_pool_that_cannot_be_is_refused_though_nothing_is_due(home: Home) -> None:
    ended = home.quarry("extract", "run", "--pool", "threads:2")
    assert ended.returncode == 2
    assert "pool 'threads:2' is not known" in ended.stderr


def test_what_is_sent_to_workers_brings_no_database_library_along() -> None:
    """Each worker would wait for its import, as long as for all that it needs."""
    sent = [pickle.dumps((work.do, work.arguments)) for work in (read_work(Limits()), slice_work())]
    script = f"import sys, pickle, extract.worker, extract.slicer; [pickle.loads(each) for each in {sent!r}]"
    told = subprocess.run(
        [sys.executable, "-c", f"{script}; print('sqlalchemy' in sys.modules, 'extract.worker' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["False", "True"]
