"""Lists of files as the spider `urls` reads them."""

import sys
from pathlib import Path

import pytest

from crawler.errors import CrawlUsageError
from crawler.spiders.urls import UrlsSpider, plain
from db.records import PageRecord


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("l.txt", "\ufeff# mine\nhttp://s/a.png \n\nhttp://s/b.png\n", {}),
        ("l.tsv", "url\tn\nhttp://s/a.png\t1\nhttp://s/b.png\t2\n", {"n": "1"}),
        ("l.json", '["http://s/a.png", {"url": "http://s/b.png"}]', {}),
        ("l.JSONL", '{"url": "http://s/a.png", "n": [1, NaN]}\n\n"http://s/b.png"\n', {"n": [1, None]}),
    ],
)
def test_lists_of_several_kinds(tmp_path: Path, name: str, text: str, kept: dict[str, object]) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    page, *entries = UrlsSpider(list=str(tmp_path / name)).seeds()
    assert isinstance(page, PageRecord)
    assert [entry.url for entry in entries] == ["http://s/a.png", "http://s/b.png"]
    assert page.files[0].extra == kept
    assert page.url == (tmp_path / name).as_uri()


def test_a_long_list_is_recorded_in_parts(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("".join(f"http://s/{n}.png\n" for n in range(1200)))
    pages = [seed for seed in UrlsSpider(list=str(tmp_path / "l.txt")).seeds() if isinstance(seed, PageRecord)]
    assert [(page.links_from, len(page.files)) for page in pages] == [(0, 500), (500, 500), (1000, 200)]


def test_parquet_is_read_when_there_is_a_reader(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    columns = {"url": ["http://s/a.png", "http://s/b.png"], "author": ["Mum", "Mum"], "score": [0.5, None]}
    parquet.write_table(arrow.table(columns), tmp_path / "l.parquet")
    (page, *_) = UrlsSpider(list=str(tmp_path / "l.parquet")).seeds()
    assert isinstance(page, PageRecord)
    assert [person.name for person in page.people] == ["Mum"]
    assert [file.extra for file in page.files] == [{"score": 0.5}, {"score": None}]


def test_parquet_without_a_reader_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "l.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CrawlUsageError, match=r"artquarry\[parquet\]"):
        UrlsSpider(list=str(tmp_path / "l.parquet"))


def test_whatever_a_column_holds_becomes_json() -> None:
    assert plain({"a": (1, b"x", float("inf")), 2: None}) == {"a": [1, "b'x'", None], "2": None}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("l.csv", "link\nhttp://s/a\n", "one of them `url`"),
        ("l.txt", "http://s/a\nnonsense\n", "row 2: 'nonsense' is no web address"),
        ("l.txt", "# none\n", "holds no web address"),
        ("l.json", "{}", "should be a JSON array"),
        ("l.jsonl", "{", "cannot be read"),
    ],
)
def test_lists_that_make_no_sense_are_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CrawlUsageError) as refused:
        UrlsSpider(list=str(tmp_path / name))
    assert said in str(refused.value)
