"""Screenshots of real films: found again after scaling, bars, recompression, changed colours and a slight crop."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db import Catalog
from db.pixels import Rgba
from index.pictures import decode_picture
from index.scenes import Scenes
from tests.index.films import fetch_films

av = pytest.importorskip("av", reason="PyAV reads and writes films")

TIMES = {
    "bigbuckbunny": (0.3, 1.2, 2.3, 3.4, 4.7),
    "bikes": (0.3, 1.7, 3.3, 4.8, 6.2, 7.7, 9.3),
    "carphone_pristine": (0.3, 1.3, 2.2, 3.2),
}
"""None of them is a time that is sampled."""
STILL_S = 1.5
"""Repeats are dropped, so where nothing moves the time is that of the first frame that looked so."""


def barred(picture: Image.Image, width: int, height: int) -> Image.Image:
    wide = Image.new("RGB", (width, height))
    wide.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return wide


def coloured(picture: Image.Image, *scales: float) -> Image.Image:
    return Image.fromarray((np.asarray(picture) * scales).clip(0, 255).astype(np.uint8))


def by(scale: float) -> Callable[[Image.Image], Image.Image]:
    return lambda p: p.resize((round(p.width * scale), round(p.height * scale)), Image.Resampling.BICUBIC)


ALTERED: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "scaled up": (by(1.5), 80),
    "scaled down": (by(0.4), 80),
    "letterbox": (lambda p: barred(p, p.width, p.height * 4 // 3), 80),
    "pillarbox": (lambda p: barred(p, p.width * 4 // 3, p.height), 80),
    "warmer": (lambda p: coloured(p, 1.1, 1.0, 0.9), 80),
    "darker": (lambda p: coloured(p, 0.75, 0.75, 0.75), 80),
    "recompressed": (lambda p: p, 25),
    "cropped": (lambda p: p.crop((p.width // 20, p.height // 20, p.width * 19 // 20, p.height * 19 // 20)), 80),
}


@pytest.fixture(scope="module")
def films() -> dict[str, Path]:
    return fetch_films()


@pytest.fixture(scope="module")
def scenes(films: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    folder = tmp_path_factory.mktemp("scenes")
    with Catalog(f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs")) as catalog:
        found = Scenes(catalog)
        for path in films.values():
            assert 3 <= found.index(path).scenes <= 20
        yield found


def stills(path: Path, times: tuple[float, ...]) -> list[Image.Image]:
    with av.open(str(path)) as container:
        frames = [(frame.time, frame) for frame in container.decode(container.streams.video[0])]
        return [min(frames, key=lambda entry: abs(entry[0] - time))[1].to_image() for time in times]


def shot(picture: Image.Image, quality: int) -> Rgba:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return decode_picture(out.getvalue())


@pytest.mark.parametrize("how", sorted(ALTERED))
def test_a_screenshot_of_a_real_film_tells_film_and_time(films: dict[str, Path], scenes: Scenes, how: str) -> None:
    alter, quality = ALTERED[how]
    for name, times in TIMES.items():
        for time_s, still in zip(times, stills(films[name], times), strict=True):
            best = scenes.find(shot(alter(still), quality))[0]
            assert Path(best.path).stem == name, (time_s, best)
            assert abs(best.time_s - time_s) <= STILL_S, (time_s, best)


def test_a_film_encoded_again_small_and_poor_is_recognised(
    films: dict[str, Path], scenes: Scenes, tmp_path: Path
) -> None:
    """Somebody's copy: a quarter of the size, 150 kbit/s, another codec."""
    for name in ("bigbuckbunny", "bikes"):
        copy = tmp_path / f"{name}.avi"
        with av.open(str(films[name])) as source, av.open(str(copy), "w") as out:
            taken = source.streams.video[0]
            stream = out.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = taken.width // 4, taken.height // 4, "yuv420p"
            stream.bit_rate = 150_000
            for frame in source.decode(taken):
                small = frame.to_ndarray(width=stream.width, height=stream.height, format="rgb24")
                out.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
            out.mux(stream.encode())
        for time_s, still in zip(TIMES[name], stills(copy, TIMES[name]), strict=True):
            best = scenes.find(shot(still, 80))[0]
            assert Path(best.path).stem == name and abs(best.time_s - time_s) <= STILL_S, (time_s, best)
