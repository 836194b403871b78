"""The frontier's SQL for every turn of a crawl, built once: SQLAlchemy takes longer to build a query than to run it."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, literal_column, or_, select, true, update

from db.models import Crawl, Frontier, Host
from db.vocabulary import EntryKind, EntryState

PENDING, LEASED, FAILED = (
    Frontier.state == literal_column(f"'{state.value}'")
    for state in (EntryState.PENDING, EntryState.LEASED, EntryState.FAILED)
)
"""Written out, as in the partial indexes, which a parameter would not match."""


def within(limited: bool) -> ColumnElement[bool]:
    """Return what keeps to the entries up to the content page `last`, if the crawl is limited."""
    if not limited:
        return true()  # any condition on the id here would keep SQLite from the index of what is due
    content = and_(Frontier.kind == EntryKind.CONTENT, Frontier.id <= bindparam("last"))
    return or_(Frontier.kind == EntryKind.FILE, content)


DUE = (
    Frontier.crawl_id == bindparam("crawl"),
    PENDING,
    Frontier.not_before <= bindparam("now"),
)


def _hosts_with_work(limited: bool) -> Select[str]:
    due = exists().where(Frontier.host == Host.name, *DUE, within(limited))
    free = or_(Host.owner.is_(None), Host.owner == bindparam("me"), Host.lease_until < bindparam("now"))
    return (
        select(Host.name)
        .where(free, Host.paused_until <= bindparam("now"), due)
        .order_by(Host.name)
        .limit(bindparam("count"))
        .with_for_update(skip_locked=True, of=Host)
    )


def _due_of_host(limited: bool) -> Select[Any]:
    return (
        select(
            Frontier.id,
            Frontier.url,
            Frontier.host,
            Frontier.kind,
            Frontier.callback,
            Frontier.data,
            Frontier.attempts,
            Frontier.etag,
            Frontier.last_modified,
        )
        .where(Frontier.host == bindparam("host"), *DUE, within(limited))
        .order_by(Frontier.rank, Frontier.id)
        .limit(bindparam("count"))
        .with_for_update(skip_locked=True)
    )


HOSTS_WITH_WORK = {limited: _hosts_with_work(limited) for limited in (False, True)}
DUE_OF_HOST = {limited: _due_of_host(limited) for limited in (False, True)}
PAGE_LIMIT = select(Crawl.page_limit).where(Crawl.id == bindparam("crawl"))
NTH_PAGE = (
    select(Frontier.id)
    .where(Frontier.crawl_id == bindparam("crawl"), Frontier.kind == EntryKind.CONTENT)
    .order_by(Frontier.id)
    .limit(1)
    .offset(bindparam("before"))
)
CLAIM_ENTRIES = (
    update(Frontier)
    .where(Frontier.id.in_(bindparam("ids", expanding=True)))
    .values(state=EntryState.LEASED.value, owner=bindparam("me"), lease_until=bindparam("until"))
)
CLAIM_HOSTS = (
    update(Host)
    .where(Host.name.in_(bindparam("names", expanding=True)))
    .values(owner=bindparam("me"), lease_until=bindparam("until"))
)
MARK_DONE = (
    update(Frontier)
    .where(Frontier.id == bindparam("of"), LEASED, Frontier.owner == bindparam("me"))
    .values(
        state=EntryState.DONE.value,
        owner=None,
        reason="",
        http_status=bindparam("status"),
        etag=bindparam("etag"),
        last_modified=bindparam("last_modified"),
        settled_at=bindparam("at"),
    )
)
