"""Formats by content."""

import gzip
import io

import pytest
from archive_cases import FILES, GOLDEN, make_tar, make_zip
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from extract.sniff import ARCHIVE_FORMATS, sniff


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PNG", "png"),
        ("GIF", "gif"),
        ("JPEG", "jpeg"),
        ("BMP", "bmp"),
        ("TIFF", "tiff"),
        ("ICO", "ico"),
        ("WEBP", "webp"),
        ("TGA", "tga"),
        ("DDS", "dds"),
    ],
)
def test_images_are_known(kind, expected):
    stream = io.BytesIO()
    Image.new("RGB", (20, 20)).save(stream, kind)
    assert sniff(stream.getvalue()) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", "empty"),
        (b"8BPS\0\1", "psd"),
        (b"gimp xcf v003\0", "xcf"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', "svg"),
        (b'<?xml version="1.0"?><map/>', "xml"),
        (b"<TextureAtlas imagePath='x.png'/>", "xml"),
        (b'{"frames": {}}', "json"),
        (b"hello there\n", "text"),
        (b"BLENDER-v279", "blend"),
        (b"%PDF-1.4", "pdf"),
        (b"FWS\x08\0\0\0\0", "swf"),
        (b"\0\1\2\3\4\5", "unknown"),
        (b"BMW is a car", "text"),
        (b"PKWARE made it", "text"),
        (b"070707 is a number", "text"),
        (b"\0\0\0\0\xe0\xa5" + bytes(200), "ase"),
    ],
)
def test_heads_are_known(head, expected):
    assert sniff(head) == expected


@pytest.mark.parametrize("case", sorted(GOLDEN))
def test_archives_are_known(case):
    golden = GOLDEN[case]
    found = sniff(golden.build(golden.files)[: 64 * 1024])
    assert found in ARCHIVE_FORMATS
    assert found == golden.format or golden.format.startswith("tar.")


def test_tar_without_magic_is_known():
    data = bytearray(make_tar({"a.txt": b"x"}))
    data[257:265] = bytes(8)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    assert sniff(bytes(data)) == "tar"


def test_zip_behind_other_bytes_is_found_only_with_a_path(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\1\2\3\0" * 50 + make_zip(FILES))
    assert sniff(path.read_bytes()) == "unknown"
    assert sniff(path.read_bytes(), path) == "zip"


def test_gzip_name_is_used_and_else_the_archives_own(unpack_bytes):
    stream = io.BytesIO()
    with gzip.GzipFile("inside.txt", "wb", fileobj=stream, mtime=0) as packed:
        packed.write(b"x")
    assert [m.path for m in unpack_bytes(stream.getvalue(), "outside.gz").members] == ["inside.txt"]
    assert [m.path for m in unpack_bytes(gzip.compress(b"x"), "outside.svgz").members] == ["outside.svg"]


@given(st.binary(max_size=800))
def test_any_bytes_have_a_format(head):
    assert sniff(head)
