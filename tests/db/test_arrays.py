"""Rows travel to PostgreSQL as one array a column: whatever a column may hold arrives as it was, as on SQLite."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from db import Catalog
from db.engine import among, insert_new, insert_or_replace
from db.models import Image, Ledger, Page

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
TRICKY = st.sampled_from(["", "NULL", "{}", '{"a"}', "\\", '"', "'", ",", "{NULL}", "\\x00", "é\u202e𝄞", " "])
TEXTS = st.one_of(TRICKY, WORDS)
SMALL = st.integers(-(2**31), 2**31 - 1)
LARGE = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 127, 128, 32767, 32768, 2**31, 2**63 - 1]))
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), SMALL, TEXTS), lambda v: st.lists(v) | st.dictionaries(TEXTS, v)
)
PAGES = st.fixed_dictionaries(
    {
        "url": TEXTS,
        "site": st.just("s"),
        "site_id": st.none() | TEXTS,
        "title": TEXTS,
        "art_type": TEXTS,
        "authors": TEXTS,
        "licence": TEXTS,
        "tags": TEXTS,
        "description": TEXTS,
        "attribution": TEXTS,
        "withheld": TEXTS,
        "posted_at": st.none() | TEXTS,
        "favourites": st.none() | SMALL,
        "extra": st.dictionaries(TEXTS, JSONS),
        "gone_at": st.none() | MOMENTS,
        "fetched_at": MOMENTS,
    }
)
IMAGES = st.fixed_dictionaries(
    {
        "pixel_hash": st.binary(min_size=1, max_size=32),
        "width": SMALL,
        "height": SMALL,
        "transparent": st.booleans(),
        "alpha": st.none() | TEXTS,
        "colours": st.none() | SMALL,
        "upscale": st.none() | st.integers(0, 40_000),
        "orientation_hash": st.none() | st.binary(max_size=8),
        "featurized": st.booleans(),
        "indexed": st.booleans(),
    }
)
LEDGER = st.fixed_dictionaries(
    {
        "stage": st.just("read"),
        "subject_id": LARGE,
        "outcome": st.just("ok"),
        "version": SMALL,
        "format": TEXTS,
        "reason": TEXTS,
        "settled_at": st.none() | MOMENTS,
        "asked": SMALL,
    }
)


def as_given(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize(
    ("table", "key", "rows"), [(Page, "url", PAGES), (Image, "pixel_hash", IMAGES), (Ledger, "subject_id", LEDGER)]
)
def test_every_value_arrives_as_it_was(catalog: Catalog, table: Any, key: str, rows: Any) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(rows, max_size=5, unique_by=lambda row: row[key]), st.booleans())
    def check(given_rows: list[dict[str, Any]], again: bool) -> None:
        with catalog.database.write() as connection:
            connection.execute(delete(table))
            insert_new(connection, table, given_rows)
            if again and table is Page:
                insert_or_replace(connection, table, given_rows, (key,))
            found = connection.execute(select(table.__table__)).mappings().all()
        names = given_rows[0].keys() if given_rows else ()
        there = {row[key]: {name: as_given(name, row[name]) for name in names} for row in found}
        assert there == {row[key]: row for row in given_rows}

    check()


def test_ids_of_any_size_are_asked_for_together(catalog: Catalog) -> None:
    ids = [1, 300, 70_000, 2**31 - 1, 2**31, 2**62]
    with catalog.database.write() as connection:
        for image_id in ids:
            row = text("INSERT INTO image (id, pixel_hash, width, height, transparent) VALUES (:id, :hash, 1, 1, :no)")
            connection.execute(row, {"id": image_id, "hash": image_id.to_bytes(9), "no": False})
        for asked in ([], ids[:1], ids[:3], ids[3:], ids, [*ids, 5, 2**40]):
            found = connection.scalars(select(Image.id).where(among(connection, Image.id, asked)).order_by(Image.id))
            assert list(found) == [each for each in asked if each in ids]
