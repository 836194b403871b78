"""A catalog as large as you like, made by SQL in bulk, with the distributions of `site-statistics.md`.

Of 50,000 files 23 % are archives; their members are lognormal (median 19, mean 86, at most 2,023); a third of all
images are sheets. Every name has the length that names have there. Hashes are random; there are no bytes behind them.
"""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from benchmarks.catalog_bulk import without_indexes
from db.engine import Database
from db.tallies import recount
from db.triggers import create_triggers, drop_triggers

FULL = 10_000_000


@dataclass(frozen=True)
class Sizes:
    """How many of each there are to be."""

    pages: int
    files: int
    archives: int
    members: int
    whole: int
    sheets: int
    tiles: int
    images: int

    @classmethod
    def of(cls, sightings: int) -> "Sizes":
        k = sightings / FULL
        members = int(1_000_000 * k)
        archives = max(1, int(members / 86))
        files = max(archives + 1, int(archives / 0.23))
        whole = members + files - archives
        sheets = whole // 10
        return cls(
            pages=max(1, int(files / 1.78)),
            files=files,
            archives=archives,
            members=members,
            whole=whole,
            sheets=sheets,
            tiles=sightings - whole,
            images=max(int(3_000_000 * k), whole + 1),
        )


def build(database: Database, sightings: int) -> Sizes:
    """Fill an empty catalog."""
    sizes = Sizes.of(sightings)
    with database.write_much() as connection:
        drop_triggers(connection)
        _helpers(connection, sizes)
        with without_indexes(connection):
            for statement in _statements(connection.dialect.name == "postgresql"):
                connection.execute(text(statement), vars(sizes))
        recount(connection)
        _reset_sequences(connection)
        create_triggers(connection)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return sizes


def _helpers(connection: Connection, sizes: Sizes) -> None:
    """Put into temporary tables what is random: how many members an archive and tiles a sheet has."""
    rng = np.random.default_rng(1)
    members = np.clip(rng.lognormal(np.log(19), np.sqrt(2 * np.log(86 / 19)), sizes.archives), 1, 2023)
    tiles = np.clip(rng.lognormal(np.log(40), 0.9, sizes.sheets), 2, 4096)
    _spans(connection, "archive_span", members * sizes.members / members.sum(), sizes.members)
    _spans(connection, "sheet_span", tiles * sizes.tiles / tiles.sum(), sizes.tiles)


def _spans(connection: Connection, name: str, sizes: np.ndarray, total: int) -> None:
    ends = np.minimum(np.ceil(sizes.cumsum()).astype(int), total)
    ends[-1] = total
    connection.execute(text(f"CREATE TEMPORARY TABLE {name} (id INTEGER PRIMARY KEY, first INTEGER, last INTEGER)"))
    begins = np.concatenate([[0], ends[:-1]]) + 1
    rows = [{"i": n, "a": int(a), "b": int(b)} for n, (a, b) in enumerate(zip(begins, ends, strict=True), 1)]
    connection.execute(text(f"INSERT INTO {name} VALUES (:i, :a, :b)"), rows)


def _statements(postgresql: bool) -> list[str]:
    def series(count: str) -> str:
        if postgresql:
            return f"generate_series(1, :{count}) AS s(n)"
        return f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :{count}) SELECT n FROM c) s"

    def span(name: str) -> str:
        if postgresql:
            return f"{name} a CROSS JOIN LATERAL generate_series(a.first, a.last) AS s(n)"
        return f"{name} a JOIN temp.number s ON s.n BETWEEN a.first AND a.last"

    sha = "sha256((n::text || '{salt}')::bytea)" if postgresql else "randomblob(32)"
    json = "'{}'::json" if postgresql else "'{}'"
    now = "now()" if postgresql else "'2026-01-01 00:00:00.000000'"
    false, true = ("false", "true") if postgresql else ("0", "1")
    licence = "CASE n % 4 WHEN 0 THEN 'CC0-1.0' WHEN 1 THEN 'CC-BY-3.0 OR GPL-3.0-only' ELSE 'CC-BY-SA-3.0' END"
    archive = "n <= :archives"
    numbers = (
        []
        if postgresql
        else [
            "CREATE TEMPORARY TABLE number (n INTEGER PRIMARY KEY)",
            f"INSERT INTO temp.number SELECT n FROM {series('tiles')}",
        ]
    )
    return [
        *numbers,
        f"INSERT INTO page (id, url, site, title, art_type, authors, licence, tags, description, attribution, withheld,"
        f" extra, fetched_at) SELECT n, 'https://opengameart.org/content/some-tiles-' || n, 'opengameart.org',"
        f" 'Some tiles number ' || n, '2D Art', 'author ' || n % 3000, {licence}, 'tile, cave, stone', '', '', '',"
        f" {json}, {now} FROM {series('pages')}",
        f"INSERT INTO licence SELECT n, 0, {licence}, 'http://creativecommons.org/', {licence} FROM {series('pages')}",
        f"INSERT INTO blob (id, sha256, size_bytes) SELECT n, {sha.format(salt='f')}, 51000 FROM {series('files')}",
        f"INSERT INTO blob (id, sha256, size_bytes)"
        f" SELECT :files + n, {sha.format(salt='m')}, 3000 FROM {series('members')}",
        f"INSERT INTO file (id, url, name, page_id, page_rank, blob_id, content_type, etag, last_modified)"
        f" SELECT n, 'https://opengameart.org/sites/default/files/some_tiles_' || n || CASE WHEN {archive}"
        f" THEN '.zip' ELSE '.png' END, 'some_tiles_' || n, n % :pages + 1, '0', n, 'image/png', '\"5e1\"', ''"
        f" FROM {series('files')}",
        f"INSERT INTO page_file (page_id, file_id, role, position, original_name, label, media_type, extra)"
        f" SELECT n % :pages + 1, n, 'file', 0, 'some tiles.png', '', 'image/png', {json} FROM {series('files')}",
        "INSERT INTO place (id, file_id, parent_id, member_id, blob_id, root_id, depth, path, fragment)"
        f" SELECT n, n, 0, 0, n, n, 0, '', '' FROM {series('files')}",
        "INSERT INTO member (id, archive_id, position, raw_name, path, fragment, kind, state, reason, size_bytes,"
        " blob_id)"
        f" SELECT n, a.id, n - a.first, {_bytes(postgresql)}, 'PNG/Some Folder/tile_' || n || '.png',"
        " 'path=PNG/Some%20Folder/tile_' || n || '.png', 'file', 'ok', '', 3000, :files + n"
        f" FROM {span('archive_span')}",
        "INSERT INTO place (id, file_id, parent_id, member_id, blob_id, root_id, depth, path, fragment)"
        " SELECT :files + id, archive_id, archive_id, id, blob_id, archive_id, 1, path, fragment FROM member",
        f"INSERT INTO image (id, pixel_hash, width, height, transparent, featurized, indexed)"
        f" SELECT n, {sha.format(salt='i')}, 64, 64, {true}, {false}, {false} FROM {series('images')}",
        # Loose files first, then members: the blob :archives + n holds whole image n.
        f"INSERT INTO frame (blob_id, number, image_id) SELECT :archives + n, 0, n FROM {series('whole')}",
        "INSERT INTO sheet (image_id, kind, tile_width, tile_height, margin_x, margin_y, spacing_x, spacing_y,"
        " confidence, source, why) SELECT n, CASE WHEN n <= :sheets THEN 'grid' ELSE 'single' END, 16, 16, 0, 0, 0, 0,"
        f" 0.9, 'pixels', 'lines of 16 x 16' FROM {series('whole')}",
        'INSERT INTO tile (id, sheet_id, x, y, w, h, "row", "column", name, image_id)'
        " SELECT n, a.id, 16 * ((n - a.first) % 64), 16 * ((n - a.first) / 64), 16, 16, (n - a.first) / 64,"
        f" (n - a.first) % 64, '', :whole + 1 + n % (:images - :whole) FROM {span('sheet_span')}",
        "INSERT INTO sighting (image_id, place_id, frame, tile_id)"
        f" SELECT n, :archives + n, 0, 0 FROM {series('whole')}",
        "INSERT INTO sighting (image_id, place_id, frame, tile_id)"
        " SELECT image_id, :archives + sheet_id, 0, id FROM tile ORDER BY id",
        "INSERT INTO ledger (stage, subject_id, outcome, version, format, reason, settled_at)"
        " SELECT 'read', id, CASE WHEN id % 100 = 0 THEN 'damaged' ELSE 'ok' END, 1, 'png',"
        f" CASE WHEN id % 100 = 0 THEN 'cut off: ' || id % 40 ELSE '' END, {now} FROM blob",
        "INSERT INTO ledger (stage, subject_id, outcome, version, format, reason)"
        f" SELECT 'slice', n, CASE WHEN n % 10 = 9 THEN 'pending' ELSE 'ok' END, 1, '', '' FROM {series('whole')}",
        "INSERT INTO consumer (id, name, version) VALUES (1, 'one-percent', 1), (2, 'half', 1), (3, 'nearly-done', 1)",
        "INSERT INTO consumer_todo SELECT c.id, i.id FROM consumer c JOIN image i ON"
        " i.id > :images * (CASE c.id WHEN 1 THEN 0.01 WHEN 2 THEN 0.5 ELSE 0.99 END) ORDER BY c.id, i.id",
        "INSERT INTO change (image_id, kind) SELECT id, 'new' FROM image ORDER BY id",
    ]


def _bytes(postgresql: bool) -> str:
    name = "'PNG/Some Folder/tile_' || n || '.png'"
    return f"({name})::bytea" if postgresql else f"CAST({name} AS BLOB)"


def _reset_sequences(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for table in ("page", "blob", "file", "place", "member", "image", "tile", "consumer"):
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
            )
