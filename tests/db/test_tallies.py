"""Totals are what counting would say, whatever was done and by how many at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db import Catalog, stages
from db.crawls import open_crawl, retry_failed
from db.frontier import FrontierQueue
from db.records import NewEntry, ReadResult
from db.tallies import all_totals, counted, recount, total
from db.vocabulary import EntryKind, Outcome, Stage
from tests.db.building import add_file, add_page, add_sheets, settle


def check(catalog: Catalog) -> None:
    with catalog.database.read() as connection:
        assert all_totals(connection) == counted(connection)


def crawl_something(catalog: Catalog, name: str) -> None:
    queue = FrontierQueue(catalog.database, open_crawl(catalog.database, name, {}, None).id)
    with catalog.database.write() as connection:
        queue.enqueue(connection, [NewEntry(f"http://{name}.s/{n}", EntryKind.CONTENT, "parse") for n in range(9)])
    held = queue.lease(6)
    with catalog.database.write() as connection:
        queue.settle(connection, held[0].id, 200)
        queue.fail(connection, held[1].id, "HTTP 404", 404)
        queue.postpone(connection, held[2].id, 5.0, "HTTP 503", 503)
    queue.release()


def bring_bad(catalog: Catalog, number: int) -> None:
    data = b"bad %d" % number
    add_file(catalog, f"http://s/bad{number}.zip", data)
    settle(catalog, {data: ReadResult(Outcome.DAMAGED, 1, "zip", "cut off")})


def make_due(catalog: Catalog, _: int) -> None:
    with catalog.database.write() as connection:
        stages.retry(connection, [Outcome.DAMAGED])


def outdate(catalog: Catalog, number: int) -> None:
    with catalog.database.write() as connection:
        stages.outdate(connection, Stage.READ, {"zip": number}, 1)


def mark(catalog: Catalog, number: int) -> None:
    catalog.consumer(f"c{number % 2}", 1)
    ids = [image.id for image in catalog.images()]
    catalog.mark(f"c{number % 2}", ids[:number])
    catalog.mark("featurized", ids[number:])


def delete_sightings(catalog: Catalog, number: int) -> None:
    with catalog.database.write() as connection:
        connection.execute(text("DELETE FROM sighting WHERE id % 7 = :n"), {"n": number})


ACTIONS = (
    lambda catalog, number: add_sheets(catalog, 1, tiles=number + 1, first=number),
    lambda catalog, number: crawl_something(catalog, f"crawl{number}"),
    lambda catalog, _: retry_failed(catalog.database),
    lambda catalog, number: add_page(catalog, f"page{number}", f"http://s/f{number}.png"),
    bring_bad,
    make_due,
    outdate,
    mark,
    delete_sightings,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5)), min_size=1, max_size=8))
def test_totals_are_what_counting_says(catalog: Catalog, steps: list) -> None:
    for action, number in steps:
        action(catalog, number)
    check(catalog)


def test_a_transaction_that_fails_leaves_no_trace_in_totals(catalog: Catalog) -> None:
    add_sheets(catalog, 2)
    with catalog.database.read() as connection:
        before = all_totals(connection)
    with pytest.raises(RuntimeError), catalog.database.write() as connection:
        connection.execute(text("DELETE FROM sighting"))
        raise RuntimeError
    with catalog.database.read() as connection:
        assert all_totals(connection) == before


def test_writers_at_once_lose_no_count_and_parts_are_summed_up(postgres_url: str, tmp_path) -> None:
    with Catalog(postgres_url, str(tmp_path)) as catalog:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: crawl_something(catalog, f"c{number}"), range(24)))
            list(pool.map(lambda number: bring_bad(catalog, number), range(24)))
        check(catalog)
        with catalog.database.write() as connection:
            connection.execute(text("SELECT quarry_compact()"))
            parts = connection.scalar(text("SELECT count(*) FROM tally"))
            keys = connection.scalar(text("SELECT count(*) FROM (SELECT DISTINCT name, key FROM tally) AS k"))
        assert parts == keys
        check(catalog)


def test_a_total_that_went_wrong_is_counted_anew(catalog: Catalog) -> None:
    add_sheets(catalog, 1)
    with catalog.database.write() as connection:
        connection.execute(text("UPDATE tally SET number = 2 * number WHERE name = 'images'"))
        assert total(connection, "images") == 10
        recount(connection)
        assert total(connection, "images") == 5
    check(catalog)
