"""What became of the members of an archive that is still being read, so that a killed run goes on behind them.

An append-only file for each archive in the blob store's temporary folder: a frame is a length and MessagePack of a
batch of notes, written after the bytes of its members are in the store. A frame that a kill cut short does not count.
The catalog is still the only memory of what is done: a lost journal costs time, nothing else.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from extract.archives.interface import Note

_HEADER_BYTES = 4
_NOTES = msgspec.msgpack.Decoder(tuple[Note, ...])


class Journal:
    """The journals of one version of the archive readers."""

    def __init__(self, temporary: Path, version: int) -> None:
        self._folder = temporary / f"journal-{version}"
        self._begun: set[bytes] = set()

    def _path(self, archive: bytes) -> Path:
        return self._folder / archive.hex()

    def append(self, archive: bytes, notes: Sequence[Note]) -> None:
        """Add a batch. Raises OSError."""
        data = msgspec.msgpack.encode(tuple(notes))
        self._folder.mkdir(exist_ok=True)
        with self._path(archive).open("ab") as stream:
            if archive not in self._begun:
                stream.truncate(sum(_HEADER_BYTES + len(frame) for frame in self._frames(archive)))
                self._begun.add(archive)
            stream.write(len(data).to_bytes(_HEADER_BYTES, "little") + data)

    def read(self, archive: bytes) -> tuple[Note, ...]:
        """Return all whole batches, in order."""
        notes: list[Note] = []
        for frame in self._frames(archive):
            with suppress(msgspec.MsgspecError):
                notes += _NOTES.decode(frame)
        return tuple(notes)

    def _frames(self, archive: bytes) -> list[bytes]:
        try:
            data = self._path(archive).read_bytes()
        except FileNotFoundError:
            return []
        frames, at = [], 0
        while at + _HEADER_BYTES <= len(data):
            end = at + _HEADER_BYTES + int.from_bytes(data[at : at + _HEADER_BYTES], "little")
            if end > len(data):
                break
            frames.append(data[at + _HEADER_BYTES : end])
            at = end
        return frames

    def forget(self, archive: bytes) -> None:
        """Drop the archive's journal: what it says is in the catalog."""
        self._path(archive).unlink(missing_ok=True)
