"""RAR 1.3 to 7 through `rars`; `rarfile` only says whether headers are encrypted when `rars` cannot open a file.

`rars` decodes into memory, so members are read in batches whose claimed sizes stay small, under limits it enforces
itself; a solid archive is one batch. Volume sets and solid archives too large for memory are left to the next reader,
as is everything `rars` cannot read. Checksums (CRC32, BLAKE2sp) are verified by `rars`, CRC32 here once more.
Sources: RARLAB's technote.txt (RAR 5) and the `rar-research` notes for older versions.
"""

import contextlib
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import rarfile
import rars

from extract.archives.clock import CLOCK
from extract.archives.interface import MIB, Entry, Kind, Limits, Name, Source
from extract.archives.volumes import is_rar_volume_set
from extract.errors import ArchiveProblem, DamagedError, EncryptedError, RefusedError, UnsupportedError

_CHUNK = MIB
_BATCH_BYTES = 32 * MIB
_BATCH_MEMBERS = 512
_HOST_UNIX = {"rar50_plus": 1, "rar15_40": 3}


class RarReader:
    """Reads single-volume RAR of every version."""

    name = "rars"
    skips = True
    formats = frozenset({"rar"})

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries in archive order."""
        path = source.paths[0]
        with _cancelling(source) as token:
            session = _Session(_open(path, _options(limits, token)), limits, token, source)
            infos = session.infos
            if is_rar_volume_set(source.paths) or any(info.is_split_before or info.is_split_after for info in infos):
                raise UnsupportedError("rars: one volume of several")
            session.plan()
            for info in infos:
                yield _entry(session, info)


@contextlib.contextmanager
def _cancelling(source: Source) -> Iterator[Any]:
    """Give a token that tells rars to stop at the deadline."""
    token = rars.CancellationToken()
    with CLOCK.alarm(source.deadline, token.cancel):
        yield token


def _options(limits: Limits, token: Any, total_bytes: int | None = None) -> Any:
    return rars.ReadOptions(
        cancellation=token,
        max_member_output_bytes=limits.rar_member_bytes,
        max_total_output_bytes=limits.rar_member_bytes if total_bytes is None else total_bytes,
        rar50_dictionary_size_limit=limits.dictionary_bytes,
        max_header_count=limits.entries + 8,
    )


def _open(path: Path, options: Any) -> Any:
    try:
        with _translated():
            return rars.RarFile(str(path), options=options)
    except (DamagedError, UnsupportedError) as problem:
        if _needs_password(path):
            raise EncryptedError("rar: headers are encrypted") from problem
        raise


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what rars raises on hostile bytes into problems, a panic of its Rust code included."""
    try:
        yield
    except (rars.Error, KeyError, ValueError, OSError, MemoryError, OverflowError) as error:
        raise _problem(error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DamagedError(f"rars: panic: {error}") from error


def _needs_password(path: Path) -> bool:
    """Ask rarfile; an archive with encrypted headers lists as empty there."""
    try:
        with rarfile.RarFile(str(path), part_only=True) as archive:
            return bool(archive.needs_password()) and not archive.infolist()
    except Exception:  # the library's parser meets hostile bytes: no answer is no
        return False


def _problem(error: Exception) -> ArchiveProblem:
    text = str(error)
    if match := re.search(r"requires (?:at least )?(\d+) (.*?)(?: bytes)?, above the configured limit of (\d+)", text):
        return RefusedError(f"rar {match[2]}", int(match[1]), int(match[3]))
    if isinstance(error, MemoryError) or "limit" in text:
        return RefusedError(f"rar ({text[:160]})", 1, 0)
    if isinstance(error, rars.PasswordRequired | rars.BadPassword):
        return EncryptedError("password needed")
    if isinstance(error, rars.UnsupportedRarFeature):
        return UnsupportedError(f"rars: {text}")
    return DamagedError(f"rars: {text}")


class _Session:
    """One open archive and the batch of members that is in memory."""

    def __init__(self, archive: Any, limits: Limits, token: Any, source: Source) -> None:
        self._archive = archive
        self._limits = limits
        self._token = token
        self._source = source
        self._batch_of: dict[int, list[Any]] = {}
        self._data: dict[int, bytes] = {}
        self.infos: Sequence[Any] = archive.infolist()

    def kind(self, info: Any) -> Kind:
        """Tell what an entry is; links by their redirection record or their Unix mode."""
        if info.is_dir():
            return "folder"
        unix = info.host_os == _HOST_UNIX.get(self._archive.family)
        mode = (info.file_attr or 0) if unix else 0
        if stat.S_ISLNK(mode) or self._is_redirection(info):
            return "link"
        return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "special"

    def _is_redirection(self, info: Any) -> bool:
        if self._archive.family != "rar50_plus" or info.crc:
            return False
        with contextlib.suppress(rars.Error, KeyError, ValueError):
            self._archive.readlink(info)
            return True
        return False

    def plan(self) -> None:
        """Put members into batches, a solid archive into one. Raises UnsupportedError if that is too large."""
        wanted = [info for info in self.infos if not info.is_encrypted and self.kind(info) == "file" and info.file_size]
        solid = any(info.is_solid for info in self.infos)
        total = sum(info.file_size for info in wanted)
        if solid and total > self._limits.rar_member_bytes:
            raise UnsupportedError(f"rars: solid archive of {total} bytes would not fit in memory")
        batch: list[Any] = []
        size = 0
        for info in wanted:
            full = size + info.file_size > _BATCH_BYTES or len(batch) >= _BATCH_MEMBERS
            if batch and full and not solid:
                batch, size = [], 0
            batch.append(info)
            size += info.file_size
            self._batch_of[info.member_index] = batch

    def read(self, info: Any) -> bytes:
        """Return one member's bytes, verified. Raises ArchiveProblem."""
        index = info.member_index
        batch = self._batch_of.get(index)
        if batch and index not in self._data:
            self._read_batch(batch)
        data = self._data.pop(index, None)
        return self._read_alone(info) if data is None else data

    def _read_batch(self, batch: list[Any]) -> None:
        """Decode a batch at once; when one member spoils it, each is read on its own later."""
        members = list(batch)
        batch.clear()
        with contextlib.suppress(ArchiveProblem), _translated():
            data = self._archive.read_many(members, options=_options(self._limits, self._token))
            self._data = {info.member_index: bytes(item) for info, item in zip(members, data, strict=True)}

    def _read_alone(self, info: Any) -> bytes:
        self._source.check_clock()
        with _translated():
            return bytes(self._archive.read(info, options=_options(self._limits, self._token)))


def _entry(session: _Session, info: Any) -> Entry:
    name = _name(info)
    kind = session.kind(info)
    if kind != "file":
        return Entry(name, kind)
    if info.is_encrypted and info.file_size:
        return Entry(name, kind, info.file_size, problem=EncryptedError("password needed"))
    if not info.file_size:
        return Entry(name, kind, 0, lambda: iter(()))
    return Entry(name, kind, info.file_size, partial(_chunks, session, info))


def _name(info: Any) -> Name:
    """Return the name; what rars decoded from a Unicode record is taken, an OEM name is left undeclared."""
    raw, text = bytes(info.orig_filename_bytes), str(info.filename)
    declared = text.isascii() or raw == text.encode("utf-8", "replace")
    return Name(raw, text if declared else None)


def _chunks(session: _Session, info: Any) -> Iterator[bytes]:
    data = session.read(info)
    if len(data) != info.file_size:
        raise DamagedError(f"rars: {len(data)} bytes of {info.file_size}")
    if info.crc is not None and zlib.crc32(data) != info.crc:
        raise DamagedError(f"rars: CRC {zlib.crc32(data):08x}, want {info.crc:08x}")
    for at in range(0, len(data), _CHUNK):
        yield data[at : at + _CHUNK]
