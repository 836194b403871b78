"""Broken, truncated, huge and hostile files: typed outcomes, and what could be decoded is kept and marked."""

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import Compression

from db.vocabulary import Outcome
from extract.images.decode import Decoded, decode
from extract.images.families import decoder_versions
from extract.images.interface import ImageLimits
from extract.images.modern_decoder import jxl_size
from extract.sniff import HEAD_BYTES, sniff
from tests.extract.images import painted
from tests.extract.images.cases import CASES
from tests.extract.images.painted import Pixels, png, saved
from tests.extract.images.pictures import Case, grey, sprite, stepped


def decoded(folder: Path, data: bytes, format_: str, limits: ImageLimits | None = None) -> Decoded:
    path = folder / "blob"
    path.write_bytes(data)
    return decode(path, format_, limits)


def noise(size: int = 64) -> Pixels:
    return np.random.default_rng(1).integers(0, 255, (size, size, 3), dtype=np.uint8)


def test_a_png_without_its_last_checksum_is_not_whole(tmp_path: Path) -> None:
    found = decoded(tmp_path, png(sprite())[:-4], "png")
    assert (found.outcome, found.frames[0].partial) == (Outcome.PARTIAL, False)
    assert "truncated" in found.reason


@pytest.mark.parametrize("place", ["checksum", "adler"])
def test_a_png_whose_pixels_fail_a_checksum_is_not_ok(tmp_path: Path, place: str) -> None:
    data = bytearray(png(noise()))
    end = data.rindex(b"IEND") - 8
    data[end + 1 if place == "checksum" else end - 2] ^= 0xFF
    if place == "adler":
        begin = data.index(b"IDAT")
        struct.pack_into(">I", data, end, zlib.crc32(data[begin:end]))
    found = decoded(tmp_path, bytes(data), "png")
    assert found.outcome in (Outcome.PARTIAL, Outcome.DAMAGED)
    assert all(frame.partial for frame in found.frames)


def test_a_text_chunk_with_a_wrong_checksum_leaves_pixels_whole(tmp_path: Path) -> None:
    text = b"tEXta\0b"
    data = png(sprite())
    data = data[:33] + struct.pack(">I", 3) + text + bytes(4) + data[33:]
    found = decoded(tmp_path, data, "png")
    assert (found.outcome, [frame.partial for frame in found.frames]) == (Outcome.PARTIAL, [False])
    assert "tEXt" in found.reason


@pytest.mark.parametrize(
    ("format_", "pillow"), [("png", "PNG"), ("jpeg", "JPEG"), ("bmp", "BMP"), ("tga", "TGA"), ("gif", "GIF")]
)
def test_half_a_picture_is_kept_and_marked(tmp_path: Path, format_: str, pillow: str) -> None:
    data = saved(Image.fromarray(noise(256)), pillow)
    found = decoded(tmp_path, data[: len(data) // 2], format_)
    assert (found.outcome, [frame.partial for frame in found.frames]) == (Outcome.PARTIAL, [True])
    assert found.reason


def test_whole_frames_of_half_an_animation_are_kept(tmp_path: Path) -> None:
    steps = [Image.fromarray(stepped(n)) for n in range(8)]
    data = saved(steps[0], "GIF", save_all=True, append_images=steps[1:], duration=50, disposal=2)
    found = decoded(tmp_path, data[: len(data) // 2], "gif")
    assert found.outcome == Outcome.PARTIAL
    assert 1 < len(found.frames) < 8
    assert not any(frame.partial for frame in found.frames)


def test_a_truncated_sprite_keeps_the_frames_before(tmp_path: Path) -> None:
    base = painted.layer("a", flags=9)
    data = painted.aseprite(
        (16, 12), [[base, painted.cel(0, stepped(0))], *([painted.cel(0, stepped(n))] for n in (1, 2))]
    )
    found = decoded(tmp_path, data[:-20], "ase")
    assert (found.outcome, len(found.frames)) == (Outcome.PARTIAL, 2)
    assert "frame 2 of 3" in found.reason


@pytest.mark.parametrize("lacking", [1, 40, 200])
@pytest.mark.parametrize(
    ("compression", "outcome"), [(Compression.RAW, Outcome.DAMAGED), (Compression.RLE, Outcome.PARTIAL)]
)
def test_a_truncated_photoshop_document_is_not_whole(
    tmp_path: Path, compression: Compression, outcome: Outcome, lacking: int
) -> None:
    document, out = PSDImage.frompil(Image.fromarray(noise()), compression=compression), io.BytesIO()
    document.save(out)
    assert decoded(tmp_path, out.getvalue(), "psd").outcome == Outcome.OK
    found = decoded(tmp_path, out.getvalue()[:-lacking], "psd")
    assert found.outcome == outcome
    assert all(frame.partial for frame in found.frames)
    assert found.reason


def test_nothing_usable_is_damaged(tmp_path: Path) -> None:
    for data, format_ in (
        (png(noise())[:60], "png"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "jpeg"),
        (b"GIF89a\1\0\1\0", "gif"),
    ):
        found = decoded(tmp_path, data, format_)
        assert (found.outcome, found.frames) == (Outcome.DAMAGED, ())
        assert found.reason


def chunked_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def huge() -> list[tuple[str, bytes]]:
    claims = struct.pack("<IiiHHIIiiII", 40, 60000, 120000, 1, 32, 0, 0, 0, 0, 0, 0)
    icon = struct.pack("<HHH4B2H2I", 0, 1, 1, 0, 0, 0, 0, 1, 32, 100, 22) + claims + bytes(60)
    big = np.zeros((1, 1, 4), np.uint8)
    far = painted.xcf((16, 12), [painted.XcfLayer(big, 1)])
    at = far.rindex(struct.pack(">IIII", 1, 1, 1, 2))
    return [
        ("png", chunked_png(60000, 60000)),
        ("ico", icon),
        ("psd", b"8BPS" + struct.pack(">H6xHIIHH", 2, 3, 100_000, 100_000, 8, 3) + bytes(100)),
        ("xcf", painted.xcf((60000, 60000), [])),
        ("xcf", far[:at] + struct.pack(">II", 200_000, 200_000) + far[at + 8 :]),
        ("ase", painted.aseprite((60000, 60000), [[]])),
        ("ase", painted.aseprite((8000, 8000), [[]] * 30)),
        ("svg", painted.svg("<rect/>", 'width="60000" height="60000"')),
        ("svg", painted.svg('<rect width="60000" height="60000"/>', "")),
        ("kra", painted.zipped("application/x-krita", mergedimage_DOT_png=chunked_png(60000, 60000))),
        ("jxl", b"\xff\x0a" + (3 << 1 | 59999 << 3 | 1 << 33).to_bytes(8, "little")),
    ]  # fmt: skip


@pytest.mark.parametrize(("format_", "data"), huge(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, format_: str, data: bytes) -> None:
    found = decoded(tmp_path, data, format_)
    assert (found.outcome, found.frames) == (Outcome.REFUSED, ())
    assert "limit" in found.reason


def test_many_frames_count_together(tmp_path: Path) -> None:
    steps = [Image.fromarray(stepped(n)) for n in range(8)]
    data = saved(steps[0], "GIF", save_all=True, append_images=steps[1:], disposal=2)
    assert decoded(tmp_path, data, "gif", ImageLimits(total_pixels=1000)).outcome == Outcome.REFUSED
    assert decoded(tmp_path, data, "gif", ImageLimits(frames=7)).outcome == Outcome.REFUSED
    assert decoded(tmp_path, data, "gif", ImageLimits(frames=8)).outcome == Outcome.OK


def test_a_gif_whose_later_frame_claims_more_than_its_canvas_is_refused_before_it_is_drawn(tmp_path: Path) -> None:
    """Found by fuzzing: 300 bytes that took a minute and 5 GB."""
    frames = [Image.new("P", (16, 12), colour) for colour in (1, 2)]
    data = bytearray(saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50))
    second = data.rindex(b"\x2c\0\0\0\0")
    data[second + 1 : second + 9] = struct.pack("<4H", 60000, 60000, 60000, 60000)
    found = decoded(tmp_path, bytes(data), "gif")
    assert found.outcome == Outcome.REFUSED
    assert "limit" in found.reason


def test_a_drawing_that_repeats_itself_without_end_is_refused(tmp_path: Path) -> None:
    groups = ['<g id="a0"><rect width="1" height="1"/></g>']
    groups += [f'<g id="a{n}">' + f'<use href="#a{n - 1}"/>' * 10 + "</g>" for n in range(1, 8)]
    data = painted.svg("<defs>" + "".join(groups) + '</defs><use href="#a7"/>')
    found = decoded(tmp_path, data, "svg")
    assert found.outcome == Outcome.REFUSED
    assert "elements" in found.reason


def test_a_drawing_that_holds_itself_ends(tmp_path: Path) -> None:
    data = painted.svg('<g id="a"><use href="#a"/><rect width="16" height="12" fill="red"/></g>')
    assert decoded(tmp_path, data, "svg").outcome in (Outcome.OK, Outcome.DAMAGED)


def test_entities_that_multiply_are_no_bomb(tmp_path: Path) -> None:
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    data = f"<!DOCTYPE svg [{entities}]>".encode() + painted.svg("<desc>&a9;</desc>")
    assert decoded(tmp_path, data, "svg").outcome in (Outcome.DAMAGED, Outcome.PARTIAL, Outcome.REFUSED)


def test_an_svg_reads_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(grey()[..., :3]))
    for target in (str(secret), secret.as_uri(), secret.name):
        data = painted.svg(f'<image width="16" height="12" href="{target}" xlink:href="{target}"/>')
        found = decoded(tmp_path, data, "svg")
        assert found.outcome == Outcome.PARTIAL
        assert found.frames[0].image.facts is not None
        assert found.frames[0].image.facts.colours == 1


def test_links_between_cels_that_go_in_a_circle_end(tmp_path: Path) -> None:
    data = painted.aseprite((4, 4), [[painted.layer("a"), painted.linked(0, 1)], [painted.linked(0, 0)]])
    assert decoded(tmp_path, data, "ase").outcome == Outcome.DAMAGED


def test_layer_modes_that_are_not_known_are_said(tmp_path: Path) -> None:
    mode = painted.prop(7, struct.pack(">I", 24))
    found = decoded(tmp_path, painted.xcf((16, 12), [painted.XcfLayer(sprite(), 1, mode)]), "xcf")
    assert (found.outcome, found.frames[0].partial) == (Outcome.PARTIAL, True)
    assert "lch-hue" in found.reason


@pytest.mark.parametrize(("width", "height"), [(8, 8), (9, 5), (300, 200), (5000, 70), (256, 128), (3000, 4000)])
def test_the_size_in_a_jxl_header_is_its_size(width: int, height: int) -> None:
    import pillow_jxl  # noqa: F401 - registers what it writes

    assert jxl_size(saved(Image.new("L", (width, height)), "JXL", effort=1)) == (width, height)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"ASEF\0\1\0\0\0\0\0\3" + bytes(200), "swatches"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%Title: x\n", "postscript"),
        (b"%PDF-1.5\n", "pdf"),
        (b"BLENDER-v293", "blend"),
        (b"CWS\x0a" + bytes(20), "swf"),
        (b"glTF\2\0\0\0", "gltf"),
        (b"OTTO\0\x0c\0\x80" + bytes(20), "font"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "mp4"),
        (b"MThd\0\0\0\6\0\1", "midi"),
        (b"P7\nWIDTH 2\nHEIGHT 2\n", "pam"),
    ],
)
def test_what_holds_no_raster_is_named(data: bytes, name: str) -> None:
    assert sniff(data) == name
    assert name not in decoder_versions()


BY_FAMILY = {case.format: case for case in CASES}


@pytest.mark.parametrize("case", BY_FAMILY.values(), ids=str)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cut=st.floats(0, 1), flips=st.integers(0, 12))
def test_mutated_files_end_in_a_typed_outcome(case: Case, tmp_path: Path, seed: int, cut: float, flips: int) -> None:
    choose = random.Random(seed)
    data = bytearray(case.data)
    for _ in range(flips):
        data[choose.randrange(len(data))] = choose.randrange(256)
    data = data[: max(1, int(len(data) * cut))] if choose.random() < 0.5 else data
    found = decoded(tmp_path, bytes(data), case.format, ImageLimits(1_000_000, 4_000_000, 100))
    assert found.outcome in set(Outcome) - {Outcome.PENDING, Outcome.FAILED}
    assert found.outcome == Outcome.OK or found.reason
    assert sniff(bytes(data[:HEAD_BYTES]))
