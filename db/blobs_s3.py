"""The blob store in an S3-compatible bucket, with a folder on this machine in front of it.

Blobs are objects `PREFIX/sha256/ab/cd…`, written once: a small one with a conditional put (`If-None-Match: *`),
a large one as a multipart upload, which appears whole or not at all; either way the same name always holds the same
bytes. Whatever needs a file (decoders, archive tools, children without network) gets it from the folder, where blobs
are kept while there is room. Credentials, region and endpoint come from the environment, as for every S3 client
(`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`).
"""

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from db.blobs import BlobStore, Stored
from db.errors import BlobDamagedError, BlobMissingError, BlobStoreError

MULTIPART_BYTES = 8 * 1024 * 1024
CACHE_BYTES = 20 * 1024**3
KEEP_S = 3600.0
"""What was used this recently stays in the folder, however full: somebody may be reading it."""
LOOK_EVERY_BYTES = 256 * 1024 * 1024
RETRIES = 8
RETRY_S = 120.0


class BucketBlobStore(BlobStore):
    """Blobs in a bucket: `s3://bucket/prefix`. Every call that talks to the bucket may raise BlobStoreError."""

    is_remote = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        folder = os.environ.get("QUARRY_CACHE") or Path.home() / ".cache" / "artquarry"
        self._limit = int(os.environ.get("QUARRY_CACHE_BYTES") or CACHE_BYTES)
        super().__init__(str(Path(folder) / hashlib.sha256(url.encode()).hexdigest()[:16]))
        self.url = url
        self._client: tuple[int, Any] | None = None
        self._since_look = 0

    @property
    def _store(self) -> Any:
        """Return the client; a forked process needs its own."""
        if self._client is None or self._client[0] != os.getpid():
            from obstore.store import S3Store

            endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
            retry: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)}
            options: Any = {"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=600)}
            store = S3Store(self._bucket, prefix=self._prefix or None, client_options=options, retry_config=retry)
            self._client = (os.getpid(), store)
        return self._client[1]

    def _key(self, sha256: bytes) -> str:
        name = sha256.hex()
        return f"sha256/{name[:2]}/{name[2:]}"

    def has(self, sha256: bytes) -> bool:
        """Tell whether the bucket holds these bytes."""
        return self.modified_at(sha256) > 0

    def modified_at(self, sha256: bytes) -> float:
        """Return when a blob was written (seconds since 1970), 0 if it is not in the bucket."""
        import obstore
        from obstore.exceptions import BaseError, NotFoundError

        try:
            return float(obstore.head(self._store, self._key(sha256))["last_modified"].timestamp())
        except (FileNotFoundError, NotFoundError):
            return 0.0
        except BaseError as error:
            raise BlobStoreError(f"{self.url}: {error}") from error

    def adopt(self, temporary: Path, stored: Stored, *, durable: bool = False) -> None:
        """Upload a complete file, then keep it in the folder. The bucket is durable; nothing has to be waited for."""
        self._upload(temporary, stored)
        temporary.replace(super().path(stored.sha256))
        self._make_room(stored.size_bytes)

    def _upload(self, file: Path, stored: Stored) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError

        key = self._key(stored.sha256)
        try:
            if stored.size_bytes < MULTIPART_BYTES:
                obstore.put(self._store, key, file.read_bytes(), mode="create", use_multipart=False)
            elif not self.has(stored.sha256):
                obstore.put(self._store, key, file, use_multipart=True, chunk_size=MULTIPART_BYTES)
        except (FileExistsError, AlreadyExistsError):
            return  # somebody else brought the same bytes
        except BaseError as error:
            raise BlobStoreError(f"{self.url}: {error}") from error

    def path(self, sha256: bytes) -> Path:
        """Return a file with these bytes, fetching them if need be. Raises BlobMissingError."""
        here = super().path(sha256)
        if here.exists():
            with contextlib.suppress(PermissionError):  # a reader without rights: whoever sent it has just been here
                os.utime(here)
        else:
            self._fetch(sha256, here)
        return here

    def _fetch(self, sha256: bytes, target: Path) -> None:
        part = self.temporary / uuid.uuid4().hex
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("xb") as stream:
                for chunk in self._chunks(sha256):
                    stream.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            if digest.digest() != sha256:
                raise BlobDamagedError(f"{self.url}: object {self._key(sha256)} holds other bytes than its name says")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        self._make_room(size)

    def _chunks(self, sha256: bytes) -> Iterator[bytes]:
        import obstore
        from obstore.exceptions import BaseError, NotFoundError

        try:
            for chunk in obstore.get(self._store, self._key(sha256)):
                yield bytes(chunk)
        except (FileNotFoundError, NotFoundError) as error:
            raise BlobMissingError(f"blob {sha256.hex()} is not in {self.url}") from error
        except BaseError as error:
            raise BlobStoreError(f"{self.url}: {error}") from error

    def is_sound(self, sha256: bytes) -> bool:
        """Read a blob in the bucket, not in the folder; a copy in the folder that went bad is dropped on the way."""
        self._sound_here(sha256)
        digest = hashlib.sha256()
        for chunk in self._chunks(sha256):
            digest.update(chunk)
        return digest.digest() == sha256

    def _sound_here(self, sha256: bytes) -> bool:
        """Tell whether the folder has a good copy; drop a bad one."""
        here = super().path(sha256)
        try:
            with here.open("rb") as stream:
                good = hashlib.file_digest(stream, "sha256").digest() == sha256
        except FileNotFoundError:
            return False
        if not good:
            here.unlink(missing_ok=True)
        return good

    def set_aside(self, sha256: bytes) -> None:
        """Move damaged bytes to `damaged/` in the bucket, and drop the copy in the folder."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.copy(self._store, self._key(sha256), f"damaged/{sha256.hex()}")
        except (FileNotFoundError, BaseError) as error:
            raise BlobStoreError(f"{self.url}: {error}") from error
        self.discard(sha256)

    def keep(self, sha256: bytes) -> bool:
        """Tell whether a blob is in the bucket; upload a lost one again from a good copy in the folder."""
        if self.has(sha256):
            return True
        if not self._sound_here(sha256):
            return False
        here = super().path(sha256)
        self._upload(here, Stored(sha256, here.stat().st_size))
        return True

    def open(self, sha256: bytes) -> BinaryIO:
        """Open a blob for reading. Raises BlobMissingError."""
        return self.path(sha256).open("rb")

    def discard(self, sha256: bytes) -> None:
        """Delete a blob."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.delete(self._store, self._key(sha256))
        except (FileNotFoundError, BaseError) as error:
            raise BlobStoreError(f"{self.url}: {error}") from error
        super().discard(sha256)

    def _files(self) -> Iterator[tuple[str, int]]:
        import obstore
        from obstore.exceptions import BaseError

        try:
            for page in obstore.list(self._store, "sha256"):
                for found in page:
                    yield found["path"].rpartition("sha256/")[2], found["size"]
        except BaseError as error:
            raise BlobStoreError(f"{self.url}: {error}") from error

    def _make_room(self, size_bytes: int) -> None:
        """Now and then drop from the folder what was used longest ago; the bucket has it."""
        self._since_look += size_bytes
        if self._since_look < min(LOOK_EVERY_BYTES, self._limit):
            return
        self._since_look = 0
        kept = [(status.st_mtime, status.st_size, path) for path, status in self._cached()]
        total = sum(size for _, size, _ in kept)
        for used, size, path in sorted(kept):
            if total <= self._limit or used > time.time() - KEEP_S:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _cached(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in self._blobs.iterdir():
            for path in folder.iterdir():
                try:
                    yield path, path.stat()
                except FileNotFoundError:
                    continue  # another process made room
