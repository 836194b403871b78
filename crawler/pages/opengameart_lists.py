"""Collections and users of OpenGameArt: pages that list submissions as the search does, elsewhere in the page."""

from bs4 import Tag

from crawler.errors import PageShapeError
from crawler.pages.opengameart_listing import Listing, page_number
from crawler.pages.soup import absolute, attribute, parse_html, text_of

COLLECTION = ".node-art-collection.view-mode-full"
COLLECTED = ".field-name-field-collected-art .art-preview-title a[href]"
USERS_ART = ".view-display-id-block_7"
USERS_CARDS = ".views-row .art-preview-title a[href]"


def is_list(html: str) -> bool:
    """Tell a collection or a user's page from everything else."""
    return _found(parse_html(html)) is not None


def read_list(html: str, url: str) -> Listing:
    """Read a collection or a user's page. Raises PageShapeError when it is neither, with the site's own message."""
    soup = parse_html(html)
    found = _found(soup)
    if found is None:
        said = text_of(soup.select_one(".messages.error"))
        raise PageShapeError(f"{url} is no submission, collection or user" + (f": {said}" if said else ""))
    box, cards = found
    last = attribute(_pager(box, "last"), "href")
    return Listing(
        content=tuple(dict.fromkeys(absolute(url, link) for link in box.select(cards))),
        total=None,
        next_url=absolute(url, _pager(box, "next")),
        last_page=page_number(last) if last else None,
    )


def _found(soup: Tag) -> tuple[Tag, str] | None:
    """Return the element that holds the list, and where in it the cards' links are."""
    collection = soup.select_one(COLLECTION)
    if collection is not None:
        return collection, COLLECTED
    art = soup.select_one(USERS_ART)
    if art is not None:
        return art, USERS_CARDS
    # a user without any art has a profile, but no view
    profile = soup.select_one(".user-profile")
    return None if profile is None else (profile, USERS_CARDS)


def _pager(box: Tag, which: str) -> Tag | None:
    """Return a pager's link; comments have a pager, too, which leads to no art."""
    links = box.select(f"ul.pager li.pager-{which} a[href]")
    return next((link for link in links if link.find_parent(id="comments") is None), None)
