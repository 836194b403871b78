"""An in-memory sink and a way to unpack bytes at hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from db.blobs import Stored
from extract.archives.interface import Limits, Unpacked
from extract.archives.unpack import unpack


class MemorySink:
    """Keeps committed bytes by hash, and counts what was dropped."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.opened = 0

    @contextmanager
    def writer(self) -> Iterator["MemoryWriter"]:
        self.opened += 1
        yield MemoryWriter(self)


class MemoryWriter:
    def __init__(self, sink: MemorySink) -> None:
        self._sink = sink
        self._data = bytearray()

    def write(self, chunk: bytes) -> None:
        self._data += chunk

    def commit(self) -> Stored:
        data = bytes(self._data)
        key = sha256(data).digest()
        self._sink.blobs[key] = data
        return Stored(key, len(data))


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def unpack_bytes(tmp_path: Path, sink: MemorySink) -> Callable[..., Unpacked]:
    def call(data: bytes, name: str = "pack.bin", limits: Limits | None = None) -> Unpacked:
        path = tmp_path / name
        path.write_bytes(data)
        return unpack(path, sink, limits or Limits())

    return call
