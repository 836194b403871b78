"""Who holds a lease: a name that tells, on the same machine, whether the process behind it still lives."""

import os
import socket
import uuid
from pathlib import Path

import psutil


def _node() -> str:
    """Name this machine and, inside a container, its process table: pids mean something only there."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    boot = Path("/proc/sys/kernel/random/boot_id")
    boot_id = boot.read_text().strip() if boot.exists() else ""
    return f"{socket.gethostname()}/{boot_id}/{namespace}"


def new_owner() -> str:
    """Name this process."""
    pid = os.getpid()
    return f"{_node()}|{pid}|{psutil.Process(pid).create_time():.2f}|{uuid.uuid4().hex[:8]}"


def is_known_dead(owner: str) -> bool:
    """Tell whether the owner ran on this machine and is gone. Of other machines nothing is known: False."""
    node, pid, created, _ = owner.split("|")
    if node != _node():
        return False
    try:
        process = psutil.Process(int(pid))
        # A killed process stays a zombie until its parent asks after it, in some containers for ever.
        return process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - float(created)) > 0.1
    except psutil.NoSuchProcess:
        return True
