"""Sidecars: a golden case for every format, and nothing but SidecarError whatever the bytes."""

import contextlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.sheets import Rect, SidecarError, SidecarSheet, may_be_sidecar, parse_sidecar
from extract.sheets.sidecars import FORMATS
from extract.sheets.sidecars.base import Format
from tests.extract.sheets.sheet_pictures import GOLDEN


def said(sheet: SidecarSheet) -> dict[str, Any]:
    """Return the fields that are not at their defaults, as JSON would have them."""
    told = {f.name: getattr(sheet, f.name) for f in fields(sheet) if getattr(sheet, f.name) != f.default}
    plain: dict[str, Any] = json.loads(json.dumps({**asdict(sheet), **told}, default=asdict))
    kept = {name: plain[name] for name in told}
    if "rects" in kept:
        names = {f.name: f.default for f in fields(Rect)}
        kept["rects"] = [{k: v for k, v in rect.items() if names[k] != v} for rect in kept["rects"]]
    return kept


CASES = sorted(GOLDEN.glob("*/*"))
INPUTS = [source for case in CASES for source in (case / "__input__").iterdir()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_golden_case(case: Path) -> None:
    (source,) = (case / "__input__").iterdir()
    data = source.read_bytes()
    expected = json.loads((case / "__output__" / "sheets.json").read_text(encoding="utf-8"))
    sheets = parse_sidecar(data, source.name)
    assert may_be_sidecar(source.name, data)
    assert [said(sheet) for sheet in sheets] == expected
    assert {sheet.format for sheet in sheets} == {case.parent.name}


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_every_format_has_a_golden_case(known: Format) -> None:
    assert list((GOLDEN / known.name).glob("*/__input__/*"))


@given(st.sampled_from(INPUTS), st.data())
@settings(max_examples=1000, deadline=None)
def test_damaged_sidecars_raise_only_sidecar_error(source: Path, data: st.DataObject) -> None:
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    with contextlib.suppress(SidecarError):
        parse_sidecar(bytes(content), source.name)


@given(
    st.sampled_from([ending for known in FORMATS for ending in known.endings]),
    st.sampled_from([mark for known in FORMATS for mark in known.marks]),
    st.binary(max_size=80),
    st.binary(max_size=80),
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_raise_only_sidecar_error(ending: str, mark: bytes, before: bytes, after: bytes) -> None:
    with contextlib.suppress(SidecarError):
        parse_sidecar(before + mark + after, f"x{ending}")


def tileset(**numbers: object) -> bytes:
    return json.dumps({"image": "a.png", "tilewidth": 8, "tileheight": 8, "columns": 1, **numbers}).encode()


@pytest.mark.parametrize(
    "numbers",
    [
        {"tilewidth": -8},
        {"tilewidth": 0},
        {"tilewidth": 10**30},
        {"tilewidth": 8.5},
        {"tilewidth": "wide"},
        {"tilewidth": True},
        {"tilewidth": None},
        {"spacing": -1},
        {"margin": 1e300},
        {"tilecount": 10**9},
        {"imagewidth": 10**9, "imageheight": 10**9},
        {"tilewidth": 1, "tileheight": 1, "imagewidth": 60_000, "imageheight": 60_000},
    ],
)
def test_hostile_numbers_are_refused(numbers: dict[str, object]) -> None:
    with pytest.raises(SidecarError):
        parse_sidecar(tileset(**numbers), "a.tsj")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1" * 6000])
def test_numbers_json_cannot_hold_are_refused(number: str) -> None:
    with pytest.raises(SidecarError):
        parse_sidecar(tileset(tilewidth=7777).replace(b"7777", number.encode()), "a.tsj")


def test_deep_nesting_and_entities_are_refused() -> None:
    with pytest.raises(SidecarError):
        parse_sidecar(b'{"tilesets":' + b"[" * 200_000, "a.tsj")
    bomb = b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tileset name="&b;"/>'
    with pytest.raises(SidecarError):
        parse_sidecar(bomb, "a.tsx")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("component.tsx", b"export const A = () => <div/>"),
        ("package.json", b'{"name": "x", "version": "1"}'),
        ("map.json", b'{"tilewidth": 16, "layers": []}'),
        ("notes.txt", b"<TextureAtlas"),
        ("scene.unity.meta", b"fileFormatVersion: 2\nDefaultImporter:\n  x: 1\n"),
        ("tile.png.meta", b"fileFormatVersion: 2\nTextureImporter:\n  spriteSheet:\n    sprites: []\n"),
    ],
)
def test_other_files_are_no_sidecars(name: str, data: bytes) -> None:
    assert parse_sidecar(data, name) == ()


def test_may_be_sidecar_asks_ending_and_beginning() -> None:
    assert may_be_sidecar("A.TSX", b"<?xml?><tileset ")
    assert not may_be_sidecar("a.tsx", b"import React")
    assert not may_be_sidecar("a.png", b"<tileset")


def test_rotated_frame_covers_its_turned_size_on_the_sheet() -> None:
    frame = {"frame": {"x": 1, "y": 2, "w": 30, "h": 10}, "rotated": True}
    (sheet,) = parse_sidecar(json.dumps({"frames": {"a": frame}}).encode(), "dir/pack.json")
    assert (sheet.image, sheet.rects[0].w, sheet.rects[0].h, sheet.rects[0].orientation) == ("pack.png", 10, 30, 8)


NASTY = [
    b"[",
    b"{",
    b"(",
    b"<a>",
    b'"',
    b",",
    b"/*",
    b"url(",
    b"x=",
    b"= ",
    b"a:b\n",
    b"- \n",
    b"1,",
    b"}",
    b"\t",
    b"a.",
]


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_long_runs_of_anything_end(known: Format) -> None:
    """A parser whose time grows with the square of its input would not end here."""
    for unit in NASTY:
        data = known.marks[0] + b"\n" + unit * (1_000_000 // len(unit))
        with contextlib.suppress(SidecarError):
            parse_sidecar(data, f"x{known.endings[0]}")


def test_formats_have_names_of_their_own() -> None:
    assert len({known.name for known in FORMATS}) == len(FORMATS)


def test_a_property_list_may_not_nest_without_end() -> None:
    deep = b"<plist><dict><key>frames</key>" + b"<dict><key>a</key>" * 50 + b"</dict>" * 50 + b"</dict></plist>"
    with pytest.raises(SidecarError, match="nested"):
        parse_sidecar(deep, "a.plist")


def test_tables_of_solarus_may_not_nest_without_end() -> None:
    with pytest.raises(SidecarError, match="nested"):
        parse_sidecar(b"tile_pattern" + b"{ x = " * 5000, "a.dat")


def test_tags_on_too_many_frames_are_refused() -> None:
    frames = [{"filename": str(n), "frame": {"x": n, "y": 0, "w": 1, "h": 1}} for n in range(1000)]
    tags = [{"name": "a", "from": 0, "to": 999}] * 1000
    with pytest.raises(SidecarError, match="limit"):
        parse_sidecar(json.dumps({"frames": frames, "meta": {"frameTags": tags}}).encode(), "a.json")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("readme.txt", b"image=a.png\nJust a note.\n"),
        ("notes.txt", b"frame=1\nwalls = 3\n"),
        ("stats.csv", b"name,hp\norc,3\n"),
        ("style.css", b".a { background-position: 0 0; width: 9px }"),
        ("Info.plist", b"<plist><dict><key>CFBundleName</key><string>x</string></dict></plist>"),
        ("icon.png.import", b'[remap]\n\nimporter="texture"\n\n[params]\n\ncompress/mode=0\n'),
        ("main.tscn", b'[gd_scene format=3]\n\n[node name="A" type="Node2D"]\n'),
        ("room.yy", b'{"resourceType":"GMRoom","frames":[],}'),
    ],
)
def test_neighbours_of_sidecars_are_none(name: str, data: bytes) -> None:
    assert parse_sidecar(data, name) == ()
