"""Recording what the crawl found: pages with their claims, and files with their blobs.

Every function runs inside the caller's transaction and may be repeated: recording the same thing twice, or two
things in another order, ends in the same rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from db import stages
from db.derive import spread
from db.engine import chunked, insert_new, upsert
from db.matching import note_new_sidecars
from db.models import Blob, Collection, File, FileVersion, Licence, Page, PageFile, Person, Place, Tag
from db.records import FetchedFile, FileLink, PageRecord
from db.urls import stored_name
from db.vocabulary import ROLE_RANK, PersonRole, Stage


def record_page(connection: Connection, page: PageRecord) -> int:
    """Write a content page and everything it says; return its id."""
    values: dict[str, Any] = {
        "url": page.url,
        "site": page.site,
        "site_id": page.site_id,
        "title": page.title,
        "art_type": page.art_type,
        "authors": "; ".join(credited_names(page)),
        "licence": licence_expression(page),
        "tags": ", ".join(page.tags),
        "description": page.description,
        "attribution": page.attribution,
        "posted_at": page.posted_at,
        "favourites": page.favourites,
        "withheld": page.withheld,
        "extra": page.extra,
        "gone_at": None,
        "fetched_at": datetime.now(UTC),
    }
    known = connection.scalar(select(Page.id).where(Page.url == page.url))
    page_id = connection.scalars(
        upsert(connection, Page)
        .values(**values)
        .on_conflict_do_update(index_elements=["url"], set_=values)
        .returning(Page.id)
    ).one()
    for table in (Person, Licence, Tag, Collection) if known is not None else ():
        connection.execute(delete(table).where(table.page_id == page_id))
    _record_claims(connection, page_id, page)
    _record_links(connection, page_id, page)
    return page_id


def credited_names(page: PageRecord) -> list[str]:
    """Return the names of authors and collaborators, in order, each once."""
    roles = (PersonRole.AUTHOR, PersonRole.COLLABORATOR)
    return list(dict.fromkeys(person.name for person in page.people if person.role in roles))


def licence_expression(page: PageRecord) -> str:
    """Return the SPDX expression of a page: any one of its licences may be chosen, hence OR."""
    return " OR ".join(dict.fromkeys(licence.spdx for licence in page.licences))


def _record_claims(connection: Connection, page_id: int, page: PageRecord) -> None:
    people = [
        {"page_id": page_id, "position": position, "role": person.role.value, "name": person.name, "url": person.url}
        for position, person in enumerate(page.people)
    ]
    licences = [
        {"page_id": page_id, "position": position, "name": licence.name, "url": licence.url, "spdx": licence.spdx}
        for position, licence in enumerate(page.licences)
    ]
    collections = [{"page_id": page_id, "url": item.url, "title": item.title} for item in page.collections]
    insert_new(connection, Person, people)
    insert_new(connection, Licence, licences)
    insert_new(connection, Tag, [{"page_id": page_id, "name": tag} for tag in page.tags])
    insert_new(connection, Collection, collections)


def _record_links(connection: Connection, page_id: int, page: PageRecord) -> None:
    """Write the page's links; those it showed before and no longer shows stay, marked as withdrawn."""
    ids = ensure_files(connection, [link.url for link in page.files])
    shown = [(ids[link.url], link.role.value) for link in page.files]
    if page.links_from is None:
        _withdraw_others(connection, page_id, set(shown))
    if not page.files:
        return
    statement = upsert(connection, PageFile)
    replaced = {name: statement.excluded[name] for name in LINK_CLAIMS}
    keys = ["page_id", "file_id", "role"]
    rows = [
        {**_link_row(link, position), "page_id": page_id, "file_id": ids[link.url]}
        for position, link in enumerate(page.files, page.links_from or 0)
    ]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)
    ranked = [(ids[link.url], f"{ROLE_RANK[link.role]} {page.url}") for link in page.files]
    claims = [{"of_file": file_id, "by_page": page_id, "rank": rank} for file_id, rank in ranked]
    connection.execute(CLAIM_SOURCE_PAGE, claims)


LINK_CLAIMS = (
    "position",
    "original_name",
    "label",
    "site_file_id",
    "media_type",
    "declared_bytes",
    "extra",
    "withdrawn_at",
)


def changed_files(connection: Connection, page: PageRecord) -> list[str]:
    """Return the URLs of files that the catalog has, but that the page now describes with another id or size."""
    rows = connection.execute(
        select(File.url, PageFile.role, PageFile.site_file_id, PageFile.declared_bytes)
        .join(Page, Page.id == PageFile.page_id)
        .join(File, File.id == PageFile.file_id)
        .where(Page.url == page.url)
    )
    known = {(url, role): (site_id, size) for url, role, site_id, size in rows}
    claims = {(link.url, link.role.value): (link.site_file_id, link.declared_bytes) for link in page.files}
    return [key[0] for key, claim in claims.items() if key in known and known[key] != claim]


def _link_row(link: FileLink, position: int) -> dict[str, Any]:
    return {
        "role": link.role.value,
        "position": position,
        "original_name": link.original_name,
        "label": link.label,
        "site_file_id": link.site_file_id,
        "media_type": link.media_type,
        "declared_bytes": link.declared_bytes,
        "extra": link.extra,
        "withdrawn_at": None,
    }


def _withdraw_others(connection: Connection, page_id: int, shown: set[tuple[int, str]]) -> None:
    known = connection.execute(
        select(PageFile.file_id, PageFile.role).where(PageFile.page_id == page_id, PageFile.withdrawn_at.is_(None))
    ).all()
    now = datetime.now(UTC)
    for file_id, role in known:
        if (file_id, role) not in shown:
            gone = (PageFile.page_id == page_id, PageFile.file_id == file_id, PageFile.role == role)
            connection.execute(update(PageFile).where(*gone).values(withdrawn_at=now))


def record_page_gone(connection: Connection, url: str) -> None:
    """Note that a page which was there once is missing; what it gave stays, marked as withdrawn."""
    page_id = connection.scalar(select(Page.id).where(Page.url == url, Page.gone_at.is_(None)))
    if page_id is not None:
        connection.execute(update(Page).where(Page.id == page_id).values(gone_at=datetime.now(UTC)))
        _withdraw_others(connection, page_id, set())


CLAIM_SOURCE_PAGE = (
    update(File)
    .where(File.id == bindparam("of_file"), File.page_id.is_(None) | (File.page_rank > bindparam("rank")))
    .values(page_id=bindparam("by_page"), page_rank=bindparam("rank"))
)
"""Makes a page the source of a file if its claim is the best one; the order of recording must not matter."""


def ensure_files(connection: Connection, urls: Sequence[str]) -> dict[str, int]:
    """Return the ids of file rows for these URLs, making those that are missing."""
    wanted = list(dict.fromkeys(urls))
    ids = _file_ids(connection, wanted)
    missing = [url for url in wanted if url not in ids]
    if missing:
        insert_new(connection, File, [_empty_file(url) for url in missing])
        ids |= _file_ids(connection, missing)
    return ids


def _file_ids(connection: Connection, urls: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunked(urls):
        for url, file_id in connection.execute(select(File.url, File.id).where(File.url.in_(chunk))):
            found[url] = file_id
    return found


def _empty_file(url: str) -> dict[str, Any]:
    return {"url": url, "name": stored_name(url), "page_rank": "", "content_type": "", "etag": "", "last_modified": ""}


def unfetched(connection: Connection, urls: Sequence[str]) -> list[str]:
    """Return those of the URLs whose bytes the catalog does not have yet, in order."""
    had: set[str] = set()
    for chunk in chunked(urls):
        had.update(connection.scalars(select(File.url).where(File.url.in_(chunk), File.blob_id.is_not(None))))
    return [url for url in dict.fromkeys(urls) if url not in had]


def record_fetched(connection: Connection, fetched: FetchedFile) -> None:
    """Write a finished download: file, blob, the place where the blob was seen, and that it is due to be read."""
    file_id = ensure_files(connection, [fetched.url])[fetched.url]
    blob_id = ensure_blobs(connection, [(fetched.sha256, fetched.size_bytes)])[fetched.sha256]
    connection.execute(
        update(File)
        .where(File.id == file_id)
        .values(
            blob_id=blob_id,
            content_type=fetched.content_type,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            fetched_at=datetime.now(UTC),
        )
    )
    version = {
        "file_id": file_id,
        "blob_id": blob_id,
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "fetched_at": datetime.now(UTC),
    }
    insert_new(connection, FileVersion, [version])
    stages.lock(connection, Stage.READ, blob_id)
    settled = stages.is_settled(connection, Stage.READ, blob_id)
    newest = connection.scalar(select(func.max(Place.id))) or 0 if settled else 0
    insert_new(connection, Place, [_root_place(file_id, blob_id)])
    if settled:
        spread(connection, [blob_id])  # else nothing is known of it that could be seen here
        note_new_sidecars(connection, [blob_id], newest)


def _root_place(file_id: int, blob_id: int) -> dict[str, Any]:
    nowhere = {"parent_id": 0, "member_id": 0, "depth": 0, "path": "", "fragment": ""}
    return {**nowhere, "file_id": file_id, "blob_id": blob_id, "root_id": blob_id}


def ensure_blobs(connection: Connection, blobs: Sequence[tuple[bytes, int]]) -> dict[bytes, int]:
    """Return ids by SHA-256, making missing rows; a new blob is due to be read."""
    sizes = dict(blobs)
    insert_new(connection, Blob, [{"sha256": sha, "size_bytes": size} for sha, size in sizes.items()])
    ids = stages.ids_by_key(connection, Blob.id, Blob.sha256, list(sizes))
    stages.due(connection, Stage.READ, list(ids.values()))
    return ids
