"""A file on its way: bytes so far, and which version of the remote file they belong to."""

import fcntl
import hashlib
import json
import os
import re
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp

from crawler.errors import DownloadError, TruncatedDownloadError
from db.blobs import BlobStore, Stored
from db.urls import fingerprint

READ_BYTES = 1024 * 1024
SMALL_BYTES = 64 * 1024
"""A file up to this size is in memory until it is complete, or its download was interrupted; when the program is killed
in the middle it is fetched anew, which is one request, too."""


@dataclass(frozen=True)
class Version:
    """What a server says of the file it sends. `total_bytes` is the whole file's size, if known; `start` the offset."""

    etag: str
    last_modified: str
    total_bytes: int | None
    start: int = 0

    @classmethod
    def of(cls, answer: aiohttp.ClientResponse) -> "Version":
        """Read a 200 or 206 answer."""
        etag = answer.headers.get("ETag", "")
        modified = answer.headers.get("Last-Modified", "")
        if answer.status == 206:
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
            if span is None:
                raise TruncatedDownloadError("HTTP 206 without a readable Content-Range")
            total = None if span[2] == "*" else int(span[2])
            return cls(etag, modified, total, int(span[1]))
        if answer.headers.get("Content-Encoding"):
            # Length and version are those of the coded bytes: ours cannot be counted, nor continued.
            return cls("", "", None)
        return cls(etag, modified, answer.content_length)

    @property
    def validator(self) -> str:
        """What If-Range accepts: a strong ETag, else a date; '' when the version cannot be told."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


class Partial:
    """An unfinished download in `partial/` of the blob store."""

    def __init__(self, blobs: BlobStore, url: str) -> None:
        folder = blobs.root / "partial"
        key = fingerprint(url).hex()
        self._blobs = blobs
        self._data = folder / key
        self._note = folder / f"{key}.json"
        self._hash = hashlib.sha256()
        self._stream: BinaryIO | None = None
        self._small: tuple[Version, list[bytes]] | None = None
        self._landing: Path | None = None
        self.has_landed = False
        self.size_bytes = 0
        self.left_bytes = self.on_disk_bytes()

    def continue_headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest; none when there is nothing to continue."""
        size = self.left_bytes
        version = self._known_version() if size else None
        if version is None or not version.validator:
            return {}
        if version.total_bytes is not None and size >= version.total_bytes:
            return {}
        return {"Range": f"bytes={size}-", "If-Range": version.validator}

    def _known_version(self) -> Version | None:
        try:
            return Version(**json.loads(self._note.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def on_disk_bytes(self) -> int:
        """Return how much earlier tries left, by now."""
        try:
            return self._data.stat().st_size
        except FileNotFoundError:
            return 0

    def begin(self, version: Version, resume_at: int) -> None:
        """Open for writing at `resume_at`; bytes before it are hashed again, bytes after it dropped."""
        if not resume_at and version.total_bytes is not None and version.total_bytes <= SMALL_BYTES:
            if self.left_bytes:
                self.drop()
            self._small = version, []
            return
        if resume_at and self._data.stat().st_size != resume_at:
            raise TruncatedDownloadError(f"asked to continue, the server starts at {resume_at}")
        if resume_at and not self._same_version(version):
            self.drop()
            raise TruncatedDownloadError("asked to continue, the server sends a part of another version")
        self._stream = self._lock()
        if not resume_at:
            self._stream.truncate(0)
            # After the truncation: a note must never speak of another version's bytes.
            self._note.write_text(json.dumps(asdict(version)))
        self._hash = hashlib.sha256()
        while chunk := self._stream.read(READ_BYTES) if resume_at else b"":
            self._hash.update(chunk)
        self.size_bytes = resume_at

    def _same_version(self, version: Version) -> bool:
        """Compare a 206 with what we have (RFC 9110 §15.3.7.3): not every server heeds If-Range."""
        known = self._known_version()
        named = known is not None and (not version.validator or version.validator == known.validator)
        return named and known is not None and known.total_bytes in (None, version.total_bytes)

    def _lock(self) -> BinaryIO:
        """Open the file for ourselves: two writers would mix their bytes."""
        try:
            descriptor = os.open(self._data, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # the store's first download
            self._data.parent.mkdir(exist_ok=True)
            descriptor = os.open(self._data, os.O_RDWR | os.O_CREAT, 0o644)
        stream = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            raise DownloadError("another download is writing this file") from error
        return stream

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        if self._small is not None:
            self._small[1].append(chunk)
        else:
            assert self._stream is not None  # noqa: S101 - begin() comes first
            self._stream.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    def pause(self) -> None:
        """Close the file; what it holds can be continued."""
        if self._small is not None and 0 < self.size_bytes < (self._small[0].total_bytes or 0):
            version, chunks = self._small
            self._small = None
            self._stream = self._lock()
            self._stream.truncate(0)
            self._stream.write(b"".join(chunks))
            self._note.write_text(json.dumps(asdict(version)))
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    @property
    def in_memory(self) -> bool:
        """Tell whether all of the bytes are here and none on the disk."""
        return self._small is not None

    @property
    def stored(self) -> Stored:
        """Return what was written until now, as the store would name it."""
        return Stored(self._hash.digest(), self.size_bytes)

    @property
    def path(self) -> Path:
        """Return where the bytes are."""
        return self._landing or self._data

    def finish(self) -> Stored:
        """Return what the complete file will be called, once it is certain that it is what was written."""
        if self._small is not None:
            self._landing = self._landing or self._blobs.temporary / uuid.uuid4().hex  # tried again, the same file
            self._landing.write_bytes(b"".join(self._small[1]))
            return self.stored
        if self._data.stat().st_size != self.size_bytes:
            self.drop()
            raise TruncatedDownloadError("the unfinished file was changed by somebody else")
        return self.stored

    def forget(self) -> None:
        """Drop the note of a file that is in the store."""
        if self._small is None:
            self._note.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget everything."""
        self._small = None
        self.pause()
        self._data.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
