"""Every kind of bomb ends as refused with its limit named, inside a child whose memory the kernel bounds.

`MEMORY` is what the reading process may map on top of what Python has mapped: a bomb that took more would not be
refused by a limit of ours but killed, and the reason would say so.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import rars
import zstandard

from db import Catalog
from db.blobs import BlobStore
from db.derive import MAX_DEPTH, record_reads
from db.records import MemberRecord, ReadResult
from db.vocabulary import Outcome
from extract.archives.interface import MIB, Limits
from extract.tasks import ReadTask
from extract.worker import read_blobs
from tests.extract.test_run import bring, column, packed, run

MEMORY = 384 * MIB
LIMITS = Limits(memory_bytes=MEMORY, ratio_from_bytes=16 * MIB, dictionary_bytes=64 * MIB, entries=10_000)
ZEROS = bytes(MIB)


def flat_zip() -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.png", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(ZEROS)
    return stream.getvalue()


def flat(compressor: Callable[[bytes], bytes]) -> bytes:
    return b"".join(compressor(ZEROS * 50) for _ in range(6))


def overlapping_zip() -> bytes:
    """One kernel of data, a thousand names for it (without nesting, as in Fifield's "A better zip bomb")."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    kernel = packer.compress(ZEROS * 8) + packer.flush()
    fields = struct.pack("<5H3I", 20, 0, 8, 0, 0x21, zlib.crc32(ZEROS * 8), len(kernel), 8 * MIB)
    body = b"PK\x03\x04" + fields + struct.pack("<HH", 4, 0) + b"0000" + kernel
    directory = b"".join(
        b"PK\x01\x02\x14\0" + fields + struct.pack("<5H2I", 4, 0, 0, 0, 0, 0, 0) + b"%04d" % n for n in range(1000)
    )
    return body + directory + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 1000, 1000, len(directory), len(body), 0)


def many_entries_zip() -> bytes:
    record = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"x"
    directory = record * 1_000_000
    front = packed(a=b"a")[:32]
    end = b"PK\x05\x06" + bytes(4) + struct.pack("<HHIIH", 0xFFFF, 0xFFFF, len(directory), len(front), 0)
    return front + directory + end


def many_entries_tar() -> bytes:
    return gzip.compress(tarfile.TarInfo("x").tobuf() * 20_000, 9)


def huge_dictionary_lzma() -> bytes:
    return b"\x5d" + struct.pack("<I", 0xF0000000) + b"\xff" * 8 + lzma.compress(b"x", lzma.FORMAT_ALONE)[13:]


def huge_dictionary_zip() -> bytes:
    data = bytearray(packed_lzma())
    at = data.index(b"\x05\x00\x5d")  # size of the properties, then the first of them
    data[at + 3 : at + 7] = struct.pack("<I", 0xF0000000)
    return bytes(data)


def packed_lzma() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x" * 1000)
    return stream.getvalue()


def huge_window_zstd() -> bytes:
    """A frame whose header asks for a window of 1 GiB (RFC 8878, 3.1.1.1.2)."""
    return b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([20 << 3]) + struct.pack("<I", 1 | (100 << 3))[:3] + bytes(100)


def solid_rar() -> bytes:
    builder = rars.RarBuilder(format="rar50", solid=True)
    for number in range(10):
        builder.add_bytes(ZEROS * 40, f"{number}.bin")
    return bytes(builder.to_bytes())


def claims_of_tar() -> bytes:
    """A sparse file of the oldest kind that claims 4 TiB and holds nothing."""
    info = tarfile.TarInfo("big")
    info.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[257:265] = b"ustar  \0"
    head[483:495] = b"\x80" + bytes(4) + (4 << 40).to_bytes(7, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "flat zip": (flat_zip, "ratio"),
    "flat gzip": (lambda: flat(gzip.compress), "ratio"),
    "flat bzip2": (lambda: flat(bz2.compress), "ratio"),
    "flat xz": (lambda: flat(lzma.compress), "ratio"),
    "flat zstd": (lambda: flat(zstandard.compress), "ratio"),
    "flat tar in gzip": (lambda: gzip.compress(big_tar()), "ratio"),
    "solid rar": (solid_rar, "limit"),
    "overlapping zip": (overlapping_zip, "overlapping"),
    "a million entries in zip": (many_entries_zip, "entries"),
    "too many entries in tar": (many_entries_tar, "entries"),
    "dictionary of lzma": (huge_dictionary_lzma, "dictionary"),
    "dictionary of lzma in zip": (huge_dictionary_zip, "dictionary"),
    "window of zstd": (huge_window_zstd, "dictionary"),
    "claims of a sparse tar": (claims_of_tar, "ratio"),
}


def big_tar() -> bytes:
    info = tarfile.TarInfo("zeros.png")
    info.size = 200 * MIB
    return info.tobuf() + bytes(200 * MIB)


@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb_is_refused_with_its_limit_named(bomb: str, tmp_path: Path) -> None:
    build, word = BOMBS[bomb]
    blobs = BlobStore(str(tmp_path))
    stored = blobs.put(build())
    (result,) = read_blobs(str(tmp_path), (ReadTask(1, stored.sha256, stored.size_bytes, "bomb"),), LIMITS)
    assert result.outcome is Outcome.REFUSED, result.reason
    assert word in result.reason
    assert "limit" in result.reason
    assert {path.name.partition("-")[0] for path in blobs.temporary.iterdir()} <= {"journal"}


def test_nested_bomb_ends_at_every_level(catalog: Catalog) -> None:
    """Each layer alone is harmless; what lies deeper than the limit is recorded, and not followed."""
    layer = packed(a_DOT_txt=b"bottom")
    for level in range(12):
        layer = packed(**{f"{level}_{n}_DOT_zip": layer for n in range(2)})
    bring(catalog, nested_DOT_zip=layer)
    run(catalog, limits=LIMITS)
    assert column(catalog, "SELECT count(*) FROM blob")[0] < 20
    assert column(catalog, "SELECT max(depth) FROM place")[0] <= MAX_DEPTH
    (reason,) = column(catalog, "SELECT reason FROM ledger WHERE outcome = 'refused'")
    assert reason == f"depth of archives in archives: saw {MAX_DEPTH + 1}, limit {MAX_DEPTH}"


def test_archive_that_holds_itself_ends(catalog: Catalog) -> None:
    """A quine: its one member is itself, bit for bit."""
    bring(catalog, quine_DOT_zip=packed(a=b"stands for the quine"))
    with catalog.database.write() as connection:
        blob_id, sha256, size = connection.exec_driver_sql("SELECT id, sha256, size_bytes FROM blob").one()
        itself = MemberRecord(0, b"quine.zip", "quine.zip", "file", "ok", "", bytes(sha256), size)
        record_reads(connection, [(blob_id, ReadResult(Outcome.OK, 1, "zip", members=(itself,)))])
    assert column(catalog, "SELECT max(depth) FROM place") == [MAX_DEPTH]
    assert column(catalog, "SELECT count(*) FROM place") == [MAX_DEPTH + 1]
    assert column(catalog, "SELECT outcome FROM ledger") == ["refused"]
    assert "depth" in column(catalog, "SELECT reason FROM ledger")[0]
