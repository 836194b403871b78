"""The documented SQL runs, on both databases, and says the same."""

import re
from pathlib import Path

from sqlalchemy import inspect, text

from db import Catalog
from db.records import ReadResult
from db.views import VIEWS
from db.vocabulary import Outcome
from tests.db.building import BY, CC0, add_file, add_page, add_sheets, settle

DOCUMENT = Path(__file__).parents[2] / "docs" / "sql.md"
EXPECTED = [
    [
        ("http://s/f0.png", "http://s/content/p0", "Ann", "CC0-1.0 OR CC-BY-3.0"),
    ],
    [(4, 4, 4)],
    [(3, 0, 0, 4, 4), (4, 4, 0, 4, 4)],
    [(1,), (2,), (3,), (4,), (5,), (6,)],
    [(2,), (3,), (4,), (5,), (6,)],
    [("my-model", 1, 1, 5)],
    [],
    [("damaged", "cut off", 1, "http://s/bad.zip")],
    [("http://s/content/bad", 2, 1)],
]


def examples() -> list[str]:
    return re.findall(r"```sql\n(.*?);\n```", DOCUMENT.read_text(), re.DOTALL)


def test_documented_examples_run_and_say_what_is_there(catalog: Catalog) -> None:
    add_sheets(catalog, 2, tiles=2)
    add_page(catalog, "p0", "http://s/f0.png", licences=(CC0, BY))
    add_page(catalog, "bad", "http://s/bad.zip", "http://s/never.zip")
    add_file(catalog, "http://s/bad.zip", b"bad")
    settle(catalog, {b"bad": ReadResult(Outcome.DAMAGED, 1, "zip", "cut off")})
    catalog.consumer("my-model")
    catalog.mark("my-model", [1])
    with catalog.database.read() as connection:
        found = [[tuple(row) for row in connection.execute(text(example))] for example in examples()]
    assert found == EXPECTED


def test_every_view_and_column_is_documented(catalog: Catalog) -> None:
    document = DOCUMENT.read_text()
    with catalog.database.read() as connection:
        for view in VIEWS:
            (row,) = re.findall(rf"^\| `{view}` \|.*$", document, re.MULTILINE)
            said = set(re.findall(r"`(\w+)`", row.split("|")[3])) - {"image", "sheet", "tile"}
            assert said == {column["name"] for column in inspect(connection).get_columns(view)}
