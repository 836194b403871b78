"""Taking rights away from this process for good, before it looks at bytes of strangers.

`restrict` leaves: reading files, writing inside one folder, starting `7zz`. Gone: writing anywhere else, the network,
other processes (tracing, signalling, forking), privileges, and memory, time and file sizes past the limits. Three
parts of the kernel do it, each of which may be missing: Landlock (files, TCP, signals, by the kernel's ABI), a seccomp
filter (everything that has no path: sockets, ptrace, owners and modes of files), resource limits. What is missing is
in the returned `Confinement`; the rest holds. Never raises for a kernel that lacks something.
Sources: the kernel's "Landlock: unprivileged access control" and "Seccomp BPF"; syscall numbers from its headers.
"""

import ctypes
import math
import os
import platform
import resource
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_FILTER = 1, 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _VERSION, _PATH_BENEATH = 444, 445, 446, 1, 1
_EXECUTE, _READ_FILE, _READ_DIR, _WRITE_FILE, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1, 4, 8, 2, 32, 256, 1 << 14
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_KILL, _EPERM, _ENOSYS, _ALLOW = 0x80000000, 0x00050001, 0x00050026, 0x7FFF0000
_CLONE_THREAD, _CLONE_VFORK, _X32 = 0x10000, 0x4000, 0x40000000
_CLONE_NEW = 0x7E020000
"""The flags of clone that ask for a namespace of any kind."""
# fmt: off
_DENIED = {
    # socket io_uring_setup ptrace process_vm_* pidfd_getfd pidfd_send_signal fork setsid setpgid | bpf perf_event_open
    # keyctl add_key request_key userfaultfd | mounts, roots, namespaces | modules, kexec, reboot, swap | handles |
    # modes, owners, attributes and times of files | clocks, host name, accounting, quotas, ports | System V, mqueue |
    # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
    "x86_64": (41, 425, 101, 310, 311, 438, 424, 57, 112, 109, 321, 298, 250, 248, 249, 323, 165, 166, 155, 161, 272,
               308, 429, 428, 430, 432, 442, 175, 313, 176, 246, 320, 169, 167, 168, 304, 90, 91, 268, 452, 92, 93,
               94, 260, 188, 189, 190, 197, 198, 199, 463, 466, 132, 235, 261, 280, 164, 227, 159, 305, 170, 163, 179,
               103, 172, 173, 29, 68, 64, 240, 200, 129, 297),
    "aarch64": (198, 425, 117, 270, 271, 438, 424, 157, 154, 280, 241, 219, 217, 218, 282, 40, 39, 41, 51, 97, 268,
                429, 428, 430, 432, 442, 105, 273, 106, 104, 294, 142, 224, 225, 265, 52, 53, 452, 55, 54, 5, 6, 7,
                14, 15, 16, 463, 466, 88, 170, 112, 171, 266, 161, 89, 60, 116, 194, 186, 190, 180,
                130, 138, 240),
}
# fmt: on
_ARCHITECTURES = {"x86_64": (0xC000003E, 56, 302), "aarch64": (0xC00000B7, 220, 261)}
"""AUDIT_ARCH, and the numbers of clone and prlimit64."""
_CLONE3 = 435
_SIGNALLING = {"x86_64": (62, 234), "aarch64": (129, 131)}
"""The numbers of kill and tgkill."""
_NEGATIVE = 0x80000000
_ANCESTORS_MAX = 8


@dataclass(frozen=True)
class Confinement:
    """What holds: Landlock's ABI (0: none), whether the seccomp filter is in place."""

    landlock_abi: int
    seccomp: bool

    def missing(self) -> str:
        """Say what this kernel cannot take away; '' when nothing."""
        gaps = []
        if not self.landlock_abi:
            gaps.append("no Landlock: reading archives may write where this user may")
        elif self.landlock_abi < 3:
            gaps.append("an old Landlock: files of this user could be cut short")
        if self.landlock_abi < 6:
            # No filter can tell the 7zz that a reader may stop from other processes of this user.
            gaps.append("no Landlock of ABI 6: processes of this user, but for those above, could be sent signals")
        if not self.seccomp:
            gaps.append(f"no seccomp filter on {platform.machine()}: the network stays open")
        return "; ".join(gaps)


@dataclass(frozen=True)
class Budget:
    """Resource limits. `memory_bytes` is counted from what the process has mapped already."""

    memory_bytes: int = 3 << 30
    cpu_s: int = 600
    file_bytes: int = 4 << 30
    files: int = 256


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def landlock_abi() -> int:
    """Return the kernel's Landlock ABI, 0 when there is none."""
    if os.uname().sysname != "Linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def can_filter() -> bool:
    """Tell whether a seccomp filter for this machine's system calls exists here and in the kernel."""
    status = Path("/proc/self/status")
    return platform.machine() in _DENIED and status.exists() and "\nSeccomp:" in status.read_text()


def available() -> Confinement:
    """Tell what `restrict` would reach, without restricting anything."""
    return Confinement(landlock_abi(), can_filter())


def restrict(writable: Path, programs: Sequence[Path], budget: Budget, inputs: int = 1) -> Confinement:
    """Give up everything but reading, writing inside `writable`, and running `programs`. There is no way back.

    For a process with one thread, which has so many `inputs` to read (see `allow_more_cpu`). Raises OSError only when
    the kernel says no to what it says it has.
    """
    _set_limits(budget, inputs)
    libc = _libc()
    if os.uname().sysname == "Linux":
        libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
        _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    abi = landlock_abi()
    if abi:
        _landlock(abi, writable, programs)
    filtered = can_filter()
    if filtered:
        _filter(platform.machine(), _ancestors())
    return Confinement(abi, filtered)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _set_limits(budget: Budget, inputs: int) -> None:
    mapped = 0
    if os.uname().sysname == "Linux":
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, most in (
        (resource.RLIMIT_AS, mapped + budget.memory_bytes),
        (resource.RLIMIT_CPU, (budget.cpu_s + 1) * inputs + 1),
        (resource.RLIMIT_FSIZE, budget.file_bytes),
        (resource.RLIMIT_NOFILE, budget.files),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        soft = max(1, most - 1) if kind == resource.RLIMIT_CPU else most  # SIGXCPU comes before SIGKILL, and tells more
        resource.setrlimit(kind, (soft, most))


def allow_more_cpu(cpu_s: int) -> None:
    """Give this process so many processor seconds from now on: each input has its own share, none its neighbours'."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = math.ceil(time.process_time()) + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _landlock(abi: int, writable: Path, programs: Sequence[Path]) -> None:
    rights = _RIGHTS_BY_ABI[min(abi, 5)] & ~(_READ_FILE | _READ_DIR)
    network = 3 if abi >= 4 else 0
    scopes = 3 if abi >= 6 else 0
    ruleset = struct.pack("<QQQ", rights, network, scopes)
    libc = _libc()
    handle = int(_checked(libc.syscall(_CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset) if abi >= 4 else 8), 0)))
    try:
        _allow(handle, writable, rights & (_WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE))
        _allow(handle, Path("/dev/null"), rights & (_WRITE_FILE | _TRUNCATE))
        for program in (*programs, *map(Path, _LIBRARIES)):
            if program.exists():
                _allow(handle, program, _EXECUTE)
        _checked(libc.syscall(_RESTRICT_SELF, handle, 0))
    finally:
        os.close(handle)


def _allow(handle: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("<Qi", rights, descriptor)
        _checked(_libc().syscall(_ADD_RULE, handle, _PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _ancestors() -> list[int]:
    """Return the processes above this one, nearest first: the worker, what it was forked from, the run."""
    found: list[int] = []
    above = os.getppid()
    while above > 0 and len(found) < _ANCESTORS_MAX:
        found.append(above)
        with suppress(OSError, ValueError):
            above = int(Path(f"/proc/{above}/stat").read_text().rpartition(")")[2].split()[1])
            continue
        break
    return found


def _filter(machine: str, protected: Sequence[int]) -> None:
    """Install the seccomp filter: a list that denies, with looks at the arguments of clone, prlimit64, kill, tgkill."""
    arch, clone, prlimit = _ARCHITECTURES[machine]
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    number, architecture, first_argument = 0, 4, 16
    program: list[tuple[int, int, int, int]] = [
        (load, 0, 0, architecture),
        (equal, 1, 0, arch),
        (give, 0, 0, _KILL),
        (load, 0, 0, number),
        (at_least, 0, 1, _X32),
        (give, 0, 0, _EPERM),
        (equal, 0, 1, _CLONE3),
        (give, 0, 0, _ENOSYS),  # libc then tries clone, whose flags a filter can see
        (equal, 0, 5, clone),
        (load, 0, 0, first_argument),
        (any_bit, 1, 0, _CLONE_NEW),  # in a namespace of its own it would have every capability
        (any_bit, 1, 0, _CLONE_THREAD | _CLONE_VFORK),  # threads, and children that wait to become a program
        (give, 0, 0, _EPERM),
        (give, 0, 0, _ALLOW),
        (equal, 0, 4, prlimit),
        (load, 0, 0, first_argument),
        (equal, 1, 0, 0),  # its own limits, not those of others
        (give, 0, 0, _EPERM),
        (give, 0, 0, _ALLOW),
    ]
    for signalling in _SIGNALLING[machine]:
        # A reader may stop its 7zz, and nobody may signal whole groups or the processes above.
        program += [(equal, 0, 2 * len(protected) + 4, signalling), (load, 0, 0, first_argument)]
        program += [(at_least, 0, 1, _NEGATIVE), (give, 0, 0, _EPERM)]
        for pid in protected:
            program += [(equal, 0, 1, pid), (give, 0, 0, _EPERM)]
        program.append((give, 0, 0, _ALLOW))
    for denied in _DENIED[machine]:
        program += [(equal, 0, 1, denied), (give, 0, 0, _EPERM)]
    program.append((give, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in program))
    header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(code)))
    _checked(_libc().prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, header, 0, 0))
