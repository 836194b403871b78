"""Every place where bytes lie is seen, up to a limit for each archive and file, and what is over it is told."""

import pytest
from sqlalchemy import text

from db import Catalog, stages
from db.records import ReadResult
from db.vocabulary import Outcome
from tests.db.building import add_file, add_page, archive, settle

INNER = {f"a{number}.txt": b"text %d" % number for number in range(4)}


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.derive.MAX_NEW_PLACES", 10)


def bring(catalog: Catalog, name: str, data: bytes) -> None:
    add_page(catalog, name, f"http://s/{name}.zip")
    add_file(catalog, f"http://s/{name}.zip", data)


def leaves(catalog: Catalog) -> dict[bytes, ReadResult]:
    return {data: ReadResult(Outcome.EMPTY, 1, "txt") for data in INNER.values()}


def nested(catalog: Catalog, copies: int) -> dict[bytes, ReadResult]:
    outer = archive(catalog, **{f"{number}.zip": b"inner" for number in range(copies)})
    return {b"outer": outer, b"inner": archive(catalog, **INNER), **leaves(catalog)}


def texts_by_file(catalog: Catalog) -> dict[str, int]:
    query = (
        "SELECT f.url, count(*) FROM place p JOIN file f ON f.id = p.file_id JOIN member m ON m.id = p.member_id"
        " WHERE m.path LIKE '%.txt' GROUP BY f.url"
    )
    with catalog.database.read() as connection:
        return {url.removeprefix("http://s/"): number for url, number in connection.execute(text(query))}


def refusals(catalog: Catalog) -> list[str]:
    with catalog.database.read() as connection:
        return list(connection.scalars(text("SELECT reason FROM ledger WHERE outcome = 'refused'")))


def test_an_archive_at_any_number_of_urls_is_seen_at_each(catalog: Catalog) -> None:
    for number in range(4):
        bring(catalog, str(number), b"inner")
        settle(catalog, {b"inner": archive(catalog, **INNER)})
    assert texts_by_file(catalog) == {f"{number}.zip": 4 for number in range(4)}
    with catalog.database.write() as connection:
        connection.execute(text("UPDATE ledger SET outcome = 'pending'"))
    settle(catalog, {b"inner": archive(catalog, **INNER), **leaves(catalog)})
    assert texts_by_file(catalog) == {f"{number}.zip": 4 for number in range(4)}
    assert refusals(catalog) == []


@pytest.mark.parametrize("inner_first", [True, False])
def test_too_many_places_of_one_file_are_refused_and_told(catalog: Catalog, inner_first: bool) -> None:
    names = ["inner", "outer"] if inner_first else ["outer", "inner"]
    for name in names:
        bring(catalog, name, name.encode())
        settle(catalog, nested(catalog, 3))
    assert texts_by_file(catalog) == {"inner.zip": 4}
    assert refusals(catalog) == ["places of members: saw 12, limit 10"]


def test_a_download_that_brings_too_many_places_is_told(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.derive.MAX_NEW_PLACES", 100)
    bring(catalog, "one", b"outer")
    settle(catalog, nested(catalog, 3))
    monkeypatch.setattr("db.derive.MAX_NEW_PLACES", 10)
    bring(catalog, "two", b"outer")
    assert texts_by_file(catalog) == {"one.zip": 12}
    assert refusals(catalog) == ["places of members: saw 12, limit 10"]
    with catalog.database.write() as connection:
        assert stages.retry(connection, [Outcome.REFUSED]) == 1
