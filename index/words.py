"""Full-text search over what is said of pictures: title, tags, authors, paths, description.

A document is a place (a file, or a member of an archive) with the texts of its page. SQLite: an FTS5 table of
trigrams, so that parts of words are found. PostgreSQL: a text-search vector, beginnings of words. Either is a copy
that catches up before a search: new places, and places of pages that were fetched again.
"""

import re
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Row, inspect, text

from db import Catalog
from db.engine import Database
from index.errors import SelectionError

BATCH = 2000
MOST_PLACES = 5000
MIN_TRIGRAM = 3

_DOCUMENTS = """
SELECT pl.id, coalesce(p.title, '') AS title, coalesce(p.tags, '') AS tags, coalesce(p.authors, '') AS authors,
    f.name || ' ' || pl.path AS path, coalesce(p.description, '') AS description
FROM place pl JOIN file f ON f.id = pl.file_id LEFT JOIN page p ON p.id = f.page_id
"""
_COLUMNS = ("title", "tags", "authors", "path", "description")
_WEIGHTS = "10.0, 8.0, 4.0, 6.0, 1.0"

_SQLITE = (
    "CREATE VIRTUAL TABLE place_text USING fts5(title, tags, authors, path, description, tokenize = 'trigram')",
    "CREATE TABLE place_text_state (last_place INTEGER NOT NULL, last_page TEXT NOT NULL)",
)
_POSTGRESQL = (
    "CREATE TABLE place_text (place_id bigint PRIMARY KEY, document tsvector NOT NULL)",
    "CREATE INDEX ON place_text USING gin (document)",
    "CREATE TABLE place_text_state (last_place bigint NOT NULL, last_page text NOT NULL)",
)


class Words:
    """The full-text index of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._database: Database = catalog.database
        self._postgresql = catalog.database.engine.dialect.name == "postgresql"

    def places(self, words: str, most: int = MOST_PLACES) -> list[int]:
        """Return ids of places that speak of every word, best first. Raises SelectionError if there is no word."""
        tokens = re.findall(r"\w+", words.lower())
        if not tokens:
            raise SelectionError(f"there is no word in {words!r}")
        self.catch_up()
        with self._database.read() as connection:
            found = self._find(connection, tokens, most)
        return [row[0] for row in found]

    def _find(self, connection: Connection, tokens: Sequence[str], most: int) -> Sequence[Row[int]]:
        if self._postgresql:
            query = (
                "SELECT place_id FROM place_text, to_tsquery('simple', :words) q WHERE document @@ q"
                " ORDER BY ts_rank(document, q) DESC, place_id LIMIT :most"
            )
            return connection.execute(text(query), {"words": " & ".join(f"{t}:*" for t in tokens), "most": most}).all()
        long = [token for token in tokens if len(token) >= MIN_TRIGRAM]
        short = [token for token in tokens if len(token) < MIN_TRIGRAM]
        # A trigram index cannot find shorter words; they are looked for in the rows that the others leave.
        joined = " || ' ' || ".join(_COLUMNS)
        where = [f"(' ' || lower({joined})) GLOB :short{n}" for n in range(len(short))]
        values = {f"short{n}": f"*[^a-z0-9]{token}*" for n, token in enumerate(short)}
        if long:
            where.append("place_text MATCH :match")
            values["match"] = " AND ".join(f'"{token}"' for token in long)
        order = f"bm25(place_text, {_WEIGHTS}), rowid" if long else "rowid"
        query = f"SELECT rowid FROM place_text WHERE {' AND '.join(where)} ORDER BY {order} LIMIT :most"  # noqa: S608
        return connection.execute(text(query), {**values, "most": most}).all()

    def rebuild(self) -> int:
        """Make the index anew; return how many documents it has."""
        with self._database.write() as connection:
            for table in ("place_text", "place_text_state"):
                connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        return self.catch_up()

    def catch_up(self) -> int:
        """Index what is new, in one transaction; return how many documents were written."""
        with self._database.read() as connection:
            fresh = inspect(connection).has_table("place_text_state")
            if fresh and self._state(connection) == self._newest(connection):
                return 0
        with self._database.write() as connection:
            if self._postgresql:
                connection.execute(text("SELECT pg_advisory_xact_lock(7251895)"))
            if not inspect(connection).has_table("place_text_state"):
                for statement in _POSTGRESQL if self._postgresql else _SQLITE:
                    connection.execute(text(statement))
                connection.execute(text("INSERT INTO place_text_state VALUES (0, '')"))
            before, newest = self._state(connection), self._newest(connection)
            done = sum(self._write(connection, rows) for rows in self._due(connection, *before))
            connection.execute(
                text("UPDATE place_text_state SET last_place = :place, last_page = :page"),
                {"place": newest[0], "page": newest[1]},
            )
        return done

    def _state(self, connection: Connection) -> tuple[int, str]:
        row = connection.execute(text("SELECT last_place, last_page FROM place_text_state")).one()
        return row[0], row[1]

    def _newest(self, connection: Connection) -> tuple[int, str]:
        place = connection.scalar(text("SELECT coalesce(max(id), 0) FROM place"))
        page = connection.scalar(text("SELECT max(fetched_at) FROM page"))
        return place or 0, str(page or "")

    def _due(self, connection: Connection, last_place: int, last_page: str) -> Iterator[Sequence[Row[int]]]:
        """Yield documents of new places, and of old places whose page was fetched since."""
        seen = "CAST(p.fetched_at AS text)"
        query = text(
            f"{_DOCUMENTS} WHERE pl.id > :after AND (pl.id > :place OR {seen} > :page) ORDER BY pl.id LIMIT {BATCH}"
        )
        after = 0
        while True:
            rows = connection.execute(query, {"after": after, "place": last_place, "page": last_page}).all()
            if not rows:
                return
            yield rows
            after = rows[-1].id

    def _write(self, connection: Connection, rows: Sequence[Row[int]]) -> int:
        values = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
        key = "place_id" if self._postgresql else "rowid"
        connection.execute(text(f"DELETE FROM place_text WHERE {key} = :id"), values)  # noqa: S608 - our names
        if not self._postgresql:
            names = ", ".join(_COLUMNS)
            marks = ", ".join(f":{name}" for name in _COLUMNS)
            connection.execute(text(f"INSERT INTO place_text (rowid, {names}) VALUES (:id, {marks})"), values)  # noqa: S608
            return len(values)
        for value in values:
            # The parser keeps "knight_walk.png" in one piece, as a file's name; people look for its words.
            value["path"] = re.sub(r"[\W_]+", " ", value["path"])
        weighted = " || ".join(
            f"setweight(to_tsvector('simple', :{name}), '{weight}')"
            for name, weight in zip(_COLUMNS, "AABCD"[: len(_COLUMNS)], strict=True)
        )
        connection.execute(text(f"INSERT INTO place_text VALUES (:id, {weighted})"), values)  # noqa: S608
        return len(values)
