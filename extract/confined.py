"""Running a piece of work in a child process that can do no harm, and believing nothing it says without a look.

The child is forked from the worker, so it costs no imports; it gives up its rights (`extract.sandbox`) before it
touches the first byte of a stranger, and answers over one pipe. Answers are MessagePack, decoded against the declared
type: a taken-over child can lie about what is in an archive, not run code here. Bytes it found lie in a folder of its
own; whoever called moves them into the blob store after hashing them again. Whatever becomes of the child (a signal,
memory, a hang) is an answer too: the input at hand is `Lost`, with its cause, and the rest goes on in a new child.
"""

import ctypes
import errno
import gc
import os
import select
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from db.blobs import is_disk_error
from extract.archives.sevenzip_tool import find_program
from extract.errors import ToolMissingError
from extract.litter import CHILD, own_name
from extract.sandbox import Budget, allow_more_cpu, restrict

T = TypeVar("T")
R = TypeVar("R")
CLOCK_ROOM_S = 60.0
"""Readers watch the clock themselves; a child that is this much later is ended."""
_HEADER_BYTES = 4
_MESSAGE_MAX_BYTES = 512 << 20
_PIPE_BYTES = 1 << 20
_SHELL_DESCRIPTORS = 3
_GONE_S = 1.0
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MAPPED_ALONE_BYTES, _KEPT_FREE_BYTES = 16 << 20, 64 << 20


@dataclass(frozen=True)
class Lost:
    """The child ended on this input: by its own fault (`crash`), a signal, or the clock (`late`)."""

    reason: str
    late: bool = False


class Done(msgspec.Struct, tag="done", frozen=True):
    """One input is finished; `result` is encoded by itself, because its type depends on the work."""

    result: msgspec.Raw


class Found(msgspec.Struct, tag="found", frozen=True):
    """Part of an answer, ahead of `Done`: encoded notes of the work's own kind."""

    part: msgspec.Raw


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """The work raised something. `number` is the errno of a disk error."""

    kind: str
    text: str
    trace: str
    number: int = 0


_Message = Done | Found | Failed


@dataclass(frozen=True)
class Work(Generic[T, R]):
    """What the child does: `do` with an input, the folder it may write to, and a way to send parts ahead.

    `result` is the type `do` returns, of frozen dataclasses; `seconds` is the wall clock of one input.
    """

    do: Callable[[T, Path, Callable[[Any], None]], R]
    result: type[R]
    seconds: float
    budget: Budget


def run_confined(
    work: Work[T, R], inputs: Sequence[T], scratch: Path, found: Callable[[T, Path, bytes], None]
) -> Iterator[tuple[T, Path, R | Lost]]:
    """Yield each input's result in order, with the folder that holds what the child wrote for it.

    `found` is called for each part that the child sends ahead. Raises OSError for a full disk and ToolMissingError,
    which are no input's fault. `scratch` is a folder of the blob store's disk.
    """
    left = list(inputs)
    while left:
        with _folder(scratch) as folder, _child(work, left, folder) as channel:
            while left:
                answer = channel.answer(lambda part: found(left[0], folder, part))
                yield left.pop(0), folder, _decoded(answer, work.result)
                if isinstance(answer, Lost):
                    break


def _decoded(answer: Done | Lost, kind: type[R]) -> R | Lost:
    if isinstance(answer, Lost):
        return answer
    try:
        return msgspec.msgpack.decode(answer.result, type=kind)
    except msgspec.MsgspecError as error:
        return Lost(f"its reader's answer makes no sense: {error}")


@contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    folder = scratch / own_name(CHILD)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _child(work: Work[T, Any], inputs: Sequence[T], folder: Path) -> "Iterator[_Channel]":
    programs = tuple(_programs())
    reading, writing = os.pipe()
    gc.freeze()  # the child's collector leaves the parent's pages alone
    pid = os.fork()
    if pid == 0:
        _be_child(work, inputs, folder, programs, writing)
    gc.unfreeze()
    os.close(writing)
    with suppress(OSError):
        os.setpgid(pid, pid)
    channel = _Channel(pid, reading, work.seconds)
    try:
        yield channel
    finally:
        channel.close()


@cache
def _programs() -> tuple[Path, ...]:
    with suppress(ToolMissingError):
        return (find_program(),)
    return ()


class _Channel:
    """The parent's end of one child."""

    def __init__(self, pid: int, descriptor: int, seconds: float) -> None:
        self._pid = pid
        self._descriptor = descriptor
        self._seconds = seconds
        self._decoder = msgspec.msgpack.Decoder(_Message)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._status: int | None = None
        self._received = bytearray()

    def answer(self, found: Callable[[bytes], None]) -> Done | Lost:
        """Wait for the answer to one input, passing parts on."""
        deadline = time.monotonic() + self._seconds
        while True:
            message = self._message(deadline)
            if isinstance(message, Found):
                began = time.monotonic()
                found(bytes(message.part))
                deadline += time.monotonic() - began  # the child had to wait, and is not late for that
            elif isinstance(message, Failed):
                return _failure(message)
            else:
                return message

    def _message(self, deadline: float) -> "_Message | Lost":
        try:
            head = self._read(_HEADER_BYTES, deadline)
            size = int.from_bytes(head, "little")
            if size > _MESSAGE_MAX_BYTES:
                return Lost(f"its reader's answer has {size:,} bytes, limit {_MESSAGE_MAX_BYTES:,}")
            message: _Message = self._decoder.decode(self._read(size, deadline))
        except TimeoutError:
            return Lost(f"seconds: the reader did not end within {self._seconds:,.0f}", late=True)
        except EOFError:
            return Lost(*_cause(self._reap()))
        except msgspec.MsgspecError as error:
            return Lost(f"its reader's answer makes no sense: {error}")
        return message

    def _read(self, size: int, deadline: float) -> bytes:
        """Take so many bytes of what the child said; answers are small, and several may have come at once."""
        while len(self._received) < size:
            if not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            chunk = os.read(self._descriptor, _PIPE_BYTES)
            if not chunk:
                raise EOFError
            self._received += chunk
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _reap(self) -> int:
        """Return how the child ended; its pipe closes a little before it is gone."""
        patience = time.monotonic() + _GONE_S
        while self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._status = status
            elif time.monotonic() > patience:
                self._kill()
            else:
                time.sleep(0.002)
        return self._status

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End the child and everything it started."""
        os.close(self._descriptor)
        self._kill()
        if self._status is None:
            self._status = os.waitpid(self._pid, 0)[1]


def _cause(status: int) -> tuple[str, bool]:
    """Say how the child ended, and whether the clock did it."""
    number = os.waitstatus_to_exitcode(status)
    if number >= 0:
        return f"the reader's process ended by itself (exit {number})", False
    name = signal.Signals(-number).name
    if -number == signal.SIGXCPU:
        return "processor seconds: the reader used up its share", True
    hint = ", perhaps for want of memory" if -number == signal.SIGKILL else ""
    return f"the reader's process was killed by {name}{hint}", False


def _failure(message: Failed) -> Lost:
    """Raise what is no input's fault; the rest loses the input."""
    if message.number and is_disk_error(OSError(message.number, "")):
        raise OSError(message.number, message.text)
    if message.kind == ToolMissingError.__name__:
        raise ToolMissingError(message.text)
    if message.kind == MemoryError.__name__:
        return Lost("memory: the reader's share is used up", late=True)
    return Lost(f"{message.kind}: {message.text}\n{message.trace}".strip())


def _be_child(
    work: Work[T, Any], inputs: Sequence[T], folder: Path, programs: Sequence[Path], writing: int
) -> None:  # never returns
    status = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        _keep_only(writing)
        _keep_freed_memory()
        restrict(folder, programs, work.budget, inputs=len(inputs))
        for item in inputs:
            allow_more_cpu(work.budget.cpu_s)
            _send(writing, _one(work, item, folder, writing))
        status = 0
    finally:
        os._exit(status)


def _keep_freed_memory() -> None:
    """Let glibc use again what was freed: faulting it in anew was a third of decoding a large picture."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_ALONE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE_BYTES)


def _keep_only(writing: int) -> None:
    """Close everything inherited but the pipe: databases, the pool's channel, the terminal."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(_SHELL_DESCRIPTORS):
        os.dup2(null, descriptor)
    os.closerange(_SHELL_DESCRIPTORS, writing)
    os.closerange(writing + 1, os.sysconf("SC_OPEN_MAX"))


def _one(work: Work[T, Any], item: T, folder: Path, writing: int) -> Done | Failed:
    try:
        result = work.do(item, folder, lambda part: _send(writing, Found(_encode(part))))
        return Done(_encode(result))
    except BaseException as error:  # also what is no Exception: a panic in a Rust library
        number = error.errno or 0 if isinstance(error, OSError) else 0
        number = number if number != errno.EFBIG else 0
        return Failed(type(error).__name__, _plain(str(error)), _plain(traceback.format_exc()[-4000:]), number)


def _send(writing: int, message: Done | Found | Failed) -> None:
    data = msgspec.msgpack.encode(message)
    view = memoryview(len(data).to_bytes(_HEADER_BYTES, "little") + data)
    while view:
        view = view[os.write(writing, view) :]


def _encode(value: Any) -> msgspec.Raw:
    """Encode, turning numpy's numbers into Python's. Text that is no Unicode loses its stray surrogates."""
    try:
        return msgspec.Raw(msgspec.msgpack.encode(value, enc_hook=_number))
    except UnicodeEncodeError:
        return msgspec.Raw(
            msgspec.msgpack.encode(_scrubbed(msgspec.to_builtins(value, enc_hook=_number, builtin_types=(bytes,))))
        )


def _number(value: Any) -> Any:
    return value.item()


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
