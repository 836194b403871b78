"""The page: its HTTP interface in-process, and the page itself in a real headless Chromium."""

import asyncio
import io
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image
from sqlalchemy import text
from starlette.testclient import TestClient
from starlette.types import Message

from db import Catalog
from index.errors import PictureError
from index.serve import forms
from index.serve.app import SECURITY, make_app, shown
from index.serve.forms import KEPT_PICTURES, MOST_UPLOAD_BYTES, KeptPictures
from index.serve.openapi import OPENAPI
from index.serve.run import allowed_hosts
from tests.index.conftest import Gallery, photograph, png, sprite

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def address(sqlite_gallery: Gallery) -> Iterator[str]:
    """The server as `quarry index serve` runs it, on a free loopback port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    config = uvicorn.Config(
        make_app(sqlite_gallery.catalog, hosts=allowed_hosts("127.0.0.1")),
        port=port,
        log_level="error",
        access_log=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    transport = httpx.HTTPTransport(retries=20)
    with httpx.Client(transport=transport) as client:
        client.get(url)
    yield url
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as opened:
        yield opened


def test_every_answer_is_guarded(client: httpx.Client) -> None:
    for path in ("/", "/search?q=castle", "/static/page.css", "/openapi.json", "/image/1.png", "/nothing"):
        answer = client.get(path)
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY, path
    page = client.get("/?q=castle").text
    assert not re.search(r"<script(?! src=)|\son\w+=|style=|https?://(?!s/)[\w.]+\.(?:js|css)", page)


@pytest.mark.parametrize("name", ["9" * 23, "9" * 5000, "-1", "x", "१", "999999999999999999"])
def test_an_image_that_cannot_be_is_not_found(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/image/{name}.png")
    assert answer.status_code == 404
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY


def test_a_failure_of_ours_is_guarded_too(sqlite_gallery: Gallery, tmp_path: Path) -> None:
    """The database does not do what is asked of it: here, because its tables are gone."""
    with Catalog(f"sqlite:///{tmp_path / 'catalog.db'}", str(tmp_path / "blobs")) as catalog:
        client = TestClient(make_app(catalog), raise_server_exceptions=False)
        with catalog.database.write() as connection:
            connection.execute(text("ALTER TABLE frame RENAME TO gone"))
        answer = client.get("/image/1.png")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY


@pytest.mark.parametrize("path", ["/picture", "/api/search"])
def test_a_form_without_a_length_is_counted_as_it_comes(sqlite_gallery: Gallery, path: str) -> None:
    """The answer is there with the first byte too many; the application asks for no more of an endless body."""
    taken = 0
    answer: list[Message] = []
    begin = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'

    async def receive() -> Message:
        nonlocal taken
        part = b"x" * 1_000_000 if taken else begin
        taken += len(part)
        return {"type": "http.request", "body": part, "more_body": taken < 10 * MOST_UPLOAD_BYTES}

    async def send(message: Message) -> None:
        answer.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=XX"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    asyncio.run(make_app(sqlite_gallery.catalog)(scope, receive, send))
    assert answer[0]["status"] == 422 and b"larger" in answer[1]["body"]
    assert taken < MOST_UPLOAD_BYTES + 2_000_000


@pytest.mark.parametrize("query", ["q=a%00b", "q=castle&author=%00"])
def test_a_search_with_nul_is_refused(client: httpx.Client, query: str) -> None:
    """PostgreSQL takes no such text."""
    assert client.get(f"/api/search?{query}").status_code == 422


def test_another_site_cannot_make_us_do_anything(client: httpx.Client) -> None:
    files = {"file": ("q.png", png(sprite(1)))}
    assert client.post("/picture", files=files, headers={"Origin": "http://evil.test"}).status_code == 403
    assert client.get("/", headers={"Host": "evil.test"}).status_code == 400


def test_an_upload_leads_to_an_address_that_can_be_kept(client: httpx.Client) -> None:
    answer = client.post("/picture", files={"file": ("q.png", png(sprite(3)))}, data={"licence": "CC-BY"})
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert "Castle piece 3" in page.text and "identical pixels" in page.text
    assert "licence=CC-BY" in answer.headers["location"]


@pytest.mark.parametrize(
    ("files", "data", "said"),
    [
        ({"file": ("q.png", b"not a picture")}, {}, "no picture"),
        ({}, {"url": "http://127.0.0.1:1/secret"}, "not a public address"),
        ({}, {"url": "http://169.254.169.254/latest/meta-data"}, "not a public address"),
        ({}, {"words": "x"}, "choose a picture"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(client: httpx.Client, files: Any, data: Any, said: str) -> None:
    answer = client.post("/picture", files=files, data=data)
    assert answer.status_code == 422 and said in answer.text and "Traceback" not in answer.text


def test_too_much_is_refused(client: httpx.Client) -> None:
    body = b"x" * (MOST_UPLOAD_BYTES + 100_000)
    assert client.post("/api/search", content=body).status_code == 413
    bomb = io.BytesIO()
    Image.new("L", (9000, 9000)).save(bomb, "PNG")
    answer = client.post("/api/search", content=bomb.getvalue())
    assert answer.status_code == 422 and "allowed" in answer.json()["error"]


def test_a_body_without_a_length_is_counted_as_it_comes(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(MOST_UPLOAD_BYTES // 1_000_000 + 5):
            yield b"x" * 1_000_000

    answer = client.post("/api/search", content=endless())
    assert answer.status_code == 422 and "larger" in answer.json()["error"]


def test_the_interface_answers_as_its_description_says(client: httpx.Client) -> None:
    described = OPENAPI["components"]["schemas"]["Hit"]["properties"]
    assert client.get("/openapi.json").json() == OPENAPI
    for answer in (
        client.get("/api/search", params={"q": "castle", "count": 5}),
        client.post("/api/search", content=png(sprite(4)), params={"count": 5}),
        client.post("/api/search", files={"file": ("q.png", png(sprite(4)))}, params={"count": 5}),
    ):
        found = answer.json()
        assert answer.status_code == 200 and len(found["hits"]) == 5
        for hit in found["hits"]:
            assert set(hit) == set(described)
            assert client.get(hit["picture"]).headers["content-type"] == "image/png"
    parameters = {p["name"] for p in OPENAPI["paths"]["/api/search"]["get"]["parameters"]}
    for name in parameters - {"q"}:
        value = {"kind": "tile", "since": "2000-01-01", "until": "2030-01-01", "image": "1"}.get(name, "1")
        assert client.get("/api/search", params={"q": "castle", name: value}).status_code == 200, name


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 422),
        ({"q": "!!"}, 422),
        ({"q": "x", "page": "-1"}, 422),
        ({"q": "x", "kind": "zzz"}, 422),
        ({"image": "99999"}, 404),
    ],
)
def test_bad_queries_are_refused(client: httpx.Client, params: dict[str, str], status: int) -> None:
    answer = client.get("/api/search", params=params)
    assert answer.status_code == status and answer.json()["error"]


def test_a_strangers_words_never_become_markup(client: httpx.Client) -> None:
    text = client.get("/", params={"q": "<script>alert(1)</script>"}).text
    assert "<script>alert" not in text and "&lt;script&gt;" in text


def test_a_forgotten_picture_says_so() -> None:
    kept = KeptPictures()
    keys = [kept.keep(png(np.full((2, 2 + n, 4), 255, np.uint8))) for n in range(KEPT_PICTURES + 1)]
    with pytest.raises(Exception, match="no longer kept"):
        kept.picture(keys[0])
    assert kept.picture(keys[-1]).shape == (2, 2 + KEPT_PICTURES, 4)


def test_kept_pictures_are_limited_by_their_size_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MOST_KEPT_BYTES", 3 * 100 * 100 * 4)
    kept = KeptPictures()
    keys = [kept.keep(png(np.full((100, 100, 4), shade, np.uint8))) for shade in range(200, 204)]
    with pytest.raises(PictureError, match="no longer kept"):
        kept.picture(keys[0])
    assert all(kept.picture(key).shape == (100, 100, 4) for key in keys[1:])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    with api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page that must not log an error: the content policy would show there."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.goto(address)
    yield opened
    context.close()
    assert errors == []


def test_words_in_a_browser(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("treasure")
    page.keyboard.press("Enter")
    page.wait_for_selector(".grid article")
    assert page.locator("h3").first.inner_text() == "Treasure sheet"
    assert page.locator("a.source").first.get_attribute("href") == "http://s/content/99"
    page.wait_for_url("**/?q=treasure*")
    page.reload()
    assert page.locator(".grid article").count() >= 1


def test_an_upload_a_filter_and_more_like_this_in_a_browser(page: Any, tmp_path: Path) -> None:
    picture = tmp_path / "q.png"
    picture.write_bytes(png(sprite(3).repeat(4, 0).repeat(4, 1)))
    page.set_input_files("#file", str(picture))
    page.wait_for_selector(".grid article")
    first = page.locator(".grid article").first
    assert first.locator("h3").inner_text() == "Castle piece 3"
    assert "identical pixels" in first.locator(".score").inner_text()
    assert page.locator("img.pixels").first.evaluate("e => getComputedStyle(e).imageRendering") == "pixelated"
    assert page.locator(".view img").first.evaluate("e => e.decode().then(() => e.naturalWidth)") == 32
    page.locator("#filters summary").click()
    page.select_option("select[name=licence]", "CC-BY")
    page.locator("#words button").click()
    page.wait_for_url("**licence=CC-BY*")
    assert set(page.locator(".licence").all_inner_texts()) == {"CC-BY-3.0"}
    page.locator(".grid .more").first.click()
    page.wait_for_url("**/?image=*")
    assert page.locator(".grid article").count() > 1


def test_paging_keys_and_copying_in_a_browser(page: Any, address: str) -> None:
    page.goto(f"{address}/?q=piece&count=5&all=1")
    first = page.locator("h3").all_inner_texts()
    page.locator("a[rel=next]").click()
    page.wait_for_url("**page=2*")
    second = page.locator("h3").all_inner_texts()
    assert len(first) == len(second) == 5 and not set(first) & set(second)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.querySelector('h3').innerText") == second[1]
    page.keyboard.press("c")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f'"{second[1]}" by ')


def test_a_drop_and_a_paste_in_a_browser(page: Any, address: str) -> None:
    for event, target in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.goto(address)
        page.evaluate(
            """async ([event, target, bytes]) => {
                const held = new DataTransfer();
                held.items.add(new File([new Uint8Array(bytes)], "q.png", {type: "image/png"}));
                const made = event === "drop"
                    ? new DragEvent("drop", {dataTransfer: held, bubbles: true, cancelable: true})
                    : new ClipboardEvent("paste", {clipboardData: held, bubbles: true, cancelable: true});
                document.body.dispatchEvent(made);
            }""",
            [event, target, list(png(sprite(8)))],
        )
        page.wait_for_url("**picture=*")
        assert page.locator("h3").first.inner_text() == "Forest piece 8"


def test_nothing_found_and_errors_are_said_in_a_browser(page: Any, address: str, browser: Any) -> None:
    page.goto(f"{address}/?q=nosuchword&kind=tile")
    assert page.locator(".message h2").inner_text() == "Nothing found"
    page.locator("text=without filters").click()
    page.wait_for_url(lambda url: "kind" not in url)
    assert page.locator("#busy").is_hidden()


def test_without_scripts_the_page_still_searches(browser: Any, address: str, tmp_path: Path) -> None:
    picture = tmp_path / "q.png"
    picture.write_bytes(png(photograph(1)))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.fill("#q", "treasure")
    page.locator("#words button").click()
    assert page.locator("h3").first.inner_text() == "Treasure sheet"
    page.goto(address)
    page.set_input_files("#file", str(picture))
    page.locator("#picture button").click()
    assert page.locator(".grid article").count() > 1
    context.close()


def test_the_page_is_accessible_in_structure(page: Any, address: str) -> None:
    """Every control has a name, every picture a text, headings do not skip, colours contrast in light and dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{address}/?q=castle")
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select")].filter(e =>
                !(e.innerText || e.ariaLabel || e.title || (e.labels && e.labels.length) ||
                e.querySelector("img[alt]")))
                .map(e => e.outerHTML)"""
        )
        assert unnamed == []
        assert page.locator("img:not([alt])").count() == 0
        assert page.locator("html[lang]").count() == 1 and page.locator("h1").count() == 1
        for selector in ("body", ".by", ".licence", "footer", "h3 a"):
            assert page.evaluate(CONTRAST, selector) >= 4.5, (scheme, selector)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(page: Any, address: str, scheme: str) -> None:
    """axe-core, out of a wheel: WCAG rules and good practice, on the page in each of its states."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core looks for faults").Axe()
    page.emulate_media(color_scheme=scheme)
    for path in ("/", "/?q=castle&licence=CC0", "/?q=nosuchword&kind=tile", "/?image=3"):
        page.goto(address + path)
        found = axe.run(page).response["violations"]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == [], path


def test_small_pictures_are_enlarged_by_whole_numbers_and_large_ones_are_not_made_coarse(
    page: Any, address: str
) -> None:
    assert shown(32, 32) == (128, 128, True)
    assert shown(184, 10) == (184, 10, True)
    assert shown(400, 300) == (184, 138, False)
    page.goto(f"{address}/?q=piece")
    box = page.locator(".view img.pixels").first.bounding_box()
    assert (box["width"], box["height"]) == (128, 128)


CONTRAST = """(selector) => {
    const light = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => { x /= 255;
        return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
    const element = document.querySelector(selector);
    let ground = element;
    while (getComputedStyle(ground).backgroundColor.endsWith(", 0)")) ground = ground.parentElement;
    const [a, b] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
