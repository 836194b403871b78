"""Whatever strangers call things, it stays text: in SQL, on terminals, in HTML, in tables, as paths."""

import csv
import io
import json
import os
import pty
import re
import sys
import tarfile
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from sqlalchemy import text

from db import Catalog
from db.cells import FORMULA_STARTS
from db.cli_status import print_problems
from db.credits import write_credits
from db.export import COLUMNS, rows, write_lines
from db.export_pixels import export_webdataset
from db.records import ReadResult
from db.report.build import build_report
from db.selection import Selection
from db.status import read_status
from db.vocabulary import Outcome
from tests.conftest import Home
from tests.db.building import add_file, add_page, archive, image_record, pixels, png, settle, slice_all, still

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    'x"; background: url(http://evil/)',
    "javascript:alert(1)",
    "'; DROP TABLE image; --",
    "%s %(x)s :id $1 ?",
    '=HYPERLINK("http://evil")',
    "\t=1+1",
    "@SUM(1)",
    "\x1b]0;owned\x07\x1b[31m",
    "\u009b31m",
    "[red]bold[/red]",
    "\u202eexe.gnp",
    "a\r\nb\u2028c\x85d",
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\windows",
    "](http://evil) `code` <b>",
    "\\t\\n",
)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)
NAMES = st.one_of(st.sampled_from(ATTACKS), TEXT, st.builds(str.__add__, st.sampled_from(ATTACKS), TEXT))


def everywhere(names: object) -> object:
    """Give the attacks as examples, too, and let one catalog serve all."""

    def decorate(test: object) -> object:
        for attack in ATTACKS:
            test = example(name=attack)(test)  # type: ignore[type-var]
        checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
        return settings(max_examples=25, deadline=None, suppress_health_check=checks)(given(name=names)(test))  # type: ignore[arg-type]

    return decorate


@pytest.fixture
def shop(catalog: Catalog) -> Catalog:
    """A page with an archive: a sheet of four tiles, and a member that cannot be read."""
    sheet, bad = pixels(1), b"bad"
    add_page(catalog, "p", "http://s/a.zip", tags=("x",), title="x", attribution="x")
    add_file(catalog, "http://s/a.zip", b"zip")
    packed = archive(catalog, **{"a.png": png(sheet), "bad.zip": bad})
    settle(catalog, {b"zip": packed, png(sheet): still(sheet), bad: ReadResult(Outcome.DAMAGED, 1, "zip", "x")})
    slice_all(catalog, {image_record(sheet).pixel_hash: sheet})
    return catalog


RENAME = (
    "UPDATE page SET title = :n, authors = :n, tags = :n, attribution = :n, withheld = :n, art_type = :n",
    "UPDATE licence SET name = :n, url = :n",
    "UPDATE person SET name = :n",
    "UPDATE tag SET name = :n",
    "UPDATE file SET name = :n",
    "UPDATE place SET path = :n WHERE depth > 0",
    "UPDATE tile SET name = :n, tag = :n",
    "UPDATE frame SET label = :n, mode = :n",
    "UPDATE sheet SET why = :n",
    "UPDATE ledger SET reason = :n WHERE outcome = 'damaged'",
)


def call(catalog: Catalog, name: str) -> None:
    """Let everything that strangers name go by this name."""
    with catalog.database.write() as connection:
        for statement in RENAME:
            connection.execute(text(statement), {"n": name})


MARKUP = {"html", "head", "meta", "title", "style", "body", "h1", "ul", "li", "a", "small"}


class Skeleton(HTMLParser):
    """A page without its text and the values of attributes; links apart."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.styles: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs if name != "href")))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.styles += [value or "" for name, value in attrs if name == "style"]


def is_harmless(link: str) -> bool:
    return link.startswith(("http://", "https://")) or (":" not in link and not link.startswith(("/", "..")))


def pages(folder: Path) -> dict[str, Skeleton]:
    return {path.name: Skeleton(path.read_text("utf-8")) for path in folder.glob("*.html")}


@everywhere(NAMES)
def test_a_report_has_the_same_markup_whatever_things_are_called(shop: Catalog, tmp_path: Path, name: str) -> None:
    call(shop, "plain")
    build_report(shop, tmp_path / "plain")
    call(shop, name)
    build_report(shop, tmp_path / "named")
    plain, named = pages(tmp_path / "plain"), pages(tmp_path / "named")
    assert {"index.html", "page-1.html", "failure-1.html"} <= set(plain) == set(named)
    for file, page in named.items():
        if name.strip():  # what is empty may be left out
            assert page.tags == plain[file].tags, file
        assert page.styles == plain[file].styles
        assert all(map(is_harmless, page.links)), page.links
    assert sorted(path.name for path in (tmp_path / "named").rglob("*")) == sorted(
        path.name for path in (tmp_path / "plain").rglob("*")
    )


@everywhere(NAMES)
def test_credits_have_the_same_markup_whatever_things_are_called(shop: Catalog, name: str) -> None:
    call(shop, name)
    page = Skeleton("\n".join(write_credits(shop.database, "html")))
    assert {tag for tag, _ in page.tags} <= MARKUP
    assert {names for tag, names in page.tags if tag == "a"} <= {("rel",)}
    assert all(map(is_harmless, page.links))
    lines = list(write_credits(shop.database, "markdown"))
    assert all(line == "# Credits\n" or line.startswith(("- ", "  - ")) for line in lines)
    assert len([line for line in lines if line.startswith("- ")]) == 1
    for line in lines[1:]:
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        bare = line.replace("\\\\", "")
        assert not [c for at, c in enumerate(bare) if c in "`*[]<>|" and bare[at - 1] != "\\"], line
    (credit,) = csv.DictReader(io.StringIO("\n".join(write_credits(shop.database, "csv")), newline=""))
    assert not [cell for cell in credit.values() if cell.startswith(FORMULA_STARTS)]


@everywhere(NAMES)
def test_tables_keep_their_cells_and_no_cell_runs(shop: Catalog, name: str) -> None:
    call(shop, name)
    expected = list(rows(shop.database))
    written = {format_: io.StringIO(newline="") for format_ in ("jsonl", "tsv", "csv")}
    for format_, out in written.items():
        assert write_lines(format_, rows(shop.database), out) == len(expected) == 5
    assert [json.loads(line) for line in written["jsonl"].getvalue().rstrip("\n").split("\n")] == expected
    tsv = [line.split("\t") for line in written["tsv"].getvalue().rstrip("\n").split("\n")]
    assert [len(line) for line in tsv] == [len(COLUMNS)] * 6
    titles = [line[COLUMNS.index("title")] for line in tsv[1:]]
    assert [unescaped(title) for title in titles] == [row["title"] for row in expected]
    table = list(csv.reader(io.StringIO(written["csv"].getvalue(), newline="")))
    assert [len(line) for line in table] == [len(COLUMNS)] * 6
    assert not [cell for line in table for cell in line if cell.startswith(FORMULA_STARTS)]


def unescaped(cell: str) -> str:
    pairs = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(
        r"\\(?:x(..)|u(....)|(.))", lambda found: pairs.get(found[3]) or chr(int(found[1] or found[2], 16)), cell
    )


@everywhere(NAMES)
def test_status_moves_no_cursor_and_shows_no_markup_of_strangers(shop: Catalog, name: str) -> None:
    call(shop, name)
    out = io.StringIO()
    print_problems(Console(file=out, force_terminal=True, color_system=None), read_status(shop.database).problems)
    assert not [c for c in out.getvalue() if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"]
    assert json.dumps(read_status(shop.database).as_json()).isascii()


@everywhere(NAMES)
def test_names_that_are_asked_for_are_values(shop: Catalog, name: str) -> None:
    call(shop, name)
    everything = Selection(licences=(name,), authors=(name,), tags=(name,), types=(name,), since=name, until=name)
    list(rows(shop.database, everything))
    assert len(list(rows(shop.database, Selection(authors=(name.upper(),))))) in (0, 5)
    assert len(list(rows(shop.database, Selection(tags=(name,))))) in (0, 5)
    for url in (name, f"http://s/{name}", f"http://s/a.zip#path={name}"):
        asked_for_a_part = "xywh=" in url or "frame=" in url
        if not asked_for_a_part:
            shop.find(url)
    assert list(shop.images_on_page(name)) == []
    if name:
        shop.consumer(name)
        assert shop.count_lacking(name) == 5
        shop.mark(name, [1])
        assert shop.count_lacking(name) == 4
        with shop.database.write() as connection:
            connection.execute(text("DELETE FROM consumer_todo"))
            connection.execute(text("DELETE FROM consumer"))
    assert len(list(shop.images())) == 5


@everywhere(NAMES)
def test_shards_hold_files_named_by_ids_alone(shop: Catalog, tmp_path: Path, name: str) -> None:
    call(shop, name)
    for path in tmp_path.glob("shards/*"):
        path.unlink()
    export_webdataset(shop, Selection(), tmp_path / "shards", 100)
    (path,) = (tmp_path / "shards").glob("*.tar")
    with tarfile.open(path) as shard:
        assert all(member.isreg() and member.name.partition(".")[0].isdigit() for member in shard)


def on_a_terminal(home: Home, *words: str) -> str:
    """Run a command that believes it talks to a person; return what that terminal would be told."""
    command, env = home.command("quarry", *words), home.environment
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, command, env)
    return "".join(read_all(terminal, child))


def read_all(terminal: int, child: int) -> Iterator[str]:
    found = b""
    try:
        while piece := os.read(terminal, 65536):
            found += piece
    except OSError:  # how Linux says that the other side is gone
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    yield found.decode()


PRINTING = ("export --format tsv", "export --format csv", "export --format jsonl", "credits", "credits --format html")


@pytest.mark.parametrize("words", [*PRINTING, "verify"])
def test_no_command_sends_strangers_escapes_to_a_terminal(home: Home, words: str) -> None:
    with home.open() as catalog:
        name = "a\x1b]0;owned\x07\x1b[31m\u009b31m\u202eb"
        add_page(catalog, "p", "http://s/a.png", title=name, attribution=name)
        add_file(catalog, "http://s/a.png", png(pixels(1)))
        settle(catalog, {png(pixels(1)): still(pixels(1))})
        call(catalog, name)
    told = on_a_terminal(home, "catalog", *words.split())
    assert told.strip()
    assert not [c for c in told if unicodedata.category(c) in ("Cc", "Cf") and c not in "\r\n\t"]
