"""The fuzz targets hold for a few hundred seeded inputs each; longer by hand, see `python -m fuzz --help`."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from extract.archives.unpack import READERS
from fuzz.__main__ import mutated
from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
RUNS = {"7zz": 10, "unpack_7z": 20, "unpack_rar": 60, "unpack_zip": 40, "unpack_tar": 60}


@pytest.mark.parametrize("target", TARGETS)
def test_target_keeps_its_promises(target: str) -> None:
    """In a process of its own: native code that crashes is a finding too."""
    command = [sys.executable, "-m", "fuzz", target, "--runs", str(RUNS.get(target, 150)), "--seconds", "120"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "0 findings" in done.stdout


def test_the_same_seed_makes_the_same_inputs() -> None:
    seeds = SEEDS["tar"]()
    one, other = ([mutated(seeds, random.Random(7)) for _ in range(5)] for _ in range(2))
    assert one == other


def test_every_reader_has_a_target() -> None:
    assert len(READERS) == sum(1 for name in TARGETS if not name.startswith("unpack") and TARGETS[name][1] in _ARCHIVES)


_ARCHIVES = {"zip", "tar", "7z", "rar", "stream"}
