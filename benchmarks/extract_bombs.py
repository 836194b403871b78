"""What bombs cost before they are refused: the limit named, seconds, and the peak memory of the child that read them.

python -m benchmarks.extract_bombs

The bombs and the (lowered) limits are those of tests/extract/test_bombs.py; each is read by a worker of its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time

from rich.console import Console
from rich.table import Table


def one(name: str) -> dict[str, object]:
    """Read one bomb in this process's child. Memory is that of the child, with what it shares with its parent."""
    from db.blobs import BlobStore
    from extract.tasks import ReadTask
    from extract.worker import read_blobs
    from tests.extract.test_bombs import BOMBS, LIMITS

    build, _ = BOMBS[name]
    with tempfile.TemporaryDirectory() as folder:
        stored = BlobStore(folder).put(build())
        began = time.monotonic()
        (result,) = read_blobs(folder, (ReadTask(1, stored.sha256, stored.size_bytes, "bomb"),), LIMITS)
        seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"outcome": result.outcome.value, "reason": result.reason, "seconds": seconds, "peak_mb": peak}


def main() -> None:
    """Read every bomb, each in a process of its own, and print the table."""
    if len(sys.argv) > 1:
        print(json.dumps(one(sys.argv[1])))
        return
    from tests.extract.test_bombs import BOMBS

    table = Table("bomb", "outcome", "reason", "seconds", "peak MB")
    for name in BOMBS:
        command = [sys.executable, "-m", "benchmarks.extract_bombs", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        table.add_row(name, found["outcome"], found["reason"], f"{found['seconds']:.2f}", f"{found['peak_mb']:.0f}")
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
