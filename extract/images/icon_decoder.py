"""Windows icons and cursors: each size in the file is a frame; an animated cursor gives its steps.

Pillow reads icons of every size, but of a cursor only one. A cursor differs from an icon in its type and in two
fields of each entry, which hold the hot spot instead of planes and depth; with these put right it is an icon.
Source for ANI: RIFF, Microsoft Multimedia Programmer's Reference 1991, and its `ACON` form as Windows writes it:
`anih`, optional `rate` (jiffies of 1/60 s a step) and `seq ` (icon of each step), `LIST fram` of `icon` chunks.
"""

import dataclasses
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import IcoImagePlugin

from extract.images.foreign import foreign
from extract.images.interface import Budget, DamagedImageError, DecodedFrame, ImageLimits
from extract.images.samples import rgba_of

_PNG = b"\x89PNG\r\n\x1a\n"
_ENTRIES_MAX = 1024


class IconDecoder:
    """ICO, CUR and ANI."""

    def preload(self) -> None:
        """Nothing is imported late."""

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield sizes, largest first, or the steps of an animation. Raises DecodeError's children."""
        data, budget = path.read_bytes(), Budget(limits)
        if format_ == "ani":
            yield from _steps(data, budget)
        else:
            yield from _sizes(data, budget)


def _sizes(data: bytes, budget: Budget) -> Iterator[DecodedFrame]:
    icon = _as_icon(data)
    with foreign():
        file = IcoImagePlugin.IcoFile(io.BytesIO(icon))
    for number, entry in enumerate(file.entry):
        with foreign(f"size {number + 1} of {len(file.entry)}"):
            budget.canvas(*_claimed_size(icon, entry.offset))
            picture = file.frame(number)
            budget.spend(*picture.size)
            mode = picture.mode
            picture.load()
            rgba = rgba_of(picture)
        yield DecodedFrame(number, rgba, mode=mode)


def _as_icon(data: bytes) -> bytes:
    """Return an icon's bytes, or those of a cursor made into one. Raises DamagedImageError."""
    if len(data) < 6:
        raise DamagedImageError("truncated header")
    kind, count = struct.unpack_from("<HH", data, 2)
    if not 0 < count <= _ENTRIES_MAX or len(data) < 6 + 16 * count:
        raise DamagedImageError(f"directory of {count} entries in {len(data)} bytes")
    if kind == 1:
        return data
    icon = bytearray(data)
    struct.pack_into("<H", icon, 2, 1)
    for entry in range(count):
        at = 6 + 16 * entry
        (offset,) = struct.unpack_from("<I", data, at + 12)
        struct.pack_into("<HH", icon, at + 4, 1, _depth(data, offset))
    return bytes(icon)


def _depth(data: bytes, offset: int) -> int:
    if data.startswith(_PNG, offset) or offset + 16 > len(data):
        return 32
    return int(struct.unpack_from("<H", data, offset + 14)[0])


def _claimed_size(data: bytes, offset: int) -> tuple[int, int]:
    """Return width and height as the entry's own header says, before anything is decoded."""
    if data.startswith(_PNG, offset) and offset + 24 <= len(data):
        width, height = struct.unpack_from(">II", data, offset + 16)
        return width, height
    if offset + 12 > len(data):
        raise DamagedImageError(f"entry at {offset} lies behind the end")
    width, height = struct.unpack_from("<ii", data, offset + 4)
    return abs(width), max(1, abs(height) // 2)


@dataclass
class _Animation:
    rate: int = 10
    rates: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    icons: list[bytes] = field(default_factory=list)


def _steps(data: bytes, budget: Budget) -> Iterator[DecodedFrame]:
    animation = _Animation()
    complete = _walk(data, 12, len(data), animation)
    decoded: dict[int, DecodedFrame] = {}
    for number, icon in enumerate(animation.order or range(len(animation.icons))):
        if icon >= len(animation.icons):
            raise DamagedImageError(f"step {number} shows icon {icon} of {len(animation.icons)}")
        if icon not in decoded:
            decoded[icon] = next(_sizes(animation.icons[icon], budget))
        frame = decoded[icon]
        budget.spend(frame.rgba.shape[1], frame.rgba.shape[0])
        jiffies = animation.rates[number] if number < len(animation.rates) else animation.rate
        yield dataclasses.replace(frame, number=number, duration_ms=round(jiffies * 1000 / 60))
    if not complete or not animation.icons:
        raise DamagedImageError("truncated: chunks are missing")


def _walk(data: bytes, at: int, end: int, into: _Animation) -> bool:
    """Collect the chunks between two offsets; return whether they were all there."""
    while at + 8 <= end:
        kind, (size,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            return False
        if kind != b"LIST":
            _take(kind, body, into)
        elif body[:4] == b"fram" and not _walk(data, at + 12, at + 8 + size, into):
            return False
        at += 8 + size + size % 2
    return True


def _take(kind: bytes, body: bytes, into: _Animation) -> None:
    if kind == b"icon":
        into.icons.append(body)
        return
    words = list(struct.unpack_from(f"<{len(body) // 4}I", body))
    if kind == b"anih" and len(words) >= 9:
        into.rate = words[7]
    elif kind == b"rate":
        into.rates = words
    elif kind == b"seq ":
        into.order = words
