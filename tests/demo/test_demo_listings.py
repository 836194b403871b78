import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from demo.model import SiteContent
from demo.replica import Site

Fetch = Callable[..., Any]
SEARCH = "/art-search-advanced"


def cards(page: str) -> list[str]:
    return re.findall(r'<span class="art-preview-title"><a href="(/content/[^"]+)">', page)


def link(page: str, css_class: str) -> str | None:
    found = re.search(rf'<li class="{css_class}[^"]*"><a title="[^"]*" href="([^"]+)"', page)
    return html.unescape(found[1]) if found else None


def walk(fetch: Fetch, path: str | None) -> list[str]:
    seen = []
    while path:
        page = fetch(path).text
        seen += cards(page)
        path = link(page, "pager-next")
    return seen


def test_following_next_visits_every_submission_once(fetch: Fetch, content: SiteContent) -> None:
    seen = walk(fetch, SEARCH)
    assert len(seen) == len(set(seen)) == len(content.pages) == 70


def test_header_and_last_link_agree(fetch: Fetch) -> None:
    page = fetch(f"{SEARCH}?items_per_page=6").text
    assert "Displaying 1 - 6 of 70" in page
    last = link(page, "pager-last")
    assert last is not None
    assert last.endswith("&page=11")
    assert "Displaying 67 - 70 of 70" in fetch(last).text


def test_link_to_the_first_page_has_no_page_parameter(fetch: Fetch) -> None:
    first = link(fetch(f"{SEARCH}?page=2").text, "pager-first")
    assert first is not None
    assert "page=" not in first.replace("items_per_page=", "")


@pytest.mark.parametrize("spelling", ["[]", "%5B%5D", "[0]", "[9]", "%5B3%5D", ""])
def test_all_spellings_of_a_list_parameter_count(fetch: Fetch, spelling: str) -> None:
    assert cards(fetch(f"{SEARCH}?field_art_type_tid{spelling}=12").text) == ["/content/cave-theme"]


def test_licences_are_alternatives(fetch: Fetch, content: SiteContent) -> None:
    wanted = sum(bool({2, 5} & set(page.licences)) for page in content.pages)
    page = fetch(f"{SEARCH}?field_art_licenses_tid[]=2&field_art_licenses_tid[]=5&items_per_page=144").text
    assert len(cards(page)) == wanted > 1


@pytest.mark.parametrize("parameter", ["field_art_licenses_tid[]=17983", "field_art_type_tid[]=x", "sort_by=name"])
def test_unknown_choice_is_an_error_without_results(fetch: Fetch, parameter: str) -> None:
    answer = fetch(f"{SEARCH}?{parameter}")
    assert answer.status == 200
    assert 'class="messages error"' in answer.text
    assert "Illegal choice" in answer.text
    assert cards(answer.text) == []


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("title=atlas", ["/content/atlas-map-animation"]),
        ("keys=16x16&field_art_tags_tid=cave%20floor", ["/content/cave-tiles"]),
        ("field_art_tags_tid_op=and&field_art_tags_tid=monster,rpg", ["/content/monster-pack-0"]),
        ("title=zzz", []),
    ],
)
def test_filters(fetch: Fetch, query: str, slugs: list[str]) -> None:
    assert cards(fetch(f"{SEARCH}?{query}").text) == slugs


def test_sorting_by_favourites_is_stable_and_reversible(fetch: Fetch) -> None:
    down = walk(fetch, f"{SEARCH}?sort_by=count&sort_order=DESC")
    assert down == walk(fetch, f"{SEARCH}?sort_by=count&sort_order=ASC")[::-1]


def test_beyond_the_end_repeats_the_last_page(fetch: Fetch) -> None:
    assert cards(fetch(f"{SEARCH}?page=99").text) == cards(fetch(f"{SEARCH}?page=2").text) != []


def test_beyond_the_end_is_empty_when_switched(fetch: Fetch, site: Site) -> None:
    site.switch(beyond_end="empty")
    page = fetch(f"{SEARCH}?page=99").text
    assert cards(page) == []
    assert "view-empty" in page
    assert "view-header" not in page


def test_new_submissions_push_old_ones_to_the_next_page(fetch: Fetch, site: Site) -> None:
    site.switch(shift_listing=2)
    seen = walk(fetch, SEARCH)
    assert len(seen) == 72
    assert len(set(seen)) == 70
    assert cards(fetch(SEARCH).text)[:2] == ["/content/new-arrival-2", "/content/new-arrival-1"]
    assert fetch("/content/new-arrival-2").status == 200
    assert fetch("/sites/default/files/New%20arrival%202.png").status == 200


@pytest.mark.parametrize("path", ["/latest", "/popular", "/art-search?keys=tiny", "/user/4101/favorites", "/users/mum"])
def test_other_listings_show_cards_in_their_own_view(fetch: Fetch, path: str) -> None:
    page = fetch(path).text
    assert "view-display-id-search_art_advanced" not in page
    assert bool(cards(page)) == (path != "/users/mum")


def test_sidebar_is_full_of_decoys(fetch: Fetch) -> None:
    page = fetch(SEARCH).text
    links = set(re.findall(r'href="(/content/[^"]+)"', page))
    assert {"/content/faq", "/content/my-cave-game", "/content/weekly-challenge"} <= links - set(cards(page))
