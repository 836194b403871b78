"""`quarry extract tiles`: what is written is right, is written once, and goes on after a kill."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from db import Catalog
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, LicenceRecord, PageRecord, PersonRecord
from db.vocabulary import FileRole, PersonRole
from extract.tiles.folder import write_folder
from extract.tiles.samples import Selection, count, distinct_images, tiles_by_sheet
from extract.tiles.shards import ParquetWriter, WebDatasetWriter, Writer, write_shards
from tests.conftest import Home
from tests.extract.test_run import TSX, column, png, run


def bring(catalog: Catalog, name: str, seed: int, spdx: str) -> None:
    """Put a sheet of four tiles with its sidecar on a page of its own."""
    files = {f"{name}.png": png(seed), f"{name}.tsx": TSX.format(name=f"{name}.png").encode()}
    links = tuple(FileLink(f"http://s/{name}/{file}", FileRole.FILE) for file in files)
    page = PageRecord(
        url=f"http://s/content/{name}",
        site="s",
        title=name,
        files=links,
        people=(PersonRecord(PersonRole.AUTHOR, f"author of {name}"),),
        licences=(LicenceRecord(spdx, "", spdx),),
    )
    with catalog.database.write() as connection:
        record_page(connection, page)
        for link, data in zip(links, files.values(), strict=True):
            stored = catalog.blobs.put(data)
            record_fetched(connection, FetchedFile(link.url, stored.sha256, stored.size_bytes))


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    bring(catalog, "caves", 3, "CC0-1.0")
    bring(catalog, "towns", 4, "CC-BY-4.0")
    run(catalog)
    return catalog


def ignore(count: int) -> None:
    """Take the progress and do nothing with it."""


def folder(catalog: Catalog, out: Path, selection: Selection | None = None) -> list[dict[str, Any]]:
    write_folder(catalog, out, selection or Selection(), "jsonl", ignore)
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]


def test_every_tile_has_a_file_with_its_pixels_and_a_line_with_its_credit(filled: Catalog, tmp_path: Path) -> None:
    lines = folder(filled, tmp_path)
    assert len(lines) == 8
    for line in lines:
        pixels = np.asarray(Image.open(tmp_path / line["file"]))
        assert np.array_equal(pixels, filled.open(line["image_id"]))
        assert line["authors"] == f"author of {line['title']}"
        assert line["url"].endswith(f"#xywh={line['x']},{line['y']},{line['w']},{line['h']}")
    assert [line["tile_position"] for line in lines] == [0, 1, 2, 3] * 2
    assert [line["licence"] for line in lines] == ["CC0-1.0"] * 4 + ["CC-BY-4.0"] * 4


def test_writing_again_writes_nothing(filled: Catalog, tmp_path: Path) -> None:
    folder(filled, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    done = write_folder(filled, tmp_path, Selection(), "tsv", ignore)
    assert (done.tiles, done.written, done.kept) == (8, 0, 8)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == before
    assert len((tmp_path / "manifest.tsv").read_text("utf-8").splitlines()) == 9


@pytest.mark.parametrize(
    ("selection", "titles"),
    [
        (Selection(licences=("cc0-1.0",)), {"caves"}),
        (Selection(licences=("CC-BY",)), {"towns"}),
        (Selection(licences=("CC-BY", "CC0")), {"caves", "towns"}),
        (Selection(licences=("C%",)), set()),
        (Selection(licences=("CC",)), set()),
        (Selection(licences=("CC-BY-4",)), set()),
        (Selection(kind="grid"), {"caves", "towns"}),
        (Selection(kind="atlas"), set()),
        (Selection(lookalikes=False), {"caves", "towns"}),
    ],
)
def test_only_what_was_asked_for(filled: Catalog, tmp_path: Path, selection: Selection, titles: set[str]) -> None:
    assert {line["title"] for line in folder(filled, tmp_path, selection)} == titles
    images = [sample for batch in distinct_images(filled.database, selection, 3) for sample in batch]
    assert len(images) == count(filled.database, selection, distinct=True) == 4 * len(titles)


def test_one_sheet_alone(filled: Catalog, tmp_path: Path) -> None:
    sheet = column(filled, "SELECT image_id FROM sheet ORDER BY image_id")[1]
    assert {line["parent_image_id"] for line in folder(filled, tmp_path, Selection(sheets=(sheet,)))} == {sheet}


def read_tar(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as shard:
        return {member.name: shard.extractfile(member).read() for member in shard}  # type: ignore[union-attr]


def test_webdataset_shards_pair_pixels_with_what_is_known(filled: Catalog, tmp_path: Path) -> None:
    done = write_shards(filled, tmp_path, Selection(), WebDatasetWriter(), 3, ignore)
    assert (done.shards, done.tiles, done.written) == (3, 8, 8)
    found = {name: data for path in sorted(tmp_path.glob("*.tar")) for name, data in read_tar(path).items()}
    assert len(found) == 16
    for name in [name for name in found if name.endswith(".json")]:
        said = json.loads(found[name])
        pixels = np.asarray(Image.open(io.BytesIO(found[name.replace(".json", ".png")])))
        assert np.array_equal(pixels, filled.open(said["image_id"]))
        assert said["authors"]


def test_parquet_shards_hold_images_as_hugging_face_reads_them(filled: Catalog, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")
    write_shards(filled, tmp_path, Selection(), ParquetWriter(), 5, ignore)
    tables = [parquet.read_table(path) for path in sorted(tmp_path.glob("*.parquet"))]
    assert [table.num_rows for table in tables] == [5, 3]
    features = json.loads(tables[0].schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert set(features) == set(tables[0].column_names)
    for row in tables[0].to_pylist():
        pixels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        assert np.array_equal(pixels, filled.open(row["image_id"]))
        assert row["licence"] in ("CC0-1.0", "CC-BY-4.0")


@pytest.mark.parametrize("writer", [WebDatasetWriter(), ParquetWriter()], ids=lambda writer: writer.suffix)
def test_only_shards_that_changed_are_written_again(filled: Catalog, tmp_path: Path, writer: Writer) -> None:
    def write(selection: Selection | None = None) -> tuple[int, int]:
        done = write_shards(filled, tmp_path, selection or Selection(), writer, 4, ignore)
        return done.written, done.kept

    assert write() == (8, 0)
    first = (tmp_path / f"tiles-000000.{writer.suffix}").read_bytes()
    assert write() == (0, 8)
    bring(filled, "woods", 5, "CC0-1.0")
    run(filled)
    assert write() == (4, 8)
    (tmp_path / f"tiles-000000.{writer.suffix}").unlink()
    assert write() == (4, 8)
    assert (tmp_path / f"tiles-000000.{writer.suffix}").read_bytes() == first
    write(Selection(licences=("CC-BY-4.0",)))
    assert len(list(tmp_path.glob("tiles-*"))) == 1


@pytest.mark.parametrize("index", ["", "[]", '{"../outside.tar": "x", "tiles-9.tar": 4}'])
def test_a_broken_index_only_costs_work(filled: Catalog, tmp_path: Path, index: str) -> None:
    outside = tmp_path / "outside.tar"
    outside.write_text("mine")
    out = tmp_path / "shards"
    write_shards(filled, out, Selection(), WebDatasetWriter(), 4, ignore)
    (out / "shards.json").write_text(index)
    assert write_shards(filled, out, Selection(), WebDatasetWriter(), 4, ignore).written == 8
    assert outside.exists()


DIE = """
import os, signal, sys
from pathlib import Path
from db import Catalog
from extract.tiles import folder, shards
from extract.tiles.samples import Selection, tiles_by_sheet
left = 3
def dying_png(rgba, real=folder.png):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(rgba)
folder.png = shards.png = dying_png
catalog = Catalog(sys.argv[1], sys.argv[2])
if sys.argv[4] == "folder":
    folder.write_folder(catalog, Path(sys.argv[3]), Selection(), "jsonl", print)
else:
    shards.write_shards(catalog, Path(sys.argv[3]), Selection(), shards.WebDatasetWriter(), 1, print)
"""


@pytest.mark.parametrize("form", ["folder", "shards"])
def test_killed_half_way_it_goes_on(filled: Catalog, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    urls = [filled.settings.catalog_url, filled.settings.blobs_url]
    died = subprocess.run([sys.executable, "-c", DIE, *urls, str(out), form], env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL
    if form == "folder":
        assert not (out / "manifest.jsonl").exists()
        done = write_folder(filled, out, Selection(), "jsonl", ignore)
    else:
        done = write_shards(filled, out, Selection(), WebDatasetWriter(), 1, ignore)
    assert (done.kept, done.written) == (2, 6)
    assert not list(out.rglob("*.part"))


def test_the_command_says_what_it_did(home: Home, tmp_path: Path) -> None:
    with home.open() as catalog:
        bring(catalog, "caves", 3, "CC0-1.0")
        run(catalog)
    out = tmp_path / "tiles"
    done = home.quarry("extract", "tiles", "--out", str(out), "--json")
    assert json.loads(done.stdout) == {
        "tiles": 4, "written": 4, "kept": 0, "shards": 0, "out": str(out), "stopped": False,
    }  # fmt: skip
    assert home.quarry("extract", "tiles", "--out", str(out), "--webdataset", "--parquet").returncode == 2
    shards = home.quarry("extract", "tiles", "--out", str(out), "--webdataset", "--licence", "CC0")
    assert shards.stdout.startswith("4 tiles in 1 shards")


def test_who_accepts_attribution_gets_no_share_alike(filled: Catalog) -> None:
    bring(filled, "woods", 5, "CC-BY-SA-4.0")
    bring(filled, "moors", 6, "CC-BY-NC-3.0")
    run(filled)
    of = {licence: Selection(licences=(licence,)) for licence in ("CC-BY", "cc-by-sa", "CC-BY-NC-3.0", "CC-BY-SA-3.0")}
    got = {
        licence: {tile["title"] for tiles in tiles_by_sheet(filled.database, selection) for tile in tiles}
        for licence, selection in of.items()
    }
    assert got == {"CC-BY": {"towns"}, "cc-by-sa": {"woods"}, "CC-BY-NC-3.0": {"moors"}, "CC-BY-SA-3.0": set()}
