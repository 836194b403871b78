"""The site's pages: listings, submissions, collections, users, articles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from demo.model import LICENCES, Collection, SitePage
from demo.names import encode_path
from demo.replica import search
from demo.replica.pager import PagerItem, mini_pager_items, page_count, pager_items
from demo.replica.render import origin_of, render
from demo.replica.state import REPLICA
from demo.replica.transfer import send, send_html

_COMMENTS_PER_PAGE = 50
_COLLECTED_PER_PAGE = 32
_LATEST_PER_PAGE = 24
_USER_ART_PER_PAGE = 12

T = TypeVar("T")


@dataclass(frozen=True)
class Slice:
    """One page of a paged list, as the site resolved the request."""

    number: int
    pages: int
    start: int
    end: int


def _slice(request: web.Request, total: int, per_page: int) -> Slice:
    """Resolve ``page``; beyond the end it is clamped, or left empty if so switched. Nonsense counts as page 0."""
    text = request.query.get("page", "0").split(",")[0]
    number = int(text) if text.isascii() and text.isdigit() else 0
    pages = page_count(total, per_page)
    if request.app[REPLICA].switches.beyond_end == "clamp":
        number = min(number, pages - 1)
    return Slice(number, pages, number * per_page, min(total, (number + 1) * per_page))


def _raw_path(request: web.Request) -> str:
    return request.raw_path.partition("?")[0]


async def _listing(
    request: web.Request, heading: str, display: str, pages: Sequence[SitePage], query: str, form: search.Query | None
) -> web.StreamResponse:
    per_page = form.items_per_page if form else _LATEST_PER_PAGE
    part = _slice(request, len(pages), per_page)
    html = render(
        request,
        "listing.html",
        heading=heading,
        display=display,
        pages=pages[part.start : part.end],
        header=f"Displaying {part.start + 1} - {part.end} of {len(pages)}" if form else None,
        pager=pager_items(part.number, part.pages),
        path=_raw_path(request),
        query=query,
        form=form,
    )
    response = await send_html(request, html)
    request.app[REPLICA].let_one_arrive()
    return response


async def advanced_search(request: web.Request) -> web.StreamResponse:
    """``/art-search-advanced``."""
    replica = request.app[REPLICA]
    pairs = parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True)
    try:
        query = search.parse_query(pairs)
    except search.IllegalChoice as error:
        html = render(
            request,
            "listing.html",
            heading="Advanced Search",
            display="search_art_advanced",
            pages=(),
            form=search.Query(),
            errors=str(error),
        )
        return await send_html(request, html)
    found = search.search(list(replica.pages.values()), replica.authors, query)
    return await _listing(request, "Advanced Search", "search_art_advanced", found, query.parameters(), query)


async def simple_search(request: web.Request) -> web.StreamResponse:
    """``/art-search?keys=``."""
    replica = request.app[REPLICA]
    query = search.Query(keys=request.query.get("keys", ""))
    found = search.search(list(replica.pages.values()), replica.authors, query)
    return await _listing(request, "Art Search", "search_art", found, f"keys={encode_path(query.keys)}", None)


async def latest(request: web.Request) -> web.StreamResponse:
    """``/latest``."""
    replica = request.app[REPLICA]
    found = search.search(list(replica.pages.values()), replica.authors, search.Query())
    return await _listing(request, "Latest Art", "latest", found, "", None)


async def popular(request: web.Request) -> web.StreamResponse:
    """``/popular``, and the front page."""
    replica = request.app[REPLICA]
    found = search.search(list(replica.pages.values()), replica.authors, search.Query(sort_by="count"))
    return await _listing(request, "Popular Art", "popular", found, "", None)


async def favourites(request: web.Request) -> web.StreamResponse:
    """``/user/<uid>/favorites`` and ``/user/<uid>/collections``: every third submission stands for them."""
    replica = request.app[REPLICA]
    if not any(str(author.uid) == request.match_info["uid"] for author in replica.content.authors):
        return await not_found(request)
    return await _listing(request, "Favorites", "favorites", list(replica.pages.values())[::3], "", None)


async def latest_rss(request: web.Request) -> web.StreamResponse:
    """``/latest/rss.xml``."""
    origin, replica = origin_of(request), request.app[REPLICA]
    pages = search.search(list(replica.pages.values()), replica.authors, search.Query())[:10]
    items = "".join(f"<item><link>{origin}/content/{encode_path(page.slug)}</link></item>" for page in pages)
    body = f'<?xml version="1.0" encoding="utf-8" ?><rss version="2.0"><channel>{items}</channel></rss>'
    return await send(request, body.encode(), {"Content-Type": "application/rss+xml; charset=utf-8"})


async def content(request: web.Request) -> web.StreamResponse:
    """``/content/<slug>``: a submission, a collection, an article, or the former address of one."""
    replica, path = request.app[REPLICA], _raw_path(request)
    if path in replica.redirects:
        return _moved(request, replica.redirects[path])
    slug = unquote(path.removeprefix("/content/"))
    if slug in replica.pages:
        return await _submission(request, replica.pages[slug])
    if slug in replica.collections:
        return await _collection(request, replica.collections[slug])
    if slug in replica.articles:
        return await send_html(request, render(request, "article.html", node=replica.articles[slug]))
    return await not_found(request)


async def _submission(request: web.Request, page: SitePage) -> web.StreamResponse:
    replica = request.app[REPLICA]
    part = _slice(request, len(page.comments), _COMMENTS_PER_PAGE)
    html = render(
        request,
        "content.html",
        page=page,
        submitter=replica.authors[page.credit.submitter],
        licences={licence.tid: licence for licence in LICENCES},
        member_of=[item for item in replica.content.collections if page.slug in item.members],
        comments=page.comments[part.start : part.end],
        pager=pager_items(part.number, part.pages),
        path=_raw_path(request),
    )
    return await send_html(request, html)


async def _collection(request: web.Request, node: Collection) -> web.StreamResponse:
    replica = request.app[REPLICA]
    part = _slice(request, len(node.members), _COLLECTED_PER_PAGE)
    html = render(
        request,
        "collection.html",
        node=node,
        collector=replica.authors[node.collector],
        pages=[replica.pages[slug] for slug in node.members[part.start : part.end]],
        pager=pager_items(part.number, part.pages),
        path=_raw_path(request),
    )
    return await send_html(request, html)


async def collections(request: web.Request) -> web.StreamResponse:
    """List them all: ``/collections``."""
    return await send_html(request, render(request, "collections.html"))


async def user(request: web.Request) -> web.StreamResponse:
    """``/users/<slug>``."""
    replica, path = request.app[REPLICA], _raw_path(request)
    author = replica.authors.get(unquote(path.removeprefix("/users/")))
    if author is None:
        return await not_found(request)
    art = [page for page in replica.pages.values() if page.credit.submitter == author.slug]
    part = _slice(request, len(art), _USER_ART_PER_PAGE)
    pager: list[PagerItem] = mini_pager_items(part.number, part.pages)
    html = render(request, "user.html", user=author, pages=art[part.start : part.end], pager=pager, path=path)
    return await send_html(request, html)


async def node(request: web.Request) -> web.StreamResponse:
    """``/node/<nid>``: 301 to the alias."""
    target = request.app[REPLICA].by_nid(int(request.match_info["nid"]))
    return _moved(request, target) if target else await not_found(request)


async def not_found(request: web.Request) -> web.StreamResponse:
    """404 as a text/html page."""
    return await send_html(request, render(request, "missing.html", path=_raw_path(request)), status=404)


def _moved(request: web.Request, target: str) -> web.Response:
    return web.Response(status=301, headers={"Location": origin_of(request) + target})
