"""Bad input: it ends in a verdict, never in an exception, and only verified bytes leave."""

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import zipfile
import zlib
from hashlib import sha256

import py7zr
import pytest
import rars
from archive_cases import FILES, GOLDEN, make_7z, make_rar, make_tar, make_with_tool, make_zip, without_directory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extract.archives.containers import locate
from extract.archives.gate import Gate
from extract.archives.interface import MIB, Limits
from extract.archives.sevenz_reader import SevenZipReader
from extract.archives.sevenzip_tool import dictionary_bytes, find_program
from extract.archives.unpack import HashSink, unpack
from extract.errors import RefusedError, UnsupportedError

SECRET = {"secret.txt": b"secret" * 100, "empty.txt": b""}
NOISE = {f"{n}.bin": sha256(bytes([n])).digest() * 400 for n in range(8)}


def named_zip(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, name in enumerate(names):
            info = zipfile.ZipInfo()
            info.filename = name
            archive.writestr(info, b"%d" % number)
    return stream.getvalue()


def renamed_7z(name: str, hostile: str) -> bytes:
    """Make a 7z with one member and write another name of equal length over its own."""
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w") as archive:
        archive.set_encoded_header_mode(False)
        archive.writestr(b"x", name)
    data = stream.getvalue().replace(name.encode("utf-16-le"), hostile.encode("utf-16-le"))
    offset, size = struct.unpack_from("<QQ", data, 12)
    start = data[12:28] + struct.pack("<I", zlib.crc32(data[32 + offset : 32 + offset + size]))
    return data[:8] + struct.pack("<I", zlib.crc32(start)) + start + data[32:]


@pytest.mark.parametrize(
    ("stored", "path"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\x.dll", "Windows/x.dll"),
        ("..\\..\\x.txt", "x.txt"),
        ("a/../../b.txt", "a/b.txt"),
        ("ok.png\0.exe", "ok.png"),
        ("..", "unnamed"),
    ],
)
def test_hostile_name_keeps_the_member_under_a_safe_path(stored, path, unpack_bytes):
    (member,) = unpack_bytes(named_zip(stored)).members
    assert (member.path, member.state, member.raw_name) == (path, "ok", stored.encode())
    assert member.reason


def test_hostile_names_in_tar_and_7z_are_made_safe(unpack_bytes):
    files = {"../../x.txt": b"x", "/abs/y.txt": b"y"}
    assert {m.path for m in unpack_bytes(make_tar(files)).members} == {"x.txt", "abs/y.txt"}
    assert {m.path for m in unpack_bytes(renamed_7z("aa/aa/x.txt", "../../x.txt")).members} == {"x.txt"}
    assert {m.path for m in unpack_bytes(renamed_7z("aabs/y.txt", "/abs/y.txt")).members} == {"abs/y.txt"}


def test_of_two_members_with_one_path_the_later_counts(unpack_bytes):
    got = unpack_bytes(named_zip("f.txt", "../f.txt"))
    assert [(m.path, m.state) for m in got.members] == [("f.txt", "junk"), ("f.txt", "ok")]
    assert got.state == "ok"


def test_links_are_refused_and_a_device_is_only_the_empty_file_it_holds(unpack_bytes, sink):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind in (("l", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("d", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    got = unpack_bytes(stream.getvalue())
    assert [(m.kind, m.state, m.sha256) for m in got.members] == [
        ("link", "refused", None),
        ("link", "refused", None),
        ("special", "ok", sha256(b"").digest()),
    ]
    assert got.state == "ok"
    assert set(sink.blobs.values()) == {b""}


def test_links_in_zip_and_rar_are_refused(unpack_bytes):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert [(m.kind, m.state) for m in unpack_bytes(stream.getvalue()).members] == [("link", "refused")]
    builder = rars.RarBuilder(format="rar50")
    builder.add_bytes(b"data", "file.txt")
    builder.add_unix_symlink("link", b"/etc/passwd")
    got = unpack_bytes(bytes(builder.to_bytes()))
    assert sorted((m.path, m.kind, m.state) for m in got.members) == [
        ("file.txt", "file", "ok"),
        ("link", "link", "refused"),
    ]


@pytest.mark.parametrize(
    "build",
    [
        lambda: make_7z(SECRET, password="x"),
        lambda: make_7z(SECRET, password="x", header_encryption=True),
        lambda: make_rar(SECRET, format="rar50", password="x"),
        lambda: make_rar(SECRET, format="rar50", password="x", encrypt_headers=True),
        lambda: make_rar(SECRET, format="rar29", password="x"),
        lambda: make_with_tool(SECRET, "zip", "-px"),
        lambda: make_with_tool(SECRET, "zip", "-px", "-mem=AES256"),
    ],
    ids=["7z", "7z-headers", "rar5", "rar5-headers", "rar4", "zip", "zip-aes"],
)
def test_encrypted_archive_is_encrypted_and_hands_out_nothing_of_it(build, unpack_bytes):
    got = unpack_bytes(build())
    assert got.state == "encrypted", got
    assert all(member.state != "ok" or member.size_bytes == 0 for member in got.members)


@pytest.mark.parametrize("case", sorted(GOLDEN))
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_truncated_archive_hands_out_only_bytes_that_were_packed(case, share, unpack_bytes):
    golden = GOLDEN[case]
    data = golden.build(golden.files)
    got = unpack_bytes(data[: int(len(data) * share)])
    known = {sha256(content).digest() for content in golden.files.values()}
    assert {m.sha256 for m in got.members if m.state == "ok"} <= known
    assert got.state != "refused"


@pytest.mark.parametrize(
    "build", [make_zip, lambda f: make_rar(f, format="rar50"), make_7z, lambda f: gzip.compress(make_tar(f))]
)
def test_truncated_archive_is_not_ok(build, unpack_bytes):
    data = build(NOISE)
    got = unpack_bytes(data[: len(data) // 2])
    assert got.state in ("damaged", "partial", "unsupported"), got


@pytest.mark.parametrize("build", [make_zip, lambda f: make_rar(f, format="rar50", store=True)])
def test_one_flipped_byte_spoils_one_member(build, unpack_bytes):
    data = bytearray(build(NOISE))
    at = data.index(NOISE["3.bin"][:32]) + 5 if NOISE["3.bin"][:32] in data else len(data) // 2
    data[at] ^= 0xFF
    got = unpack_bytes(bytes(data))
    assert got.state == "partial"
    good = {m.path for m in got.members if m.state == "ok"}
    assert len(good) == len(NOISE) - 1
    assert {m.sha256 for m in got.members if m.state == "ok"} <= {sha256(c).digest() for c in NOISE.values()}


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, lambda d: make_zip({"a": d}), lambda d: make_7z({"a": d})]
)
def test_bomb_by_ratio_is_refused_and_named(pack, unpack_bytes, sink):
    got = unpack_bytes(pack(bytes(8 * MIB)), limits=Limits(ratio_from_bytes=MIB))
    assert (got.state, sink.blobs) == ("refused", {})
    assert "ratio" in got.reason


@pytest.mark.parametrize("case", ["zip-deflate", "tar.gz", "rar5", "7z-lzma2", "cpio"])
@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (Limits(total_bytes=20_000), "total"),
        (Limits(member_bytes=11_000, rar_member_bytes=11_000), "member|rar|output"),
        (Limits(entries=3), "entries|header"),
    ],
    ids=["total", "member", "entries"],
)
def test_limit_is_kept_and_named_with_both_numbers(case, limits, word, unpack_bytes):
    golden = GOLDEN[case]
    got = unpack_bytes(golden.build(golden.files), limits=limits)
    assert got.state == "refused", got
    assert any(part in got.reason for part in word.split("|"))
    assert "limit" in got.reason


def test_time_limit_is_kept():
    now = iter([0.0, 0.5, 2.0])
    gate = Gate(Limits(seconds=1), 100, deadline=1.0, clock=lambda: next(now))
    gate.check_clock()
    gate.admit_entry()
    with pytest.raises(RefusedError, match="seconds"):
        list(gate.through(iter([b"x"])))


def test_too_large_dictionary_is_refused(unpack_bytes):
    got = unpack_bytes(make_7z(FILES), limits=Limits(dictionary_bytes=MIB))
    assert (got.state, "dictionary" in got.reason) == ("refused", True)
    packed = lzma.compress(bytes(100), preset=9)
    got = unpack_bytes(packed, "a.xz", Limits(dictionary_bytes=-64 * MIB + 100_000))
    assert (got.state, "dictionary" in got.reason) == ("refused", True)


@pytest.mark.parametrize("case", ["7z-ppmd", "7z-bcj2"])
def test_methods_with_unsound_decoders_are_left_to_another_process(case, tmp_path):
    path = tmp_path / "pack.7z"
    path.write_bytes(GOLDEN[case].build(GOLDEN[case].files))
    with pytest.raises(UnsupportedError, match="another process"):
        list(SevenZipReader().entries(locate(path, "", Limits()), Limits()))


@pytest.mark.parametrize(
    ("method", "size"),
    [
        ("LZMA2:24", 1 << 24),
        ("LZMA:1536m", 1536 << 20),
        ("PPMD:o8:mem64m", 64 << 20),
        ("BCJ2 LZMA:20 LZMA:26", 1 << 26),
    ],
)
def test_dictionary_is_read_from_method(method, size):
    assert dictionary_bytes(method) == size


def test_overlapping_zip_entries_are_refused(unpack_bytes):
    """Two directory records for the same bytes: the building block of a zip bomb without nesting."""
    data = make_zip({"a.bin": bytes(1000), "b.bin": bytes(1000)})
    at = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    got = unpack_bytes(data[: at + 42] + struct.pack("<I", 0) + data[at + 46 :])
    assert (got.state, "overlap" in got.reason) == ("refused", True)


def test_a_million_zip_entries_are_refused_before_they_are_listed(unpack_bytes):
    record = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"x"
    directory = record * 300_000
    end = b"PK\x05\x06" + bytes(4) + struct.pack("<HHIIH", 0xFFFF, 0xFFFF, len(directory), 0, 0)
    got = unpack_bytes(directory + end, "many.zip", Limits())
    assert got.state in ("refused", "unsupported")
    front = make_zip({"a": b"a"})[:32]
    end = b"PK\x05\x06" + bytes(4) + struct.pack("<HHIIH", 0xFFFF, 0xFFFF, len(directory), len(front), 0)
    got = unpack_bytes(front + directory + end, "many.zip")
    assert (got.state, "entries" in got.reason) == ("refused", True)


def test_archive_under_any_name_is_read_by_its_content(unpack_bytes):
    assert unpack_bytes(make_zip(FILES), "innocent.png").state == "ok"
    assert unpack_bytes(make_rar(FILES), "wrong.zip").format == "rar"
    assert unpack_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100), "picture.zip").state == "unsupported"
    assert unpack_bytes(b"", "nothing.zip").state == "empty"


def test_archive_behind_a_program_is_found(unpack_bytes):
    program = b"MZ" + bytes(5000)
    for build, kind in ((make_zip, "zip"), (make_7z, "7z"), (make_rar, "rar")):
        got = unpack_bytes(program + build(FILES), "setup.exe")
        assert (got.state, got.format) == ("ok", kind), got
        assert len(got.members) == len(FILES)


def test_zip_without_directory_is_ok_only_when_its_entries_are_complete(unpack_bytes):
    whole = make_zip(NOISE)
    assert unpack_bytes(without_directory(whole)).state == "ok"
    cut = whole[: whole.index(b"PK\x01\x02") - 50]
    assert unpack_bytes(cut).state == "partial"


def test_split_volumes_are_joined(tmp_path):
    data = make_7z(NOISE)
    for number in range(3):
        third = len(data) // 3 + 1
        (tmp_path / f"pack.7z.00{number + 1}").write_bytes(data[number * third : (number + 1) * third])
    got = unpack(tmp_path / "pack.7z.001", HashSink())
    assert (got.state, len(got.members)) == ("ok", len(NOISE))
    builder = rars.RarBuilder(format="rar50", volume_size=2000, store=True)
    for name, content in NOISE.items():
        builder.add_bytes(content, name)
    builder.write_volumes(str(tmp_path / "set.rar"))
    got = unpack(min(tmp_path.glob("set*.rar")), HashSink())
    assert {m.sha256 for m in got.members} == {sha256(c).digest() for c in NOISE.values()}
    assert got.state == "ok"


def test_failing_sink_is_raised_not_recorded(tmp_path):
    class Full(HashSink):
        def writer(self):
            raise OSError(28, "no space left")

    for build in (make_zip, make_tar, make_rar, make_7z):
        path = tmp_path / "pack"
        path.write_bytes(build(FILES))
        with pytest.raises(OSError, match="no space"):
            unpack(path, Full())


def test_tool_never_asks_and_writes_nothing(tmp_path, unpack_bytes):
    before = sorted(tmp_path.iterdir())
    unpack_bytes(make_with_tool(SECRET, "7z", "-px", "-mhe=on"))
    assert sorted(tmp_path.iterdir()) == [*before, tmp_path / "pack.bin"]
    assert subprocess.run([find_program(), "i"], capture_output=True, check=True).stdout


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    magic=st.sampled_from([b"", *(golden.build(golden.files)[:300] for golden in list(GOLDEN.values())[::3])]),
    noise=st.binary(max_size=600),
)
def test_arbitrary_bytes_never_raise(magic, noise, tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(magic + noise)
    unpack(path, HashSink(), Limits(seconds=20))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(sorted(GOLDEN)), share=st.floats(0, 0.999), value=st.integers(1, 255))
def test_a_changed_byte_never_raises_nor_passes_bytes_a_checksum_denies(case, share, value, tmp_path):
    golden = GOLDEN[case]
    data = bytearray(golden.build(golden.files))
    data[int(share * len(data))] ^= value
    path = tmp_path / "changed"
    path.write_bytes(data)
    got = unpack(path, HashSink(), Limits(seconds=20))
    if golden.format in ("zip", "rar", "7z"):
        good = {sha256(content).digest() for content in golden.files.values()}
        assert not [m for m in got.members if m.state == "ok" and m.sha256 not in good and m.size_bytes]


def sparse_tar(size: int) -> bytes:
    """Build a GNU 1.0 sparse file: 'head' at its start, 'tail' at its end, a hole between, then a plain file."""
    data = b"2\n0\n4\n%d\n4\n" % (size - 4)
    data = data.ljust(512, b"\0") + b"headtail"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("GNUSparseFile.0/big.bin")
        info.size = len(data)
        info.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "big.bin",
            "GNU.sparse.realsize": str(size),
            "size": str(len(data)),
        }
        archive.addfile(info, io.BytesIO(data))
        after = tarfile.TarInfo("after.txt")
        after.size = 5
        archive.addfile(after, io.BytesIO(b"after"))
    return stream.getvalue()


def test_sparse_file_is_filled_in_and_the_next_header_found(unpack_bytes, sink):
    got = unpack_bytes(sparse_tar(100_000))
    assert [(m.path, m.state) for m in got.members] == [("big.bin", "ok"), ("after.txt", "ok")]
    assert sink.blobs[got.members[0].sha256] == b"head" + bytes(99_992) + b"tail"


def test_sparse_file_too_large_to_fill_in_is_kept_condensed(unpack_bytes, sink):
    got = unpack_bytes(sparse_tar(1 << 50))
    assert [(m.path, m.state) for m in got.members] == [("GNUSparseFile.0/big.bin", "ok"), ("after.txt", "ok")]
    kept = sink.blobs[got.members[0].sha256]
    assert kept[:12] == b"2\n0\n4\n112589"
    assert kept[512:] == b"headtail"


def test_sparse_map_that_never_ends_is_damage(unpack_bytes):
    data = sparse_tar(100_000).replace(b"\n2\n0\n4\n", b"\n9\n0\n4\n").replace(b"2\n0\n4\n", b"99999999\n0\n4\n")
    assert unpack_bytes(data).state in ("damaged", "partial")


def test_tar_type_that_nobody_knows_is_a_file(unpack_bytes, sink):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("odd.bin")
        info.type, info.size = b"Q", 4
        archive.addfile(info, io.BytesIO(b"data"))
    got = unpack_bytes(stream.getvalue())
    assert [(m.path, m.kind, m.state) for m in got.members] == [("odd.bin", "file", "ok")]
    assert sink.blobs[got.members[0].sha256] == b"data"
