"""WARC files on disk (ISO 28500, version 1.1): written record by record, rotated, repaired after a crash.

A file being written is called `….open` and locked; what a killed process left behind is cut after its last whole
record and renamed at the next start.
"""

import fcntl
import hashlib
import io
import logging
import os
import re
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

logger = logging.getLogger(__name__)

MAX_BYTES = 1024**3
OPEN_SUFFIX = ".open"
STOP_REASON = "the WARC cannot be written"
CHUNK_BYTES = 256 * 1024
HEAD_MAX_BYTES = 64 * 1024
"""A WARC record's own headers are never longer; what is, is not one of ours."""

HTTP_RESPONSE = "application/http; msgtype=response"
HTTP_REQUEST = "application/http; msgtype=request"
FIELDS = "application/warc-fields"

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Capture:
    """A request and its answer: heads as sent, the answer's body (bytes, or the file that holds them) and digest.

    `truncated` is a reason of ISO 28500 §5.13 if the body is not whole; `note` says what else a reader should know.
    """

    url: str
    at: datetime
    request: bytes
    response: bytes
    body: bytes | Path
    sha256: bytes
    truncated: str = ""
    address: str = ""
    note: str = ""


class _Block:
    """A record's content as a stream: the head, then the body."""

    def __init__(self, head: bytes, body: bytes | Path = b"") -> None:
        self._parts: list[BinaryIO] = [io.BytesIO(head)]
        self._parts.append(body.open("rb") if isinstance(body, Path) else io.BytesIO(body))

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        while self._parts:
            if chunk := self._parts[0].read(size):
                return chunk
            self._parts.pop(0).close()
        return b""


class _Out:
    """An unbuffered file that writes all it is given or raises: a full disk must not leave bytes behind in a buffer."""

    def __init__(self, path: Path) -> None:
        self.raw = io.FileIO(path, "x")

    def write(self, data: bytes) -> None:
        """Write all of it. Raises OSError."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.raw.write(rest) :]

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


class WarcFolder:
    """Writes captures into a folder of WARC files, one at a time; safe to call from any thread."""

    def __init__(self, folder: Path, max_bytes: int, info: dict[str, str]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._info = info
        self._serial = 0
        self._lock = threading.Lock()
        self._out: _Out | None = None
        self._open_path = folder
        self._info_id = ""
        self._warcio: Any = import_module("warcio.warcwriter")
        self._records: Any = import_module("warcio.recordloader")
        self._heads: Any = import_module("warcio.statusandheaders")

    def repair(self) -> list[Path]:
        """Make the folder, and complete what killed processes left in it; return those files. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with _alone(self._folder):
            left = sorted(self._folder.glob(f"artquarry-*.warc.gz{OPEN_SUFFIX}"))
            return [repaired for path in left if (repaired := _repair(path)) is not None]

    def write(self, capture: Capture) -> None:
        """Write an answer and its request; they are on the disk on return. Raises OSError, and leaves no half."""
        with self._lock:
            out = self._room()
            start = out.raw.tell()
            try:
                self._write_all(out, capture)
                os.fsync(out.raw.fileno())
            except BaseException:
                out.raw.truncate(start)
                out.raw.seek(start)
                raise

    def close(self) -> None:
        """Complete the file that is open, if any. Raises OSError."""
        with self._lock:
            self._finish()

    def _room(self) -> _Out:
        if self._out is not None and self._out.raw.tell() >= self._max_bytes:
            self._finish()
        if self._out is None:
            self._out = self._begin()
        return self._out

    def _begin(self) -> _Out:
        moment = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        name = f"artquarry-{moment}-{self._serial:05}-{os.getpid()}.warc.gz"
        self._serial += 1
        self._open_path = self._folder / f"{name}{OPEN_SUFFIX}"
        with _alone(self._folder):
            out = _Out(self._open_path)
            fcntl.flock(out.raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fields = "".join(f"{key}: {value}\r\n" for key, value in self._info.items() if value)
        self._info_id = _new_id()
        headers = [("WARC-Record-ID", self._info_id), ("WARC-Date", _date(datetime.now(UTC))), ("WARC-Filename", name)]
        try:
            self._write(out, "warcinfo", FIELDS, headers, fields.encode())
        except BaseException:
            out.raw.close()
            self._open_path.unlink()
            raise
        return out

    def _finish(self) -> None:
        if self._out is None:
            return
        out, self._out = self._out, None
        with out.raw:
            os.fsync(out.raw.fileno())
            self._open_path.rename(self._open_path.with_suffix(""))
        _sync_folder(self._folder)

    def _write_all(self, out: _Out, capture: Capture) -> None:
        common = [("WARC-Target-URI", capture.url), ("WARC-Date", _date(capture.at))]
        common += [("WARC-Warcinfo-ID", self._info_id)]
        response_id = _new_id()
        payload = [("WARC-Payload-Digest", _digest(capture.sha256)), ("WARC-Record-ID", response_id)]
        if capture.address:
            payload.append(("WARC-IP-Address", capture.address))
        if capture.truncated:
            payload.append(("WARC-Truncated", capture.truncated))
        self._write(out, "response", HTTP_RESPONSE, [*common, *payload], capture.response, capture.body)
        beside = [*common, ("WARC-Concurrent-To", response_id)]
        empty = ("WARC-Payload-Digest", _digest(hashlib.sha256().digest()))
        self._write(out, "request", HTTP_REQUEST, [*beside, empty, ("WARC-Record-ID", _new_id())], capture.request)
        if capture.note:
            note = f"description: {capture.note}\r\n".encode()
            whole = ("WARC-Payload-Digest", _digest(hashlib.sha256(note).digest()))
            self._write(out, "metadata", FIELDS, [*beside, whole, ("WARC-Record-ID", _new_id())], note)

    def _write(
        self,
        out: _Out,
        kind: str,
        content_type: str,
        headers: list[tuple[str, str]],
        head: bytes,
        body: bytes | Path = b"",
    ) -> None:
        """Write a record as a gzip member of its own; its content's bytes are written as they are."""
        digest, size = _measure(_Block(head, body))
        fields = [("WARC-Type", kind), *headers, ("WARC-Block-Digest", _digest(digest))]
        head_of_record = self._heads.StatusAndHeaders("", fields, protocol="WARC/1.1")
        block = _Block(head, body)
        record = self._records.ArcWarcRecord("warc", kind, head_of_record, block, None, content_type, size)
        self._warcio.WARCWriter(out, gzip=True, warc_version="1.1").write_record(record)


def _measure(block: _Block) -> tuple[bytes, int]:
    """Return SHA-256 and size of a record's content."""
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := block.read():
        digest.update(chunk)
        size_bytes += len(chunk)
    return digest.digest(), size_bytes


def _digest(sha256: bytes) -> str:
    """Label a digest; in hexadecimal, as blobs are named."""
    return f"sha256:{sha256.hex()}"


def _new_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from beginning or repairing files in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _repair(path: Path) -> Path | None:
    """Cut a file that nobody writes any more after its last whole record, and rename it; drop one without any."""
    with path.open("r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None  # a living process writes it
        size_bytes = whole_bytes(stream)
        if not size_bytes:
            path.unlink()
            return None
        stream.truncate(size_bytes)
        os.fsync(stream.fileno())
        return path.rename(path.with_suffix(""))


def whole_bytes(stream: BinaryIO) -> int:
    """Return how many bytes from the start are gzip members that hold a whole WARC record each."""
    end = 0
    while (next_end := _member_end(stream, end)) is not None:
        end = next_end
    return end


def _member_end(stream: BinaryIO, start: int) -> int | None:
    stream.seek(start)
    unzip, record = zlib.decompressobj(wbits=31), _RecordGauge()
    try:
        while not unzip.eof:
            data = unzip.unconsumed_tail or stream.read(CHUNK_BYTES)
            if not data:
                return None
            record.add(unzip.decompress(data, CHUNK_BYTES))
    except zlib.error:
        return None
    return stream.tell() - len(unzip.unused_data) if record.is_whole else None


class _RecordGauge:
    """Tells whether bytes are one WARC record, without keeping them."""

    def __init__(self) -> None:
        self._head = b""
        self._size_bytes = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size_bytes += len(data)
        self._head += data[: HEAD_MAX_BYTES - len(self._head)]

    @property
    def is_whole(self) -> bool:
        """Tell whether the size is what the record's own headers say."""
        head, end, _ = self._head.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: *(\d+)", head)
        if not head.startswith(b"WARC/1.") or not end or length is None:
            return False
        return self._size_bytes == len(head) + len(end) + int(length[1]) + len(b"\r\n\r\n")
