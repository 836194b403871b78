"""Runs one command and prints what it and everything it started cost, as one line of JSON.

Run as a script by a bare interpreter (`python -I -S`): a new process begins with its parent's peak of memory, so the
parent has to be small. Processes that outlive the command (a fork server) are waited for as well, so that their
processor time counts; the clock stops when the command ends.
"""

import ctypes
import json
import os
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.time()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    ended, code, cpu, own, peak = started, 0, 0.0, 0.0, 0
    while True:
        try:
            gone, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        if gone == pid:
            ended, code, own = time.time(), os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    cost = {"seconds": ended - started, "exit": code, "cpu_s": cpu, "own_cpu_s": own, "peak_bytes": peak * 1024}
    print(json.dumps(cost), flush=True)


if __name__ == "__main__":
    main()
