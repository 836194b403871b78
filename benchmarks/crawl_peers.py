"""What else takes part: img2dataset in an environment of its own, and PostgreSQL in place of SQLite.

img2dataset pins old versions of what we use too, so it never shares our environment; it is made once per folder, with
uv or pip, from PyPI.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

IMG2DATASET = ("img2dataset==1.47.0", "setuptools<81")
INSTALL_S = 900.0


def img2dataset(folder: Path) -> Path | None:
    """Return img2dataset's program, installing it first; None, and a line that says why, when it cannot be had."""
    program = folder / "img2dataset" / "bin" / "img2dataset"
    if program.exists():
        return program
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    venv = program.parents[1]
    python = venv / "bin" / "python"
    steps: list[list[str]] = (
        [[uv, "venv", "-q", "-p", sys.executable, str(venv)], [uv, "pip", "install", "-q", "-p", str(python)]]
        if uv
        else [[sys.executable, "-m", "venv", str(venv)], [str(python), "-m", "pip", "install", "-q"]]
    )
    steps[1] += IMG2DATASET
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            return _without(f"{step[0]} took more than {INSTALL_S:.0f} s")
        if done.returncode:
            return _without(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
    return program


def _without(why: str) -> None:
    print(f"img2dataset does not take part: {why}", file=sys.stderr)


def img2dataset_command(program: Path, urls: Path, out: Path, threads: int) -> Sequence[str]:
    """Download the addresses in a file as they are: nothing decoded, resized or encoded."""
    options = {
        "url_list": urls,
        "output_folder": out,
        "input_format": "txt",
        "output_format": "files",
        "disable_all_reencoding": True,
        "processes_count": 1,
        "thread_count": threads,
        "retries": 0,
        "timeout": 60,
    }
    return [str(program), *(f"--{name}={value}" for name, value in options.items())]
