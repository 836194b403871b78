"""What a reader gives and what the room gives out: the values that cross its borders.

A reader turns one archive into an iterator of `Entry`; `unpack` turns entries into `Member`s whose bytes went to a
`Sink`. Readers know no sink, no limits on output and no rules for names; `unpack` knows no format. Entries come in
the archive's order and their `chunks` must be consumed before the next entry is asked for.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from db.blobs import Stored
from extract.archives.clock import CLOCK
from extract.archives.volumes import JoinedFile
from extract.errors import ArchiveProblem, RefusedError, State

Kind = Literal["file", "folder", "link", "special"]
MemberState = Literal["ok", "encrypted", "damaged", "refused", "unsupported", "junk"]
MIB = 1 << 20


class Writer(Protocol):
    """Bytes of one member on their way; without `commit` they are dropped."""

    def write(self, chunk: bytes) -> None:
        """Append bytes."""

    def commit(self) -> Stored:
        """Keep the bytes."""


class Sink(Protocol):
    """Where member bytes go: the blob store, or a hasher."""

    def writer(self) -> AbstractContextManager[Writer]:
        """Open a writer for one member."""


@dataclass(frozen=True)
class Limits:
    """What one archive may cost.

    The first `ratio_from_bytes` of output are free: sheets that are mostly transparent shrink a thousandfold without
    being bombs. What comes behind them may be `ratio` times the archive's size. `depth` is for whoever unpacks members
    of members; `memory_bytes` for the process that reads, on top of what it has mapped when it begins.
    """

    total_bytes: int = 4096 * MIB
    member_bytes: int = 512 * MIB
    rar_member_bytes: int = 256 * MIB
    ratio: int = 200
    ratio_from_bytes: int = 256 * MIB
    entries: int = 100_000
    depth: int = 8
    dictionary_bytes: int = 256 * MIB
    seconds: float = 300.0
    memory_bytes: int = 3072 * MIB


@dataclass(frozen=True)
class Member:
    """One file, link or special of an archive. `path` is safe: relative, `/`-separated, no `..`, drive or NUL.

    `sha256` and `size_bytes` are set when the bytes were verified and handed to the sink. `junk` means the bytes are
    good but a later member has the same path and replaces this one, as it would on a disk.
    """

    position: int
    raw_name: bytes
    path: str
    kind: Literal["file", "link", "special"]
    state: MemberState
    reason: str
    sha256: bytes | None
    size_bytes: int | None


@dataclass(frozen=True)
class Unpacked:
    """The outcome of one archive, one level deep. `members` are in archive order, without folders."""

    state: State
    format: str
    reason: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Note:
    """What became of one entry, to be remembered: a later pass of the same reader need not read it again.

    `start` holds the first bytes where another member's name stands in them.
    """

    reader: str
    position: int
    raw_name: bytes
    state: MemberState
    reason: str
    sha256: bytes | None
    size_bytes: int | None
    start: bytes = b""


@dataclass(frozen=True)
class Name:
    """A member's name as stored. `text` is set when the format itself says how to read it (UTF-16, a UTF-8 flag)."""

    raw: bytes
    text: str | None = None


@dataclass(frozen=True)
class Entry:
    """One entry as a reader sees it.

    `size_bytes` is what the archive claims. `chunks` starts reading and raises ArchiveProblem, at the latest at its
    end when the checksum is wrong; it is None when there is nothing to read. `problem` is known before reading.
    """

    name: Name
    kind: Kind
    size_bytes: int | None = None
    chunks: Callable[[], Iterator[bytes]] | None = None
    problem: ArchiveProblem | None = None


@dataclass(frozen=True)
class Source:
    """An archive at hand: its volumes in order, the name people know it by, its format, and when time is up.

    `deadline` is a time of `extract.archives.clock.CLOCK`, `seconds` the limit it came from.
    """

    paths: tuple[Path, ...]
    name: str
    format: str
    size_bytes: int
    deadline: float
    seconds: float

    def open(self) -> BinaryIO:
        """Open the volumes as one file, buffered."""
        return JoinedFile.open(self.paths)

    def check_clock(self) -> None:
        """Raise RefusedError when time is up."""
        late = CLOCK.now() - self.deadline
        if late >= 0:
            raise RefusedError("seconds", self.seconds + late, self.seconds)


class Reader(Protocol):
    """Reads one family of formats. Stateless: one instance serves every archive."""

    @property
    def name(self) -> str:
        """Name the reader in reasons and tests."""

    @property
    def formats(self) -> frozenset[str]:
        """Name the formats it reads, in the words of `sniff` and `containers`."""

    @property
    def skips(self) -> bool:
        """Tell whether an entry's chunks may be left unread."""

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries in archive order. Raises ArchiveProblem when the archive as a whole cannot be read on."""
