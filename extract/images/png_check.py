"""What Pillow does not check of a PNG: the checksums of its chunks, and that its end is there.

Source: PNG (Third Edition), W3C Recommendation 2025, sections 5.3 to 5.5 and 11. Pillow does hold the pixels against
the Adler-32 of their zlib stream.
"""

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT", b"fcTL", b"acTL")
_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}


@dataclass(frozen=True)
class PngFlaw:
    """What is wrong with a PNG, and whether its pixels may be."""

    reason: str
    pixels: bool


def find_flaw(data: bytes) -> PngFlaw | None:
    """Return the first flaw of a PNG's chunks that concerns pixels, else the first; None if there is none."""
    at, view, first = len(SIGNATURE), memoryview(data), None
    while True:
        if at + 12 > len(data):
            return first or PngFlaw("truncated: the end of the file is missing", pixels=False)
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(data):
            missing = PngFlaw(f"truncated in {_name(kind)}", pixels=end > len(data) and kind in _PIXELS)
            return missing if missing.pixels else first or missing
        if zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            flaw = PngFlaw(f"checksum of {_name(kind)} is wrong", pixels=kind in _PIXELS)
            if flaw.pixels:
                return flaw
            first = first or flaw
        if kind == b"IEND":
            return first
        at = end + 4


def without_flaws(data: bytes) -> bytes:
    """Return a PNG of whose flaws none concerns pixels without them: bad chunks left out, the end put there."""
    kept, at = [SIGNATURE], len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunk, kind = data[at : at + 12 + length], data[at + 4 : at + 8]
        if kind == b"IEND":
            break
        if len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == struct.unpack(">I", chunk[-4:])[0]:
            kept.append(chunk)
        at += 12 + length
    return b"".join([*kept, _END])


def _name(kind: bytes) -> str:
    return kind.decode("ascii") if kind.isalpha() else repr(kind)


def mode_of(data: bytes) -> str:
    """Return the stored kind of sample, such as `RGB;16` or `P;4`."""
    if len(data) < 26:
        return ""
    depth, colour = data[24], data[25]
    mode = _MODES.get(colour, "")
    return mode if depth == 8 or not mode else f"{mode};{depth}"
