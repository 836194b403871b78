"""Readings of pages that belong to no particular site: HTML, sitemaps, and the lists of OpenGameArt."""

import gzip

import pytest

from crawler.errors import PageShapeError
from crawler.pages.opengameart_listing import Listing
from crawler.pages.opengameart_lists import is_list, read_list
from crawler.pages.sitemaps import Sitemap, read_sitemap, robots_sitemaps
from crawler.pages.web import licence_of, read_web_page, usable

URL = "https://site.example/gallery/index.html"
URLSET = b"""\xef\xbb\xbf
<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
<url><loc> https://site.example/a </loc><image:image><image:loc>https://site.example/no.png</image:loc></image:image></url>
<url><loc>/b?x=1&amp;y=2</loc></url><url><loc>ftp://site.example/c</loc></url><url/></urlset>"""


def card(slug: str) -> str:
    return f"<div class='views-row'><span class='art-preview-title'><a href='/content/{slug}'>{slug}</a></span></div>"


def pager(which: str, page: int) -> str:
    return f"<ul class='pager'><li class='pager-{which}'><a href='/x?page={page}'>on</a></li></ul>"


def test_a_page_says_its_title_its_author_and_its_licence() -> None:
    page = read_web_page(
        "<title>Caves | Site</title><meta property='og:title' content=' Mossy  caves '><meta name=author content=No>"
        "<a rel='author nofollow' href='/people/pebble'>Pebble &amp; Paw</a>"
        "<a rel=license href='https://creativecommons.org/licenses/by-sa/4.0/deed.de'><img alt='CC BY-SA'></a>"
        "<link rel=license href='http://creativecommons.org/publicdomain/zero/1.0/'>",
        URL,
    )
    assert page.title == "Mossy caves"
    assert [(person.name, person.url) for person in page.people] == [
        ("Pebble & Paw", "https://site.example/people/pebble")
    ]
    assert [(found.spdx, found.name[:8]) for found in page.licences] == [
        ("CC-BY-SA-4.0", "CC BY-SA"),
        ("CC0-1.0", "http://c"),
    ]


def test_a_page_that_says_nothing_is_empty() -> None:
    page = read_web_page("", URL)
    assert (page.title, page.people, page.licences, page.links, page.images) == ("", (), (), (), ())
    assert read_web_page("<meta name='author' content='Mum'>", URL).people[0].name == "Mum"


def test_links_are_absolute_once_each_and_only_of_the_web() -> None:
    page = read_web_page(
        "<base href='/art/'><a href='a b.zip' download='pack.zip'>The pack</a><a href='a%20b.zip#top'>again</a>"
        "<a href='mailto:me@site.example'>m</a><a href='javascript:void(0)'>j</a><a href='http://[bad'>b</a><a>n</a>"
        "<map><area href='//other.example/é'></map>",
        URL,
    )
    assert [(link.url, link.label, link.name) for link in page.links] == [
        ("https://site.example/art/a%20b.zip", "The pack", "pack.zip"),
        ("https://other.example/%C3%A9", "", ""),
    ]


def test_of_a_srcset_the_largest_picture_counts() -> None:
    page = read_web_page(
        "<img src=small.png srcset='w300.png 300w, w1200.png 1200w,w600.png 600w' alt=Cave>"
        "<picture><source srcset='one,x.png 1x, two.png 2.5x'><img src=small.png></picture><img srcset=only.png>",
        URL,
    )
    names = [image.url.rpartition("/")[2] for image in page.images]
    assert names == ["small.png", "w1200.png", "two.png", "only.png"]
    assert page.images[0].label == "Cave"


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("CC0", "CC0-1.0"),
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("MIT OR  CC0-1.0", "MIT OR CC0-1.0"),
        ("ask me first!", "LicenseRef-ask-me-first"),
    ],
)
def test_a_licence_may_be_spdx_or_a_name(text: str, spdx: str) -> None:
    assert licence_of(text).spdx == spdx


def test_references_that_are_no_web_address_are_none() -> None:
    assert [usable("", text) for text in ("", "x", "ftp://a/b", "http://", "https://a/b#c")] == [
        "",
        "",
        "",
        "",
        "https://a/b",
    ]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_sitemap_lists_pages(pack: "type[bytes]") -> None:
    expected = Sitemap(pages=("https://site.example/a", "https://site.example/b?x=1&y=2"))
    assert read_sitemap(pack(URLSET), "https://site.example/sitemap.xml") == expected


def test_a_sitemap_index_lists_sitemaps_and_text_lists_pages() -> None:
    index = b"<sitemapindex><sitemap><loc>https://site.example/1.xml.gz</loc></sitemap></sitemapindex>"
    assert read_sitemap(index, URL).sitemaps == ("https://site.example/1.xml.gz",)
    assert read_sitemap(b"https://site.example/1\nnonsense\n", URL).pages == ("https://site.example/1",)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html><body>", "no readable sitemap"),
        (b"<rss/>", "but <rss>"),
        (b"<!DOCTYPE x [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><urlset>&b;</urlset>", "no readable sitemap"),
        (gzip.compress(URLSET)[:-9], "damaged gzip"),
    ],
)
def test_a_sitemap_that_is_none_is_told(body: bytes, said: str) -> None:
    with pytest.raises(PageShapeError, match=said):
        read_sitemap(body, URL)


def test_a_sitemap_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.pages.sitemaps.MAX_BYTES", 1000)
    with pytest.raises(PageShapeError, match="more than 1000 bytes"):
        read_sitemap(gzip.compress(bytes(2000)), URL)


def test_robots_txt_names_sitemaps() -> None:
    robots = b"User-agent: *\nSITEMAP : /one.xml\nSitemap: https://site.example/two.xml\nSitemap:\nDisallow: /x\n"
    found = robots_sitemaps(robots, "https://site.example/robots.txt")
    assert found == ("https://site.example/one.xml", "https://site.example/two.xml")


def test_a_collection_lists_its_art_and_no_comments_pager_misleads() -> None:
    html = (
        f"<div class='views-row'>{card('sidebar')}</div><div class='node-art-collection view-mode-full'>"
        f"<div class='field-name-field-collected-art'>{card('a')}{card('b')}{card('a')}</div>"
        f"<div id='comments'>{pager('next', 9)}</div>{pager('next', 1)}{pager('last', 4)}</div>"
    )
    assert is_list(html)
    content = ("https://s.example/content/a", "https://s.example/content/b")
    assert read_list(html, "https://s.example/content/c") == Listing(content, None, "https://s.example/x?page=1", 4)


def test_a_users_page_lists_their_art_and_may_list_none() -> None:
    view = f"<div class='user-profile'><div class='view-display-id-block_7'>{card('a')}{pager('next', 1)}</div></div>"
    found = read_list(card("elsewhere") + view, "https://s.example/users/mum")
    assert (found.content, found.next_url) == (("https://s.example/content/a",), "https://s.example/x?page=1")
    assert read_list("<div class='user-profile'></div>", "https://s.example/users/new").content == ()


def test_other_pages_are_no_list() -> None:
    assert not is_list("<div class='node-page view-mode-full'></div>")
    with pytest.raises(PageShapeError, match="no submission, collection or user: Go away"):
        read_list("<div class='messages error'>Go away</div>", "https://s.example/content/faq")
