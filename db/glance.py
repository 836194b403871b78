"""A first look at a catalog while SQLAlchemy, which takes longer, is not even imported. For hints, never for truth."""

import sqlite3
from contextlib import closing
from pathlib import Path

from db.settings import Settings
from db.vocabulary import Outcome, Stage

SQLITE = "sqlite:///"
PENDING = "SELECT sum(number) FROM tally WHERE name = 'ledger' AND key IN (?, ?)"
KEYS = [f"{stage.value}/{Outcome.PENDING.value}" for stage in (Stage.READ, Stage.SLICE)]


def seems_done(catalog_url: str | None = None) -> bool:
    """Tell whether, at a glance, nothing is due to be read or sliced; False wherever that takes more than a glance."""
    path, _, query = Settings.load(catalog_url).catalog_url.partition("?")
    if not path.startswith(SQLITE) or query:
        return False
    try:
        address = Path(path.removeprefix(SQLITE)).absolute().as_uri()
        with closing(sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=0)) as connection:
            return not connection.execute(PENDING, KEYS).fetchone()[0]
    except (sqlite3.Error, OSError):
        return False
