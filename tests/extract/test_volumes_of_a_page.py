"""Archives that a page offers as several files are read as one, whatever order they arrive in."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import rars
from sqlalchemy import text

from db import Catalog
from db.recording import record_fetched, record_page
from db.records import FetchedFile, FileLink, PageRecord
from db.vocabulary import FileRole
from extract.archives.interface import Limits
from extract.archives.volume_names import volume_sets
from extract.run import StageRunner, outdate, read_work
from tests.extract.test_run import Inline, packed, png

CONTENT = {"a__b_DOT_png": png(1, (64, 64)), "c_DOT_png": png(2, (64, 64))}


def rar_volumes(folder: Path, format_: str) -> dict[str, bytes]:
    builder = rars.RarBuilder(format=format_, store=True, volume_size=7_000)
    builder.add_bytes(png(1, (64, 64)), "b.png")
    if format_ == "rar50":
        builder.add_bytes(png(2, (64, 64)), "c.png")
    builder.write_volumes(str(folder / "pack.rar"))
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def cut(data: bytes) -> dict[str, bytes]:
    pieces = [data[at : at + 9_000] for at in range(0, len(data), 9_000)]
    return {f"pack.zip.{number:03}": piece for number, piece in enumerate(pieces, 1)}


def offer(catalog: Catalog, names: list[str]) -> None:
    with catalog.database.write() as connection:
        links = tuple(FileLink(f"http://s/f/{name}", FileRole.FILE) for name in names)
        record_page(connection, PageRecord(url="http://s/content/p", site="s", title="P", files=links))


def fetch(catalog: Catalog, name: str, data: bytes) -> None:
    stored = catalog.blobs.put(data)
    with catalog.database.write() as connection:
        record_fetched(connection, FetchedFile(f"http://s/f/{name}", stored.sha256, stored.size_bytes))


def run(catalog: Catalog) -> int:
    outdate(catalog)
    settled: list[Any] = []
    StageRunner(catalog, Inline(), read_work(Limits())).run(settled.append)
    return len(settled)


def ledger(catalog: Catalog) -> list[tuple[str, str]]:
    with catalog.database.read() as connection:
        rows = connection.execute(
            text("SELECT outcome, reason FROM ledger WHERE stage = 'read' AND format = 'volume' ORDER BY subject_id")
        )
        return [tuple(row) for row in rows]


def urls(catalog: Catalog) -> set[str]:
    with catalog.database.read() as connection:
        return set(connection.scalars(text("SELECT url FROM image_catalog")))


@pytest.mark.parametrize("kind", ["rar50", "rar29", "cut"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_set_is_read_when_its_last_volume_arrives(
    catalog: Catalog, tmp_path: Path, kind: str, backwards: bool
) -> None:
    folder = tmp_path / "volumes"
    folder.mkdir()
    volumes = cut(packed(**CONTENT)) if kind == "cut" else rar_volumes(folder, kind)
    assert len(volumes) > 2
    offer(catalog, list(volumes))
    order = sorted(volumes, reverse=backwards)
    for name in order[:-1]:
        fetch(catalog, name, volumes[name])
    run(catalog)
    assert {outcome for outcome, _ in ledger(catalog)} == {"partial"}
    assert all(reason.startswith("waits for other volumes: ") for _, reason in ledger(catalog))
    assert run(catalog) == 0
    fetch(catalog, order[-1], volumes[order[-1]])
    run(catalog)
    assert [outcome for outcome, _ in ledger(catalog)] == ["ignored"] * (len(volumes) - 1)
    first = next(name for name in sorted(volumes) if name in ("pack.rar", "pack.zip.001") or "part01" in name)
    wanted = {"b.png"} if kind == "rar29" else {"a/b.png", "c.png"} if kind == "cut" else {"b.png", "c.png"}
    assert urls(catalog) == {f"http://s/f/{first}#path={path}" for path in wanted}
    assert run(catalog) == 0


def test_numbers_behind_pictures_are_no_volumes(catalog: Catalog) -> None:
    names = {f"walk.{n:03}": png(n) for n in (1, 2, 3)}
    offer(catalog, list(names))
    for name, data in names.items():
        fetch(catalog, name, data)
    run(catalog)
    assert urls(catalog) == {f"http://s/f/{name}" for name in names}


def test_an_archive_on_its_own_is_no_volume(catalog: Catalog) -> None:
    offer(catalog, ["pack.zip", "pack.rar", "other.r05"])
    fetch(catalog, "pack.zip", packed(c_DOT_png=png(3)))
    run(catalog)
    assert urls(catalog) == {"http://s/f/pack.zip#path=c.png"}


@pytest.mark.parametrize(
    ("names", "first", "aliases", "missing"),
    [
        (["x.part2.rar", "x.part1.rar"], "x.part1.rar", ("v.part0001.rar", "v.part0002.rar"), ""),
        (["X.part1_.rar", "x.part2_.rar"], "X.part1_.rar", ("v.part0001.rar", "v.part0002.rar"), ""),
        (["x.part01.exe", "x.part02.rar"], "x.part01.exe", ("v.part0001.rar", "v.part0002.rar"), ""),
        (["x.r01", "x.rar", "x.r00", "x.s00"], "x.rar", ("v.rar", "v.r00", "v.r01", "v.s00"), "number 2 of x"),
        (["x.z01", "x.zip", "x.z02"], "x.zip", ("v.zip", "v.z01", "v.z02"), ""),
        (["x.7z.001", "x.7z.003"], "x.7z.001", ("v.001", "v.003"), "number 2 of x.7z"),
    ],
)
def test_names_make_sets(names: list[str], first: str, aliases: tuple[str, ...], missing: str) -> None:
    (found,) = volume_sets(names)
    assert (found.first, found.aliases, found.missing) == (first, aliases, missing)


def test_names_without_a_first_volume_make_no_set() -> None:
    assert volume_sets(["x.part2.rar", "y.002", "z.r00", "a.png", "b.zip"]) == []


def test_volume_blobs_stay_apart_from_their_links(catalog: Catalog) -> None:
    volumes = cut(packed(**CONTENT))
    offer(catalog, list(volumes))
    for name, data in volumes.items():
        fetch(catalog, name, data)
    run(catalog)
    assert all(catalog.blobs.has(hashlib.sha256(data).digest()) for data in volumes.values())
    assert list(catalog.blobs.temporary.iterdir()) == []


@pytest.mark.parametrize("kind", ["cut", "rar50"])
def test_volumes_that_a_page_offers_later_join_the_first(catalog: Catalog, tmp_path: Path, kind: str) -> None:
    """The page offered only the first, which was read as far as it goes; then it offers all."""
    folder = tmp_path / "volumes"
    folder.mkdir()
    volumes = cut(packed(**CONTENT)) if kind == "cut" else rar_volumes(folder, kind)
    names = sorted(volumes)
    first = next(name for name in names if name in ("pack.rar", "pack.zip.001") or "part01" in name)
    offer(catalog, [first])
    fetch(catalog, first, volumes[first])
    run(catalog)
    offer(catalog, names)
    for name in names:
        fetch(catalog, name, volumes[name])
    run(catalog)
    paths = {"a/b.png", "c.png"} if kind == "cut" else {"b.png", "c.png"}
    assert urls(catalog) == {f"http://s/f/{first}#path={path}" for path in paths}
    assert run(catalog) == 0


def test_a_set_that_came_whole_is_read_once(catalog: Catalog) -> None:
    volumes = cut(packed(**CONTENT))
    offer(catalog, list(volumes))
    for name, data in volumes.items():
        fetch(catalog, name, data)
    assert run(catalog) == len(volumes) + len(CONTENT)
