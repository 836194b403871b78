"""Scenes of a generated film: found again after scaling, letterbox, recompression and a change of colour."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.errors import PictureError
from index.pictures import decode_picture
from index.scenes import Scenes, without_bars
from tests.conftest import Home
from tests.index.conftest import photograph

av = pytest.importorskip("av", reason="PyAV reads and writes films")

RATE, SECONDS_A_SCENE, SCENES = 10, 2, 12


def still(number: int) -> np.ndarray:
    return photograph(3000 + number, 320, 180)[..., :3]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of twelve stills, two seconds each, slowly brightening so that no two frames are equal."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.bit_rate = 1_500_000
        for number in range(SCENES):
            for step in range(RATE * SECONDS_A_SCENE):
                picture = np.clip(still(number).astype(int) + step // 3, 0, 255).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def jpeg(picture: Image.Image, quality: int = 50) -> np.ndarray:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return decode_picture(out.getvalue())


def altered(number: int, how: str) -> np.ndarray:
    picture = Image.fromarray(still(number))
    if how == "scaled":
        picture = picture.resize((640, 360), Image.Resampling.BICUBIC)
    elif how == "letterbox":
        wide = Image.new("RGB", (320, 240))
        wide.paste(picture, (0, 30))
        picture = wide
    elif how == "warmer":
        values = np.asarray(picture).astype(float) * (1.08, 1.0, 0.92)
        picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return jpeg(picture, 40 if how == "recompressed" else 80)


def test_a_screenshot_tells_film_and_time_whatever_was_done_to_it(catalog, film: Path) -> None:
    scenes = Scenes(catalog)
    indexed = scenes.index(film)
    assert SCENES <= indexed.scenes <= SCENES + 3
    assert not indexed.known
    for number in range(SCENES):
        for how in ("scaled", "letterbox", "recompressed", "warmer"):
            best = scenes.find(altered(number, how))[0]
            assert best.path == str(film)
            assert number * SECONDS_A_SCENE - 0.5 <= best.time_s < (number + 1) * SECONDS_A_SCENE, how
            assert best.score > 0.75


def test_a_picture_of_no_film_scores_low(catalog, film: Path) -> None:
    scenes = Scenes(catalog)
    assert scenes.find(photograph(1)) == []
    scenes.index(film)
    assert scenes.find(photograph(9999, 320, 180))[0].score < 0.7


def test_a_film_is_indexed_once(catalog, film: Path, tmp_path: Path) -> None:
    scenes = Scenes(catalog)
    first = scenes.index(film)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(film.read_bytes())
    again = scenes.index(copy)
    assert (again.known, again.scenes) == (True, first.scenes)


def test_what_is_no_film_is_refused(catalog, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(b"no film at all" * 100)
    with pytest.raises(PictureError, match="film"):
        Scenes(catalog).index(path)


def test_bars_are_cut_off_and_a_dark_picture_is_left_alone() -> None:
    barred = np.zeros((100, 100, 4), np.uint8)
    barred[..., 3] = 255
    assert without_bars(barred).shape == (100, 100, 4)
    barred[20:80, 10:90, :3] = 200
    assert without_bars(barred).shape == (60, 80, 4)


def test_the_command(home: Home, film: Path) -> None:
    shot = home.folder / "shot.png"
    Image.fromarray(altered(6, "scaled")).save(shot)
    assert home.quarry("index", "scenes").returncode == 2
    assert " scenes\n" in home.quarry("index", "scenes", str(film)).stdout
    done = home.quarry("index", "scenes", "--search", str(shot), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["found"][0]
    assert 12 <= found["time_s"] < 14
    assert found["clock"].startswith("0:00:1")
