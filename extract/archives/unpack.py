"""One archive, one level: readers in turn, every byte through the gate, names made safe, and one verdict.

Members go to a sink as they come out and count only after their checksum held. When the first reader of a format
leaves something unread, the next one tries; the better result wins. Where both saw the same entries, names that are
not ASCII stay the first one's, because it knows their raw bytes. Bad input never raises: the verdict says what
happened.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from db.blobs import Stored
from extract.archives.clock import CLOCK
from extract.archives.containers import locate
from extract.archives.deferred import DeferredReader
from extract.archives.gate import Gate
from extract.archives.interface import (
    MIB,
    Entry,
    Limits,
    Member,
    MemberState,
    Note,
    Reader,
    Sink,
    Source,
    Unpacked,
    Writer,
)
from extract.archives.names import decode_names, safe_path
from extract.archives.sevenzip_tool import SevenZipTool
from extract.archives.single import SingleReader
from extract.archives.tar_reader import TarReader
from extract.archives.unity import PATHNAME_BYTES, is_pathname, resolve
from extract.archives.zip_local import ZipLocalReader
from extract.archives.zip_reader import ZipReader
from extract.errors import ArchiveProblem, DamagedError, EncryptedError, RefusedError, State

_7Z = frozenset({"7z"})
READERS: tuple[Reader, ...] = (
    ZipReader(),
    TarReader(),
    SingleReader(),
    DeferredReader("rars", frozenset({"rar"}), True, "extract.archives.rar_reader:RarReader"),
    DeferredReader("py7zr", _7Z, True, "extract.archives.sevenz_reader:SevenZipReader"),
    SevenZipTool(),
    ZipLocalReader(),
    DeferredReader("zstandard in 7z", _7Z, False, "extract.archives.sevenz_zstd:SevenZipZstdReader"),
)
"""Every reader, in the order in which those of one format are tried."""


def preload(names: Iterable[str]) -> None:
    """Import what archives of such names will need: a child that is forked afterwards has it already."""
    suffixes = {Path(name).suffix.lower().lstrip(".") for name in names}
    for reader in READERS:
        if isinstance(reader, DeferredReader) and reader.formats & suffixes:
            _ = reader.reader


TELL_MEMBERS, TELL_BYTES = 1024, 64 * MIB
_FINAL: frozenset[State] = frozenset({"ok", "empty", "encrypted", "refused"})


class HashSink:
    """A sink that keeps only hashes; for looking without storing."""

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Open a writer that hashes."""
        yield _HashWriter()


class _HashWriter:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self._size += len(chunk)

    def commit(self) -> Stored:
        return Stored(self._hash.digest(), self._size)


@dataclass(frozen=True)
class _Taken:
    """One entry and what became of its bytes."""

    entry: Entry
    state: MemberState
    reason: str
    stored: Stored | None
    start: bytes = b""
    """The first bytes, where another member's name stands in them."""


@dataclass(frozen=True)
class _Attempt:
    """One reader's pass over the archive. `problem` ended it early."""

    taken: tuple[_Taken, ...]
    problem: ArchiveProblem | None

    @property
    def good(self) -> int:
        return sum(item.state == "ok" for item in self.taken)


@dataclass(frozen=True)
class Memory:
    """What earlier passes noted, and whom to tell of this one's progress, a batch of entries at a time."""

    known: Sequence[Note] = ()
    tell: Callable[[tuple[Note, ...]], None] | None = None

    def of(self, reader: str) -> Sequence[Note]:
        """Return the notes of one reader, without a gap from its first entry on."""
        mine = {note.position: note for note in self.known if note.reader == reader}
        return [mine[position] for position in range(len(mine)) if position in mine]


def unpack(
    path: Path, sink: Sink, limits: Limits | None = None, name: str = "", memory: Memory | None = None
) -> Unpacked:
    """Read the archive at `path` into `sink`, one level deep, and tell what was found.

    Never raises for bad input. Raises OSError when `path` cannot be read or the sink cannot be written, and for bugs.
    `name` is the archive's name where `path` is a blob without one; it only names the content of single streams.
    """
    limits = limits or Limits()
    source = locate(path, name, limits)
    if source.format == "empty":
        return Unpacked("empty", "empty", "0 bytes", ())
    readers = [reader for reader in READERS if source.format in reader.formats]
    if not readers:
        return Unpacked("unsupported", source.format, f"no reader for {source.format}", ())
    best: _Attempt | None = None
    for reader in readers:
        attempt = _attempt(reader, source, sink, limits, memory or Memory())
        best = attempt if best is None else _better(best, attempt)
        if _state(best) in _FINAL:
            break
    return _result(source, cast("_Attempt", best))


def _attempt(reader: Reader, source: Source, sink: Sink, limits: Limits, memory: Memory) -> _Attempt:
    gate = Gate(limits, source.size_bytes, source.deadline)
    member_bytes = limits.rar_member_bytes if source.format == "rar" else limits.member_bytes
    taken: list[_Taken] = []
    known, untold = memory.of(reader.name), _Untold(reader.name, memory)
    try:
        with closing(reader.entries(source, limits)) as entries:  # type: ignore[type-var]  # entries is a generator
            for entry in entries:
                gate.admit_entry()
                if entry.kind == "folder":
                    continue
                item = _recall(entry, known, len(taken), gate, skips=reader.skips)
                taken.append(item or _take(entry, sink, gate, member_bytes))
                if item is None:
                    untold.add(len(taken) - 1, taken[-1])
    except ArchiveProblem as problem:
        return _Attempt(tuple(taken), problem)
    except MemoryError:
        return _Attempt(tuple(taken), RefusedError("memory: archive bytes", source.size_bytes, 0))
    return _Attempt(tuple(taken), None)


class _Untold:
    """Entries not told of yet; told in batches of so many entries or bytes."""

    def __init__(self, reader: str, memory: Memory) -> None:
        self._reader = reader
        self._tell = memory.tell
        self._notes: list[Note] = []
        self._bytes = 0

    def add(self, position: int, item: _Taken) -> None:
        """Add an entry's outcome, and tell when the batch is full."""
        sha256, size = (item.stored.sha256, item.stored.size_bytes) if item.stored else (None, None)
        raw = item.entry.name.raw
        self._notes.append(Note(self._reader, position, raw, item.state, item.reason, sha256, size, item.start))
        self._bytes += size or 0
        if self._tell and (len(self._notes) >= TELL_MEMBERS or self._bytes >= TELL_BYTES):
            with CLOCK.stopped():
                self._tell(tuple(self._notes))
            self._notes, self._bytes = [], 0


def _recall(entry: Entry, known: Sequence[Note], position: int, gate: Gate, *, skips: bool) -> _Taken | None:
    """Return what an earlier pass made of this entry, if it is the same one."""
    note = known[position] if position < len(known) else None
    if note is None or note.raw_name != entry.name.raw:
        return None
    if note.sha256 is not None and entry.size_bytes not in (None, note.size_bytes):
        return None
    gate.admit_bytes(note.size_bytes or 0)
    if not skips and entry.chunks is not None:
        for _ in entry.chunks():
            gate.check_clock()
    stored = None if note.sha256 is None or note.size_bytes is None else Stored(note.sha256, note.size_bytes)
    return _Taken(entry, note.state, note.reason, stored, note.start)


def _take(entry: Entry, sink: Sink, gate: Gate, member_bytes: int) -> _Taken:
    """Hand one entry's bytes to the sink. Raises RefusedError: a limit ends the archive, not the member."""
    if entry.kind == "link" or (entry.kind == "special" and entry.chunks is None):
        return _Taken(entry, "refused", f"{entry.kind}: recorded, not followed", None)
    if entry.problem is not None or entry.chunks is None:
        problem = entry.problem or DamagedError("no bytes")
        return _Taken(entry, problem.state, str(problem), None)
    try:
        with sink.writer() as writer, closing(gate.through(entry.chunks(), member_bytes)) as chunks:  # type: ignore[type-var]
            start = b""
            for chunk in chunks:
                writer.write(chunk)
                start += chunk[: PATHNAME_BYTES - len(start)] if is_pathname(entry.name.raw) else b""
            note = "" if entry.kind == "file" else "device or pipe: kept as the empty file that it holds"
            return _Taken(entry, "ok", note, writer.commit(), start)
    except RefusedError:
        raise
    except ArchiveProblem as problem:
        return _Taken(entry, problem.state, str(problem), None)


def _state(attempt: _Attempt) -> State:
    """Return the verdict on a pass: a limit, then a password, then damage, then what is missing."""
    problem, files = attempt.problem, [item for item in attempt.taken if item.entry.kind == "file"]
    states = {item.state for item in files}
    if isinstance(problem, RefusedError):
        return "refused"
    if isinstance(problem, EncryptedError) or "encrypted" in states:
        return "encrypted"
    if problem is None and states <= {"ok"}:
        return "ok" if attempt.taken else "empty"
    if "ok" in states:
        return "partial"
    if "refused" in states:
        return "refused"
    if problem is not None and (problem.state == "damaged" or not files):
        return problem.state
    return "damaged" if "damaged" in states else "unsupported"


def _better(first: _Attempt, second: _Attempt) -> _Attempt:
    """Return the pass that found more, with the first one's names where both saw the same entries."""
    if _state(second) in ("encrypted", "refused"):
        return second if second.good >= first.good else replace(first, problem=second.problem or EncryptedError("some"))
    if len(first.taken) == len(second.taken) and all(map(_same, first.taken, second.taken)):
        taken = tuple(map(_merged, first.taken, second.taken))
        return _Attempt(taken, None if second.problem is None or first.problem is None else first.problem)
    if _state(second) in _FINAL and first.good <= second.good:
        return second
    return second if second.good > first.good else first


def _same(one: _Taken, other: _Taken) -> bool:
    sizes = {one.entry.size_bytes, other.entry.size_bytes} - {None}
    return len(sizes) <= 1 or one.entry.kind != "file" or other.entry.kind != "file"


def _merged(one: _Taken, other: _Taken) -> _Taken:
    if one.state == "ok" or other.state != "ok" or one.entry.kind != "file":
        return one
    if one.entry.name.raw.isascii():
        return other
    return replace(other, entry=replace(other.entry, name=one.entry.name))


def _result(source: Source, attempt: _Attempt) -> Unpacked:
    members = _members(attempt.taken)
    state = _state(attempt)
    return Unpacked(state, source.format, _reason(state, attempt), members)


def _reason(state: State, attempt: _Attempt) -> str:
    if attempt.problem is not None:
        return str(attempt.problem)
    if state in ("ok", "empty"):
        return ""
    bad = [item for item in attempt.taken if item.entry.kind == "file" and item.state != "ok"]
    return f"{len(bad)} of {len(attempt.taken)} members not read, first: {bad[0].reason}" if bad else ""


def _members(taken: Sequence[_Taken]) -> tuple[Member, ...]:
    texts = decode_names([item.entry.name for item in taken])
    starts = {position: item.start for position, item in enumerate(taken) if item.start}
    for position, text in resolve([item.entry.name.raw for item in taken], starts).items() if starts else ():
        texts[position] = text
    members = [_member(position, item, text) for position, (item, text) in enumerate(zip(taken, texts, strict=True))]
    last = {member.path: member.position for member in members if member.state == "ok"}
    return tuple(
        replace(member, state="junk", reason=f"replaced by member {last[member.path]} of the same path")
        if member.state == "ok" and last[member.path] != member.position
        else member
        for member in members
    )


def _member(position: int, item: _Taken, text: str) -> Member:
    path, note = safe_path(text)
    return Member(
        position=position,
        raw_name=item.entry.name.raw,
        path=path,
        kind=cast("Literal['file', 'link', 'special']", item.entry.kind),
        state=item.state,
        reason=", ".join(filter(None, (item.reason, note))),
        sha256=item.stored.sha256 if item.stored else None,
        size_bytes=item.stored.size_bytes if item.stored else None,
    )
