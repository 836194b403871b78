"""SQL views for those who prefer SQL; the same text on SQLite and PostgreSQL."""

from sqlalchemy import Connection, text

IMAGE_CATALOG = """
CREATE VIEW image_catalog AS
SELECT
    s.id AS sighting_id,
    i.id AS image_id,
    f.url
        || CASE WHEN pl.fragment <> '' OR s.frame > 0 OR s.tile_id > 0 THEN '#' ELSE '' END
        || pl.fragment
        || CASE WHEN s.frame > 0
                THEN (CASE WHEN pl.fragment <> '' THEN '&' ELSE '' END) || 'frame=' || s.frame
                ELSE '' END
        || CASE WHEN s.tile_id > 0
                THEN (CASE WHEN pl.fragment <> '' OR s.frame > 0 THEN '&' ELSE '' END)
                     || 'xywh=' || t.x || ',' || t.y || ',' || t.w || ',' || t.h
                ELSE '' END AS url,
    p.url AS source_page,
    p.title AS title,
    p.authors AS authors,
    p.licence AS licence,
    p.tags AS tags,
    p.art_type AS art_type,
    f.url AS file_url,
    pl.path AS path,
    s.frame AS frame,
    i.width AS width,
    i.height AS height,
    CASE WHEN s.tile_id > 0 THEN 'tile' WHEN sh.kind IN ('grid', 'atlas') THEN 'sheet' ELSE 'image' END AS kind,
    t.sheet_id AS parent_image_id,
    t.x AS x, t.y AS y, t.w AS w, t.h AS h,
    t."row" AS tile_row, t."column" AS tile_column, t.name AS tile_name,
    i.featurized AS featurized,
    i.indexed AS indexed,
    CASE WHEN pl.root_id = f.blob_id AND (f.page_id IS NULL OR (
        SELECT count(*) FROM page_file pf WHERE pf.file_id = f.id AND pf.withdrawn_at IS NULL
    ) > 0) THEN 1 ELSE 0 END AS is_current,
    l.format AS format,
    fr.mode AS mode,
    fr.palette_size AS palette_size,
    fr.duration_ms AS duration_ms,
    fr.label AS frame_label,
    fr.partial AS partial,
    i.alpha AS alpha,
    i.colours AS colours,
    i.upscale AS upscale,
    i.pixel_hash AS pixel_hash,
    b.sha256 AS blob_sha256,
    t.position AS tile_position, t.tag AS tile_tag, t.orientation AS orientation, t.alike_id AS alike_image_id,
    i.orientation_hash AS orientation_hash
FROM sighting s
JOIN image i ON i.id = s.image_id
JOIN place pl ON pl.id = s.place_id
JOIN file f ON f.id = pl.file_id
JOIN blob b ON b.id = pl.blob_id
LEFT JOIN frame fr ON fr.blob_id = pl.blob_id AND fr.number = s.frame
LEFT JOIN ledger l ON l.stage = 'read' AND l.subject_id = pl.blob_id
LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN tile t ON t.id = s.tile_id
LEFT JOIN sheet sh ON sh.image_id = s.image_id
"""

PAGE_CATALOG = """
CREATE VIEW page_catalog AS
SELECT
    p.id AS page_id,
    p.url AS url,
    p.title AS title,
    p.authors AS authors,
    p.licence AS licence,
    p.attribution AS attribution,
    p.tags AS tags,
    p.art_type AS art_type,
    p.posted_at AS posted_at,
    CASE WHEN p.gone_at IS NULL THEN 0 ELSE 1 END AS is_gone,
    (SELECT count(*) FROM page_file pf WHERE pf.page_id = p.id AND pf.withdrawn_at IS NULL) AS links,
    (SELECT count(*) FROM page_file pf JOIN file f ON f.id = pf.file_id
     WHERE pf.page_id = p.id AND pf.withdrawn_at IS NULL AND f.blob_id IS NOT NULL) AS fetched
FROM page p
"""

BLOB_CATALOG = """
CREATE VIEW blob_catalog AS
SELECT
    b.id AS blob_id,
    b.sha256 AS sha256,
    b.size_bytes AS size_bytes,
    f.url || CASE WHEN pl.fragment <> '' THEN '#' ELSE '' END || pl.fragment AS url,
    f.url AS file_url,
    pl.path AS path,
    pl.depth AS depth,
    p.url AS source_page,
    l.format AS format,
    l.outcome AS outcome,
    l.reason AS reason
FROM place pl
JOIN blob b ON b.id = pl.blob_id
JOIN file f ON f.id = pl.file_id
LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN ledger l ON l.stage = 'read' AND l.subject_id = b.id
"""

CONSUMER_PROGRESS = """
CREATE VIEW consumer_progress AS
SELECT
    c.name AS consumer,
    c.version AS version,
    CAST((SELECT coalesce(sum(t.number), 0) FROM tally t WHERE t.name = 'images') AS BIGINT) AS images,
    CAST((SELECT coalesce(sum(t.number), 0) FROM tally t
          WHERE t.name = 'todo' AND t.key = CAST(c.id AS TEXT)) AS BIGINT) AS lacking
FROM consumer c
"""

# `count(*) > 0` above and not EXISTS, which PostgreSQL may answer from a hash of the whole table.

VIEWS = {
    "image_catalog": IMAGE_CATALOG,
    "page_catalog": PAGE_CATALOG,
    "blob_catalog": BLOB_CATALOG,
    "consumer_progress": CONSUMER_PROGRESS,
}
"""Views are code: made anew after each migration, so that no migration has to know what they said before."""


def drop_views(connection: Connection) -> None:
    """Drop our views, also those an older artquarry made: tables under a view cannot be altered."""
    for name in VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))


def create_views(connection: Connection) -> None:
    """Create every view."""
    for definition in VIEWS.values():
        connection.execute(text(definition))
