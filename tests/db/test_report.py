"""The report in a real browser, from file://."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from db import Catalog
from db.records import ReadResult
from db.report.build import build_report
from db.selection import Selection
from db.vocabulary import Outcome
from tests.db.building import (
    BY,
    add_file,
    add_page,
    add_sheets,
    archive,
    image_record,
    pixels,
    png,
    settle,
    slice_all,
    still,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def browse(*words: str) -> "subprocess.CompletedProcess[str]":
    assert CHROMIUM is not None
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=5000")
    return subprocess.run([CHROMIUM, *quiet, *words], capture_output=True, text=True, check=True, timeout=200)


@pytest.fixture
def large(catalog: Catalog) -> Catalog:
    """More content pages than one listing holds, one of them with a failure."""
    add_sheets(catalog, 3, tiles=4)
    for number in range(130):
        add_page(catalog, f"empty{number:03}", licences=(BY,), art_type="Texture")
    add_page(catalog, "bad", "http://s/bad.zip")
    add_file(catalog, "http://s/bad.zip", b"bad")
    settle(catalog, {b"bad": ReadResult(Outcome.DAMAGED, 1, "zip", "cut off <b>here</b>")})
    return catalog


def links(page: Path) -> set[str]:
    return {link for link in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text()) if "://" not in link}


def test_every_page_and_failure_is_reached_and_no_link_is_broken(large: Catalog, tmp_path: Path) -> None:
    index = build_report(large, tmp_path)
    seen, todo = set(), {index.name}
    while todo:
        name = todo.pop()
        seen.add(name)
        assert (tmp_path / name).exists(), name
        if name.endswith(".html"):
            todo |= links(tmp_path / name) - seen
    assert len([name for name in seen if name.startswith("page-")]) == 134
    assert {"index-2.html", "failure-1.html"} <= seen
    assert "cut off &lt;b&gt;here" in (tmp_path / "failure-1.html").read_text()
    assert "http://s/bad.zip" in (tmp_path / "failure-1.html").read_text()


def test_a_report_of_a_selection_holds_only_that(large: Catalog, tmp_path: Path) -> None:
    build_report(large, tmp_path, selection=Selection(kinds=("tile",)))
    assert len(list(tmp_path.glob("page-*.html"))) == 3
    assert len(list((tmp_path / "img").iterdir())) == 3
    with large.database.read() as connection:
        title = connection.scalar(text("SELECT title FROM page WHERE id = 1"))
    assert title in (tmp_path / "index.html").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_a_browser_shows_plots_and_pictures_without_any_complaint(tmp_path: Path) -> None:
    with Catalog(f"sqlite:///{tmp_path / 'c.db'}", str(tmp_path / "blobs")) as catalog:
        add_sheets(catalog, 3, tiles=4)
        index = build_report(catalog, tmp_path / "report")
    shot = tmp_path / "shot.png"
    done = browse("--enable-logging=stderr", f"--screenshot={shot}", "--window-size=1200,1400", index.as_uri())
    assert not re.findall(r"CONSOLE.*", done.stderr)
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    accent = (abs(pixels - (0xE2, 0x68, 0x91)).sum(axis=2) < 60).sum()  # bars, at three quarters opacity on white
    assert accent > 3000
    dom = browse("--dump-dom", index.as_uri()).stdout
    assert dom.count("<svg") >= 4
    assert "Images by licence" in dom


PAGES, PER_PAGE = 10, 300


@pytest.fixture
def thousands(tmp_path: Path) -> Path:
    """A report of ten pages with three hundred pictures each, and one with forty sheets of twelve tiles."""
    with Catalog(f"sqlite:///{tmp_path / 'c.db'}", str(tmp_path / "blobs")) as catalog:
        for page in range(PAGES):
            found = {png(pixels(1000 * page + n, 1)): pixels(1000 * page + n, 1) for n in range(PER_PAGE)}
            add_page(catalog, f"many{page}", f"http://s/{page}.zip")
            add_file(catalog, f"http://s/{page}.zip", b"zip%d" % page)
            packed = archive(catalog, **{f"{n}.png": data for n, data in enumerate(found)})
            settle(catalog, {b"zip%d" % page: packed, **{data: still(rgba) for data, rgba in found.items()}})
        sheets = [pixels(99_000 + n, 12) for n in range(40)]
        add_page(catalog, "sheets", *[f"http://s/f{n}.png" for n in range(40)])
        for n, rgba in enumerate(sheets):
            add_file(catalog, f"http://s/f{n}.png", png(rgba))
        settle(catalog, {png(rgba): still(rgba) for rgba in sheets})
        slice_all(catalog, {image_record(rgba).pixel_hash: rgba for rgba in sheets})
        return build_report(catalog, tmp_path / "report")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_a_browser_loads_what_it_shows_and_the_rest_when_it_gets_there(thousands: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    assert len(list((thousands.parent / "img").iterdir())) == PAGES * PER_PAGE + 40
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        look_through(browser, thousands.parent / "page-1.html", shown=PER_PAGE, pictures=PER_PAGE)
        look_through(browser, thousands.parent / f"page-{PAGES + 1}.html", shown=40 * 13, pictures=40)
        browser.close()


def look_through(browser: Any, html: Path, shown: int, pictures: int) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    asked, said = set(), []
    page.on("request", lambda request: asked.add(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(html.as_uri(), wait_until="load")
    assert page.locator("img").count() == shown
    assert len(set(page.eval_on_selector_all("img", "all => all.map(one => one.src)"))) == pictures
    assert 0 < len([url for url in asked if url.endswith(".png")]) < pictures
    page.evaluate(SCROLL)
    page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    assert len([url for url in asked if url.endswith(".png")]) == pictures
    assert said == []


SCROLL = """async () => {
    for (let y = 0; y < document.body.scrollHeight; y += 300) {
        window.scrollTo(0, y);
        await new Promise(next => requestAnimationFrame(() => requestAnimationFrame(next)));
    }
    for (const box of document.querySelectorAll('.tiles')) box.scrollTop = box.scrollHeight;
}"""
