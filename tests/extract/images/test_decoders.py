"""Every decoder against its golden cases: pixels, durations, kind of samples."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from db.pixels import canonical, pixel_hash
from db.vocabulary import Outcome
from extract.images import aseprite_decoder, xcf_decoder
from extract.images.decode import IMAGE_FORMATS, decode, read_frame
from extract.sniff import HEAD_BYTES, sniff
from tests.conftest import ROOT
from tests.extract.images.cases import CASES
from tests.extract.images.pictures import Case


def test_every_format_has_a_golden_case() -> None:
    assert {case.format for case in CASES} == IMAGE_FORMATS


@pytest.mark.parametrize("case", CASES, ids=str)
def test_content_tells_the_format(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(case.data)
    assert sniff(case.data[:HEAD_BYTES], path) == case.format


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_case(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(case.data)
    decoded = decode(path, case.format)
    assert decoded.outcome == (Outcome.PARTIAL if case.flaw else Outcome.OK), decoded.reason
    assert case.flaw in decoded.reason
    assert [frame.number for frame in decoded.frames] == list(range(len(case.frames)))
    for record, expected in zip(decoded.frames, case.frames, strict=True):
        pixels = read_frame(path, record.number)
        assert pixels.shape == expected.shape
        difference = int(np.abs(pixels.astype(int) - canonical(expected.copy())).max())
        assert difference <= case.tolerance
        assert record.image.pixel_hash == pixel_hash(pixels)
        assert record.partial == bool(case.flaw)
    if case.durations:
        assert [frame.duration_ms for frame in decoded.frames] == case.durations
    if case.mode:
        assert decoded.frames[0].mode == case.mode
    if case.palette_size is not None:
        assert decoded.frames[0].palette_size == case.palette_size


def test_nothing_is_imported_after_preloading(tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        (tmp_path / f"{number}.{case.format}").write_bytes(case.data)
    command = [sys.executable, "-m", "tests.extract.images.preloaded", str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert found.stdout.split() == []


def test_tags_of_an_animation_are_labels(tmp_path: Path) -> None:
    case = next(case for case in CASES if str(case) == "ase-frames")
    path = tmp_path / "blob"
    path.write_bytes(case.data)
    assert [frame.label for frame in decode(path, "ase").frames] == ["walk", "walk", ""]


@pytest.mark.parametrize("case", [case for case in CASES if case.format in ("xcf", "ase")], ids=str)
def test_strips_join_without_a_seam(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "blob"
    path.write_bytes(case.data)
    whole = decode(path, case.format)
    monkeypatch.setattr(xcf_decoder, "_STRIP_PIXELS", 1)
    monkeypatch.setattr(aseprite_decoder, "_STRIP_PIXELS", 1)
    assert decode(path, case.format) == whole
