"""Pages that another crawl of the same spider fetched lately: what they said need not be asked again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from db.models import Crawl, File, Frontier, Page, PageFile
from db.records import FileLink
from db.urls import fingerprint
from db.vocabulary import EntryKind, EntryState, FileRole


@dataclass(frozen=True)
class KnownPage:
    """A page as it was fetched last: the links it showed, in order, and the validators to ask for it again with."""

    url: str
    etag: str
    last_modified: str
    files: tuple[FileLink, ...]


def known_pages(connection: Connection, crawl_id: int, urls: Sequence[str], since: datetime) -> dict[str, KnownPage]:
    """Return those of the content pages that another crawl of the same spider fetched since then, by URL.

    Only a fetch counts: a page that was taken over in this way, or that a list only spoke of, is not a source.
    """
    asked = {"crawl": crawl_id, "fingerprints": [fingerprint(url) for url in urls], "since": since}
    fetched = {row.url: row for row in connection.execute(FETCHED, asked) if row.url in urls}
    links: dict[int, list[FileLink]] = {}
    for page_id, url, role in connection.execute(SHOWN, {"pages": [row.id for row in fetched.values()]}):
        links.setdefault(page_id, []).append(FileLink(url, FileRole(role)))
    return {
        url: KnownPage(url, row.etag, row.last_modified, tuple(links.get(row.id, ()))) for url, row in fetched.items()
    }


_mine = select(Crawl.spider).where(Crawl.id == bindparam("crawl")).scalar_subquery()
_others = select(Crawl.id).where(Crawl.spider == _mine, Crawl.id != bindparam("crawl"))
FETCHED = (
    select(Page.id, Page.url, Frontier.etag, Frontier.last_modified)
    .join(Page, Page.url == Frontier.url)
    .where(
        Frontier.crawl_id.in_(_others),
        Frontier.fingerprint.in_(bindparam("fingerprints", expanding=True)),
        Frontier.kind == EntryKind.CONTENT,
        Frontier.state == EntryState.DONE,
        Frontier.http_status == 200,
        Frontier.settled_at >= bindparam("since"),
        Page.gone_at.is_(None),
    )
    .order_by(Frontier.settled_at)
)
SHOWN = (
    select(PageFile.page_id, File.url, PageFile.role)
    .join(File, File.id == PageFile.file_id)
    .where(PageFile.page_id.in_(bindparam("pages", expanding=True)), PageFile.withdrawn_at.is_(None))
    .order_by(PageFile.page_id, PageFile.position)
)
