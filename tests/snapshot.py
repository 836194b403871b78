"""A catalog as plain values that mean the same in another catalog: no ids, no times."""

import re
from typing import Any

from sqlalchemy import text

from db import Catalog

QUERIES = {
    "crawl": "SELECT spider, page_limit, state, seeded, refreshes FROM crawl",
    "frontier": "SELECT url, kind, callback, state, http_status, reason, etag, last_modified FROM frontier",
    "page": "SELECT url, site, site_id, title, art_type, authors, licence, tags, description, attribution, posted_at,"
    " favourites, withheld, gone_at IS NULL FROM page",
    "person": "SELECT page.url, position, role, name, person.url FROM person JOIN page ON page.id = page_id",
    "licence": "SELECT page.url, position, name, licence.url, spdx FROM licence JOIN page ON page.id = page_id",
    "tag": "SELECT page.url, name FROM tag JOIN page ON page.id = page_id",
    "collection": "SELECT page.url, collection.url, collection.title FROM collection JOIN page ON page.id = page_id",
    "file": "SELECT file.url, name, page.url, hex(sha256), content_type, etag, last_modified FROM file"
    " LEFT JOIN page ON page.id = page_id LEFT JOIN blob ON blob.id = blob_id",
    "file_version": "SELECT file.url, hex(sha256), file_version.etag, file_version.last_modified FROM file_version"
    " JOIN file ON file.id = file_id JOIN blob ON blob.id = file_version.blob_id",
    "page_file": "SELECT page.url, file.url, role, position, original_name, label, site_file_id, media_type,"
    " declared_bytes, withdrawn_at IS NULL FROM page_file"
    " JOIN page ON page.id = page_file.page_id JOIN file ON file.id = file_id",
    "blob": "SELECT hex(sha256), size_bytes FROM blob",
    "member": "SELECT hex(a.sha256), position, hex(raw_name), path, fragment, kind, state, reason, member.size_bytes,"
    " hex(b.sha256) FROM member JOIN blob a ON a.id = archive_id LEFT JOIN blob b ON b.id = blob_id",
    "place": "SELECT file.url, depth, path, fragment, hex(sha256), root_id = file.blob_id FROM place"
    " JOIN file ON file.id = file_id JOIN blob ON blob.id = place.blob_id",
    "image": "SELECT hex(pixel_hash), width, height, transparent, featurized, indexed FROM image",
    "frame": "SELECT hex(sha256), number, hex(pixel_hash), duration_ms FROM frame JOIN blob ON blob.id = blob_id"
    " JOIN image ON image.id = image_id",
    "sidecar": "SELECT hex(sha256), position, image_name, format, description FROM sidecar"
    " JOIN blob ON blob.id = blob_id",
    "sheet": "SELECT hex(pixel_hash), kind, tile_width, tile_height, margin_x, margin_y, spacing_x, spacing_y,"
    " confidence, source, why FROM sheet JOIN image ON image.id = image_id",
    "tile": 'SELECT hex(s.pixel_hash), x, y, w, h, "row", "column", name, hex(i.pixel_hash) FROM tile'
    " JOIN image s ON s.id = sheet_id JOIN image i ON i.id = image_id",
    "sighting": "SELECT url, kind, hex(pixel_hash), source_page FROM image_catalog",
    "read": "SELECT hex(sha256), outcome, version, format, reason FROM ledger JOIN blob ON blob.id = subject_id"
    " WHERE stage = 'read'",
    "slice": "SELECT hex(pixel_hash), outcome, version, format, reason FROM ledger JOIN image ON image.id = subject_id"
    " WHERE stage = 'slice'",
}


def snapshot(catalog: Catalog) -> dict[str, list[Any]]:
    """Return the rows of every table, sorted; duplicates would show."""
    with catalog.database.read() as connection:
        hexed = r"upper(encode(\1, 'hex'))" if connection.dialect.name == "postgresql" else r"hex(\1)"
        return {
            name: sorted(
                (tuple(row) for row in connection.execute(text(re.sub(r"hex\(([\w.]+)\)", hexed, query)))), key=repr
            )
            for name, query in QUERIES.items()
        }


def differences(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[str]:
    """Return a line per row that only one side has."""
    found = []
    for name, rows in one.items():
        left, right = list(rows), list(other[name])
        for row in rows:
            if row in right:
                right.remove(row)
                left.remove(row)
        found += [f"only first {name}: {row}" for row in left] + [f"only second {name}: {row}" for row in right]
    return found
