"""What changes while somebody is at work on it is worked on again: no result settles what was asked after it began."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from db import Catalog, stages
from db.choices import choose
from db.recording import record_fetched, record_page
from db.records import ChoiceRecord, FetchedFile, FileLink, PageRecord, ReadResult
from db.vocabulary import FileRole, Outcome, Stage
from extract.archives.interface import Limits
from extract.run import StageRunner, read_work, slice_work
from tests.extract.test_run import TSX, Inline, bring, column, png, run


class Interrupted(Inline):
    """Works at once, in this process; `meanwhile` happens once, after the work and before it is settled."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = [meanwhile]

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done = super().submit(fn, *args, **kwargs)
        while self._meanwhile:
            self._meanwhile.pop()()
        return done


def slice_while(catalog: Catalog, meanwhile: Callable[[], None]) -> None:
    StageRunner(catalog, Interrupted(meanwhile), slice_work()).run(lambda _: None)


def read(catalog: Catalog) -> None:
    StageRunner(catalog, Interrupted(lambda: None), read_work(Limits())).run(lambda _: None)


def test_a_choice_made_while_its_image_is_being_sliced_is_heeded(catalog: Catalog) -> None:
    bring(catalog, a_DOT_png=png(1, (16, 16)))
    read(catalog)

    def person() -> None:
        with catalog.database.write() as connection:
            choose(connection, 1, ChoiceRecord("grid", (8, 8)))

    slice_while(catalog, person)
    assert column(catalog, "SELECT source || ' ' || tile_width FROM sheet") == ["choice 8"]
    assert column(catalog, "SELECT outcome FROM ledger WHERE stage = 'slice'") == ["ok"]


def offer(catalog: Catalog, page: str, *urls: str) -> None:
    with catalog.database.write() as connection:
        links = tuple(FileLink(url, FileRole.FILE) for url in urls)
        record_page(connection, PageRecord(url=page, site="s", title="P", files=links))


def fetch(catalog: Catalog, url: str, data: bytes) -> None:
    stored = catalog.blobs.put(data)
    with catalog.database.write() as connection:
        record_fetched(connection, FetchedFile(url, stored.sha256, stored.size_bytes))


def test_a_place_beside_a_sidecar_that_turns_up_meanwhile_is_heeded(catalog: Catalog) -> None:
    offer(catalog, "http://s/1", "http://s/one/sheet.png")
    offer(catalog, "http://s/2", "http://s/two/sheet.png", "http://s/two/level.tsx")
    fetch(catalog, "http://s/one/sheet.png", png(3))
    fetch(catalog, "http://s/two/level.tsx", TSX.format(name="sheet.png").encode())
    read(catalog)
    slice_while(catalog, lambda: fetch(catalog, "http://s/two/sheet.png", png(3)))
    assert column(catalog, "SELECT source FROM sheet") == ["sidecar"]


def test_a_sidecar_that_another_run_reads_meanwhile_is_heeded(catalog: Catalog) -> None:
    offer(catalog, "http://s/1", "http://s/sheet.png", "http://s/level.tsx")
    fetch(catalog, "http://s/sheet.png", png(3))
    read(catalog)

    def other_run() -> None:
        fetch(catalog, "http://s/level.tsx", TSX.format(name="sheet.png").encode())
        read(catalog)
        slice_work().prepare(catalog.database)

    slice_while(catalog, other_run)
    assert column(catalog, "SELECT source FROM sheet") == ["sidecar"]


def test_what_is_asked_for_again_while_it_is_read_is_read_again(catalog: Catalog) -> None:
    bring(catalog, a_DOT_png=png(1))

    def ask() -> None:
        with catalog.database.write() as connection:
            stages.due_again(connection, Stage.READ, [1])

    results: list[ReadResult] = []
    StageRunner(catalog, Interrupted(ask), read_work(Limits())).run(lambda result: results.append(result))
    assert [result.outcome for result in results] == [Outcome.OK, Outcome.OK]
    assert column(catalog, "SELECT outcome || asked FROM ledger WHERE stage = 'read'") == ["ok1"]


@pytest.mark.parametrize("again", ["outdate", "retry", "due_again"])
def test_every_way_to_make_due_counts(catalog: Catalog, again: str) -> None:
    bring(catalog, bad_DOT_png=png(1)[:200])
    run(catalog)
    ways: dict[str, Callable[[Any], Any]] = {
        "outdate": lambda connection: stages.outdate(connection, Stage.READ, {}, 99),
        "retry": lambda connection: stages.retry(connection, [Outcome.PARTIAL, Outcome.DAMAGED]),
        "due_again": lambda connection: stages.due_again(connection, Stage.READ, [1]),
    }
    with catalog.database.write() as connection:
        ways[again](connection)
    with catalog.database.read() as connection:
        assert [blob.asked for blob in stages.due_blobs(connection, 0, 9)] == [1]
