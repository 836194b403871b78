"""What a hit says of its origin, also where an image is seen at thousands of places."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from db import Catalog
from db.derive import record_read
from db.recording import record_fetched, record_page
from db.records import (
    FetchedFile,
    FileLink,
    FrameRecord,
    MemberRecord,
    PageRecord,
    PersonRecord,
    ReadResult,
)
from db.vocabulary import FileRole, Outcome, PersonRole
from index.hits import Ranked, read_hits
from tests.index.conftest import image_record

PLACES = 2000


@pytest.fixture
def everywhere(catalog: Catalog) -> Catalog:
    """Two archives with the same picture: thousands of times by nobody, then twice by Ann."""
    for number, (count, people) in enumerate(((PLACES, ()), (2, (PersonRecord(PersonRole.AUTHOR, "Ann"),))), 1):
        url = f"http://s/{number}.zip"
        with catalog.database.write() as connection:
            page = PageRecord(
                url=f"http://s/p{number}", site="s", title="t", files=(FileLink(url, FileRole.FILE),), people=people
            )
            record_page(connection, page)
            record_fetched(connection, FetchedFile(url, bytes([number]) * 32, 3))
            members = tuple(
                MemberRecord(i, b"%d.png" % i, f"{i}.png", "file", "ok", "", b"p" * 32, 3) for i in range(count)
            )
            blob = {1: 1, 2: 3}[number]  # the picture's is the second
            record_read(connection, blob, ReadResult(Outcome.OK, 1, "zip", members=members))
    rgba = np.full((4, 4, 4), 255, np.uint8)
    with catalog.database.write() as connection:
        record_read(connection, 2, ReadResult(Outcome.OK, 1, "png", frames=(FrameRecord(0, image_record(rgba)),)))
    return catalog


def test_a_hit_seen_everywhere_is_counted_not_read_and_credited_to_who_made_it(everywhere: Catalog) -> None:
    asked: list[Any] = []

    @event.listens_for(everywhere.database.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "image_catalog" in statement and "LIMIT" in statement:
            asked.extend(parameters.values() if isinstance(parameters, dict) else parameters)

    (hit,) = read_hits(everywhere, [Ranked(1, 1.0)])
    assert (hit.sightings, hit.authors, hit.source_page) == (PLACES + 2, "Ann", "http://s/p2")
    assert asked and max(asked) <= 100  # an image's id, and how many rows are read at most
