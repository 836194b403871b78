"""What a careful person would script: `7zz x` or `bsdtar -x` into a folder, then Pillow over all files, two at a time.

python benchmarks/peers/unpack_decode.py PROGRAM FOLDER ARCHIVE…

Archives in archives are unpacked too, by suffix. Nothing is hashed, stored by content or remembered.
"""

import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image

PROCESSES = 2
ARCHIVES = {".zip", ".7z", ".rar", ".gz"}


def unpack(program: str, archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    if program.endswith("bsdtar"):
        command = [program, "-x", "-f", str(archive), "-C", str(folder)]
    else:
        command = [program, "x", "-y", "-bd", f"-o{folder}", str(archive)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    for inner in list(folder.rglob("*")):
        if inner.suffix == ".tar" or inner.suffix in ARCHIVES:  # what 7zz leaves of a .tar.gz
            unpack(program, inner, inner.with_name(inner.name + ".d"))


def unpack_one(job: tuple[str, str, str]) -> None:
    program, archive, folder = job
    unpack(program, Path(archive), Path(folder))


def decode(path: str) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as picture:
            return len(picture.convert("RGBA").tobytes())


def main() -> None:
    program, root, *archives = sys.argv[1:]
    jobs = [(program, archive, str(Path(root) / str(number))) for number, archive in enumerate(archives)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(unpack_one, jobs))
        pictures = [str(path) for path in Path(root).rglob("*.png")]
        total = sum(pool.map(decode, pictures, chunksize=32))
    print(f"{len(pictures)} pictures, {total} bytes of pixels")


if __name__ == "__main__":
    main()
