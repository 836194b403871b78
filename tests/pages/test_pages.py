"""Page objects against saved pages: tests/pages/SITE/CASE/page.html + output.json."""

import dataclasses
import json
from pathlib import Path

import pytest

from crawler.errors import PageShapeError
from crawler.pages.licences import spdx_of
from crawler.pages.opengameart_content import is_art, read_content
from crawler.pages.opengameart_listing import page_number, read_listing

CASES = Path(__file__).parent / "opengameart"
CONTENT = sorted(case.name for case in CASES.glob("content-*"))
LISTINGS = sorted(case.name for case in CASES.glob("listing-*"))


def load(case: str) -> tuple[str, str, object]:
    folder = CASES / case
    expected = json.loads((folder / "output.json").read_text("utf-8"))
    return (folder / "page.html").read_text("utf-8"), expected["url"], expected["output"]


def plain(value: object) -> object:
    return json.loads(json.dumps(dataclasses.asdict(value)))  # type: ignore[call-overload]


def test_the_cases_are_there() -> None:
    assert len(CONTENT) == 12
    assert len(LISTINGS) == 3


@pytest.mark.parametrize("case", CONTENT)
def test_content_page(case: str) -> None:
    html, url, expected = load(case)
    assert is_art(html)
    assert plain(read_content(html, url)) == expected


@pytest.mark.parametrize("case", CONTENT)
def test_what_others_wrote_below_a_submission_is_not_taken_for_its_own(case: str) -> None:
    html, url, expected = load(case)
    comment = (
        "<div class='comment'><h2>Mine is better</h2><div class='field-name-author'><a href='/users/eve'>Eve</a></div>"
        "<div class='field-name-comment-body'><div class='field-item'>see <a href='/content/other'>mine</a> &amp; "
        "<a href='/sites/default/files/eve.png'>this</a></div></div></div>"
    )
    page = read_content(html.replace('<div id="footer">', comment * 3 + '<div id="footer">'), url)
    extra = [link for link in page.files if link.url.endswith("/eve.png")]
    assert [(link.role.value, link.label) for link in extra] == [("mention", "this")]
    kept = tuple(link for link in page.files if link not in extra)
    assert plain(dataclasses.replace(page, files=kept)) == expected


@pytest.mark.parametrize("case", LISTINGS)
def test_listing(case: str) -> None:
    html, url, expected = load(case)
    assert plain(read_listing(html, url)) == expected


def test_sidebar_links_are_not_results() -> None:
    html, url, _ = load("listing-first")
    assert 'href="/content/faq"' in html
    assert not [link for link in read_listing(html, url).content if link.endswith("/faq")]


def test_the_three_shapes_of_an_author() -> None:
    people = {}
    for case in CONTENT:
        html, url, _ = load(case)
        found = read_content(html, url).people
        people[bool(found[0].url), "/users/" in found[0].url, any(p.role == "submitter" for p in found)] = found
    assert {(True, True, False), (True, False, True), (False, False, True)} <= set(people)


def test_other_pages_under_content_are_no_art() -> None:
    collection = (
        "<div class='node-art-collection view-mode-full'><div class='field-name-field-collected-art'></div></div>"
    )
    assert not is_art(collection)
    with pytest.raises(PageShapeError, match="not a submission"):
        read_content(collection, "http://s/content/x")


def test_an_error_message_instead_of_results_is_told() -> None:
    html = "<div class='messages error'>Illegal choice 5 in Type element.</div>"
    with pytest.raises(PageShapeError, match="Illegal choice 5"):
        read_listing(html, "http://s/art-search-advanced")


def test_missing_optional_fields_are_empty() -> None:
    html = (
        "<title>Bare | OpenGameArt.org</title><div class='node-art view-mode-full'>"
        "<div class='field-name-field-art-type'></div><div class='field-name-field-art-files'><span class='file'>"
        "<a href='/sites/default/files/a%20b.zip'>a b.zip</a></span></div></div>"
    )
    page = read_content(html, "https://opengameart.org/content/bare")
    assert (page.title, page.people, page.licences, page.posted_at, page.favourites) == ("Bare", (), (), None, None)
    (link,) = page.files
    assert (link.url, link.site_file_id, link.declared_bytes) == (
        "https://opengameart.org/sites/default/files/a%20b.zip",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("name", "deed", "spdx"),
    [
        ("CC0", "", "CC0-1.0"),
        ("CC-BY  4.0", "", "CC-BY-4.0"),
        ("Zero", "https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("", "http://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only"),
        ("OGA-BY 4.0", "", "LicenseRef-OGA-BY-4.0"),
        ("WTF licence / 2", "http://x.example/", "LicenseRef-WTF-licence-2"),
        ("", "", "LicenseRef-unknown"),
    ],
)
def test_licences_become_spdx_and_never_a_guess(name: str, deed: str, spdx: str) -> None:
    assert spdx_of(name, deed) == spdx


@pytest.mark.parametrize(("url", "number"), [("/a", 0), ("/a?page=3", 3), ("/a?page=x", 0)])
def test_page_numbers_count_from_zero(url: str, number: int) -> None:
    assert page_number(url) == number
