"""The child that reads bytes of strangers: what it tries to break out, and what becomes of the parent when it dies."""

import ctypes
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extract import sandbox
from extract.archives.sevenzip_tool import find_program
from extract.confined import Lost, Work, run_confined
from extract.sandbox import Budget, Confinement

HAS = sandbox.available()
needs_landlock = pytest.mark.skipif(not HAS.landlock_abi, reason="this kernel has no Landlock")
needs_filter = pytest.mark.skipif(not HAS.seccomp, reason="no seccomp filter for this machine")
Attempt = Callable[[Path, Path], Any]


def confined(tmp_path: Path, attempt: Attempt, seconds: float = 60.0, budget: Budget | None = None) -> str | Lost:
    """Run one attempt in a child; return 'did …' or 'refused …', or how the child was lost."""

    def do(item: Path, folder: Path, tell: Callable[[Any], None]) -> str:
        try:
            return f"did {attempt(folder, item)}"
        except OSError as error:
            return f"refused {type(error).__name__}"

    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    outside = tmp_path / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "precious").write_bytes(b"precious")
    work = Work(do, str, seconds, budget or Budget())
    ((_, _, result),) = run_confined(work, [outside], scratch, lambda item, folder, part: None)
    assert (outside / "precious").read_bytes() == b"precious"
    assert list(scratch.iterdir()) == []
    return result


WRITES: dict[str, Attempt] = {
    "make a file": lambda folder, out: (out / "new").write_text("x"),
    "make a file at home": lambda folder, out: (Path.home() / ".quarry-broke-out").write_text("x"),
    "change a file": lambda folder, out: (out / "precious").write_text("x"),
    "append to a file": lambda folder, out: (out / "precious").open("ab"),
    "cut a file short": lambda folder, out: os.truncate(out / "precious", 0),
    "remove a file": lambda folder, out: (out / "precious").unlink(),
    "make a folder": lambda folder, out: (out / "sub").mkdir(),
    "rename out of the folder": lambda folder, out: [(folder / "a").touch(), (folder / "a").rename(out / "a")],
    "rename into the folder": lambda folder, out: (out / "precious").rename(folder / "a"),
    "link from outside": lambda folder, out: (folder / "l").hardlink_to(out / "precious"),
    "make a symbolic link": lambda folder, out: (folder / "l").symlink_to(out),
    "make a pipe": lambda folder, out: os.mkfifo(folder / "p"),
    "run a shell": lambda folder, out: subprocess.run(["/bin/sh", "-c", "true"], check=True),
    "run Python": lambda folder, out: subprocess.run([sys.executable, "-c", ""], check=True),
}


@needs_landlock
@pytest.mark.parametrize("attempt", WRITES)
def test_files_outside_the_folder_are_out_of_reach(attempt, tmp_path: Path):
    assert str(confined(tmp_path, WRITES[attempt])).startswith("refused")


def raw_fork(folder: Path, out: Path) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return pid


def trace_parent(folder: Path, out: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def clone(flags: int) -> Attempt:
    """Make a process by the bare system call, as no library would."""

    def attempt(folder: Path, out: Path) -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
        pid: int = libc.syscall(number, flags | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "clone")
        return pid

    return attempt


VFORK, NEW = 0x4000, {"user": 0x10000000, "net": 0x40000000, "pid": 0x20000000, "mount": 0x20000, "cgroup": 0x02000000}
FILTERED: dict[str, Attempt] = {
    **{f"a {name} namespace": clone(VFORK | flag) for name, flag in NEW.items()},
    "a user namespace and others in it": clone(VFORK | NEW["user"] | NEW["net"] | NEW["pid"]),
    "TCP": lambda folder, out: socket.socket(),
    "UDP": lambda folder, out: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "a local socket": lambda folder, out: socket.socket(socket.AF_UNIX),
    "fork": raw_fork,
    "trace the parent": trace_parent,
    "leave the group": lambda folder, out: os.setsid(),
    "change modes": lambda folder, out: (out / "precious").chmod(0o777),
    "change times": lambda folder, out: os.utime(out / "precious"),
    "limits of the parent": lambda folder, out: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3)),
}


@needs_filter
@pytest.mark.parametrize("attempt", FILTERED)
def test_network_processes_and_modes_are_out_of_reach(attempt, tmp_path: Path):
    assert str(confined(tmp_path, FILTERED[attempt])).startswith("refused")


@needs_filter
def test_a_server_on_this_machine_hears_nothing(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        result = confined(tmp_path, lambda folder, out: socket.create_connection(("127.0.0.1", port), 5))
        assert str(result).startswith("refused")
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.skipif(HAS.landlock_abi < 6, reason="this kernel's Landlock does not keep signals in")
def test_the_parent_cannot_be_signalled(tmp_path: Path):
    assert str(confined(tmp_path, lambda folder, out: os.kill(os.getppid(), signal.SIGTERM))).startswith("refused")


def signalled(number: int, *arguments: int) -> Attempt:
    """Send a signal by the bare system call."""

    def attempt(folder: Path, out: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), "signal")

    return attempt


def filtered_only(tmp_path: Path, attempt: Attempt) -> str | Lost:
    """Run an attempt in a child that has the filter, but no Landlock, as on an older kernel."""
    abi, sandbox.landlock_abi = sandbox.landlock_abi, lambda: 0
    try:
        return confined(tmp_path, attempt)
    finally:
        sandbox.landlock_abi = abi


KILL, TGKILL, TKILL = {"aarch64": (129, 131, 130)}.get(platform.machine(), (62, 234, 200))
ME, ABOVE = os.getpid(), os.getppid()
SIGNALS: dict[str, Attempt] = {
    "the parent": lambda folder, out: os.kill(ME, 0),
    "the parent's parent": lambda folder, out: os.kill(ABOVE, 0),
    "a thread of the parent": signalled(TGKILL, ME, ME, 0),
    "a thread by its number": signalled(TKILL, ME, 0),
    "everybody": lambda folder, out: os.kill(-1, 0),
    "the parent's group": lambda folder, out: os.killpg(os.getpgid(ME), 0),
}


@needs_filter
@pytest.mark.parametrize("attempt", SIGNALS)
def test_a_kernel_whose_landlock_knows_no_signals_keeps_them_from_those_above(attempt, tmp_path: Path):
    """Signal 0 asks only whether one might."""
    assert str(filtered_only(tmp_path, SIGNALS[attempt])).startswith("refused")


@needs_filter
def test_a_7zz_can_be_stopped_there(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> int:
        with subprocess.Popen([find_program(), "b"], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as program:
            program.kill()
        return program.returncode

    assert filtered_only(tmp_path, attempt) == f"did {-signal.SIGKILL}"


def test_nothing_is_inherited_but_the_pipe(tmp_path: Path):
    with (tmp_path / "secret").open("w"):
        opened = confined(tmp_path, lambda folder, out: sorted(fd.name for fd in Path("/proc/self/fd").iterdir()))
    assert str(opened).count(",") <= 4  # the three standard ones, the pipe, and the listing itself


def test_reading_and_7zz_still_work(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> str:
        (folder / "a").write_bytes(b"x")
        (folder / "a").rename(folder / "b")
        thread = threading.Thread(target=(folder / "b").unlink)
        thread.start()
        thread.join()
        done = subprocess.run([find_program(), "i"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return f"{(out / 'precious').read_text()} {b'7-Zip' in done.stdout}"

    assert confined(tmp_path, attempt) == "did precious True"


def die(number: int) -> Attempt:
    return lambda folder, out: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT, signal.SIGBUS])
def test_death_by_signal_is_an_answer(number, tmp_path: Path):
    result = confined(tmp_path, die(number))
    assert isinstance(result, Lost)
    assert signal.Signals(number).name in result.reason


def test_exit_is_an_answer(tmp_path: Path):
    assert "exit 7" in confined(tmp_path, lambda folder, out: os._exit(7)).reason


def test_a_hang_is_ended(tmp_path: Path):
    result = confined(tmp_path, lambda folder, out: threading.Event().wait(), seconds=1.0)
    assert result == Lost("seconds: the reader did not end within 1", late=True)


def test_a_hang_in_7zz_leaves_nothing_behind(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> None:
        with subprocess.Popen([find_program(), "b"], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
            (out / f"{process.pid}").exists()
            process.wait()

    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = set(children.read_text().split())  # servers that other tests started
    assert confined(tmp_path, attempt, seconds=1.0).late
    assert set(children.read_text().split()) <= before


def test_memory_ends_the_input_and_not_the_machine(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> int:
        return sum(len(bytes(64 << 20)) for _ in [bytearray(64 << 20) for _ in range(64)])

    result = confined(tmp_path, attempt, budget=Budget(memory_bytes=512 << 20))
    assert result == Lost("memory: the reader's share is used up", late=True)


def test_processor_time_ends_the_input(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> None:
        while True:
            pass

    result = confined(tmp_path, attempt, budget=Budget(cpu_s=1))
    assert result.late
    assert "processor seconds" in result.reason


def test_a_flood_of_threads_stays_inside(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> None:
        while True:
            threading.Thread(target=threading.Event().wait, daemon=True).start()

    result = confined(tmp_path, attempt, seconds=30.0, budget=Budget(memory_bytes=256 << 20))
    assert isinstance(result, Lost)


def test_a_file_past_the_limit_is_no_full_disk(tmp_path: Path):
    result = confined(
        tmp_path, lambda folder, out: (folder / "a").write_bytes(bytes(2 << 20)), budget=Budget(file_bytes=1 << 20)
    )
    assert str(result).startswith("refused")


def test_an_answer_of_another_type_is_not_believed(tmp_path: Path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    work: Work[int, Any] = Work(lambda item, folder, tell: {"not": "a number"}, int, 30.0, Budget())
    ((_, _, result),) = run_confined(work, [1], scratch, lambda item, folder, part: None)
    assert "makes no sense" in result.reason


def test_the_rest_goes_on_behind_a_death(tmp_path: Path):
    def do(item: int, folder: Path, tell: Callable[[Any], None]) -> int:
        if item == 3:
            os.abort()
        return item * 2

    work = Work(do, int, 30.0, Budget())
    results = [result for _, _, result in run_confined(work, range(6), tmp_path, lambda item, folder, part: None)]
    assert [result if isinstance(result, int) else "lost" for result in results] == [0, 2, 4, "lost", 8, 10]


def test_an_error_of_the_code_keeps_its_trace(tmp_path: Path):
    def attempt(folder: Path, out: Path) -> None:
        raise KeyError("sprite")

    result = confined(tmp_path, attempt)
    assert result.reason.startswith("KeyError: 'sprite'")
    assert "test_sandbox.py" in result.reason


def test_what_a_kernel_lacks_is_said():
    assert Confinement(7, seccomp=True).missing() == ""
    assert "Landlock" in Confinement(0, seccomp=True).missing()
    assert "network" in Confinement(7, seccomp=False).missing()
    assert "cut short" in Confinement(2, seccomp=True).missing()
    assert "signals" in Confinement(5, seccomp=True).missing()


def test_a_child_of_a_killed_worker_dies_too(tmp_path: Path):
    code = """
import sys, os
from pathlib import Path
from extract.confined import Work, run_confined
from extract.sandbox import Budget
def do(item, folder, tell):
    tell(os.getpid())
    import threading; threading.Event().wait()
work = Work(do, int, 600.0, Budget())
tell = lambda item, folder, part: print(int(part[1:].hex(), 16), flush=True)
list(run_confined(work, [1], Path(sys.argv[1]), tell))
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as worker:
        pid = int(worker.stdout.readline())
        worker.kill()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the child outlived its worker"


def test_each_input_has_its_own_processor_seconds(tmp_path: Path):
    def burn(item: float, folder: Path, tell: Callable[[Any], None]) -> float:
        began = time.process_time()
        while time.process_time() - began < item:
            pass
        return item

    work = Work(burn, float, 60.0, Budget(cpu_s=2))
    answers = [answer for _, _, answer in run_confined(work, [0.9, 0.9, 0.9, 60.0, 0.9], tmp_path, lambda *found: None)]
    assert answers[:3] + answers[4:] == [0.9] * 4
    assert isinstance(answers[3], Lost)
    assert "processor seconds" in answers[3].reason
