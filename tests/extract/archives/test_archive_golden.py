"""Every format: what went in comes out, byte for byte and name for name."""

import time
from hashlib import sha256
from pathlib import Path

import pytest
from archive_cases import GOLDEN

from extract.archives.containers import locate
from extract.archives.interface import Limits
from extract.archives.names import decode_names, safe_path
from extract.archives.unpack import READERS

READER_BY_NAME = {reader.name: reader for reader in READERS}


@pytest.mark.parametrize("case", GOLDEN)
def test_unpack_returns_what_was_packed(case, unpack_bytes, sink):
    golden = GOLDEN[case]
    got = unpack_bytes(golden.build(golden.files), "sheet.bmp.gz")
    assert (got.state, got.format) == ("ok", golden.format), got.reason
    assert {member.path: sink.blobs[member.sha256] for member in got.members} == dict(golden.files)
    assert all(member.size_bytes == len(golden.files[member.path]) for member in got.members)
    assert all(member.sha256 == sha256(golden.files[member.path]).digest() for member in got.members)


@pytest.mark.parametrize("case", GOLDEN)
def test_the_named_reader_reads_its_case_alone(case, tmp_path: Path):
    golden = GOLDEN[case]
    path = tmp_path / "sheet.bmp.gz"
    path.write_bytes(golden.build(golden.files))
    source = locate(path, "", Limits())
    seen = {}
    names = []
    for entry in READER_BY_NAME[golden.reader].entries(source, Limits()):
        if entry.kind == "file":
            names.append(entry.name)
            seen[len(seen)] = b"".join(entry.chunks())
    paths = [safe_path(name)[0] for name in decode_names(names)]
    assert dict(zip(paths, seen.values(), strict=True)) == dict(golden.files)
    assert source.deadline > time.monotonic()


def test_every_registered_reader_has_a_golden_case():
    assert {golden.reader for golden in GOLDEN.values()} == {reader.name for reader in READERS}


def test_readers_declare_known_formats():
    from extract.archives.tar_reader import TAR_OF_STREAM
    from extract.sniff import ARCHIVE_FORMATS

    for reader in READERS:
        assert reader.formats <= ARCHIVE_FORMATS | set(TAR_OF_STREAM)
