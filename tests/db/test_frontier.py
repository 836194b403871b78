from dataclasses import dataclass

import pytest

from db import Catalog
from db.crawls import count_crawl, open_crawl, retry_failed
from db.engine import Database
from db.errors import LeaseLostError
from db.frontier import LEASE_S, FrontierQueue, Settled
from db.records import NewEntry
from db.vocabulary import EntryKind


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(url: str, kind: EntryKind = EntryKind.CONTENT, priority: int = 0) -> NewEntry:
    return NewEntry(url, kind, "parse_content", priority=priority)


def queue_of(catalog: Catalog, clock: Clock, limit: int | None = None) -> FrontierQueue:
    crawl = open_crawl(catalog.database, "spider", {"query": "x"}, limit)
    return FrontierQueue(catalog.database, crawl.id, clock=clock)


def add(queue: FrontierQueue, *entries: NewEntry) -> None:
    with queue.database.write() as connection:
        queue.enqueue(connection, entries)


def settle(queue: FrontierQueue, entry_id: int) -> None:
    with queue.database.write() as connection:
        queue.settle(connection, entry_id, 200)


def test_same_request_continues_the_same_crawl(catalog: Catalog) -> None:
    first = open_crawl(catalog.database, "spider", {"a": "1", "b": "2"}, None)
    again = open_crawl(catalog.database, "spider", {"b": "2", "a": "1"}, 5)
    other = open_crawl(catalog.database, "spider", {"a": "2"}, None)
    assert (first.known, again.known, other.known) == (False, True, False)
    assert first.id == again.id != other.id


def test_an_url_is_known_whatever_its_spelling(catalog: Catalog) -> None:
    queue = queue_of(catalog, Clock())
    add(queue, entry("http://Site.org/a%20b?x=1&y=2"), entry("http://site.org/a b?y=2&x=1#top"))
    add(queue, entry("http://site.org/a%20b?x=1&y=2"))
    assert [e.url for e in queue.lease(10)] == ["http://Site.org/a%20b?x=1&y=2"]


def test_case_twins_and_literal_percent_are_different_files(catalog: Catalog) -> None:
    queue = queue_of(catalog, Clock())
    urls = ["http://s/Crate.png", "http://s/crate.png", "http://s/a%25_0.png", "http://s/a%2525_0.png"]
    add(queue, *(entry(url) for url in urls))
    assert {e.url for e in queue.lease(10)} == set(urls)


def test_leases_go_by_priority_then_age_and_only_once(catalog: Catalog) -> None:
    queue = queue_of(catalog, Clock())
    add(queue, entry("http://s/1"), entry("http://s/2"), entry("http://s/3", priority=5))
    assert [e.url for e in queue.lease(2)] == ["http://s/3", "http://s/1"]
    assert [e.url for e in queue.lease(2)] == ["http://s/2"]
    assert queue.lease(2) == []


def test_a_host_is_served_by_one_process_at_a_time(catalog: Catalog) -> None:
    clock = Clock()
    mine, other = queue_of(catalog, clock), queue_of(catalog, clock)
    add(mine, entry("http://a/1"), entry("http://a/2"), entry("http://b/1"))
    assert [e.url for e in mine.lease(1)] == ["http://a/1"]
    # The first process has begun with one host; the other host is anybody's.
    assert [e.url for e in other.lease(5)] == ["http://b/1"]
    mine.release()
    assert {e.url for e in other.lease(5)} == {"http://a/1", "http://a/2"}


def test_an_expired_lease_is_taken_over_and_the_loser_cannot_write(catalog: Catalog) -> None:
    clock = Clock()
    slow, quick = queue_of(catalog, clock), queue_of(catalog, clock)
    add(slow, entry("http://a/1"))
    (held,) = slow.lease(1)
    clock.now += LEASE_S + 1
    (taken,) = quick.lease(1)
    assert taken.id == held.id
    with pytest.raises(LeaseLostError), slow.database.write() as connection:
        slow.enqueue(connection, [entry("http://a/child")])
        slow.settle(connection, held.id, 200)
    settle(quick, taken.id)
    assert count_crawl(catalog.database, quick.crawl_id).by_state == {"done": {"content": 1}}


def test_a_heartbeat_keeps_leases(catalog: Catalog) -> None:
    clock = Clock()
    mine, other = queue_of(catalog, clock), queue_of(catalog, clock)
    add(mine, entry("http://a/1"))
    mine.lease(1)
    clock.now += LEASE_S - 1
    mine.heartbeat()
    clock.now += LEASE_S - 1
    assert other.lease(1) == []


def test_a_dead_process_on_this_machine_loses_its_leases_at_once(catalog: Catalog) -> None:
    clock = Clock()
    dead, alive = queue_of(catalog, clock), queue_of(catalog, clock)
    node, _, created, tail = dead.owner.split("|")
    dead.owner = f"{node}|{2**22 + 1}|{created}|{tail}"  # beyond the largest pid
    add(dead, entry("http://a/1"))
    assert len(dead.lease(1)) == 1
    assert [e.url for e in alive.lease(1)] == ["http://a/1"]


def test_postponed_entries_wait_and_count_tries(catalog: Catalog) -> None:
    clock = Clock()
    queue = queue_of(catalog, clock)
    add(queue, entry("http://a/1"))
    (held,) = queue.lease(1)
    with catalog.database.write() as connection:
        queue.postpone(connection, held.id, clock.now + 50, "HTTP 503", 503)
    assert queue.lease(1) == []
    assert queue.next_due() == clock.now + 50
    clock.now += 51
    (again,) = queue.lease(1)
    assert again.attempts == 1


def test_a_paused_host_is_left_alone(catalog: Catalog) -> None:
    clock = Clock()
    queue = queue_of(catalog, clock)
    add(queue, entry("http://a/1"))
    with catalog.database.write() as connection:
        queue.pause_host(connection, "a", clock.now + 60, "HTTP 429")
        queue.pause_host(connection, "a", clock.now + 10, "HTTP 429")  # an earlier end does not shorten it
    clock.now += 30
    assert queue.lease(1) == []
    clock.now += 31
    assert len(queue.lease(1)) == 1


def test_limit_takes_the_first_pages_found_and_can_be_raised(catalog: Catalog) -> None:
    clock = Clock()
    queue = queue_of(catalog, clock, limit=2)
    add(queue, *(entry(f"http://a/{n}") for n in range(4)), entry("http://a/list", EntryKind.LISTING, 20))
    add(queue, entry("http://a/f", EntryKind.FILE))
    assert [e.url for e in queue.lease(10)] == ["http://a/0", "http://a/1", "http://a/f"]
    queue.release()
    more = queue_of(catalog, clock, limit=3)
    assert [e.url for e in more.lease(10)] == ["http://a/0", "http://a/1", "http://a/2", "http://a/f"]


def test_failed_entries_stay_visible_and_can_be_retried(catalog: Catalog) -> None:
    queue = queue_of(catalog, Clock())
    add(queue, entry("http://a/1"))
    (held,) = queue.lease(1)
    with catalog.database.write() as connection:
        queue.fail(connection, held.id, "HTTP 404", 404)
    assert count_crawl(catalog.database, queue.crawl_id).failures == {"HTTP 404": 1}
    assert queue.next_due() is None
    assert retry_failed(catalog.database) == 1
    assert len(queue.lease(1)) == 1


def test_a_settlement_that_fails_leaves_nothing_behind(catalog: Catalog) -> None:
    queue = queue_of(catalog, Clock())
    add(queue, entry("http://a/1"))
    (held,) = queue.lease(1)
    with pytest.raises(RuntimeError), catalog.database.write() as connection:
        queue.enqueue(connection, [entry("http://a/2")])
        queue.settle(connection, held.id, 200)
        raise RuntimeError
    assert count_crawl(catalog.database, queue.crawl_id).by_state == {"leased": {"content": 1}}


def test_several_entries_are_settled_together_or_not_at_all(catalog: Catalog) -> None:
    clock = Clock()
    slow, quick = queue_of(catalog, clock), queue_of(catalog, clock)
    add(slow, entry("http://a/1"), entry("http://b/1"))
    mine = slow.lease(2)
    clock.now += LEASE_S + 1
    (taken,) = quick.lease(1)
    with pytest.raises(LeaseLostError, match=rf"\[{taken.id}\b"), catalog.database.write() as connection:
        slow.settle_all(connection, [Settled(held.id, 200) for held in mine])
    assert "done" not in count_crawl(catalog.database, slow.crawl_id).by_state
    with catalog.database.write() as connection:
        quick.settle_all(connection, [Settled(taken.id, 200, '"v1"', "Thu, 01 Jan 2026 00:00:00 GMT")])
    assert count_crawl(catalog.database, slow.crawl_id).by_state["done"] == {"content": 1}


def test_what_is_settled_and_what_is_leased_share_a_transaction(catalog: Catalog) -> None:
    queue = queue_of(catalog, Clock())
    add(queue, entry("http://a/1"), entry("http://a/2"))
    (held,) = queue.lease(1)
    with pytest.raises(RuntimeError), catalog.database.write() as connection:
        queue.settle_all(connection, [Settled(held.id, 200)])
        assert [e.url for e in queue.lease(5, connection)] == ["http://a/2"]
        raise RuntimeError
    assert count_crawl(catalog.database, queue.crawl_id).by_state == {
        "leased": {"content": 1},
        "pending": {"content": 1},
    }


def test_crawl_commits_survive_power_cuts(tmp_path: object) -> None:
    durable, quick = Database(f"sqlite:///{tmp_path}/a.db", durable=True), Database(f"sqlite:///{tmp_path}/b.db")
    for database, level in ((durable, 2), (quick, 1)):
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        database.close()


def test_crawl_commits_survive_power_cuts_of_the_server(postgres_url: str) -> None:
    for durable, level in ((True, "on"), (False, "off")):
        for asked in ("", "&options=-c%20lock_timeout%3D1234"):
            database = Database(postgres_url + asked, durable=durable)
            with database.read() as connection:
                assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == level
                assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == ("1234ms" if asked else "30s")
            database.close()


def test_a_host_that_refuses_for_ever_does_not_keep_a_crawl_for_ever(catalog: Catalog) -> None:
    clock = Clock()
    queue = queue_of(catalog, clock)
    add(queue, entry("http://a/1"))
    tries = 0
    while held := queue.lease(1):
        tries += 1
        with catalog.database.write() as connection:
            queue.fail(connection, held[0].id, "HTTP 403", 403)
            queue.reopen(connection, [held[0].id], clock.now + 600)
        clock.now += 601
    assert tries == 5
    assert count_crawl(catalog.database, queue.crawl_id).failures == {"HTTP 403": 1}
