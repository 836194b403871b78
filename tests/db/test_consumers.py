"""Consumers go through everything once; watchers miss nothing; URLs lead to ids and back."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from db import Catalog
from db.changes import ChangeKind
from db.errors import ConsumerVersionError, UnknownConsumerError, UnknownImageError
from db.pixels import Rgba
from db.recording import record_fetched, record_pages
from db.records import FetchedFile, FileLink, PageRecord
from db.vocabulary import FileRole
from tests.db.building import (
    BY,
    CC0,
    GPL,
    add_file,
    add_page,
    add_sheets,
    archive,
    image_record,
    pixels,
    png,
    settle,
    slice_all,
    still,
)


def ids(catalog: Catalog, lacking: str | None = None) -> list[int]:
    return [image.id for image in catalog.images(lacking=lacking)]


def test_a_consumer_has_everything_to_do_once(catalog: Catalog) -> None:
    add_sheets(catalog, 2)
    catalog.consumer("model", 1)
    everything = ids(catalog)
    assert ids(catalog, "model") == everything
    catalog.mark("model", everything[3:5])
    catalog.mark("model", everything[3:5])
    assert ids(catalog, "model") == everything[:3] + everything[5:]
    assert catalog.count_lacking("model") == len(everything) - 2
    assert ids(catalog, "featurized") == everything
    add_sheets(catalog, 1, first=7)
    new = ids(catalog)[len(everything) :]
    assert len(new) == 5
    assert ids(catalog, "model")[-5:] == new


def test_a_higher_version_has_everything_to_do_again(catalog: Catalog) -> None:
    add_sheets(catalog, 1)
    catalog.consumer("model", 1)
    catalog.mark("model", ids(catalog), version=1)
    assert catalog.consumer("model", 1).version == 1
    assert ids(catalog, "model") == []
    catalog.consumer("model", 2)
    assert ids(catalog, "model") == ids(catalog)
    with pytest.raises(ConsumerVersionError, match="version 2"):
        catalog.mark("model", ids(catalog), version=1)
    with pytest.raises(ConsumerVersionError, match="version 2"):
        catalog.consumer("model", 1)
    assert ids(catalog, "model") == ids(catalog)


def test_wrong_names_say_so(catalog: Catalog) -> None:
    for call in (
        lambda: list(catalog.images(lacking="nobody")),
        lambda: list(catalog.batches("nobody")),
        lambda: catalog.mark("nobody", [1]),
        lambda: catalog.count_lacking("nobody"),
    ):
        with pytest.raises(UnknownConsumerError, match="nobody"):
            call()
    for name in ("featurized", ""):
        with pytest.raises(ValueError, match="name"):
            catalog.consumer(name)
    with pytest.raises(ValueError, match="flag"):
        catalog.mark("indexed", [1], version=2)


def test_batches_decode_each_sheet_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets = add_sheets(catalog, 30, tiles=6)
    expected = {image_record(cut).pixel_hash: cut for rgba in sheets for cut in (rgba, *np.split(rgba, 6, axis=1))}
    decoded = []
    opened = catalog.blobs.open
    monkeypatch.setattr(catalog.blobs, "open", lambda sha256: decoded.append(sha256) or opened(sha256))
    seen: dict[bytes, Rgba] = {}
    for batch in catalog.batches("featurized", size=25):
        for image_id, found in catalog.open_many(batch.ids):
            seen[image_record(found).pixel_hash] = found
            assert image_id in batch.ids
        catalog.mark("featurized", batch.ids)
    assert seen.keys() == expected.keys()
    for key, rgba in seen.items():
        np.testing.assert_array_equal(rgba, expected[key])
    assert ids(catalog, "featurized") == []
    # Ids of sheets are apart from those of their tiles here, so a sheet is decoded for itself and for its tiles.
    assert len(decoded) <= 2 * len(sheets) + 180 // 25


def test_images_seen_nowhere_any_more_are_left_out_and_not_opened(catalog: Catalog) -> None:
    add_sheets(catalog, 1)
    sheet, *tiles = ids(catalog)
    with catalog.database.write() as connection:
        connection.execute(text("DELETE FROM sighting WHERE tile_id <> 0"))
        connection.execute(text("DELETE FROM tile"))
    assert [batch.ids for batch in catalog.batches("featurized")] == [[sheet]]
    with pytest.raises(UnknownImageError, match=f"image {tiles[0]} "):
        list(catalog.open_many([sheet, *tiles]))


CONSUMER = """
import sys, time
from db import Catalog
name, log = sys.argv[1:]
with Catalog() as catalog:
    if name != "featurized":
        catalog.consumer(name, 1)
    for batch in catalog.batches(name, size=7):
        with open(log, "a") as out:
            for image_id, rgba in catalog.open_many(batch.ids):
                print(image_id, rgba.shape[0] * rgba.shape[1], file=out, flush=True)
        catalog.mark(name, batch.ids)
"""


def consume_and_be_killed(env: dict[str, str], name: str, log: Path, kills: int, chance: random.Random) -> None:
    """Run a consumer until it ends by itself, killing it `kills` times in the middle of its work."""
    command = [sys.executable, "-c", CONSUMER, name, str(log)]
    for _ in range(kills):
        size = log.stat().st_size if log.exists() else 0
        process = subprocess.Popen(command, env=env)
        until = size + chance.randrange(1, 400)
        while process.poll() is None and (log.stat().st_size if log.exists() else 0) < until:
            time.sleep(0.001)
        process.kill()
        assert process.wait() in (0, -signal.SIGKILL)
    subprocess.run(command, env=env, check=True)


def test_two_consumers_at_once_killed_at_random_each_end_complete(catalog: Catalog, tmp_path: Path) -> None:
    add_sheets(catalog, 12, tiles=8)
    seed = random.randrange(1 << 30)
    env = {
        **os.environ,
        "QUARRY_CATALOG": catalog.settings.catalog_url,
        "QUARRY_BLOBS": catalog.settings.blobs_url,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    names = ("featurized", "my-model")
    with ThreadPoolExecutor(2) as pool:
        ends = [
            pool.submit(consume_and_be_killed, env, name, tmp_path / name, 3, random.Random(seed + number))
            for number, name in enumerate(names)
        ]
        add_sheets(catalog, 3, tiles=8, first=12)  # the catalog grows meanwhile
        for end in ends:
            end.result()
    everything = set(ids(catalog))
    for name in names:
        done = {int(line.split()[0]) for line in (tmp_path / name).read_text().splitlines() if " " in line}
        assert everything - set(ids(catalog, name)) <= done, f"seed {seed}"  # nothing is marked that was not worked on
        subprocess.run([sys.executable, "-c", CONSUMER, name, str(tmp_path / name)], env=env, check=True)
        assert ids(catalog, name) == []


def changes(catalog: Catalog, since: int = 0) -> list[tuple[int, str]]:
    return [(change.image_id, change.kind.value) for change in catalog.watch(since)]


def test_watching_tells_of_new_withdrawn_and_returning_images(catalog: Catalog) -> None:
    add_sheets(catalog, 1, tiles=2)
    everything = ids(catalog)
    told = list(catalog.watch())
    assert [(change.image_id, change.kind) for change in told] == [
        (image_id, ChangeKind.NEW) for image_id in everything
    ]
    cursor = told[-1].cursor
    assert changes(catalog, cursor) == []
    add_page(catalog, "p0")  # the page no longer offers its file
    assert sorted(changes(catalog, cursor)) == [(image_id, "withdrawn") for image_id in everything]
    cursor = max(change.cursor for change in catalog.watch())
    assert changes(catalog, cursor) == []
    add_page(catalog, "p0", "http://s/f0.png")
    assert sorted(changes(catalog, cursor)) == [(image_id, "back") for image_id in everything]


def test_watching_tells_of_replaced_files_and_of_images_that_turn_up_elsewhere(catalog: Catalog) -> None:
    (first,) = add_sheets(catalog, 1, tiles=2)
    everything = ids(catalog)
    cursor = list(catalog.watch())[-1].cursor
    other = pixels(50, 1)
    add_file(catalog, "http://s/f0.png", png(other))
    settle(catalog, {png(other): still(other)})
    (new,) = set(ids(catalog)) - set(everything)
    assert sorted(changes(catalog, cursor)) == sorted([(new, "new"), *((i, "withdrawn") for i in everything)])
    cursor = list(catalog.watch())[-1].cursor
    add_page(catalog, "elsewhere", "http://s/copy.png")
    add_file(catalog, "http://s/copy.png", png(first))
    assert sorted(changes(catalog, cursor)) == [(image_id, "back") for image_id in everything]


def test_watching_tells_of_an_image_whose_only_place_shows_another_now(catalog: Catalog) -> None:
    add_sheets(catalog, 1, tiles=2)
    _, first, second = ids(catalog)
    cursor = list(catalog.watch())[-1].cursor
    with catalog.database.write() as connection:
        move = text("UPDATE sighting SET image_id = :to WHERE image_id = :image")
        connection.execute(move, {"image": first, "to": second})
    assert changes(catalog, cursor) == [(first, "withdrawn")]


def test_a_watcher_misses_nothing_while_others_commit_in_any_order(postgres_url: str, tmp_path: Path) -> None:
    """The transaction that took the lower ids commits last: what it made must still come after the cursor."""
    with Catalog(postgres_url, str(tmp_path)) as catalog:
        insert = text(
            "INSERT INTO image (pixel_hash, width, height, transparent) VALUES (:hash, 1, 1, true) RETURNING id"
        )
        catalog.consumer("model")
        with catalog.database.write() as early:
            slow = early.execute(insert, {"hash": b"slow"}).scalar_one()
            with catalog.database.write() as late:
                fast = late.execute(insert, {"hash": b"fast"}).scalar_one()
            assert slow < fast
            (seen,) = catalog.watch()
            assert seen.image_id == fast
            assert ids(catalog, "model") == [fast]
        assert changes(catalog, seen.cursor) == [(slow, "new")]
        assert ids(catalog, "model") == [slow, fast]


def test_watchers_at_once_see_one_order(catalog: Catalog) -> None:
    stop = threading.Event()
    logs: list[list[int]] = [[], []]

    def follow(log: list[int]) -> None:
        cursor, last = 0, False
        while True:
            for change in catalog.watch(cursor):
                log.append(change.image_id)
                cursor = change.cursor
            if last:
                return
            last = stop.is_set()

    threads = [threading.Thread(target=follow, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for number in range(5):
        add_sheets(catalog, 1, first=number)
    stop.set()
    for thread in threads:
        thread.join()
    assert logs[0] == logs[1]
    assert sorted(logs[0]) == ids(catalog)


def test_registering_waits_for_images_that_are_being_made(postgres_url: str, tmp_path: Path) -> None:
    with Catalog(postgres_url, str(tmp_path)) as catalog:
        insert = text("INSERT INTO image (pixel_hash, width, height, transparent) VALUES (:hash, 1, 1, true)")
        registering = threading.Thread(target=lambda: catalog.consumer("model"))
        with catalog.database.write() as connection:
            connection.execute(insert, {"hash": b"one"})
            registering.start()
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            with catalog.database.read() as look:
                while not look.scalar(waiting):
                    time.sleep(0.01)
        registering.join()
        assert ids(catalog, "model") == ids(catalog) != []


@pytest.fixture
def packed(catalog: Catalog) -> Rgba:
    """A sheet of three tiles in an archive in an archive, on a page under two licences."""
    rgba = pixels(3, 3)
    add_page(catalog, "pack", "http://s/p.zip", licences=(BY, GPL), author="Bo", attribution="Link to bo.example")
    add_file(catalog, "http://s/p.zip", b"outer")
    inner, outer = archive(catalog, **{"ä b/s#1.png": png(rgba)}), archive(catalog, **{"in ner.zip": b"inner"})
    settle(catalog, {b"outer": outer, b"inner": inner, png(rgba): still(rgba)})
    slice_all(catalog, {image_record(rgba).pixel_hash: rgba})
    return rgba


def test_provenance_goes_both_ways(catalog: Catalog, packed: Rgba) -> None:
    for image in catalog.images():
        (seen,) = catalog.sightings(image.id)
        assert catalog.find(seen.url) == [image]
        assert seen.source_page == "http://s/content/pack"
        assert [licence.spdx for licence in seen.licences] == ["CC-BY-3.0", "GPL-3.0-only"]
        assert seen.credit == '"pack" by Bo licensed CC-BY 3.0 or GPL 3.0: http://s/content/pack'
        assert (seen.attribution, seen.is_current) == ("Link to bo.example", True)
    assert list(catalog.images_on_page("http://s/content/pack", batch=2)) == list(catalog.images())
    assert catalog.find("http://s/p.zip") == list(catalog.images())


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("http://s/p.zip#path=in ner.zip&path=ä b/s%231.png", 1),
        ("http://s/p.zip#path=in%20ner.zip&path=%C3%A4%20b%2Fs%231.png&xywh=pixel:4,0,4,4", 1),
        ("http://s/p.zip#path=in%20ner.zip&path=other.png", 0),
        ("http://s/p.zip#path=in%20ner.zip&path=%C3%A4%20b/s%231.png&xywh=1,0,4,4", 0),
        ("http://s/p.zip#path=in%20ner.zip&path=%C3%A4%20b/s%231.png&frame=1", 0),
        ("http://s/nothing.png", 0),
    ],
)
def test_urls_are_found_however_they_are_written(catalog: Catalog, packed: Rgba, url: str, count: int) -> None:
    assert len(catalog.find(url)) == count


def test_a_fragment_that_makes_no_sense_says_so(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="unpack"):
        catalog.find("http://s/p.zip#xywh=1,2")


def test_a_blob_tells_everything_about_itself(catalog: Catalog, packed: Rgba) -> None:
    found = catalog.blob(catalog.blobs.put(png(packed)).sha256)
    assert found is not None
    assert found.urls == ("http://s/p.zip#path=in%20ner.zip&path=%C3%A4%20b/s%231.png",)
    assert (found.pages, found.outcome, found.format) == (("http://s/content/pack",), "ok", "png")
    assert list(found.images) == ids(catalog)
    outer = catalog.blob(catalog.blobs.put(b"outer").sha256)
    assert outer is not None
    assert outer.members == ("in ner.zip",)
    assert catalog.blob(b"\0" * 32) is None


def test_a_replaced_file_gives_what_the_site_shows_now_first(catalog: Catalog) -> None:
    add_sheets(catalog, 1, tiles=1)
    old = ids(catalog)
    rgba = pixels(99, 1)
    add_file(catalog, "http://s/f0.png", png(rgba))
    settle(catalog, {png(rgba): still(rgba)})
    (new,) = set(ids(catalog)) - set(old)
    assert [image.id for image in catalog.find("http://s/f0.png")] == [new, old[0]]
    assert json.loads(json.dumps([seen.is_current for seen in catalog.sightings(old[0])])) == [False, False]


def test_what_another_page_begins_to_show_is_back(catalog: Catalog) -> None:
    def say(page: str, *files: str) -> None:
        add_page(catalog, page, *files)

    add_sheets(catalog, 1)
    everything = [image.id for image in catalog.images()]
    cursor = list(catalog.watch())[-1].cursor
    say("p0")
    assert sorted(changes(catalog, cursor)) == [(image_id, "withdrawn") for image_id in everything]
    cursor = list(catalog.watch())[-1].cursor
    say("another", "http://s/f0.png")
    assert sorted(changes(catalog, cursor)) == [(image_id, "back") for image_id in everything]
    cursor = list(catalog.watch())[-1].cursor
    say("a-third", "http://s/f0.png")
    assert changes(catalog, cursor) == []


def test_an_image_on_many_pages_has_the_licence_of_each(catalog: Catalog) -> None:
    data = png(pixels(1))
    stored = catalog.blobs.put(data)
    urls = [f"http://s/f{number}.png" for number in range(510)]
    pages = [
        PageRecord(f"http://s/{number}", "s", "t", licences=(CC0,), files=(FileLink(url, FileRole.FILE),))
        for number, url in enumerate(urls)
    ]
    with catalog.database.write() as connection:
        record_pages(connection, pages)
        record_fetched(connection, *(FetchedFile(url, stored.sha256, stored.size_bytes) for url in urls))
    settle(catalog, {data: still(pixels(1))})
    assert {row.licences[0].spdx for row in catalog.sightings(1)} == {"CC0-1.0"}
