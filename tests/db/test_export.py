"""Everything that leaves the catalog: complete, filtered as asked, harmless, resumable, and readable by its readers."""

import csv
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet
from sqlalchemy import Connection, text

from db import Catalog
from db.cells import FORMULA_STARTS, harmless, tame, tsv_cell
from db.credits import Format, write_credits
from db.derive import record_read
from db.errors import ExportMismatchError
from db.export import COLUMNS, rows, write_lines
from db.export_parquet import schema, write_parquet
from db.export_parts import export_rows
from db.export_pixels import export_datasets, export_webdataset
from db.licences import duties, is_allowed
from db.records import LicenceRecord
from db.report.build import build_report
from db.selection import Selection, selected_pages
from db.sources import find_sources
from tests.conftest import Home
from tests.db.building import (
    BY,
    BY_SA,
    CC0,
    GPL,
    add_file,
    add_page,
    add_sheets,
    image_record,
    pixels,
    png,
    settle,
    slice_all,
    still,
)

HOSTILE = "=HYPERLINK(\"http://evil\")<script>alert('x')</script>\x1b[31m'; DROP TABLE image; --"


@pytest.fixture
def shop(catalog: Catalog) -> Catalog:
    """Four pages, each with a sheet of two tiles."""
    sheets = []
    pages = (
        ("free", (CC0, GPL), "Ann", ("cave", "Stone"), "2D Art", "2020-05-01 10:00"),
        ("named", (BY,), "Bo", ("cave",), "Texture", "2021-05-01 10:00"),
        ("bound", (BY_SA, GPL), "Ann", (), "2D Art", "2022-05-01 10:00"),
        ("bare", (), HOSTILE, (), "2D Art", None),
    )
    for number, (name, licences, author, tags, art_type, posted) in enumerate(pages):
        add_page(
            catalog,
            name,
            f"http://s/{name}.png",
            licences=licences,
            author=author,
            tags=tags,
            art_type=art_type,
            posted_at=posted,
            title=HOSTILE if name == "bare" else name,
            attribution=HOSTILE if name == "bare" else "",
        )
        sheets.append(pixels(number, 2))
        add_file(catalog, f"http://s/{name}.png", png(sheets[-1]))
    settle(catalog, {png(rgba): still(rgba) for rgba in sheets})
    slice_all(catalog, {image_record(rgba).pixel_hash: rgba for rgba in sheets})
    return catalog


@pytest.mark.parametrize(
    ("selection", "pages"),
    [
        (Selection(), {"free", "named", "bound", "bare"}),
        (Selection(licences=("CC0-1.0",)), {"free"}),
        (Selection(licences=("gpl-3.0-only",)), {"free", "bound"}),
        (Selection(licences=("GPL-3.0", "CC-BY-3.0")), {"free", "named", "bound"}),
        (Selection(licences=("MIT",)), set()),
        (Selection(authors=("ann",)), {"free", "bound"}),
        (Selection(tags=("CAVE",)), {"free", "named"}),
        (Selection(types=("texture",)), {"named"}),
        (Selection(since="2021-01-01", until="2021-05-01"), {"named"}),
        (Selection(authors=("ann",), tags=("stone", "grass")), {"free"}),
        (Selection(authors=("x' OR 1 = 1 --",)), set()),
        (Selection(kinds=("sheet",)), {"free", "named", "bound", "bare"}),
    ],
)
def test_filters_take_what_was_asked_for(shop: Catalog, selection: Selection, pages: set[str]) -> None:
    found = {(row["source_page"] or "").rpartition("/")[2] for row in rows(shop.database, selection)}
    assert found == pages


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection(kinds=("tile",)), 8),
        (Selection(kinds=("sheet", "tile"), tags=("cave",)), 6),
        (Selection(min_px=5), 4),
        (Selection(max_px=4, current=True), 8),
    ],
)
def test_filters_on_images(shop: Catalog, selection: Selection, count: int) -> None:
    assert len(list(rows(shop.database, selection))) == count


def test_withdrawn_images_are_not_current(shop: Catalog) -> None:
    add_page(shop, "named")
    assert len(list(rows(shop.database, Selection(current=True)))) == 9


@pytest.mark.parametrize(
    ("offer", "accepted", "taken"),
    [
        ("CC0-1.0 OR GPL-3.0-only", ("GPL-3.0-only",), True),
        ("CC-BY-3.0 AND CC-BY-SA-3.0", ("CC-BY-3.0",), False),
        ("CC-BY-3.0 AND CC-BY-SA-3.0", ("CC-BY-3.0", "CC-BY-SA-3.0"), True),
        ("GPL-2.0-or-later", ("GPL-3.0-only",), True),
        ("GPL-3.0-or-later", ("GPL-2.0-only",), False),
        ("GPL-3.0-only", ("GPL-3.0",), True),
        ("GPL-3.0-only", ("LGPL-3.0-only",), False),
        ("CC-BY-4.0", ("CC-BY-3.0",), False),
        ("", ("CC0-1.0",), False),
        ("((", ("CC0-1.0",), False),
        ("(MIT OR CC0-1.0) AND LicenseRef-OGA-BY-3.0", ("mit", "licenseref-oga-by-3.0"), True),
    ],
)
def test_expressions_are_understood(offer: str, accepted: tuple[str, ...], taken: bool) -> None:
    assert is_allowed(offer, accepted) is taken


@pytest.mark.parametrize(
    ("spdx", "attribution", "share_alike", "unknown"),
    [
        ("CC0-1.0", False, False, False),
        ("CC-BY-4.0", True, False, False),
        ("CC-BY-SA-3.0", True, True, False),
        ("LicenseRef-OGA-BY-3.0", True, False, False),
        ("LGPL-2.1-only", True, True, False),
        ("CC0-1.0 OR CC-BY-SA-3.0", False, False, False),
        ("CC-BY-3.0 AND GPL-2.0-only", True, True, False),
        ("LicenseRef-something", True, False, True),
        ("", True, False, True),
    ],
)
def test_duties_are_those_of_the_lightest_choice(
    spdx: str, attribution: bool, share_alike: bool, unknown: bool
) -> None:
    asked = duties(spdx)
    assert (asked.attribution, asked.share_alike, asked.unknown) == (attribution, share_alike, unknown)


def test_credits_say_what_each_licence_asks_for(shop: Catalog) -> None:
    said = "\n".join(write_credits(shop.database, "markdown"))
    parts = {part.split('"')[1]: part for part in said.split("\n- ")[1:]}
    assert "optional" in parts["free"]
    assert "Say so if you changed it" in parts["named"]
    assert "Share-alike" not in parts["named"]
    assert "Share-alike" in parts["bound"]
    assert "No licence is stated" in said
    only = list(write_credits(shop.database, "markdown", Selection(licences=("CC-BY-3.0",))))
    assert [line for line in only if line.startswith("- ")] == [
        '- "named" by Bo licensed CC-BY 3.0: http://s/content/named'
    ]
    of_tiles = write_credits(shop.database, "markdown", Selection(kinds=("tile",), authors=("Bo",)))
    assert len([line for line in of_tiles if line.startswith("- ")]) == 1


def test_nothing_hostile_gets_into_credits(shop: Catalog) -> None:
    page = "\n".join(write_credits(shop.database, "html"))
    assert "<script" not in page
    assert "&lt;script" in page
    table = list(csv.reader(io.StringIO("\n".join(write_credits(shop.database, "csv")))))
    assert {len(row) for row in table} == {9}
    assert not [cell for row in table for cell in row if cell.startswith(FORMULA_STARTS)]
    assert "<script" not in "\n".join(write_credits(shop.database, "markdown")).replace("\\<script", "")


def test_deeds_that_are_no_web_pages_are_not_linked(catalog: Catalog) -> None:
    add_page(catalog, "p", licences=(LicenceRecord("X", "javascript:alert(1)", "LicenseRef-X"),))
    assert 'href="javascript' not in "\n".join(write_credits(catalog.database, "html"))


def test_csv_is_read_back_and_holds_no_formula(shop: Catalog) -> None:
    out = io.StringIO()
    assert write_lines("csv", rows(shop.database), out) == 12
    read = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
    assert [row["url"] for row in read] == [row["url"] for row in rows(shop.database)]
    assert not [cell for row in read for cell in row.values() if cell.startswith(FORMULA_STARTS)]
    assert {row["title"] for row in read} >= {"'" + HOSTILE.replace("\x1b", "\\x1b")}


CELLS = st.text(st.one_of(st.characters(), st.sampled_from("=+-@;,\t\r\n\"'\\\x1b\x9b\u202e＝")))


@given(CELLS)
def test_no_text_stays_a_formula_and_all_text_survives(value: str) -> None:
    cell = harmless(value)
    assert not [part for part in re.split("[;\t\r\n]", cell) if part.lstrip('"').startswith(FORMULA_STARTS)]
    assert cell.replace("'", "") == tame(value).replace("'", "")
    if value.isascii() and value.isprintable() and "'" not in value and not cell.count("'"):
        assert cell == value


@given(CELLS)
def test_text_in_a_tsv_runs_nowhere_and_comes_back(value: str) -> None:
    cell = tsv_cell(value)
    assert not [part for part in re.split("[;,\t\r\n]", cell) if part.startswith((*FORMULA_STARTS, '"'))]
    assert not STEERING & set(cell)
    pairs = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    back = re.sub(
        r"\\(?:x(..)|u(....)|(.))", lambda found: pairs.get(found[3]) or chr(int(found[1] or found[2], 16)), cell
    )
    assert back == value


STEERING = {chr(code) for code in range(32)} - {"\t", "\n", "\r"} | {chr(code) for code in range(127, 160)}


@pytest.mark.parametrize("format_", ["jsonl", "tsv", "csv"])
def test_no_file_steers_the_terminal_that_shows_it(catalog: Catalog, tmp_path: Path, format_: str) -> None:
    hostile = "a" + "".join(sorted(STEERING - {"\0"})) + "\u202e\u2028"
    add_page(catalog, "p", "http://s/f0.png", title=hostile, author=hostile, attribution=hostile, tags=(hostile,))
    add_file(catalog, "http://s/f0.png", png(pixels(0)))
    settle(catalog, {png(pixels(0)): still(pixels(0))})
    out = io.StringIO()
    assert write_lines(format_, rows(catalog.database), out) == 1
    written = [out.getvalue()]
    for kind in get_args(Format):
        written += write_credits(catalog.database, kind)
    export_rows(catalog, format_, Selection(), tmp_path / "parts", 5)
    build_report(catalog, tmp_path / "report")
    written += [path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".html", "." + format_)]
    assert len(written) > 8
    assert not (STEERING | {"\u202e", "\u2028"}) & set("".join(written))
    if format_ == "jsonl":
        assert json.loads(written[0])["title"] == hostile


def test_parquet_holds_the_same_rows_with_types(shop: Catalog, tmp_path: Path) -> None:
    assert write_parquet(rows(shop.database), tmp_path / "x.parquet") == 12
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.to_pylist() == list(rows(shop.database))
    assert set(table.schema.names) == set(COLUMNS)
    assert schema().field("url").metadata[b"description"]


def test_every_column_has_in_parquet_the_type_that_it_has_in_the_catalog(shop: Catalog, tmp_path: Path) -> None:
    with shop.database.write() as connection:
        connection.execute(text("UPDATE frame SET duration_ms = 40, palette_size = 16, label = 'walk', mode = 'P'"))
        connection.execute(text("UPDATE image SET alpha = 'full', colours = 7, upscale = 2"))
        connection.execute(text("UPDATE tile SET alike_id = image_id, tag = 'walk'"))
    found: dict[str, set[type]] = {name: set() for name in COLUMNS}
    for row in rows(shop.database):
        for name, value in row.items():
            if value is not None:
                found[name].add(type(value))
    types = {int: pa.int64(), bool: pa.bool_(), str: pa.string()}
    told = {name: types[kind] for name, kinds in found.items() for kind in kinds}
    assert told == {name: schema().field(name).type for name in COLUMNS}
    write_parquet(rows(shop.database), tmp_path / "x.parquet")
    assert parquet.read_table(tmp_path / "x.parquet").to_pylist() == list(rows(shop.database))


@pytest.mark.parametrize("format_", ["jsonl", "tsv", "csv", "parquet"])
def test_an_export_to_a_folder_goes_on_where_it_stopped(shop: Catalog, tmp_path: Path, format_: str) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert export_rows(shop, format_, Selection(), once, 5) == 3
    export_rows(shop, format_, Selection(), twice, 5)
    parts = sorted(path for path in twice.iterdir() if not path.name.startswith("_"))
    parts[-1].rename(parts[-1].with_name(parts[-1].name + ".part"))  # killed before its last part was whole
    assert export_rows(shop, format_, Selection(), twice, 5) == 1
    assert export_rows(shop, format_, Selection(), twice, 5) == 0
    for path in once.iterdir():
        assert path.read_bytes() == (twice / path.name).read_bytes()
    with pytest.raises(ExportMismatchError):
        export_rows(shop, format_, Selection(kinds=("tile",)), once, 5)


def test_webdataset_shards_hold_each_image_once_with_its_facts(shop: Catalog, tmp_path: Path) -> None:
    assert export_webdataset(shop, Selection(kinds=("tile",)), tmp_path / "w", 5) == 2
    found = {}
    for path in sorted((tmp_path / "w").glob("*.tar")):
        with tarfile.open(path) as shard:
            for member in shard:
                stream = shard.extractfile(member)
                assert stream is not None
                found[member.name] = stream.read()
    images = [name for name in found if name.endswith(".png")]
    assert len(images) == len(found) // 2 == 8
    for name in images:
        facts = json.loads(found[name.replace(".png", ".json")])
        rgba = np.array(Image.open(io.BytesIO(found[name])))
        np.testing.assert_array_equal(rgba, shop.open(facts["image_id"]))
    assert export_webdataset(shop, Selection(kinds=("tile",)), tmp_path / "w", 5) == 0


def test_shards_speak_of_one_moment(shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the licence is taken back between the choice of images and the reading of what is said of them."""

    def change_and_find(connection: Connection, image_ids: list[int]) -> Any:
        add_page(shop, "free", "http://s/free.png", licences=(BY,))
        return find_sources(connection, image_ids)

    monkeypatch.setattr("db.export_pixels.find_sources", change_and_find)
    assert export_webdataset(shop, Selection(licences=("CC0-1.0",)), tmp_path / "w", 5) == 1
    (path,) = (tmp_path / "w").glob("*.tar")
    with tarfile.open(path) as shard:
        streams = [shard.extractfile(member) for member in shard if member.name.endswith(".json")]
        facts = [json.load(stream) for stream in streams if stream is not None]
    assert [fact["licence"] for fact in facts] == ["CC0-1.0 OR GPL-3.0-only"] * 3


@pytest.mark.parametrize("export", [export_webdataset, partial(export_rows, format_="jsonl")])
def test_what_is_committed_late_is_in_a_later_part(
    postgres_url: str, tmp_path: Path, export: Callable[..., int]
) -> None:
    """PostgreSQL gives out ids before the commit. Who goes on from the highest one seen must not miss lower ones."""
    with Catalog(postgres_url, str(tmp_path / "blobs")) as catalog:
        for number in (1, 2):
            add_file(catalog, f"http://s/{number}.png", png(pixels(number)))
        first_in = threading.Event()

        def export_meanwhile() -> int:
            first_in.wait()
            return export(catalog, selection=Selection(), folder=tmp_path / "x", per_part=5)

        with ThreadPoolExecutor(1) as pool:
            exporting = pool.submit(export_meanwhile)
            with catalog.database.write() as late:
                record_read(late, 1, still(pixels(1)))
                with catalog.database.write() as connection:
                    record_read(connection, 2, still(pixels(2)))
                first_in.set()
                wait_until_blocked(catalog, exporting)
            exporting.result()
        export(catalog, selection=Selection(), folder=tmp_path / "x", per_part=5)
        names = [path.name for path in (tmp_path / "x").iterdir() if not path.name.startswith("_")]
        assert names == [f"{names[0].partition('-')[0]}-{1:012d}-{2:012d}{Path(names[0]).suffix}"]


def wait_until_blocked(catalog: Catalog, exporting: "Future[int]") -> None:
    """Wait until the export waits for a lock, or is through without having asked for one."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not exporting.done():
        with catalog.database.read() as connection:
            if connection.scalar(waiting):
                return


LOAD = """
import json, sys, datasets
datasets.disable_progress_bars()
found = datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2], split="train")
print(json.dumps([[type(found.features["image"]).__name__], [row["image"].size for row in found],
                  [row["url"] for row in found], [row["is_current"] for row in found]]))
"""


def test_datasets_loads_the_folder(shop: Catalog, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    assert export_datasets(shop, Selection(), tmp_path / "d", 7) == 2
    command = [sys.executable, "-c", LOAD, str(tmp_path / "d"), str(tmp_path / "cache")]
    env = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    kind, sizes, urls, current = json.loads(done.stdout.splitlines()[-1])
    assert kind == ["Image"]
    assert [tuple(size) for size in sizes] == [(image.width, image.height) for image in shop.images()]
    assert urls == [shop.sightings(image.id)[0].url for image in shop.images()]
    assert current == [True] * 12


def test_the_commands_write_what_they_say(home: Home) -> None:
    with home.open() as catalog:
        add_sheets(catalog, 2)
    out = home.folder / "out"
    for words in (
        ("export", "--format", "tsv", "--kind", "tile", "--out", f"{out}.tsv"),
        ("export", "--format", "parquet", "--out", f"{out}.parquet"),
        ("export", "--format", "webdataset", "--out", f"{out}-w"),
        ("export", "--format", "csv", "--parts", "4", "--out", f"{out}-c"),
        ("credits", "--format", "html", "--out", f"{out}.html"),
    ):
        done = home.quarry("catalog", *words)
        assert done.returncode == 0, done.stderr
    assert len(Path(f"{out}.tsv").read_text().splitlines()) == 9
    assert len(list(Path(f"{out}-c").glob("part-*"))) == 3
    refused = home.quarry("catalog", "export", "--format", "csv", "--kind", "tile", "--parts", "4", "--out", f"{out}-c")
    assert refused.returncode == 2
    assert "another export" in refused.stderr


def test_names_are_found_whatever_their_case_and_alphabet(catalog: Catalog) -> None:
    add_page(catalog, "a", author="Łukasz Ćwik", tags=("Замок",))
    for chosen in (
        Selection(authors=("Łukasz Ćwik",)),
        Selection(authors=("łukasz ĆWIK",)),
        Selection(tags=("замок",)),
        Selection(tags=("Замок",)),
    ):
        with catalog.database.read() as connection:
            assert len(list(selected_pages(connection, chosen))) == 1, chosen


def test_the_schema_uses_no_function_of_ours(catalog: Catalog) -> None:
    """Other programs open the file, too."""
    if catalog.database.engine.dialect.name == "sqlite":
        with catalog.database.read() as connection:
            made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql LIKE '%lower(%'").all()
        assert made == []
