"""Formats and variants beyond the golden cases: each small archive is built here and must come out whole."""

import gzip
import io
import lzma
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path

import lz4.frame
import ncompress
import py7zr
import pytest
import rars
import zstandard
from archive_cases import make_7z, make_rar, make_tar, make_with_tool, make_zip
from old_writers import cab, implode, iso, shrink, zip_with_method

from extract.archives.unpack import HashSink, unpack

PACK = {"a.txt": b"first file " * 9, "b.bin": bytes(range(256)) * 700, "c.txt": b"last"}
STUB = b"MZ" + bytes(62) + b"This program cannot be run in DOS mode." + bytes(6000)


def zip64() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in PACK.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    return stream.getvalue()


def tool_7z(*switches: str) -> bytes:
    return make_with_tool(PACK, "7z", *switches)


CASES = {
    "zip shrink": lambda: zip_with_method({n: (d, shrink(d)) for n, d in PACK.items()}, 1),
    "zip implode": lambda: zip_with_method({n: (d, implode(d)) for n, d in PACK.items()}, 6),
    "zip zstd": lambda: zip_with_method({n: (d, zstandard.compress(d)) for n, d in PACK.items()}, 93, version=63),
    "zip xz": lambda: zip_with_method({n: (d, lzma.compress(d)) for n, d in PACK.items()}, 95, version=63),
    "zip64": zip64,
    "zip behind a program": lambda: STUB + make_zip(PACK),
    "rar 1.3": lambda: make_rar(PACK, format="rar13"),
    "rar 1.4": lambda: make_rar(PACK, format="rar14"),
    "rar 1.5": lambda: make_rar(PACK, format="rar15"),
    "rar 2.0": lambda: make_rar(PACK, format="rar20"),
    "rar 2.9": lambda: make_rar(PACK, format="rar29"),
    "rar 2.9 solid": lambda: make_rar(PACK, format="rar29", solid=True),
    "rar 5": lambda: make_rar(PACK, format="rar50"),
    "rar 5 stored": lambda: make_rar(PACK, format="rar50", store=True),
    "rar 7": lambda: make_rar(PACK, format="rar70"),
    "rar 5 with a comment": lambda: make_rar(PACK, format="rar50", comment=b"hello"),
    "rar 2.9 with a comment": lambda: make_rar(PACK, format="rar29", comment=b"hello"),
    "rar 5 with a recovery record": lambda: make_rar(PACK, format="rar50", recovery_percent=10),
    "rar 5 behind a program": lambda: STUB + make_rar(PACK, format="rar50"),
    "rar 2.9 behind a program": lambda: STUB + make_rar(PACK, format="rar29"),
    "7z lzma": lambda: tool_7z("-m0=LZMA"),
    "7z copy": lambda: tool_7z("-m0=Copy"),
    "7z bzip2": lambda: tool_7z("-m0=BZip2"),
    "7z deflate": lambda: tool_7z("-m0=Deflate"),
    "7z deflate64": lambda: tool_7z("-m0=Deflate64"),
    "7z bcj": lambda: tool_7z("-m0=BCJ", "-m1=LZMA2"),
    "7z delta": lambda: tool_7z("-m0=Delta:4", "-m1=LZMA2"),
    "7z arm64": lambda: tool_7z("-m0=ARM64", "-m1=LZMA2"),
    "7z riscv": lambda: tool_7z("-m0=RISCV", "-m1=LZMA2"),
    "7z swap2": lambda: tool_7z("-m0=Swap2", "-m1=LZMA2"),
    "7z arm": lambda: tool_7z("-m0=ARM", "-m1=LZMA2"),
    "7z not solid": lambda: tool_7z("-ms=off"),
    "7z brotli": lambda: make_7z(PACK, filters=[{"id": py7zr.FILTER_BROTLI, "level": 3}]),
    "7z behind a program": lambda: STUB + tool_7z(),
    "tar.lz4": lambda: lz4.frame.compress(make_tar(PACK)),
    "tar.Z": lambda: ncompress.compress(make_tar(PACK)),
    "tar.lzma": lambda: lzma.compress(make_tar(PACK), format=lzma.FORMAT_ALONE),
    "iso": lambda: iso(PACK),
    "cab": lambda: cab(PACK),
}


@pytest.mark.parametrize("case", CASES)
def test_every_variant_comes_out_whole(case, unpack_bytes, sink):
    got = unpack_bytes(CASES[case]())
    assert got.state == "ok", got.reason
    assert {member.path: sink.blobs[member.sha256] for member in got.members} == PACK


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("comic.cbz", lambda: make_zip(PACK)),
        ("comic.cbr", lambda: make_rar(PACK)),
        ("comic.cb7", lambda: make_7z(PACK)),
        ("game.love", lambda: make_zip(PACK)),
        ("app.apk", lambda: make_zip(PACK)),
        ("lib.jar", lambda: make_zip(PACK)),
        ("pack_0.tar_.gz", lambda: gzip.compress(make_tar(PACK))),
        ("pack.png", lambda: make_rar(PACK)),
        ("no suffix", lambda: make_tar(PACK)),
    ],
)
def test_the_content_counts_and_not_the_name(name, build, unpack_bytes, sink):
    got = unpack_bytes(build(), name)
    assert {member.path: sink.blobs[member.sha256] for member in got.members} == PACK


@pytest.mark.parametrize(
    "pack", [gzip.compress, lz4.frame.compress, ncompress.compress, zstandard.compress], ids=["gz", "lz4", "Z", "zst"]
)
def test_single_stream_gives_its_one_file(pack, unpack_bytes, sink):
    got = unpack_bytes(pack(PACK["b.bin"]), "b.bin_.gz")
    assert [sink.blobs[member.sha256] for member in got.members] == [PACK["b.bin"]]


def parts(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def write_set(folder: Path, names: list[str], volumes: list[bytes]) -> Path:
    for name, data in zip(names, volumes, strict=True):
        (folder / name).write_bytes(data)
    return folder / names[0]


def assert_whole(path: Path, files: dict[str, bytes] = PACK) -> None:
    got = unpack(path, HashSink())
    assert got.state == "ok", got.reason
    assert {m.path: m.sha256 for m in got.members} == {n: sha256(d).digest() for n, d in files.items()}


@pytest.mark.parametrize("build", [lambda: make_zip(PACK, 0), lambda: tool_7z("-m0=Copy"), lambda: make_tar(PACK)])
def test_archive_cut_at_byte_positions_is_joined(build, tmp_path: Path):
    volumes = parts(build(), 50_000)
    assert len(volumes) > 2
    assert_whole(write_set(tmp_path, [f"p.7z.{n:03}" for n in range(1, len(volumes) + 1)], volumes))


@pytest.mark.parametrize("format_", ["rar50", "rar29", "rar20", "rar15"])
def test_rar_volumes_are_read_from_the_first(format_, tmp_path: Path):
    builder = rars.RarBuilder(format=format_, store=True, volume_size=60_000)
    files = PACK if format_ == "rar50" else {"b.bin": PACK["b.bin"]}  # rars writes old volumes of one file only
    for name, data in files.items():
        builder.add_bytes(data, name)
    builder.write_volumes(str(tmp_path / "p.rar"))
    volumes = sorted(tmp_path.iterdir())
    assert len(volumes) > 2, volumes
    first = [v for v in volumes if v.name in ("p.part1.rar", "p.part01.rar")] or [tmp_path / "p.rar"]
    assert_whole(first[0], files)


def test_spanned_zip_is_read_from_its_last_volume(tmp_path: Path):
    """A spanned ZIP as PKZIP cuts it: x.z01 begins with the spanning mark; offsets count per volume."""
    (tmp_path / "in").mkdir()
    for name, data in PACK.items():
        (tmp_path / "in" / name).write_bytes(data)
    command = ["zip", "-q", "-0", "-s", "64k", "../p.zip", *PACK]
    try:
        subprocess.run(command, cwd=tmp_path / "in", check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("Info-ZIP's zip is not installed")
    assert (tmp_path / "p.z01").exists()
    assert_whole(tmp_path / "p.zip")


def test_unity_package_shows_the_paths_people_know(unpack_bytes, sink):
    guid = "0123456789abcdef0123456789abcdef"
    data = gzip.compress(
        make_tar(
            {
                f"{guid}/asset": b"pixels",
                f"{guid}/asset.meta": b"guid: x",
                f"{guid}/pathname": b"Assets/Tiles/../../../sheet.png\n00",
                f"{guid}/preview.png": b"small",
            }
        )
    )
    got = {m.path: sink.blobs[m.sha256] for m in unpack_bytes(data, "x.unitypackage").members}
    assert got["Assets/Tiles/sheet.png"] == b"pixels"
    assert got["Assets/Tiles/sheet.png.meta"] == b"guid: x"
    assert got[f"{guid}/preview.png"] == b"small"
