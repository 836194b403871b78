"""From ids back to URLs, and from URLs, pages and bytes to ids.

The URL of an image is its file's URL with a fragment that says where in it: `path=` for each archive on the way down
(percent-encoded), `frame=` for a later frame of an animation, `xywh=` for a tile (after W3C Media Fragments).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy import Connection, RowMapping, select, text

from db.engine import chunked
from db.models import Blob, File, Ledger, Licence, Member, Page, PageFile, Place
from db.vocabulary import Stage


@dataclass(frozen=True)
class LicenceRef:
    """A licence offered: its SPDX identifier, the site's name for it, and where its deed is."""

    spdx: str
    name: str
    url: str


@dataclass(frozen=True)
class SightingRow:
    """Where an image was seen, and whom to credit. `url` leads back to exactly these pixels.

    `licence` is an SPDX expression, `licences` the same one by one: any of them may be chosen. `credit` is a line
    that satisfies all of them. `is_current`: the site still shows it there.
    """

    image_id: int
    url: str
    kind: str
    source_page: str | None
    title: str | None
    authors: str | None
    licence: str | None
    path: str
    width: int
    height: int
    parent_image_id: int | None
    rectangle: tuple[int, int, int, int] | None
    is_current: bool = True
    licences: tuple[LicenceRef, ...] = ()
    attribution: str = ""
    credit: str = ""


@dataclass(frozen=True)
class BlobProvenance:
    """Everything about some bytes: where they were seen, by whom offered, what is in them, how reading them ended."""

    id: int
    sha256: bytes
    size_bytes: int
    urls: tuple[str, ...]
    pages: tuple[str, ...]
    outcome: str
    format: str
    reason: str
    members: tuple[str, ...]
    images: tuple[int, ...]


def url_of_blob(connection: Connection, blob_id: int) -> str:
    """Return a URL where the blob was seen: its file's, with the path inside an archive as fragment; '' if nowhere."""
    row = connection.execute(
        select(File.url, Place.fragment)
        .join(File, File.id == Place.file_id)
        .where(Place.blob_id == blob_id)
        .order_by(Place.id)
        .limit(1)
    ).first()
    return "" if row is None else file_fragment(row[0], row[1])


def url_of_image(connection: Connection, image_id: int) -> str:
    """Return a URL where the image was seen; '' if nowhere."""
    query = text("SELECT url FROM image_catalog WHERE image_id = :id ORDER BY sighting_id LIMIT 1")
    return connection.scalar(query, {"id": image_id}) or ""


def file_fragment(url: str, fragment: str) -> str:
    """Join a file's URL and a fragment."""
    return f"{url}#{fragment}" if fragment else url


def sightings_of(connection: Connection, image_id: int, limit: int) -> list[SightingRow]:
    """Return the first `limit` places where an image was seen, in the order they were found."""
    query = text("SELECT * FROM image_catalog WHERE image_id = :id ORDER BY sighting_id LIMIT :count")
    return _sightings(connection, connection.execute(query, {"id": image_id, "count": limit}).mappings().all())


def credited_sighting_of(connection: Connection, image_id: int) -> SightingRow | None:
    """Return the first place of an image whose page says whom to credit, None if none does."""
    query = text(
        "SELECT * FROM image_catalog WHERE sighting_id = (SELECT min(sighting_id) FROM image_catalog"
        " WHERE image_id = :id AND source_page IS NOT NULL AND authors <> '')"
    )
    found = _sightings(connection, connection.execute(query, {"id": image_id}).mappings().all())
    return found[0] if found else None


def _sightings(connection: Connection, rows: Sequence[RowMapping]) -> list[SightingRow]:
    pages = _page_claims(connection, sorted({row["source_page"] for row in rows if row["source_page"] is not None}))
    return [_sighting(row, *pages.get(row["source_page"], ((), ""))) for row in rows]


def _page_claims(connection: Connection, urls: Sequence[str]) -> dict[str, tuple[tuple[LicenceRef, ...], str]]:
    found: dict[str, tuple[tuple[LicenceRef, ...], str]] = {}
    claims = (
        select(Page.url, Page.attribution, Licence.spdx, Licence.name, Licence.url)
        .outerjoin(Licence, Licence.page_id == Page.id)
        .order_by(Page.url, Licence.position)
    )
    for chunk in chunked(urls):
        for url, attribution, spdx, name, deed in connection.execute(claims.where(Page.url.in_(chunk))):
            known = found.get(url, ((), ""))[0]
            found[url] = (known if spdx is None else (*known, LicenceRef(spdx, name, deed)), attribution)
    return found


def _sighting(v: RowMapping, licences: tuple[LicenceRef, ...], attribution: str) -> SightingRow:
    from db.credits import credit_line

    names = [licence.name for licence in licences]
    return SightingRow(
        image_id=v["image_id"],
        url=v["url"],
        kind=v["kind"],
        source_page=v["source_page"],
        title=v["title"],
        authors=v["authors"],
        licence=v["licence"],
        path=v["path"],
        width=v["width"],
        height=v["height"],
        parent_image_id=v["parent_image_id"],
        rectangle=None if v["x"] is None else (v["x"], v["y"], v["w"], v["h"]),
        is_current=bool(v["is_current"]),
        licences=licences,
        attribution=attribution,
        credit=credit_line(v["title"] or "", v["authors"] or "", names, v["source_page"] or v["file_url"]),
    )


@dataclass(frozen=True)
class ImageUrl:
    """An image's URL taken apart. `fragment` is the path as places have it; `box` is (x, y, w, h) of a tile."""

    file_url: str
    fragment: str
    frame: int
    box: tuple[int, int, int, int] | None


def parse_image_url(url: str) -> ImageUrl:
    """Take a URL apart, however its escapes are written. Raises ValueError if `xywh` or `frame` make no sense."""
    file_url, _, fragment = url.partition("#")
    paths, frame, box = [], 0, None
    for part in fragment.split("&") if fragment else ():
        name, _, value = part.partition("=")
        if name == "path":
            paths.append("path=" + quote(unquote(value, errors="surrogatepass"), safe="/", errors="surrogatepass"))
        elif name == "frame":
            frame = int(value)
        elif name == "xywh":
            x, y, w, h = (int(number) for number in value.removeprefix("pixel:").split(","))
            box = (x, y, w, h)
    return ImageUrl(file_url, "&".join(paths), frame, box)


def images_at(connection: Connection, url: str) -> list[int]:
    """Return the ids of images seen at a URL, what the site shows now first; without fragment, all that is in a file.

    Raises ValueError for a fragment that makes no sense.
    """
    asked = parse_image_url(url)
    whole_file = not urlsplit(url).fragment
    if whole_file and not _is_image(connection, asked.file_url):
        return _in_file(connection, asked.file_url)
    rows = connection.execute(_AT, {**vars(asked), "fragment": asked.fragment}).all()
    wanted = [row for row in rows if asked.box == (None if row.x is None else (row.x, row.y, row.w, row.h))]
    return list(dict.fromkeys(row.image_id for row in wanted))


_AT = text("""
SELECT s.image_id, t.x, t.y, t.w, t.h
FROM file f JOIN place pl ON pl.file_id = f.id JOIN sighting s ON s.place_id = pl.id
LEFT JOIN tile t ON t.id = s.tile_id
WHERE f.url = :file_url AND pl.fragment = :fragment AND s.frame = :frame
ORDER BY CASE WHEN pl.root_id = f.blob_id THEN 0 ELSE 1 END, pl.id DESC, s.id
""")


def _is_image(connection: Connection, file_url: str) -> bool:
    whole = text(
        "SELECT 1 FROM file f JOIN place pl ON pl.file_id = f.id AND pl.parent_id = 0 AND pl.blob_id = f.blob_id"
        " JOIN frame fr ON fr.blob_id = pl.blob_id WHERE f.url = :url LIMIT 1"
    )
    return connection.scalar(whole, {"url": file_url}) is not None


def _in_file(connection: Connection, file_url: str) -> list[int]:
    query = text(
        "SELECT DISTINCT s.image_id FROM file f JOIN place pl ON pl.file_id = f.id"
        " JOIN sighting s ON s.place_id = pl.id WHERE f.url = :url ORDER BY s.image_id"
    )
    return list(connection.scalars(query, {"url": file_url}))


def images_on_page(connection: Connection, page_url: str, after_id: int, count: int) -> list[int]:
    """Return ids of images in the files of a page, above `after_id`, in order."""
    query = text("""
        SELECT DISTINCT s.image_id FROM page p JOIN page_file pf ON pf.page_id = p.id
        JOIN place pl ON pl.file_id = pf.file_id JOIN sighting s ON s.place_id = pl.id
        WHERE p.url = :url AND s.image_id > :after ORDER BY s.image_id LIMIT :count
    """)
    return list(connection.scalars(query, {"url": page_url, "after": after_id, "count": count}))


def blob_provenance(connection: Connection, sha256: bytes) -> BlobProvenance | None:
    """Return everything about some bytes, None if the catalog does not know them."""
    blob = connection.execute(select(Blob.id, Blob.size_bytes).where(Blob.sha256 == sha256)).first()
    if blob is None:
        return None
    read = connection.execute(
        select(Ledger.outcome, Ledger.format, Ledger.reason).where(
            Ledger.stage == Stage.READ, Ledger.subject_id == blob.id
        )
    ).first()
    outcome, format_, reason = read or ("", "", "")
    places = connection.execute(
        select(File.url, Place.fragment).join(File, File.id == Place.file_id).where(Place.blob_id == blob.id)
    ).all()
    offered = (
        select(Page.url)
        .join(PageFile, PageFile.page_id == Page.id)
        .join(Place, Place.file_id == PageFile.file_id)
        .where(Place.blob_id == blob.id)
    )
    members = select(Member.path).where(Member.archive_id == blob.id).order_by(Member.position)
    return BlobProvenance(
        id=blob.id,
        sha256=sha256,
        size_bytes=blob.size_bytes,
        urls=tuple(sorted({file_fragment(url, fragment) for url, fragment in places})),
        pages=tuple(sorted(set(connection.scalars(offered)))),
        outcome=outcome,
        format=format_,
        reason=reason,
        members=tuple(connection.scalars(members)),
        images=tuple(_images_of_blob(connection, blob.id)),
    )


def _images_of_blob(connection: Connection, blob_id: int) -> Iterator[int]:
    query = text(
        "SELECT image_id FROM frame WHERE blob_id = :id UNION SELECT t.image_id FROM frame f"
        " JOIN tile t ON t.sheet_id = f.image_id WHERE f.blob_id = :id ORDER BY 1"
    )
    yield from connection.scalars(query, {"id": blob_id})
