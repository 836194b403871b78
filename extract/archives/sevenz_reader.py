"""7z through `py7zr`, streamed.

`py7zr` pushes bytes into writers while everything here pulls, so it runs in a thread of its own behind a short queue;
that also lets the wall clock act while a decoder is stuck. Members are renamed to their index first: `py7zr` refuses
climbing names and merges equal ones, and names are not its business here. In 7z a claimed size is binding (decoding
stops there), so claims and dictionaries are held against the limits before anything is decoded.
Decoders known to corrupt memory on hostile bytes are not used.
Source: 7-Zip's `7zFormat.txt` and `Methods.txt`.
"""

import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

import py7zr
from py7zr.exceptions import PasswordRequired, UnsupportedCompressionMethodError
from py7zr.io import Py7zIO, WriterFactory

from extract.archives.clock import CLOCK
from extract.archives.interface import Entry, Kind, Limits, Name, Source
from extract.errors import ArchiveProblem, DamagedError, EncryptedError, RefusedError, UnsupportedError

_QUEUE_CHUNKS = 4
_LZMA, _LZMA2, _AES = b"\x03\x01\x01", b"\x21", b"\x06\xf1\x07\x01"
_COPY, _DELTA, _DEFLATE, _BZIP2 = b"\0", b"\x03", b"\x04\x01\x08", b"\x04\x02\x02"
_ZSTD, _BROTLI = b"\x04\xf7\x11\x01", b"\x04\xf7\x11\x02"
_BRANCHES = frozenset(b"\x03\x03" + code for code in (b"\1\3", b"\2\5", b"\4\1", b"\5\1", b"\7\1", b"\x08\5"))
_SOUND = frozenset({_COPY, _DELTA, _LZMA, _LZMA2, _DEFLATE, _BZIP2, _ZSTD, _BROTLI, _AES}) | _BRANCHES
"""Methods whose decoders stand hostile bytes. PPMd is none of them: `pyppmd` crashed the process on a flipped byte."""


class _StoppedError(Exception):
    """Nobody reads any more; unwinds py7zr's thread."""


class SevenZipReader:
    """Reads 7z with the methods in `_SOUND`; PPMd, BCJ2 and others are left to `7zz`, a process of its own."""

    name = "py7zr"
    skips = True
    formats = frozenset({"7z"})

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries in archive order."""
        with source.open() as raw:
            archive = open_archive(raw)
            files = list(archive.files)
            check_claims(files, source, limits)
            with contextlib.closing(_Pump(archive, files, source)) as pump:
                for file in files:
                    yield _entry(file, pump)


def open_archive(raw: BinaryIO) -> Any:
    """Open with py7zr. Raises ArchiveProblem."""
    try:
        archive = py7zr.SevenZipFile(raw, "r")
    except PasswordRequired as error:
        raise EncryptedError("7z: password needed") from error
    except Exception as error:  # the library's parser meets hostile bytes: anything it raises is damage
        raise DamagedError(f"7z: {type(error).__name__}: {error}") from error
    if not hasattr(archive, "files"):
        raise DamagedError("7z: no list of files")
    return archive


def check_claims(files: Sequence[Any], source: Source, limits: Limits) -> None:
    """Hold claims against the limits. Raises RefusedError, or UnsupportedError for methods not decoded here."""
    if len(files) > limits.entries:
        raise RefusedError("entries", len(files), limits.entries)
    sizes = [file.uncompressed or 0 for file in files]
    total, largest = sum(sizes), max(sizes, default=0)
    if total > limits.total_bytes:
        raise RefusedError("total bytes", total, limits.total_bytes)
    if largest > limits.member_bytes:
        raise RefusedError("member bytes", largest, limits.member_bytes)
    if total > limits.ratio_from_bytes + limits.ratio * source.size_bytes:
        raise RefusedError("ratio to one", total / max(source.size_bytes, 1), limits.ratio)
    for folder in {id(file.folder): file.folder for file in files if file.folder is not None}.values():
        for coder in folder.coders:
            _check_coder(coder, limits)


def _check_coder(coder: dict[str, Any], limits: Limits) -> None:
    method, properties = coder.get("method"), coder.get("properties") or b""
    if method not in _SOUND:
        raise UnsupportedError(f"7z: method {bytes(method or b'').hex()} is left to another process")
    seen = 0
    if method == _LZMA and len(properties) >= 5:
        seen = int.from_bytes(properties[1:5], "little")
    elif method == _LZMA2 and properties:
        seen = (2 | (properties[0] & 1)) << (properties[0] // 2 + 11)
    if seen > limits.dictionary_bytes:
        raise RefusedError("dictionary bytes", seen, limits.dictionary_bytes)


def kind_of(file: Any) -> Kind:
    """Tell what an entry is."""
    if file.is_directory:
        return "folder"
    if file.is_symlink or file.is_junction:
        return "link"
    return "special" if file.is_socket else "file"


def _entry(file: Any, pump: "_Pump") -> Entry:
    text = pump.names[file.id]
    name = Name(text.encode("utf-8", "surrogatepass"), text)
    kind = kind_of(file)
    if kind != "file":
        return Entry(name, kind)
    if file.emptystream or not file.uncompressed:
        return Entry(name, kind, 0, lambda: iter(()))
    if any(coder.get("method") == _AES for coder in file.folder.coders):
        return Entry(name, kind, file.uncompressed, problem=EncryptedError("password needed"))
    return Entry(name, kind, file.uncompressed, partial(pump.read, str(file.id), file.uncompressed))


class _Outlet(Py7zIO):
    """Where py7zr writes one member."""

    def __init__(self, pump: "_Pump", key: str) -> None:
        self._pump = pump
        self._key = key
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        self._pump.put((self._key, bytes(s)))
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def flush(self) -> None:
        return

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        """Say that the member is complete and its CRC right."""
        self._pump.put((self._key, None))


class _Pump(WriterFactory):
    """py7zr's thread and the queue between: items are (member, bytes), (member, None) at its end, or a problem."""

    def __init__(self, archive: Any, files: Sequence[Any], source: Source) -> None:
        self.names = {file.id: file.filename for file in files}
        self._archive = archive
        self._source = source
        self._queue: queue.Queue[tuple[str, bytes | None] | ArchiveProblem] = queue.Queue(_QUEUE_CHUNKS)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: ArchiveProblem | None = None
        self._targets = []
        for file in files:
            file.file_properties()["filename"] = str(file.id)
            if kind_of(file) == "file" and not file.emptystream and file.uncompressed:
                self._targets.append(str(file.id))

    def create(self, filename: str) -> Py7zIO:
        """Give py7zr its writer for one member."""
        return _Outlet(self, filename)

    def put(self, item: tuple[str, bytes | None] | ArchiveProblem) -> None:
        """Hand an item over, waiting for room. Raises _StoppedError when nobody reads any more."""
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=0.2)
                return
        raise _StoppedError

    def _work(self) -> None:
        problem: ArchiveProblem = DamagedError("7z: ends before all members came out")
        try:
            self._archive.extract(targets=self._targets, factory=self)
        except _StoppedError:
            return
        except PasswordRequired:
            problem = EncryptedError("7z: password needed")
        except UnsupportedCompressionMethodError as error:
            problem = UnsupportedError(f"7z: {error}")
        except Exception as error:  # the library's decoders meet hostile bytes: anything they raise is damage
            problem = DamagedError(f"7z: {type(error).__name__}: {error}")
        with contextlib.suppress(_StoppedError):
            self.put(problem)

    def read(self, key: str, size_bytes: int) -> Iterator[bytes]:
        """Yield one member's bytes. Raises ArchiveProblem; after that no later member can be read."""
        if self._problem is not None:
            raise DamagedError(f"behind a damaged member: {self._problem}")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="py7zr", daemon=True)
            self._thread.start()
        seen = 0
        while True:
            item = self._get()
            if isinstance(item, ArchiveProblem):
                self._problem = item
                raise item
            if item[0] == key:
                if item[1] is None:
                    break
                seen += len(item[1])
                yield item[1]
        if seen != size_bytes:
            raise DamagedError(f"7z: {seen} bytes of {size_bytes}")

    def _get(self) -> tuple[str, bytes | None] | ArchiveProblem:
        left = self._source.deadline - CLOCK.now()
        try:
            return self._queue.get(timeout=max(left, 0.001))
        except queue.Empty:
            self._source.check_clock()
            raise RefusedError("seconds", self._source.seconds, self._source.seconds) from None

    def close(self) -> None:
        """Stop the thread at its next write."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
