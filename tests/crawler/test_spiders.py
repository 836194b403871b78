"""The spiders for any site, and OpenGameArt's other entrances, over real HTTP as a user runs them."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import pytest
from scrapy.http import HtmlResponse
from scrapy.settings import Settings

from crawler.errors import CrawlUsageError
from crawler.spiders.base import CatalogSpider
from crawler.spiders.links import COLLECT, LinksSpider, pattern
from crawler.spiders.opengameart import OpenGameArtSpider
from crawler.spiders.sequence import SequenceSpider, Template
from crawler.spiders.sitemap import SitemapSpider
from crawler.spiders.urls import UrlsSpider
from db.records import NewEntry, PageRecord
from demo.drawing import png, sprite
from demo.model import load
from demo.replica import serve
from demo.small import small_site
from tests.conftest import Home
from tests.crawler.test_crawl import requested, rows

PAGES = "SELECT url, title, authors, licence FROM page ORDER BY url"
ROBOTS = "User-agent: *\nDisallow: /private/\n"


HANG_UP = b"no answer at all"


@dataclass
class Pages:
    """A tiny site: what it serves by path, and what it was asked for."""

    served: dict[str, str | bytes]
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def tiny_site(served: dict[str, str | bytes]) -> Iterator[Pages]:
    pages = Pages({"/robots.txt": ROBOTS, **served})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages.asked.append(self.path)
            found = pages.served.get(self.path)
            if found == HANG_UP:
                self.close_connection = True
                return
            body = found.encode() if isinstance(found, str) else found or b"not here"
            if isinstance(found, str) and found.startswith(("/", "http")):
                self.send_response(302)
                self.send_header("Location", found)
            else:
                self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "text/html" if isinstance(found, str) else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pages.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield pages
        finally:
            server.shutdown()
            thread.join()


def crawl(home: Home, spider: str, *arguments: str) -> tuple[int, str]:
    words = [word for argument in arguments for word in ("-a", argument)]
    done = home.run(home.command("scrapy", "crawl", spider, *words, "-s", "DOWNLOAD_DELAY=0"))
    return done.returncode, done.stderr + done.stdout


def picture(seed: int) -> bytes:
    return png(sprite(seed, 8))


def links(home: Home) -> list[tuple[object, ...]]:
    return rows(
        home,
        "SELECT page.url, file.url, role, position, page_file.extra, blob_id IS NOT NULL FROM page_file "
        "JOIN page ON page.id = page_file.page_id JOIN file ON file.id = file_id ORDER BY page.id, position, file.url",
    )


def test_a_sequence_is_taken_and_missing_numbers_are_absent(home: Home) -> None:
    with tiny_site({f"/full/0{n}.png": picture(n) for n in (8, 9)} | {"/full/11.png": picture(11)}) as site:
        template = f"{site.url}/full/{{08..11}}.png"
        arguments = (f"url={template}", "title=Numbers", "author=Mum", "licence=CC0-1.0")
        code, said = crawl(home, "sequence", *arguments)
        assert code == 0, said
        assert site.asked == ["/robots.txt", *(f"/full/{n}.png" for n in ("08", "09", "10", "11"))]
        assert "Nothing left to do" in crawl(home, "sequence", *arguments)[1]
        assert len(site.asked) == 5
    assert rows(home, "SELECT url, reason FROM frontier WHERE reason <> ''") == [(f"{site.url}/full/10.png", "absent")]
    assert rows(home, "SELECT url, title, authors, licence FROM page") == [(template, "Numbers", "Mum", "CC0-1.0")]
    names = [(f"{site.url}/full/{name}.png", position) for name, position in (("08", 0), ("09", 1), ("11", 3))]
    assert links(home) == [(template, url, "file", position, "{}", 1) for url, position in names]
    assert rows(home, "SELECT count(*) FROM file WHERE page_id IS NOT NULL") == [(3,)]


def gallery(other: str) -> dict[str, str | bytes]:
    return {
        "/": f"<title>Gallery</title><a href='/a'>a</a> <a href='{other}/away'>away</a> <a href='/private/x'>x</a>"
        f"<a href='/style.css'>s</a> <a href='{other}/away.png'>away</a><a href='/one.png'>One</a>",
        "/a": "<meta property='og:title' content='Page A'><a rel=author href='/people/mum'>Mum</a><a href='/b'>b</a>"
        "<a rel=license href='https://creativecommons.org/licenses/by/4.0/'>BY</a><a href='/'>home</a>"
        "<a href='two.zip' download='pack.zip'>Two</a><img src='/thumb.png' srcset='/big.png 2x' alt='Cave'>",
        "/b": "<a href='/c'>c</a><a href='/three.png'>3</a>",
        "/c": "<a href='/d'>d</a><a href='/four.png'>4</a>",
        "/people/mum": "<title>Mum</title>",
        **{f"/{name}": picture(n) for n, name in enumerate(("one.png", "two.zip", "three.png", "four.png", "big.png"))},
        "/thumb.png": picture(9),
    }


def test_links_are_followed_to_a_depth_and_never_off_the_site(home: Home) -> None:
    with tiny_site({}) as other, tiny_site(gallery(other.url)) as site:
        code, said = crawl(home, "links", f"start={site.url}/")
        asked = list(site.asked)
        assert "Nothing left to do" in crawl(home, "links", f"start={site.url}/")[1]
        assert site.asked == asked
    assert (code, other.asked) == (1, [])
    assert "robots.txt" in said  # what it forbids is reported …
    assert sorted(asked) == sorted({*asked})
    assert {*asked} == {"/robots.txt", "/", "/a", "/b", "/people/mum", "/one.png", "/two.zip", "/three.png"}
    assert "/private/x" not in asked  # … and not asked for
    found = [(str(url).removeprefix(site.url), *more) for url, *more in rows(home, PAGES)]
    assert found == [
        ("/", "Gallery", "", ""),
        ("/a", "Page A", "Mum", "CC-BY-4.0"),
        ("/b", "", "", ""),
        ("/people/mum", "Mum", "", ""),
    ]
    assert rows(home, "SELECT original_name, label FROM page_file WHERE original_name <> ''") == [("pack.zip", "Two")]


def test_links_read_from_a_yaml_file_and_take_shown_pictures(home: Home, tmp_path: Path) -> None:
    with tiny_site({"/away.png": picture(5)}) as other, tiny_site(gallery(other.url)) as site:
        config = tmp_path / "site.yaml"
        config.write_text(
            f"start: [{site.url}/, {site.url}/c]\nfollow: /a$\nallow: [{other.url.removeprefix('http://')}]\n"
            "depth: 1\nimages: true\n"
        )
        code, said = crawl(home, "links", f"config={config}", "depth=2")
        assert code == 0, said
        assert "/away.png" in other.asked
        assert "/away" not in other.asked
        pages = {path for path in site.asked if "." not in path}
        assert pages == {"/", "/a", "/c"}
    roles = {str(file).removeprefix(site.url): role for _, file, role, *_ in links(home)}
    assert (roles["/thumb.png"], roles["/big.png"], roles["/two.zip"]) == ("preview", "preview", "file")


def test_a_start_that_leads_to_another_host_is_told(home: Home) -> None:
    with tiny_site({"/": "<a href='/on'>on</a>"}) as other, tiny_site({"/": "/here"}) as site:
        site.served["/here"] = f"{other.url}/"
        code, said = crawl(home, "links", f"start={site.url}/")
        assert (code, "/on" in other.asked) == (1, False)
        assert f"add -a allow={other.url.removeprefix('http://')}" in said
    spider = LinksSpider(start="https://site.example/")
    assert list(spider.parse_content(HtmlResponse("https://www.site.example/"), depth=1)) == []


def test_a_list_is_taken_and_its_columns_are_kept(home: Home, tmp_path: Path) -> None:
    with tiny_site({f"/{n}.png": picture(n) for n in range(4)}) as site:
        table = tmp_path / "files.csv"
        table.write_text(
            "url,page,title,author,licence,width\n"
            f"{site.url}/0.png,{site.url}/page,Cave,Mum,CC0-1.0,8\n"
            f"{site.url}/1.png,{site.url}/page,Cave,Mum,CC0-1.0,9\n"
            f"{site.url}/2.png,{site.url}/page,Moss,Inkwell,CC-BY-4.0,\n"
            f"{site.url}/3.png,,,,,\n"
        )
        code, said = crawl(home, "urls", f"list={table}")
        assert code == 0, said
        asked = list(site.asked)
        assert "Nothing left to do" in crawl(home, "urls", f"list={table}")[1]
        assert site.asked == asked
        with table.open("a") as more:
            more.write(f"{site.url}/gone.png,,,,,\n")
        assert crawl(home, "urls", f"list={table}")[0] == 1
        assert "/gone.png" in site.asked
    page = f"{site.url}/page"
    pages = rows(home, "SELECT url, title, authors, licence FROM page ORDER BY id")
    assert pages == [
        (page, "Cave", "Mum", "CC0-1.0"),
        (f"{page}#row=3", "Moss", "Inkwell", "CC-BY-4.0"),
        (table.as_uri(), "files.csv", "", ""),
    ]
    kept = [(url, str(file)[-5:], json.loads(str(extra)).get("width")) for url, file, _, _, extra, _ in links(home)]
    assert kept[:3] == [(page, "0.png", "8"), (page, "1.png", "9"), (f"{page}#row=3", "2.png", "")]
    assert [position for *_, position, _, _ in links(home)] == [0, 1, 2, 3, 4]


def test_a_sitemap_leads_to_pages_and_files(home: Home) -> None:
    def urlset(*paths: str) -> str:
        return f"<urlset>{''.join(f'<url><loc>{path}</loc></url>' for path in paths)}</urlset>"

    with tiny_site({}) as other, tiny_site(gallery(other.url)) as site:
        site.served["/robots.txt"] = f"{ROBOTS}Sitemap: {site.url}/index.xml\n"
        maps = urlset("/art.xml.gz", "/gone.xml", other.url)
        site.served["/index.xml"] = maps.replace("urlset", "sitemapindex").replace("url>", "sitemap>")
        listed = urlset("/a", "/b", "/blog", "/art/four.png", f"{other.url}/a", "/private/x")
        site.served["/art.xml.gz"] = gzip.compress(listed.encode())
        site.served["/art/four.png"] = picture(4)
        code, said = crawl(home, "sitemap", f"site={site.url}", "match=/(a|art/.*|private/.*)$")
        asked = list(site.asked)
        assert "Nothing left to do" in crawl(home, "sitemap", f"site={site.url}", "match=/(a|art/.*|private/.*)$")[1]
        assert site.asked == asked
    assert other.asked == []
    assert "robots.txt" in said
    assert code == 1  # for what robots.txt forbids; the missing sitemaps are no failures
    assert {*asked} - {"/robots.txt"} == {
        *("/sitemap.xml", "/index.xml", "/art.xml.gz", "/gone.xml"),
        *("/a", "/two.zip", "/art/four.png"),
    }
    absent = rows(home, "SELECT count(*) FROM frontier WHERE state = 'done' AND reason = 'absent'")
    assert absent == [(2,)]
    assert [str(url).removeprefix(site.url) for (url,) in rows(home, "SELECT url FROM page ORDER BY url")] == [
        "/a",
        "/art.xml.gz",
    ]


@pytest.fixture(scope="module")
def large_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("large-site")
    small_site(out, pages=45, files_per_page=1)
    return out


def test_a_collection_is_walked_to_its_last_page(large_content: Path, home: Home) -> None:
    (wanted,) = (c for c in load(large_content).collections if c.slug == "everything-square")
    with serve(large_content) as site:
        words = (f"site={site.url}", "start=/content/everything-square", "limit=35")
        crawl(home, "opengameart", *words)
        assert rows(home, "SELECT count(*) FROM frontier WHERE kind = 'content' AND state = 'done'") == [(35,)]
        before = len(site.log())
        assert "Nothing left to do" in crawl(home, "opengameart", *words)[1]
        assert len(site.log()) == before
        assert len([path for path in requested(site) if path.startswith("/content/everything-square")]) == 2
    assert len(wanted.members) == 40  # 8 more than fit on one page
    assert rows(home, "SELECT count(*) FROM frontier WHERE kind = 'content'") == [(40,)]


def test_a_user_and_a_single_submission_are_entrances(large_content: Path, home: Home) -> None:
    content = load(large_content)
    theirs = [page for page in content.pages if page.credit.submitter == "başto"]
    single = next(page for page in content.pages if page.credit.submitter != "başto" and page.files)
    with serve(large_content) as site:
        crawl(home, "opengameart", f"site={site.url}", f"start={site.url}/users/başto, /content/{single.slug}")
        assert site.violations() == []
        listings = [path for path in requested(site) if path.startswith("/users/")]
    assert len(theirs) > 12
    assert len(listings) == 2
    assert rows(home, "SELECT count(*) FROM page") == [(len(theirs) + 1,)]
    assert rows(home, "SELECT count(*) FROM page WHERE url LIKE '%/content/" + single.slug + "'") == [(1,)]


def test_a_last_page_repeated_for_ever_ends(large_content: Path) -> None:
    def page(number: int, slug: str) -> HtmlResponse:
        body = (
            f"<div class='view-display-id-block_7'><div class='views-row'><span class='art-preview-title'>"
            f"<a href='/content/{slug}'>x</a></span></div>"
            f"<ul class='pager'><li class='pager-next'><a href='/users/x?page={number + 1}'>on</a></li></ul></div>"
        )
        return HtmlResponse(f"https://opengameart.org/users/x?page={number}", body=body.encode())

    spider = OpenGameArtSpider(start="/users/x")
    *_, onward = spider.parse_listing(page(4, "old"))
    assert onward.url.endswith("page=5")
    assert list(spider.parse_listing(page(5, "old"), **onward.cb_kwargs)) == []
    assert len(list(spider.parse_listing(page(5, "new"), **onward.cb_kwargs))) == 2


@pytest.mark.parametrize(
    ("template", "urls"),
    [
        ("http://s/{1..3}.png", ["http://s/1.png", "http://s/2.png", "http://s/3.png"]),
        ("http://s/{008..010}", ["http://s/008", "http://s/009", "http://s/010"]),
        ("http://s/{0..10..5}", ["http://s/0", "http://s/5", "http://s/10"]),
        (
            "http://s/{1..2}/{8..9}.gif",
            ["http://s/1/8.gif", "http://s/1/9.gif", "http://s/2/8.gif", "http://s/2/9.gif"],
        ),
        ("http://s/ü {1..1}", ["http://s/%C3%BC%201"]),
    ],
)
def test_a_template_stands_for_urls(template: str, urls: list[str]) -> None:
    assert list(Template(template).urls()) == urls


def test_every_host_of_a_template_is_named_once() -> None:
    spider = SequenceSpider(url="http://img{1..3}.s/{1..100000}.png")
    assert spider.start_urls == [f"http://img{n}.s/1.png" for n in (1, 2, 3)]


def test_a_sequence_of_a_million_costs_nothing_before_it_is_used() -> None:
    page, first = islice(SequenceSpider(url="http://s/{0..9999999}").seeds(), 2)
    assert isinstance(page, PageRecord)
    assert isinstance(first, NewEntry)
    assert (first.url, first.data) == ("http://s/0", {"position": 0})


@pytest.mark.parametrize(
    ("url", "is_file"),
    [
        ("https://s/a.PNG", True),
        ("https://s/a.tar.gz?v=1", True),
        ("https://s/a.png/comments", False),
        ("https://example.zip", False),
        ("https://s/?file=a.png", False),
    ],
)
def test_files_are_told_by_the_end_of_their_path(url: str, is_file: bool) -> None:
    assert (pattern("collect", COLLECT).search(url) is not None) == is_file


@pytest.mark.parametrize(
    ("spider", "arguments", "said"),
    [
        (SequenceSpider, {}, "should have ranges"),
        (SequenceSpider, {"url": "https://s/{1-9}.png"}, "should have ranges"),
        (SequenceSpider, {"url": "https://s/{9..1}.png"}, "count upwards"),
        (SequenceSpider, {"url": "https://s/{1..9..0}.png"}, "count upwards"),
        (SequenceSpider, {"url": "https://s/{1..99999999999999999999}.png"}, "the limit is 10000000"),
        (SequenceSpider, {"url": "ftp://s/{1..9}.png"}, "no web address"),
        (SequenceSpider, {"url": "https://s/{1..9}.png"}, "QUARRY_CONTACT"),
        (SequenceSpider, {"url": "http://localhost/{1..9}", "authors": "x"}, "unknown arguments authors"),
        (LinksSpider, {}, "start is missing"),
        (LinksSpider, {"start": "site"}, "no web address"),
        (LinksSpider, {"start": "http://localhost/", "collect": "("}, "no regular expression"),
        (LinksSpider, {"start": "http://localhost/", "depth": "deep"}, "whole number from 0"),
        (LinksSpider, {"start": "http://localhost/", "allow": "cdn.example"}, "cdn.example should know"),
        (LinksSpider, {"config": "/nowhere.yaml"}, "cannot be read"),
        (SitemapSpider, {"site": "http://localhost/,http://localhost:1/"}, "one web address"),
        (SitemapSpider, {"site": "http://localhost/", "depth": "1"}, "unknown arguments depth"),
        (UrlsSpider, {}, "list is missing"),
        (UrlsSpider, {"list": "/nowhere.txt"}, "cannot be read"),
        (UrlsSpider, {"list": __file__}, "should end in .txt"),
        (OpenGameArtSpider, {"start": "/content/a", "query": "x"}, "leave out query"),
        (OpenGameArtSpider, {"start": "https://elsewhere.example/content/a"}, "of https://opengameart.org"),
        (OpenGameArtSpider, {"start": "/forum"}, "should be /content/"),
        (OpenGameArtSpider, {"start": "https://www.opengameart.org/content/a"}, "QUARRY_CONTACT"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    spider: type[CatalogSpider], arguments: dict[str, str], said: str
) -> None:
    with pytest.raises(CrawlUsageError) as refused:
        spider.check(Settings(), arguments)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["- a\n", "a: [", "surprise: 1\n"])
def test_a_config_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(CrawlUsageError):
        LinksSpider(config=str(tmp_path / "site.yaml"))


def test_wrong_arguments_of_a_command_say_what_to_do(home: Home) -> None:
    code, said = crawl(home, "sequence", "url=https://site.example/1.jpg")
    assert code == 2
    assert "{1..20000}" in said
    assert "Traceback" not in said


def test_an_address_may_be_pasted_in_any_spelling() -> None:
    spider = OpenGameArtSpider(start="http://www.opengameart.org/content/a?page=2,/users/başto")
    assert spider.start_urls == ["https://opengameart.org/content/a", "https://opengameart.org/users/ba%C5%9Fto"]
