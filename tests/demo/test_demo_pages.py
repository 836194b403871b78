import re
from collections.abc import Callable
from typing import Any

import pytest

from demo.model import SiteContent
from demo.names import encode_path
from demo.replica import Site

Fetch = Callable[..., Any]


def test_every_page_carries_its_files_with_exact_sizes(fetch: Fetch, content: SiteContent, site: Site) -> None:
    for page in content.pages[:15]:
        text = fetch(f"/content/{encode_path(page.slug)}").text
        found = re.findall(r'<a href="([^"]+)" type="[^;]+; length=(\d+)"[^>]* data-fid="(\d+)"', text)
        offered = () if page.on_hold else page.files
        assert found == [(site.url + file.path, str(file.size_bytes), str(file.fid)) for file in offered]


def test_the_three_author_shapes(fetch: Fetch) -> None:
    assert """<span class='username'><a href="/users/pebblepaw">PebblePaw</a></span></div>""" in (
        fetch("/content/mossy-cave-creatures").text
    )
    assert (
        "<span class='username'><a href='http://cartographer.example/tiles?set=1&amp;page=2' target='_blank'>"
        'Old Cartographer</a></span><br/>(Submitted by <strong><a href="/users/inkwell">Inkwell</a></strong>)'
    ) in fetch("/content/cave-tiles").text
    assert (
        "<span class='username'>Anonymous Friend</span><br/>(Submitted by <strong>"
        '<a href="/users/ba%C5%9Fto">başto</a></strong>)'
    ) in fetch("/content/monster-pack").text


def test_the_mentioned_files_are_linked_from_the_replica_itself(fetch: Fetch, site: Site) -> None:
    text = fetch("/content/mossy-cave-creatures").text
    for path in ("archive/credits.txt", "forum-attachments/sketch%201.png"):
        assert f'href="{site.url}/sites/default/files/{path}"' in text
        assert fetch(f"/sites/default/files/{path}").status == 200
    assert "opengameart.org" not in text


def test_a_hold_replaces_the_files(fetch: Fetch) -> None:
    text = fetch("/content/suspicious-plumber").text
    assert "File(s) currently unavalable due to potential licensing issues." in text
    assert "field-name-field-art-files" not in text


def test_optional_fields_may_be_missing(fetch: Fetch) -> None:
    text = fetch("/content/work-in-progress").text
    for name in ("field-art-files", "field-art-preview", "field-art-licenses", "field-art-tags"):
        assert f"field-name-{name}" not in text


def test_old_pages_have_the_old_attribution_field(fetch: Fetch) -> None:
    text = fetch("/content/legacy-monsters").text
    assert "field-name-field-art-attribution" in text
    assert "field-name-field-copyright-notice" not in text


def test_comments_are_paged_on_the_same_address(fetch: Fetch) -> None:
    first, third = fetch("/content/cave-theme").text, fetch("/content/cave-theme?page=2").text
    assert first.count('rel="sioc:has_creator"') == 40  # every fifth of 50 is anonymous
    assert 'href="/content/cave-theme?page=2"' in first
    assert "Comment 120:" in third
    assert "data-ogg-url='" in first


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/node/90001", "/content/mossy-cave-creatures"),
        ("/node/90010", "/content/%D1%81%D0%BB%D0%B8%D0%B7%D0%BD%D0%B8"),
        ("/content/old-name", "/content/mossy-cave-creatures"),
        ("/content/older-name", "/content/old-name"),
    ],
)
def test_former_addresses_move_permanently(fetch: Fetch, site: Site, path: str, target: str) -> None:
    answer = fetch(path)
    assert (answer.status, answer.headers["Location"]) == (301, site.url + target)


@pytest.mark.parametrize("path", ["/content/none", "/node/1", "/users/none", "/forumtopic/x", "/user/1/favorites"])
def test_missing_pages_are_html(fetch: Fetch, path: str) -> None:
    answer = fetch(path)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "marker"),
    [
        ("/content/my-cave-game", "node-art-collection"),
        ("/content/faq", "node-page"),
        ("/collections", "views-field-field-collected-art"),
        ("/users/pebblepaw", 'typeof="foaf:Image"'),
        ("/user/4101/collections", "view-display-id-favorites"),
        ("/latest/rss.xml", "<rss"),
    ],
)
def test_pages_that_are_no_art(fetch: Fetch, path: str, marker: str) -> None:
    text = fetch(path).text
    assert marker in text
    assert "node-art view-mode-full" not in text


def test_robots_is_the_stock_file(fetch: Fetch) -> None:
    text = fetch("/robots.txt").text
    assert text.startswith("User-agent: *\nCrawl-delay: 0.5\n")
    assert "Disallow: /search/\n" in text
    assert "art-search" not in text


def test_pages_have_no_validators_by_default(fetch: Fetch) -> None:
    answer = fetch("/content/cave-tiles")
    assert answer.headers["ETag"] is None
    assert answer.headers["X-Generator"].startswith("Drupal 7")
