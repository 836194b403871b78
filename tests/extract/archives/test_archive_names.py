"""Names: decoded as a whole archive, then made safe; nothing unsafe ever leaves."""

import io
import re
import struct
import zipfile
import zlib

import pytest
from archive_cases import make_tar, make_zip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extract.archives.interface import Name
from extract.archives.junk import is_junk
from extract.archives.names import decode_names, safe_path
from extract.archives.unpack import HashSink, unpack
from extract.archives.zip_reader import unicode_path

JAPANESE = ["表/一覧表.txt", "キャラクター/主人公の歩行.png", "背景/森の中.png", "効果音/説明書.txt"]
RUSSIAN = ["Привет/файл.txt", "Картинки/деревья и трава.png", "Звуки/шаги.ogg"]


def unsafe(path: str) -> bool:
    parts = re.split(r"[/\\]", path)
    return not path or path[0] in "/\\" or "\0" in path or bool(re.match("[A-Za-z]:", path)) or ".." in parts


def raw_zip(names: list[bytes]) -> bytes:
    """Make a ZIP whose names are these bytes, without the UTF-8 flag."""
    places = {b"ABCDEFGH"[number : number + 1] * len(raw): raw for number, raw in enumerate(names)}
    data = make_zip({place.decode(): b"data" for place in places})
    for place, raw in places.items():
        data = data.replace(place, raw)
    return data


@pytest.mark.parametrize(("texts", "encoding"), [(JAPANESE, "cp932"), (RUSSIAN, "cp866"), (JAPANESE, "utf-8")])
def test_undeclared_names_are_guessed_from_all_names_together(texts, encoding):
    assert decode_names([Name(text.encode(encoding)) for text in texts]) == texts


def test_backslash_inside_a_shift_jis_letter_is_no_separator(unpack_bytes):
    assert b"\\" in JAPANESE[0].encode("cp932")
    got = unpack_bytes(raw_zip([text.encode("cp932") for text in JAPANESE]))
    assert [member.path for member in got.members] == JAPANESE
    assert [member.raw_name for member in got.members] == [text.encode("cp932") for text in JAPANESE]


def test_bytes_no_encoding_fits_are_read_as_cp437():
    (text,) = decode_names([Name(b"a\x81\x20\xff\xfe\x01.txt")])
    assert text.endswith(".txt")


def test_declared_text_wins():
    assert decode_names([Name(b"\xff\xfe", "表.png"), Name(b"a")]) == ["表.png", "a"]


def test_unicode_path_field_counts_only_with_the_right_checksum():
    raw, text = b"gr\x81n.png", "grün.png"
    body = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + text.encode()
    field = b"\x55\x54\x01\x00\x00" + struct.pack("<HH", 0x7075, len(body)) + body
    assert unicode_path(field, raw) == text
    assert unicode_path(field, b"other") is None
    assert unicode_path(field[:7], raw) is None


def test_utf8_flag_is_used(unpack_bytes):
    got = unpack_bytes(make_zip({"Grüße.txt": b"x"}))
    assert [(m.path, m.raw_name) for m in got.members] == [("Grüße.txt", "Grüße.txt".encode())]


@pytest.mark.parametrize(
    ("path", "junk"),
    [
        ("__MACOSX/._a.png", True),
        ("a/._b.png", True),
        ("a/.DS_Store", True),
        ("Thumbs.db", True),
        ("x/Desktop.ini", True),
        ("a/b.png", False),
        (".gitignore", False),
        ("macosx/a.png", False),
    ],
)
def test_junk_is_told_from_art(path, junk):
    assert is_junk(path) is junk


def test_junk_members_are_handed_out_and_left_to_the_caller(unpack_bytes):
    (member,) = unpack_bytes(make_zip({"__MACOSX/._a.png": b"x"})).members
    assert member.state == "ok"


@given(st.text(st.characters(), max_size=60) | st.text("./\\:CcZ\0a ", max_size=30))
def test_no_text_becomes_an_unsafe_path(text):
    path, _ = safe_path(text)
    assert not unsafe(path)
    assert safe_path(path)[0] == path


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_no_bytes_become_an_unsafe_path(raws):
    for text in decode_names([Name(raw) for raw in raws]):
        assert not unsafe(safe_path(text)[0])


safe_names = st.lists(
    st.text("abcdeüß漢字 -_()+0123456789", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=3
).map("/".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(safe_names, st.binary(max_size=3000), max_size=8), build=st.sampled_from([make_zip, make_tar])
)
def test_any_files_survive_zip_and_tar(files, build, tmp_path):
    path = tmp_path / "pack"
    path.write_bytes(build(files))
    got = unpack(path, HashSink())
    assert got.state == ("ok" if files else "empty")
    sizes = {member.path: member.size_bytes for member in got.members}
    assert sizes == {name: len(data) for name, data in files.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text("./\\:Ca\u202e漢", min_size=1, max_size=12), min_size=1, max_size=5))
def test_no_archive_hands_out_an_unsafe_path(names, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in dict.fromkeys(names):
            info = zipfile.ZipInfo()
            info.filename = name
            archive.writestr(info, b"x")
    path = tmp_path / "pack"
    for data in (stream.getvalue(), make_tar(dict.fromkeys(names, b"x"))):
        path.write_bytes(data)
        assert not any(unsafe(member.path) for member in unpack(path, HashSink()).members)


@pytest.mark.parametrize("name", ["C:..", "C:../a", "C:C:..\\..\\x", "C:.", "C:/", "c:" * 3000 + "/../x"])
def test_a_drive_in_front_of_a_step_up_hides_nothing(name):
    path, note = safe_path(name)
    assert ".." not in path.split("/")
    assert ":" not in path
    assert note
    assert safe_path(path) == (path, "")
