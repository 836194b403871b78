"""Review: the page shows the cuts, a person's choice is stored, wins, and can be taken back."""

import html
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import text

from db import Catalog, choices, stages
from db.errors import NoSheetError
from db.records import Candidate, ChoiceRecord
from db.vocabulary import Stage
from extract.review.choices import ChoiceError, apply, image_named, pair, read_choices
from extract.review.page import UnsureSheet, grid_lines, options, write_review
from extract.review.unsure import files_at_hand, unsure_sheets
from tests.conftest import Home
from tests.extract.sheets.sheet_pictures import sprites_in_cells
from tests.extract.test_run import TSX, bring, column, png, run

GRID = ChoiceRecord("grid", (10, 5), (0, 0), (0, 0))


def choose(catalog: Catalog, image_id: int, choice: ChoiceRecord) -> None:
    with catalog.database.write() as connection:
        choices.choose(connection, image_id, choice)


def sheet(catalog: Catalog) -> Any:
    with catalog.database.read() as connection:
        return connection.execute(text("SELECT * FROM sheet")).one()


@pytest.fixture
def image_id(catalog: Catalog) -> int:
    """A picture with a sidecar that cuts it into four."""
    bring(catalog, s_DOT_png=png(3), s_DOT_tsx=TSX.format(name="s.png").encode())
    run(catalog)
    (found,) = column(catalog, "SELECT image_id FROM sheet")
    return int(found)


def test_a_choice_wins_over_everything_and_over_later_versions(catalog: Catalog, image_id: int) -> None:
    assert sheet(catalog).source == "sidecar"
    choose(catalog, image_id, GRID)
    assert run(catalog).settled == 1
    assert (sheet(catalog).kind, sheet(catalog).source, sheet(catalog).confidence) == ("grid", "choice", 1.0)
    assert len(catalog.tiles_of(image_id)) == 8
    with catalog.database.write() as connection:
        stages.outdate(connection, Stage.SLICE, {}, 99)
    run(catalog)
    assert (sheet(catalog).tile_width, sheet(catalog).tile_height) == (10, 5)


def test_another_choice_replaces_it_and_forgetting_lets_the_slicer_decide(catalog: Catalog, image_id: int) -> None:
    choose(catalog, image_id, GRID)
    choose(catalog, image_id, ChoiceRecord("single"))
    run(catalog)
    assert (sheet(catalog).kind, catalog.tiles_of(image_id)) == ("single", [])
    choose(catalog, image_id, ChoiceRecord("atlas"))
    run(catalog)
    assert sheet(catalog).source == "choice"
    with catalog.database.write() as connection:
        assert choices.forget(connection, image_id)
        assert not choices.forget(connection, image_id)
    run(catalog)
    assert (sheet(catalog).source, len(catalog.tiles_of(image_id))) == ("sidecar", 4)


def test_a_choice_that_cuts_nothing_leaves_the_picture_whole_and_says_so(catalog: Catalog, image_id: int) -> None:
    choose(catalog, image_id, ChoiceRecord("grid", (500, 500)))
    run(catalog)
    assert sheet(catalog).kind == "single"
    assert "cuts nothing" in sheet(catalog).why


def test_choices_for_what_is_never_sliced_are_refused(catalog: Catalog, image_id: int) -> None:
    tile = catalog.tiles_of(image_id)[0].image_id
    for unknown in (tile, 999):
        with pytest.raises(NoSheetError):
            choose(catalog, unknown, GRID)
    assert run(catalog).settled == 0


def unsure(catalog: Catalog, tmp_path: Path) -> int:
    """Bring a picture that the slicer has several ideas about; return its id."""
    path = tmp_path / "cells.png"
    Image.fromarray(sprites_in_cells(16, 6, 3), "RGBA").save(path)
    bring(catalog, cells_DOT_png=path.read_bytes())
    run(catalog)
    (found,) = column(catalog, "SELECT image_id FROM sheet WHERE candidates IS NOT NULL")
    return int(found)


def test_the_page_lists_unsure_sheets_until_somebody_chose(catalog: Catalog, tmp_path: Path) -> None:
    image_id = unsure(catalog, tmp_path)
    ((shown, pixels),) = unsure_sheets(catalog, 1.0, 10)
    assert (shown.name, pixels.shape) == (str(image_id), (shown.height, shown.width, 4))
    assert 1 <= len(shown.candidates) <= 3
    assert list(unsure_sheets(catalog, 0.0, 10)) == []
    page, count = write_review(tmp_path / "out", [(shown, pixels)])
    html = page.read_text("utf-8")
    assert count == 1
    assert f"quarry extract choose {image_id} --grid" in html
    assert (tmp_path / "out" / "img" / f"{shown.pixel_hash}.png").exists()
    choose(catalog, image_id, ChoiceRecord("single"))
    assert list(unsure_sheets(catalog, 1.0, 10)) == []


def test_a_choice_file_names_pictures_by_their_pixels(catalog: Catalog, tmp_path: Path) -> None:
    image_id = unsure(catalog, tmp_path)
    ((shown, _),) = unsure_sheets(catalog, 1.0, 10)
    chosen = [json.loads(option.choice) for option in options(shown)]
    (tmp_path / "choices.json").write_text(json.dumps([one for one in chosen if one["kind"] == "single"]))
    with catalog.database.write() as connection:
        assert all(apply(connection, one) for one in read_choices(tmp_path / "choices.json"))
        assert choices.choices_of(connection, [image_id]) == {image_id: ChoiceRecord("single")}


UNSURE = UnsureSheet(
    "7", "ab" * 32, 40, 20, "<b>page</b>: x.png", "", Candidate("single", 0.5, "unsure"),
    (
        Candidate("grid", 0.4, "16 <px>", (8, 8), (1, 2), (0, 1)),
        Candidate("grid", 0.1, "the same", (8, 8), (1, 2), (0, 1)),
        Candidate("atlas", 0.1, "parts", rects=((1, 1, 4, 4), (6, 1, 4, 4))),
    ),
)  # fmt: skip


def test_options_are_the_cuts_considered_each_once_with_a_command_each() -> None:
    found = options(UNSURE)
    assert [option.command for option in found] == [
        "quarry extract choose 7 --whole",
        "quarry extract choose 7 --grid 8x8 --margin 1x2 --spacing 0x1",
        "quarry extract choose 7 --atlas",
    ]
    assert [option.current for option in found] == [True, False, False]


def test_names_with_spaces_are_quoted_in_the_command() -> None:
    from dataclasses import replace

    assert "'my sheet.png'" in options(replace(UNSURE, name="my sheet.png"))[0].command


def test_lines_are_the_edges_of_the_cells() -> None:
    assert grid_lines(Candidate("grid", 1, "", (8, 16)), 20, 16) == "M0 0V16M8 0V16M16 0V16M0 0H16M0 16H16"
    spaced = grid_lines(Candidate("grid", 1, "", (4, 4), (1, 1), (2, 2)), 11, 5)
    assert spaced == "M1 1V5M5 1V5M7 1V5M11 1V5M1 1H11M1 5H11"
    assert grid_lines(Candidate("grid", 1, "", (50, 50)), 11, 5) == ""


def test_strangers_words_are_no_markup(tmp_path: Path) -> None:
    page, _ = write_review(tmp_path, [(UNSURE, sprites_in_cells(8, 2, 1))])
    assert "<b>page</b>" not in page.read_text("utf-8")
    assert "&lt;b&gt;page" in page.read_text("utf-8")


CLICK = """
<script>
  document.querySelectorAll("figure .pick")[1].click();
  document.title = document.getElementById("commands").value + " | " + decodeURIComponent(
    document.getElementById("download").href.split(",").slice(1).join(",")).replace(/\\s+/g, " ");
</script>
"""


def test_clicking_in_a_browser_makes_command_and_file(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine")
    page, _ = write_review(tmp_path, [(UNSURE, sprites_in_cells(8, 2, 1))])
    page.write_text(page.read_text("utf-8").replace("</body>", CLICK + "</body>"), "utf-8")
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run([*words, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True)
    title = shown.stdout.split("<title>")[1].split("</title>")[0]
    command, _, file = title.partition(" | ")
    assert command == "quarry extract choose 7 --grid 8x8 --margin 1x2 --spacing 0x1"
    (tmp_path / "choices.json").write_text(file)
    (chosen,) = read_choices(tmp_path / "choices.json")
    assert chosen.choice == ChoiceRecord("grid", (8, 8), (1, 2), (0, 1))
    assert chosen.pixel_hash == bytes.fromhex("ab" * 32)


@pytest.mark.parametrize(
    ("words", "numbers"), [("16", (16, 16)), ("16x24", (16, 24)), ("16×24", (16, 24)), (" 3,4 ", (3, 4))]
)
def test_pairs_are_read_as_people_write_them(words: str, numbers: tuple[int, int]) -> None:
    assert pair(words, "--grid") == numbers


@pytest.mark.parametrize("words", ["", "x", "16x", "-1", "1x2x3", "99999", "1.5"])
def test_other_pairs_are_refused(words: str) -> None:
    with pytest.raises(ChoiceError):
        pair(words, "--grid")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "pixel_hash", "image_id", "tile", "margin"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"kind": st.sampled_from(["grid", "atlas"]), "tile": json_values}) | json_values))
@settings(max_examples=100)
def test_any_choice_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "choices.json"
    path.write_text(json.dumps(content))
    try:
        read = read_choices(path)
    except ChoiceError:
        return
    assert all(one.choice is not None and (one.image_id is None) != (one.pixel_hash is None) for one in read)


def test_images_are_named_by_id_or_by_a_file_with_their_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    assert image_named("12") == (12, None)
    assert image_named(str(tmp_path / "a.png"))[1] is not None
    for wrong in (str(tmp_path / "none.png"), str(Path(__file__))):
        with pytest.raises(ChoiceError):
            image_named(wrong)


def test_files_at_hand_are_shown_without_a_catalog(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "b.png").write_bytes(b"broken")
    ((shown, _),) = files_at_hand([tmp_path / "a.png", tmp_path / "b.png"])
    assert shown.name == str(tmp_path / "a.png")


def test_the_commands_go_from_page_to_tiles(home: Home, tmp_path: Path) -> None:
    with home.open() as catalog:
        image_id = unsure(catalog, tmp_path)
        before = len(catalog.tiles_of(image_id))
    review = home.quarry("extract", "slice", "--review", "--out", str(tmp_path / "review"))
    assert review.returncode == 0, review.stderr
    assert (tmp_path / "review" / "review.html").exists()
    assert home.quarry("extract", "choose", str(image_id)).returncode == 2
    dry = home.quarry("extract", "choose", str(image_id), "--grid", "8x16", "--dry-run")
    assert dry.stdout == "would store 1 choices\n"
    chosen = home.quarry("extract", "choose", str(tmp_path / "cells.png"), "--grid", "8x16")
    assert chosen.returncode == 0, chosen.stderr
    assert home.quarry("extract", "choose", "999", "--whole").returncode == 1
    assert home.quarry("extract", "run").returncode == 0
    with home.open() as catalog:
        assert len(catalog.tiles_of(image_id)) > before
    assert home.quarry("extract", "slice").returncode == 2


@pytest.mark.parametrize("name", ["9" * 19, "9" * 20, "9" * 5000])
def test_an_id_beyond_all_ids_is_no_image(home: Home, name: str) -> None:
    done = home.quarry("extract", "choose", name, "--whole")
    assert done.returncode == 2
    assert "no image has so high an id" in done.stderr


def test_an_id_beyond_all_ids_in_a_file_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text(json.dumps([{"image_id": 2**63, "kind": "single"}]))
    with pytest.raises(ChoiceError, match="names no image"):
        read_choices(path)


def test_a_file_whose_name_is_no_text_can_be_reviewed_and_chosen_for(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "it's"
    folder.mkdir()
    path = folder / os.fsdecode(b"k\xe4fer.png")
    path.write_bytes(png(1))
    done = home.quarry("extract", "slice", str(path), "--review", "--out", str(tmp_path / "review"))
    assert done.returncode == 0, done.stderr
    ((shown, _),) = files_at_hand([path])
    command = options(shown)[0].command
    assert command in html.unescape((tmp_path / "review" / "review.html").read_text("utf-8"))
    printed = subprocess.run(
        ["bash", "-c", command.replace("quarry extract choose", "printf '%s' ").replace(" --whole", "")],
        check=True,
        capture_output=True,
    )
    assert printed.stdout == os.fsencode(path)
