"""HEIC and JPEG XL, where their wheels are installed (`artquarry[formats]`).

Both libraries decode before they say how large the picture is, or nearly so; JPEG XL's size is therefore read from
its header first. Source: ISO/IEC 18181-1:2024, annex D.2 (SizeHeader), and 18181-2 (the container's `jxlc`, `jxlp`).
"""

from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path

from PIL import Image

from extract.images.foreign import foreign
from extract.images.interface import Budget, DamagedImageError, DecodedFrame, ImageLimits
from extract.images.samples import orientation_of, rgba_of, upright

_JXL_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_JXL_CODESTREAM = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


class HeifDecoder:
    """HEIC/HEIF through libheif, which turns pictures upright by itself."""

    def preload(self) -> None:
        """Import pillow-heif."""
        import_module("pillow_heif")

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield the pictures of the file. Raises DecodeError's children."""
        budget = Budget(limits)
        with foreign():
            pillow_heif = import_module("pillow_heif")
            file = pillow_heif.open_heif(BytesIO(path.read_bytes()), convert_hdr_to_8bit=True)
            count = len(file)
        for number in range(count):
            with foreign(f"picture {number + 1} of {count}"):
                part = file[number]
                budget.spend(*part.size)
                rgba = rgba_of(part.to_pillow())
            yield DecodedFrame(number, rgba, mode=str(part.mode))


class JxlDecoder:
    """JPEG XL; of an animation the first frame."""

    def preload(self) -> None:
        """Import pillow-jxl-plugin."""
        import_module("pillow_jxl")

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield the first frame. Raises DecodeError's children."""
        data = path.read_bytes()
        Budget(limits).canvas(*jxl_size(data))
        with foreign():
            import_module("pillow_jxl").JpegXLImagePlugin.DECODE_THREADS = 0  # workers are processes already
            with Image.open(BytesIO(data), formats=("JXL",)) as picture:
                mode = picture.mode
                picture.load()
                rgba = upright(rgba_of(picture), orientation_of(picture))
        yield DecodedFrame(0, rgba, mode=mode)


def jxl_size(data: bytes) -> tuple[int, int]:
    """Return width and height as a JPEG XL codestream's header says. Raises DamagedImageError."""
    start = _codestream(data)[:20]
    if not start.startswith(_JXL_CODESTREAM) or len(start) < 3:
        raise DamagedImageError("no codestream")
    bits = _Bits(int.from_bytes(start[2:], "little"))
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return _side(bits, small), height


def _side(bits: "_Bits", small: int) -> int:
    if small:
        return 8 * (bits.take(5) + 1)
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


class _Bits:
    """Bits of a number, lowest first."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _codestream(data: bytes) -> bytes:
    """Return the beginning of the codestream, out of its container if it is in one."""
    if not data.startswith(_JXL_CONTAINER):
        return data
    at = len(_JXL_CONTAINER)
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        header = 16 if size == 1 else 8
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if kind in (b"jxlc", b"jxlp"):
            begin = at + header + (4 if kind == b"jxlp" else 0)
            return data[begin : begin + 20]
        if size < header:
            break
        at += size
    raise DamagedImageError("no codestream in the container")
