"""Runs one command and prints what it cost: first its process id, then one line of JSON.

Run as a script by a bare interpreter (`python -I -S`): a new process begins with its parent's peak of memory, so the
parent has to be small.
"""

import json
import os
import sys
import time


def main() -> None:
    command = sys.argv[1:]
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.time()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    print(pid, flush=True)
    _, status, usage = os.wait4(pid, 0)
    ended = time.time()
    unit = 1 if sys.platform == "darwin" else 1024
    cost = {
        "started": started,
        "seconds": ended - started,
        "exit": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * unit,
    }
    print(json.dumps(cost), flush=True)


if __name__ == "__main__":
    main()
