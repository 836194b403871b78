"""ZIP through `zipfile`, after checks of our own.

`zipfile` builds its whole list before anyone can say no, so the directory's records are counted first. Entries whose
data overlap are a bomb (many names for the same bytes): refused. Method, size and CRC are verified while reading;
encrypted and AES entries are marked, methods `zipfile` lacks are left to the next reader. Names: UTF-8 flag, then the
Info-ZIP Unicode Path field (0x7075) if its CRC fits, else undeclared. Source: PKWARE APPNOTE 6.3.10.
"""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from extract.archives.interface import Entry, Kind, Limits, Name, Source
from extract.errors import ArchiveProblem, DamagedError, EncryptedError, RefusedError, UnsupportedError

_CHUNK = 256 * 1024
_TAIL_BYTES = 66 * 1024
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_METHOD_AES = 99
_FLAG_ENCRYPTED, _FLAG_UTF8 = 0x1, 0x800
_MADE_BY_UNIX = (3, 19)
_UNICODE_PATH = 0x7075
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    struct.error,
    KeyError,
    IndexError,
)


class ZipReader:
    """Reads ZIP and everything that is ZIP inside (.jar, .kra, .ora, .love …)."""

    name = "zipfile"
    skips = True
    formats = frozenset({"zip"})

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries in directory order."""
        with source.open() as raw:
            count = count_records(raw, limits.entries)
            if count > limits.entries:
                raise RefusedError("entries", count, limits.entries)
            if len(source.paths) > 1 and is_spanned(raw):
                raise UnsupportedError("zip: spanned; offsets count from the start of each volume")
            with _translated():
                archive = zipfile.ZipFile(raw)
            with archive:
                infos = archive.infolist()
                check_overlap(infos, archive.start_dir)
                for info in infos:
                    yield _entry(archive, info, limits)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise DamagedError(f"zip: {error}") from error


def count_records(raw: BinaryIO, limit: int) -> int:
    """Count the directory's records up to one more than `limit`, from the last end record; 0 when there is none."""
    size = raw.seek(0, 2)
    start = max(0, size - _TAIL_BYTES)
    raw.seek(start)
    tail = raw.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return 0
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    end = start + at
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\x06\x07" and tail[at - 76 : at - 72] == b"PK\x06\x06":
        length = int.from_bytes(tail[at - 36 : at - 28], "little")
        end -= 76
    if length // 46 <= limit:
        return length // 46
    return _walk_records(raw, max(0, end - length), limit)


def is_spanned(raw: BinaryIO) -> bool:
    """Tell whether the end record stands on another disk than the first."""
    size = raw.seek(0, 2)
    raw.seek(max(0, size - _TAIL_BYTES))
    tail = raw.read()
    at = tail.rfind(b"PK\x05\x06")
    return at >= 0 and tail[at + 4 : at + 6] not in (b"", b"\0\0")


def _walk_records(raw: BinaryIO, start: int, limit: int) -> int:
    raw.seek(start)
    count = 0
    while count <= limit:
        record = raw.read(46)
        if len(record) < 46 or record[:4] != b"PK\x01\x02":
            break
        raw.seek(sum(struct.unpack_from("<HHH", record, 28)), 1)
        count += 1
    return count


def check_overlap(infos: Sequence[zipfile.ZipInfo], directory_at: int) -> None:
    """Raise RefusedError when two entries share bytes, or one reaches into the directory."""
    spans = sorted((info.header_offset, info.header_offset + 30 + info.compress_size) for info in infos)
    starts = [start for start, _ in spans[1:]]
    for (_, end), following in zip(spans, [*starts, directory_at], strict=False):
        if end > following:
            raise RefusedError("overlapping entries, bytes", end - following, 0)


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Entry:
    name = _name(info)
    kind = _kind(info, name)
    if kind != "file":
        return Entry(name, kind)
    problem = _problem(info) or _dictionary_problem(archive, info, limits)
    if problem is not None:
        return Entry(name, kind, info.file_size, problem=problem)
    return Entry(name, kind, info.file_size, partial(_chunks, archive, info))


def _name(info: zipfile.ZipInfo) -> Name:
    if info.flag_bits & _FLAG_UTF8:
        return Name(info.orig_filename.encode("utf-8", "surrogatepass"), info.orig_filename)
    raw = info.orig_filename.encode("cp437", "replace")
    return Name(raw, unicode_path(info.extra, raw))


def unicode_path(extra: bytes, raw_name: bytes) -> str | None:
    """Return the name in the Info-ZIP Unicode Path field, if its CRC says that it belongs to `raw_name`."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if tag == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            if int.from_bytes(field[1:5], "little") != zlib.crc32(raw_name):
                return None
            return field[5:].decode("utf-8", "replace")
        at += 4 + length
    return None


def _kind(info: zipfile.ZipInfo, name: Name) -> Kind:
    """Tell what an entry is; Info-ZIP marks a file it packed from standard input as a pipe."""
    mode = info.external_attr >> 16 if info.create_system in _MADE_BY_UNIX else 0
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO):
        return "special"
    ends = name.raw.endswith(b"/") or (name.raw.endswith(b"\\") and info.file_size == 0)
    return "folder" if ends or (stat.S_ISDIR(mode) and info.file_size == 0) else "file"


def _problem(info: zipfile.ZipInfo) -> ArchiveProblem | None:
    if (info.flag_bits & _FLAG_ENCRYPTED or info.compress_type == _METHOD_AES) and info.file_size:
        return EncryptedError("password needed")
    if info.compress_type not in _METHODS:
        return UnsupportedError(f"zip: method {info.compress_type}")
    return None


def _dictionary_problem(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> ArchiveProblem | None:
    """Look at the dictionary an LZMA entry asks for, because the decoder takes it at once (APPNOTE 5.8.8)."""
    if info.compress_type != zipfile.ZIP_LZMA or archive.fp is None:
        return None
    try:
        archive.fp.seek(info.header_offset + 26)
        lengths = archive.fp.read(4)
        archive.fp.seek(sum(struct.unpack("<HH", lengths)) if len(lengths) == 4 else 0, 1)
        seen = int.from_bytes(archive.fp.read(9)[5:9], "little")
    except (OSError, ValueError) as error:
        return DamagedError(f"zip: local header at byte {info.header_offset}: {error}")
    return RefusedError("dictionary bytes", seen, limits.dictionary_bytes) if seen > limits.dictionary_bytes else None


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    seen = 0
    with _translated(), archive.open(info) as stream:
        while chunk := stream.read(_CHUNK):
            seen += len(chunk)
            yield chunk
    if seen != info.file_size:
        raise DamagedError(f"zip: {seen} bytes of {info.file_size}")
