import io
import tarfile
import zipfile
from pathlib import Path

import py7zr
import pytest
import rars
from PIL import Image

from demo import model
from demo.art import fetch_art
from demo.errors import DemoError
from demo.packs import build_site
from demo.small import small_site


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blob(folder: Path, content: model.SiteContent, stored: str) -> bytes:
    file = next(file for _, file in content.offered() if file.stored == stored)
    return (folder / model.BLOB_FOLDER / file.blob).read_bytes()


def test_small_site_is_the_same_every_time(tmp_path: Path) -> None:
    one = small_site(tmp_path / "one")
    assert one == small_site(tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert one != small_site(tmp_path / "three", seed=2)


def test_content_survives_json(tmp_path: Path) -> None:
    content = small_site(tmp_path, pages=14)
    assert model.load(tmp_path) == content


def test_broken_description_is_refused() -> None:
    with pytest.raises(DemoError, match="build the content again"):
        model.from_json('{"pages": 3}')


def test_small_site_grows_to_thousands_of_distinct_pictures(tmp_path: Path) -> None:
    content = small_site(tmp_path, pages=1000, files_per_page=1)
    assert len(content.pages) == 1000
    tiny = [page.files for page in content.pages[30:]]
    assert all(len(files) == 1 for files in tiny)
    assert len({files[0].blob for files in tiny}) == 970


def test_files_per_page_is_kept(tmp_path: Path) -> None:
    content = small_site(tmp_path, pages=20, files_per_page=6)
    assert all(len(page.files) >= 6 for page in content.pages if page.slug != "work-in-progress")


def test_archives_open_unless_flawed(tmp_path: Path) -> None:
    content = small_site(tmp_path)
    names = zipfile.ZipFile(io.BytesIO(blob(tmp_path, content, "monsters_0.zip"))).namelist()
    assert names[-1] == "more.zip"
    with py7zr.SevenZipFile(io.BytesIO(blob(tmp_path, content, "monsters.7z"))) as archive:
        assert len(archive.getnames()) == 4
    with tarfile.open(fileobj=io.BytesIO(blob(tmp_path, content, "HeavyLoad.tar_.gz"))) as tar:
        assert len(tar.getnames()) == 4
    (tmp_path / "legacy.rar").write_bytes(blob(tmp_path, content, "legacy.rar"))
    assert len(rars.RarFile(str(tmp_path / "legacy.rar")).namelist()) == 4
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(blob(tmp_path, content, "broken download.zip")))


def test_flaws_are_all_there(tmp_path: Path) -> None:
    flaws = [file.flaw for _, file in small_site(tmp_path).offered() if file.flaw]
    assert sorted(flaws) == sorted(
        ["truncated", "truncated", "empty", "text", "program", "password", "password", "missing", "forbidden"]
    )


@pytest.fixture(scope="module")
def art(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = request.config.cache
    try:
        return fetch_art(cache.mkdir("demo-art") if cache else tmp_path_factory.mktemp("demo-art"))
    except DemoError as error:
        pytest.skip(f"needs the arcade wheel: {error}")


def test_demo_site_is_the_same_every_time_and_small(art: Path, tmp_path: Path) -> None:
    content = build_site(art, tmp_path / "one")
    build_site(art, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert 25 <= len(content.pages) <= 40
    assert 55 <= len(list(content.offered())) <= 75
    assert sum(file.size_bytes for _, file in content.offered()) < 15_000_000


def test_demo_sheets_have_the_sizes_their_descriptions_claim(art: Path, tmp_path: Path) -> None:
    content = build_site(art, tmp_path)
    with Image.open(io.BytesIO(blob(tmp_path, content, "cards_64x64.png"))) as cards:
        assert cards.size == (13 * 64, 4 * 64)
    packed = zipfile.ZipFile(io.BytesIO(blob(tmp_path, content, "items.zip")))
    with Image.open(io.BytesIO(packed.read("items.png"))) as items:
        assert f'width="{items.width}" height="{items.height}"'.encode() in packed.read("items.tsx")


def test_wrong_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "arcade-3.3.3-py3-none-any.whl").write_bytes(b"not a wheel")
    with pytest.raises(DemoError, match="delete it and try again"):
        fetch_art(tmp_path)
