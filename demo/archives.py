"""Deterministic archive writers: the same members give the same bytes.

Members are (path, bytes) pairs written in the order given, all stamped with one fixed time.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

import py7zr
from py7zr.helpers import ArchiveTimestamp
from rars import RarBuilder

Members = Sequence[tuple[str, bytes]]

STAMP = int(datetime(2017, 2, 16, 16, 35, 0, tzinfo=UTC).timestamp())


def zip_bytes(members: Members) -> bytes:
    """Pack as deflated zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2017, 2, 16, 16, 35, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, data)
    return buffer.getvalue()


def seven_zip_bytes(members: Members) -> bytes:
    """Pack as 7z with LZMA2 alone: the writer's default adds a BCJ filter, meant for programs."""
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", filters=[{"id": py7zr.FILTER_LZMA2, "preset": 6}]) as archive:
        for name, data in members:
            archive.writef(io.BytesIO(data), name)
        for entry in archive.header.files_info.files:
            # writef stamps the current time, which would make every build differ
            entry["lastwritetime"] = ArchiveTimestamp.from_datetime(float(STAMP))
    return buffer.getvalue()


def rar_bytes(members: Members) -> bytes:
    """Pack as RAR 5."""
    builder = RarBuilder(format="rar50")
    for name, data in members:
        builder.add_bytes(data, name, mtime=STAMP)
    packed: bytes = builder.to_bytes()
    return packed


def tar_gz_bytes(members: Members) -> bytes:
    """Pack as gzipped tar."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), STAMP, 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=STAMP)
