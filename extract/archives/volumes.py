"""Split archives: which siblings of a first volume belong to it, and how to read them as one file.

Three habits exist: `x.001 x.002 …` (any format, cut at byte positions), `x.part1.rar x.part2.rar …` and
`x.rar x.r00 x.r01 … x.s00` (RAR, each volume with its own header), `x.z01 x.z02 … x.zip` (PKZIP spanning, the
directory last). Only the first and the third can be joined byte for byte; RAR volumes are listed so that their sizes
count and a tool can be pointed at the first one.
"""

import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, count
from pathlib import Path
from typing import BinaryIO, cast

MAX_VOLUMES = 1000


def find_volumes(path: Path) -> tuple[Path, ...]:
    """Return the volumes of the archive that starts at `path`, in reading order; just `path` for a whole archive."""
    later = list(_existing(_later_names(path.name), path.parent))
    if path.suffix.lower() == ".zip":
        return (*later, path)
    return (path, *later)


def _existing(names: Iterator[str], folder: Path) -> Iterator[Path]:
    for _, name in zip(range(MAX_VOLUMES), names, strict=False):
        volume = folder / name
        if not volume.is_file():
            return
        yield volume


def _later_names(first: str) -> Iterator[str]:
    """Yield the names that would follow a first volume, without end; nothing when the name is none."""
    if match := re.fullmatch(r"(.+\.)(0*)1", first):
        width = len(match[2]) + 1
        return (f"{match[1]}{n:0{width}}" for n in count(2)) if width >= 2 else iter(())
    if match := re.fullmatch(r"(?i)(.+\.part)(0*1)(\.(?:rar|exe|sfx))", first):
        ending = match[3] if match[3].lower() == ".rar" else ".rar"
        return (f"{match[1]}{n:0{len(match[2])}}{ending}" for n in count(2))
    if match := re.fullmatch(r"(?i)(.+\.)(r)ar", first):
        letter = match[2]
        return (f"{match[1]}{chr(ord(letter) + n // 100)}{n % 100:02}" for n in range(800))
    if match := re.fullmatch(r"(?i)(.+\.)(z)ip", first):
        return (f"{match[1]}{match[2]}{n:02}" for n in count(1))
    return iter(())


def is_rar_volume_set(paths: tuple[Path, ...]) -> bool:
    """Tell whether these volumes each have their own header and must not be joined."""
    return len(paths) > 1 and re.search(r"(?i)\.(rar|exe|sfx)$", paths[0].name) is not None


class JoinedFile(io.RawIOBase):
    """Several files read as one, seekable. One volume is opened at a time."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self._ends = list(accumulate(path.stat().st_size for path in paths))
        self._position = 0
        self._index = -1
        self._stream: BinaryIO | None = None

    @classmethod
    def open(cls, paths: tuple[Path, ...]) -> BinaryIO:
        """Open for buffered reading; a single file is opened as itself."""
        if len(paths) == 1:
            return paths[0].open("rb")
        return cast("BinaryIO", io.BufferedReader(cls(paths)))

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, as files do. Raises OSError before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ends[-1]}[whence]
        if base + offset < 0:
            raise OSError(f"seek to {base + offset} before the start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview | bytearray", /) -> int:  # type: ignore[override]  # narrower than Buffer
        """Read up to the end of the volume the position is in."""
        index = bisect_right(self._ends, self._position)
        if index == len(self._paths):
            return 0
        if index != self._index:
            self._switch(index)
        stream = self._stream
        if stream is None:
            return 0
        stream.seek(self._position - (self._ends[index - 1] if index else 0))
        data = stream.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _switch(self, index: int) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = self._paths[index].open("rb")
        self._index = index

    def close(self) -> None:
        """Close the open volume."""
        if self._stream is not None:
            self._stream.close()
        super().close()
