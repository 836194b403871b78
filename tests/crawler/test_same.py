"""`scrapy same`: headers where they can tell, bytes and pixels where they cannot."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demo.model import load
from demo.replica import Change, Site
from tests.conftest import Home


@pytest.fixture
def picture(site: Site, small_content: Path) -> tuple[str, Path]:
    file = next(f for _, f in load(small_content).offered() if f.stored == "cave_16x16_0.png")
    return f"{site.url}{file.path}", small_content / "blobs" / file.blob


def ask(home: Home, *words: str) -> tuple[int, dict[str, Any]]:
    done = home.run(home.command("scrapy", "same", "--json", *words))
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {"said": done.stdout}


def test_headers_tell_without_a_download(site: Site, home: Home, picture: tuple[str, Path]) -> None:
    home.crawl(site.url)
    assert ask(home, picture[0]) == (0, {"same": True, "by": "headers", "downloaded_bytes": 0})


def test_changed_bytes_are_noticed(site: Site, home: Home, picture: tuple[str, Path]) -> None:
    home.crawl(site.url)
    site.switch(change_midway=Change(match="cave_16x16_0", after=0))
    code, answer = ask(home, picture[0])
    assert (code, answer["same"]) == (1, False)


def test_a_file_at_hand_is_compared_by_bytes_then_pixels(tmp_path: Path, home: Home, picture: tuple[str, Path]) -> None:
    url, blob = picture
    copy, recompressed, other = (tmp_path / name for name in ("copy.png", "re.webp", "other.png"))
    copy.write_bytes(blob.read_bytes())
    with Image.open(blob) as image:
        image.save(recompressed, lossless=True, exact=True)
        image.convert("RGBA").rotate(90).save(other)
    assert ask(home, url, "--file", str(copy))[1]["by"] == "bytes"
    assert ask(home, url, "--file", str(recompressed))[:2] == (
        0,
        {"same": True, "by": "pixels", "downloaded_bytes": len(blob.read_bytes())},
    )
    assert ask(home, url, "--file", str(other))[0] == 1


def test_what_cannot_be_asked_says_so(site: Site, home: Home) -> None:
    assert ask(home, f"{site.url}/nothing.png")[0] == 2
    gone = f"{site.url}/sites/default/files/gone.png"
    code, answer = ask(home, gone, "--file", __file__)
    assert code == 4
    assert "HTTP 404" in answer["said"]
