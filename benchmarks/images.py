"""What decoding costs beside Pillow alone, and what the facts cost beside that.

    python -m benchmarks.images [--folder FOLDER]

Prints CPU milliseconds a picture, in one run on the same files: Pillow opening and decoding to RGBA (the peer), our
whole way to a record (checksums, canonical pixels, hash, facts), and the facts alone. With a folder, over the PNG
files in it; without, over pictures made here.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from db.pixels import Rgba, pixel_hash
from extract.images.decode import decode, read_frame
from extract.images.facts import image_facts


def pictures() -> Iterable[tuple[str, Rgba]]:
    random = np.random.default_rng(7)
    for side in (64, 1024):
        cells = random.integers(0, 255, (side // 16, side // 16, 4), dtype=np.uint8)
        cells[..., 3] = random.choice([0, 255], cells.shape[:2])
        yield f"pixel art {side}×{side}, 16-fold", np.kron(cells, np.ones((16, 16, 1), np.uint8))
        dither = random.integers(0, 64, (side, side, 1), dtype=np.uint8) * np.array([4, 2, 1, 0], np.uint8)
        yield f"64 colours {side}×{side}", dither + np.array([0, 0, 0, 255], np.uint8)
        smooth = np.cumsum(random.integers(-2, 3, (side, side, 4)), axis=1).astype(np.uint8)
        yield f"photo-like {side}×{side}", smooth


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    work()
    begin = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - begin) / rounds * 1000


def by_pillow(path: Path) -> None:
    with Image.open(path) as picture:
        picture.convert("RGBA").tobytes()


def row(name: str, paths: list[Path], rounds: int) -> str:
    frames = [read_frame(path, 0) for path in paths]
    times = [
        milliseconds(lambda: [by_pillow(path) for path in paths], rounds),
        milliseconds(lambda: [decode(path, "png") for path in paths], rounds),
        milliseconds(lambda: [pixel_hash(frame) for frame in frames], rounds),
        milliseconds(lambda: [image_facts(frame) for frame in frames], rounds),
    ]
    pillow, ours, hashed, facts = (value / len(paths) for value in times)
    rest = ours - facts
    return f"{name:32} {pillow:9.3f} {ours:9.3f} {ours / pillow:6.2f}× {hashed:9.3f} {facts:9.3f} {facts / rest:7.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    folder = parser.parse_args().folder
    print(f"{'CPU ms a picture':32} {'Pillow':>9} {'ours':>9} {'ratio':>7} {'hash':>9} {'facts':>9} facts/rest")
    if folder is not None:
        print(row(folder.name, sorted(folder.rglob("*.png")), 3))
        return
    with tempfile.TemporaryDirectory() as made:
        for number, (name, pixels) in enumerate(pictures()):
            path = Path(made) / f"{number}.png"
            Image.fromarray(pixels).save(path)
            print(row(name, [path], 400 if pixels.shape[0] == 64 else 20))


if __name__ == "__main__":
    main()
