"""Recording what the crawl found: pages with their claims, and files with their blobs.

Every function runs inside the caller's transaction and may be repeated: recording the same thing twice, or two
things in another order, ends in the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from db import stages
from db.derive import spread
from db.engine import chunked, insert_new, insert_or_replace
from db.fitting import check_urls, fitting
from db.matching import come_to_page, leave_page, note_new_sidecars
from db.models import Blob, Collection, File, FileVersion, Licence, Page, PageFile, Person, Place, Tag
from db.records import FetchedFile, FileLink, PageRecord
from db.urls import stored_name
from db.vocabulary import ROLE_RANK, PersonRole, Stage


def record_page(connection: Connection, page: PageRecord) -> int:
    """Write a content page and everything it says; return its id."""
    return record_pages(connection, [page]).ids[page.url]


@dataclass(frozen=True)
class RecordedPages:
    """The ids of pages by URL, and files that the catalog has, but that their page describes otherwise than before."""

    ids: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)


def record_pages(connection: Connection, pages: Sequence[PageRecord]) -> RecordedPages:
    """Write content pages and everything they say, a few statements for all of them.

    Raises TooLongError for a page whose URL does not fit; links and tags that do not are left out or cut.
    """
    recorded = RecordedPages()
    left = [fitting(page) for page in pages]
    while left:  # a page that comes twice is written twice, in order
        now = {page.url: page for page in reversed(left)}
        left = [page for page in left if now[page.url] is not page]
        _record_distinct(connection, list(reversed(now.values())), recorded)
    return recorded


def _record_distinct(connection: Connection, pages: Sequence[PageRecord], recorded: RecordedPages) -> None:
    urls = [page.url for page in pages]
    known = _page_ids(connection, urls)
    recorded.changed.update(_changed_files(connection, [page for page in pages if page.url in known]))
    insert_or_replace(connection, Page, [_page_row(page) for page in pages], ("url",))
    ids = known | _page_ids(connection, [url for url in urls if url not in known])
    for table in (Person, Licence, Tag, Collection) if known else ():
        connection.execute(delete(table).where(table.page_id.in_(list(known.values()))))
    _record_claims(connection, ids, pages)
    _record_links(connection, ids, pages, set(known.values()))
    recorded.ids.update(ids)


def _page_ids(connection: Connection, urls: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunked(urls):
        for url, page_id in connection.execute(PAGE_IDS, {"urls": chunk}):
            found[url] = page_id
    return found


def _page_row(page: PageRecord) -> dict[str, Any]:
    return {
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


def credited_names(page: PageRecord) -> list[str]:
    """Return the names of authors and collaborators, in order, each once."""
    roles = (PersonRole.AUTHOR, PersonRole.COLLABORATOR)
    return list(dict.fromkeys(person.name for person in page.people if person.role in roles))


def licence_expression(page: PageRecord) -> str:
    """Return the SPDX expression of a page: any one of its licences may be chosen, hence OR."""
    return " OR ".join(dict.fromkeys(licence.spdx for licence in page.licences))


def _record_claims(connection: Connection, ids: dict[str, int], pages: Sequence[PageRecord]) -> None:
    people, licences, tags, collections = [], [], [], []
    for page in pages:
        of_page = {"page_id": ids[page.url]}
        people += [
            {**of_page, "position": position, "role": person.role.value, "name": person.name, "url": person.url}
            for position, person in enumerate(page.people)
        ]
        licences += [
            {**of_page, "position": position, "name": licence.name, "url": licence.url, "spdx": licence.spdx}
            for position, licence in enumerate(page.licences)
        ]
        tags += [{**of_page, "name": tag} for tag in page.tags]
        collections += [{**of_page, "url": item.url, "title": item.title} for item in page.collections]
    insert_new(connection, Person, people)
    insert_new(connection, Licence, licences)
    insert_new(connection, Tag, tags)
    insert_new(connection, Collection, collections)


def _record_links(
    connection: Connection, page_ids: dict[str, int], pages: Sequence[PageRecord], known: set[int]
) -> None:
    """Write the pages' links; those they showed before and no longer show stay, marked as withdrawn."""
    ids = ensure_files(connection, [link.url for page in pages for link in page.files])
    rows, claims = [], []
    for page in pages:
        page_id = page_ids[page.url]
        if page.links_from is None and page_id in known:
            _withdraw_others(connection, page_id, {(ids[link.url], link.role.value) for link in page.files})
        for position, link in enumerate(page.files, page.links_from or 0):
            file_id = ids[link.url]
            rows.append({"page_id": page_id, "file_id": file_id, **_link_row(link, position)})
            claims.append({"of_file": file_id, "by_page": page_id, "rank": f"{ROLE_RANK[link.role]} {page.url}"})
    if rows:
        insert_or_replace(connection, PageFile, rows, ("page_id", "file_id", "role"))
        moving = _moving(connection, claims)
        leave_page(connection, moving)
        connection.execute(CLAIM_SOURCE_PAGE, claims)
        come_to_page(connection, moving)


def _moving(connection: Connection, claims: Sequence[dict[str, Any]]) -> list[int]:
    """Return the files whose bytes are there, and which these claims give to another page."""
    best: dict[int, tuple[str, int]] = {}
    for claim in claims:
        this = (claim["rank"], claim["by_page"])
        best[claim["of_file"]] = min(best.get(claim["of_file"], this), this)
    moving = []
    for chunk in chunked(best):
        for file_id, page_id, rank in connection.execute(CLAIMED, {"files": chunk}):
            if page_id is None or (best[file_id][0] < rank and best[file_id][1] != page_id):
                moving.append(file_id)
    return moving


def _changed_files(connection: Connection, pages: Sequence[PageRecord]) -> set[str]:
    """Return the URLs of files that the catalog has, but that their page now describes with another id or size."""
    claims = {
        (page.url, link.url, link.role.value): (link.site_file_id, link.declared_bytes)
        for page in pages
        for link in page.files
    }
    changed: set[str] = set()
    for chunk in chunked(dict.fromkeys(page.url for page in pages)):
        for page_url, url, role, *known in connection.execute(KNOWN_CLAIMS, {"urls": chunk}):
            claim = claims.get((page_url, url, role))
            if claim is not None and claim != tuple(known):
                changed.add(url)
    return changed


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


PAGE_IDS = select(Page.url, Page.id).where(Page.url.in_(bindparam("urls", expanding=True)))
FILE_IDS = select(File.url, File.id).where(File.url.in_(bindparam("urls", expanding=True)))
FETCHED_URLS = select(File.url).where(File.url.in_(bindparam("urls", expanding=True)), File.blob_id.is_not(None))
KNOWN_CLAIMS = (
    select(Page.url, File.url, PageFile.role, PageFile.site_file_id, PageFile.declared_bytes)
    .join(Page, Page.id == PageFile.page_id)
    .join(File, File.id == PageFile.file_id)
    .where(Page.url.in_(bindparam("urls", expanding=True)))
)
NOTE_DOWNLOAD = (
    update(File)
    .where(File.id == bindparam("of_file"))
    .values({n: bindparam(n) for n in ("blob_id", "content_type", "etag", "last_modified", "fetched_at")})
)
CLAIMED = select(File.id, File.page_id, File.page_rank).where(
    File.id.in_(bindparam("files", expanding=True)), File.blob_id.is_not(None)
)
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
    missing = sorted(
        url for url in wanted if url not in ids
    )  # one order for all, or two processes could wait in a circle
    if missing:
        insert_new(connection, File, [_empty_file(url) for url in missing])
        ids |= _file_ids(connection, missing)
    return ids


def _file_ids(connection: Connection, urls: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunked(urls):
        for url, file_id in connection.execute(FILE_IDS, {"urls": chunk}):
            found[url] = file_id
    return found


def _empty_file(url: str) -> dict[str, Any]:
    return {"url": url, "name": stored_name(url), "page_rank": "", "content_type": "", "etag": "", "last_modified": ""}


def unfetched(connection: Connection, urls: Sequence[str]) -> list[str]:
    """Return those of the URLs whose bytes the catalog does not have yet, in order."""
    had: set[str] = set()
    for chunk in chunked(urls):
        had.update(connection.scalars(FETCHED_URLS, {"urls": chunk}))
    return [url for url in dict.fromkeys(urls) if url not in had]


def record_fetched(connection: Connection, *fetched: FetchedFile) -> None:
    """Write finished downloads: file, blob, the place where the blob was seen, and that it is due to be read."""
    if not fetched:
        return
    check_urls(file.url for file in fetched)
    file_ids = ensure_files(connection, [file.url for file in fetched])
    blob_ids = ensure_blobs(connection, [(file.sha256, file.size_bytes) for file in fetched])
    now = datetime.now(UTC)
    rows, versions, places = [], [], []
    for file in fetched:
        file_id, blob_id = file_ids[file.url], blob_ids[file.sha256]
        said = {"etag": file.etag, "last_modified": file.last_modified, "fetched_at": now}
        rows.append({"of_file": file_id, "blob_id": blob_id, "content_type": file.content_type, **said})
        versions.append({"file_id": file_id, "blob_id": blob_id, **said})
        places.append(_root_place(file_id, blob_id))
    connection.execute(NOTE_DOWNLOAD, rows)
    insert_new(connection, FileVersion, versions)
    read = sorted(set(blob_ids.values()))
    stages.due_with_bytes(connection, read)
    settled = sorted(stages.lock_all(connection, Stage.READ, read))
    newest = connection.scalar(select(func.max(Place.id))) or 0 if settled else 0
    insert_new(connection, Place, places)
    if settled:
        spread(connection, settled)  # of others nothing is known that could be seen here
        note_new_sidecars(connection, settled, newest)


def _root_place(file_id: int, blob_id: int) -> dict[str, Any]:
    nowhere = {"parent_id": 0, "member_id": 0, "depth": 0, "path": "", "fragment": ""}
    return {**nowhere, "file_id": file_id, "blob_id": blob_id, "root_id": blob_id}


def ensure_blobs(connection: Connection, blobs: Sequence[tuple[bytes, int]]) -> dict[bytes, int]:
    """Return ids by SHA-256, making missing rows; a new blob is due to be read."""
    sizes = dict(sorted(blobs))
    insert_new(connection, Blob, [{"sha256": sha, "size_bytes": size} for sha, size in sizes.items()])
    ids = stages.ids_by_key(connection, Blob.id, Blob.sha256, list(sizes))
    stages.due(connection, Stage.READ, list(ids.values()))
    return ids
