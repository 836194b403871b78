"""Collections and users of OpenGameArt: pages that list submissions as the search does, elsewhere in the page."""

from lxml.etree import _Element as Element

from crawler.errors import PageShapeError
from crawler.pages.document import absolute, attribute, first_with_class, parse_html, text_of
from crawler.pages.opengameart_listing import Listing, card_urls, page_number, pager_links

COLLECTION = ("node-art-collection", "view-mode-full")
COLLECTED = "field-name-field-collected-art"
USERS_ART = "view-display-id-block_7"
USERS_CARDS = "views-row"


def is_list(html: str) -> bool:
    """Tell a collection or a user's page from everything else."""
    return _found(parse_html(html)) is not None


def read_list(html: str, url: str) -> Listing:
    """Read a collection or a user's page. Raises PageShapeError when it is neither, with the site's own message."""
    page = parse_html(html)
    found = _found(page)
    if found is None:
        said = text_of(first_with_class(page, "messages", "error"))
        raise PageShapeError(f"{url} is no submission, collection or user" + (f": {said}" if said else ""))
    box, around = found
    last = attribute(_pager(box, "last"), "href")
    return Listing(
        content=card_urls(box, url, around),
        total=None,
        next_url=absolute(url, _pager(box, "next")),
        last_page=page_number(last) if last else None,
    )


def _found(page: Element) -> tuple[Element, str] | None:
    """Return the element that holds the list, and what encloses its cards."""
    collection = first_with_class(page, *COLLECTION)
    if collection is not None:
        return collection, COLLECTED
    art = first_with_class(page, USERS_ART)
    if art is not None:
        return art, USERS_CARDS
    # a user without any art has a profile, but no view
    profile = first_with_class(page, "user-profile")
    return None if profile is None else (profile, USERS_CARDS)


def _pager(box: Element, which: str) -> Element | None:
    """Return a pager's link; comments have a pager, too, which leads to no art."""
    return next((link for link in pager_links(box, which) if not _is_in_comments(link)), None)


def _is_in_comments(element: Element) -> bool:
    return any(enclosing.get("id") == "comments" for enclosing in element.iterancestors())
