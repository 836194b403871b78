"""What people see of extraction: rates, trees, and what a kernel lacks."""

import io
import json
import zipfile
from pathlib import Path

from click.testing import CliRunner
from rich.console import Console

from db.records import FrameRecord, ImageRecord, MemberRecord, ReadResult
from db.vocabulary import Outcome
from extract.cli import extract
from extract.inspecting import inspect_file, tree
from extract.tally import Tally
from tests.extract.test_run import packed, png


def test_rates_count_archives_members_and_images() -> None:
    tally = Tally()
    members = tuple(MemberRecord(n, b"m", "m", "file", "ok") for n in range(10))
    tally.add(ReadResult(Outcome.OK, 1, "zip", members=members))
    frame = FrameRecord(0, ImageRecord(bytes(32), 1, 1, False))
    tally.add(ReadResult(Outcome.OK, 1, "png", frames=(frame, frame)))
    assert tally.rates(2.0) == "0.5 archives/s, 5.0 members/s, 1.0 images/s"
    assert Tally().rates(2.0) == ""


def test_the_tree_shows_folders_sizes_and_outcomes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("art/a.png", b"12345")
        archive.writestr("../evil[red].txt", b"x")
        link = zipfile.ZipInfo("art/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "pack.zip").write_bytes(stream.getvalue())
    console = Console(width=100, file=io.StringIO())
    console.print(tree("pack.zip", inspect_file(tmp_path / "pack.zip")))
    shown = console.file.getvalue()
    assert "pack.zip  zip: ok, 2 ok, 1 refused, 6 B" in shown
    assert "a.png  5 B" in shown
    assert "evil[red].txt  1 B" in shown
    assert "link  refused link: recorded, not followed" in shown


def test_one_stage_alone_and_the_summary(tmp_path: Path) -> None:
    places = ["--catalog", f"sqlite:///{tmp_path}/c.db", "--blobs", str(tmp_path / "blobs")]
    done = CliRunner().invoke(extract, ["run", "--stage", "read", "--json", *places])
    assert done.exit_code == 0
    assert json.loads(done.stdout.splitlines()[-1])["settled"] == 0
    assert CliRunner().invoke(extract, ["run", "--stage", "bake", *places]).exit_code == 2
    assert CliRunner().invoke(extract, ["run", "--stage", "match", *places]).exit_code == 2


def test_inspect_tells_damage_by_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(packed(a_DOT_png=png(1))[:200])
    done = CliRunner().invoke(extract, ["inspect", str(path)])
    assert done.exit_code == 1
    assert "damaged" in done.output
