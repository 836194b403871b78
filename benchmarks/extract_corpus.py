"""Archives for benchmarks/extract.py, made by code: pixel art drawn by a seeded generator, packed four ways."""

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rars
from PIL import Image

from extract.archives.sevenzip_tool import find_program

SEED = 20260101


def picture(number: int, side: int, colours: int = 12) -> bytes:
    """Draw one PNG: blocks of a small palette on a transparent ground, mirrored as sprites are."""
    rng = np.random.default_rng(SEED + number)
    palette = rng.integers(0, 255, (colours, 4), dtype=np.uint8)
    palette[:, 3] = 255
    palette[0] = 0
    half = rng.integers(0, colours, (side, side // 2)) * (rng.random((side, side // 2)) < 0.6)
    rgba = palette[np.hstack([half, half[:, ::-1]])]
    return png(rgba)


def photo(number: int, side: int) -> bytes:
    """Draw one PNG that hardly shrinks."""
    rng = np.random.default_rng(SEED + number)
    return png(rng.integers(0, 255, (side, side, 3), dtype=np.uint8))


def png(pixels: np.ndarray) -> bytes:
    """Encode."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def pack(kind: str, files: Mapping[str, bytes], target: Path) -> Path:
    """Write an archive of a kind: zip, 7z, rar, tar.gz."""
    path = target.with_name(f"{target.name}.{kind}")
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    elif kind == "tar.gz":
        with tarfile.open(path, "w:gz", compresslevel=6) as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    elif kind == "rar":
        builder = rars.RarBuilder(format="rar50")
        for name, data in files.items():
            builder.add_bytes(data, name)
        builder.write(str(path))
    else:
        _pack_7z(files, path)
    return path


def _pack_7z(files: Mapping[str, bytes], path: Path) -> None:
    folder = path.with_name(path.name + ".in")
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    subprocess.run(
        [str(find_program()), "a", "-bd", str(path.absolute()), "."],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )


def small(folder: Path, kind: str, count: int) -> list[Path]:
    """(a) One archive of small PNGs."""
    files = {f"tiles/{n // 100}/{n}.png": picture(n, 16 + 8 * (n % 5)) for n in range(count)}
    return [pack(kind, files, folder / "small")]


def large(folder: Path, megabytes: int) -> list[Path]:
    """(b) One archive of so many MB."""
    side = 592  # a little over 1 MB of noise
    return [pack("zip", {f"{n}.png": photo(n, side) for n in range(megabytes)}, folder / "large")]


def nested(folder: Path, zips: int) -> list[Path]:
    """(c) Zips in zips in a zip."""
    outer = {}
    for group in range(5):
        inner = {}
        for number in range(zips // 5):
            base = (group * zips + number) * 20
            files = {f"{n}.png": picture(10_000 + base + n, 32) for n in range(20)}
            inner[f"{number}.zip"] = pack("zip", files, folder / "leaf").read_bytes()
        outer[f"group{group}.zip"] = pack("zip", inner, folder / "middle").read_bytes()
    return [pack("zip", outer, folder / "nested")]


def mixed(folder: Path, count: int) -> list[Path]:
    """(d) Many archives of all kinds."""
    kinds = ("zip", "7z", "rar", "tar.gz")
    return [
        pack(
            kinds[n % 4],
            {f"art/{m}.png": picture(100_000 + n * 50 + m, 16 + 16 * (m % 4)) for m in range(5 + n % 11)},
            folder / f"mixed{n}",
        )
        for n in range(count)
    ]
