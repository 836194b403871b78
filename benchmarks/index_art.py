"""Art for fitting and for measuring, out of packages of registries; nothing is installed, nothing is kept with us.

Fitted on CC0 art: Kenney's in the wheels `arcade` and `procgen`, and Dungeon Crawl Stone Soup's in Debian's
`crawl-tiles-data`. Measured on works of other authors that the fit never sees: Debian's `wesnoth-1.16-data`,
`supertux-data`, `pingus-data`, `freeciv-data` (GPL, CC-BY-SA; only measured with).
"""

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from db.pixels import canonical_rgba

Rgba = NDArray[np.uint8]
FITTED_ON = ("arcade", "procgen", "crawl")
MEASURED_ON = {"wesnoth": 1300, "supertux": 700, "pingus": 400, "freeciv": 600}
"""Pack and how many of its pictures are indexed."""

WHEELS = {"arcade": ("arcade==3.3.3", "assets/images/", ()), "procgen": ("procgen==0.10.7", "/data/assets/", ("3.10",))}
PACKAGES = {
    "crawl": "crawl-tiles-data",
    "wesnoth": "wesnoth-1.16-data",
    "supertux": "supertux-data",
    "pingus": "pingus-data",
    "freeciv": "freeciv-data",
}
SMALLEST, LARGEST, LEAST_PIXELS = 8, 512, 32


@dataclass(frozen=True)
class Piece:
    """A picture, its pack, and its folder there: pictures of a folder count as relatives."""

    pack: str
    folder: str
    rgba: Rgba


def load_pack(pack: str, cache: Path) -> list[Piece]:
    """Return a pack's pictures, one of each name but for digits (frames of one animation are nearly the same)."""
    files = _wheel_files(pack, cache) if pack in WHEELS else _package_files(pack, cache)
    found: list[Piece] = []
    names, seen = set(), set()
    for path, data in files:
        name = (str(Path(path).parent), re.sub(r"\d+", "", Path(path).stem.lower()))
        if pack != "crawl" and name in names:
            continue
        for rgba in _pictures(pack, path, data):
            if _usable(rgba) and rgba.tobytes() not in seen:
                seen.add(rgba.tobytes())
                names.add(name)
                found.append(Piece(pack, f"{pack}/{name[0]}", rgba))
    return found


def measured_pieces(cache: Path, seed: int = 0) -> list[Piece]:
    """Return the pictures that are indexed for the measurement."""
    chance = np.random.default_rng(seed)
    out = []
    for pack, count in MEASURED_ON.items():
        pieces = load_pack(pack, cache)
        out += [pieces[at] for at in sorted(chance.permutation(len(pieces))[:count])]
    return out


def _usable(rgba: Rgba) -> bool:
    height, width = rgba.shape[:2]
    sized = min(height, width) >= SMALLEST and max(height, width) <= LARGEST
    return sized and bool((rgba[..., 3] > 8).sum() >= LEAST_PIXELS)


def _pictures(pack: str, path: str, data: bytes) -> Iterator[Rgba]:
    with Image.open(io.BytesIO(data)) as picture:
        rgba = canonical_rgba(picture)
    if pack == "crawl":
        yield from _pieces_of_sheet(rgba) if not Path(path).name.startswith(("title", "stone")) else ()
    else:
        yield rgba


def _pieces_of_sheet(rgba: Rgba) -> Iterator[Rgba]:
    """Yield what stands alone on a densely packed sheet."""
    labels, _ = ndimage.label(rgba[..., 3] > 0, np.ones((3, 3)))
    for number, where in enumerate(ndimage.find_objects(labels), 1):
        height, width = (side.stop - side.start for side in where)
        if max(height, width) <= 34 and min(height, width) >= 10:
            piece = rgba[where].copy()
            piece[labels[where] != number] = 0
            yield piece


def _wheel_files(pack: str, cache: Path) -> Iterator[tuple[str, bytes]]:
    requirement, folder, python = WHEELS[pack]
    wheels = list(cache.glob(f"{pack}-*.whl"))
    if not wheels:
        cache.mkdir(parents=True, exist_ok=True)
        options = ["--no-deps", "--only-binary=:all:", "-d", str(cache)]
        for version in python:
            options += ["--python-version", version, "--platform", "manylinux_2_17_x86_64"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", *options, requirement]
        subprocess.run(command, check=True)
        wheels = list(cache.glob(f"{pack}-*.whl"))
    with zipfile.ZipFile(wheels[0]) as archive:
        for name in sorted(archive.namelist()):
            if folder in name and name.endswith(".png"):
                yield name, archive.read(name)


def _package_files(pack: str, cache: Path) -> Iterator[tuple[str, bytes]]:
    package = PACKAGES[pack]
    folder = cache / package
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", package], check=True, cwd=cache)
        (deb,) = cache.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(deb), str(folder)], check=True)
    for path in sorted(folder.rglob("*.png")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes()
