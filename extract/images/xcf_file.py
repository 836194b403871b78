"""The structure of an XCF file, and the pixels of its layers.

Source: devel-docs/xcf.txt in GNOME/gimp. Big-endian; pointers of 32 bits, from version 11 of 64; layers from above to
below, each cut into tiles of 64×64 pixels that are raw, run-length encoded plane by plane, or (from version 8) zlib.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.images.interface import DamagedImageError, UnsupportedImageError

RGB, GREY, INDEXED = 0, 1, 2
TILE = 64
_ITEMS_MAX = 10_000
_OLD_PRECISIONS = {0: "u1", 1: "u2", 2: "u4", 3: "f2", 4: "f4"}
_OLD_LINEAR = frozenset({2, 3, 4})
_MIDDLE_PRECISIONS = {1: "u1", 2: "u2", 3: "u4", 4: "f2", 5: "f4"}
_PRECISIONS = {1: "u1", 2: "u2", 3: "u4", 5: "f2", 6: "f4", 7: "f8"}


@dataclass(frozen=True)
class XcfHeader:
    """Canvas and the meaning of samples. `sample`: numpy's letter and bytes; `linear`: light, not sRGB values."""

    version: int
    width: int
    height: int
    base: int
    sample: str
    linear: bool


@dataclass(frozen=True)
class XcfLayer:
    """A layer or group. `path`: where it is in the tree; `opacity` 0 to 1; spaces and composite as GIMP numbers them.

    `tiles` points to its pixels, `mask` to those of its mask (0: none).
    """

    width: int
    height: int
    kind: int
    x: int
    y: int
    visible: bool
    opacity: float
    mode: int
    group: bool
    path: tuple[int, ...]
    blend_space: int
    composite_space: int
    composite: int
    tiles: int
    mask: int


class XcfFile:
    """A file in memory. Every method raises DamagedImageError or UnsupportedImageError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.header, at = self._header()
        properties, at = self._properties(at)
        self.palette = _palette(properties.get(1), self.header.version)
        self._compression = properties.get(17, b"\0")[:1]
        self._pointers = at

    def _header(self) -> tuple[XcfHeader, int]:
        tag = self._data[9:13]
        if tag != b"file" and not (tag[:1] == b"v" and tag[1:].isdigit()):
            raise UnsupportedImageError(f"XCF version {tag!r}")
        version = 0 if tag == b"file" else int(tag[1:])
        width, height, base = self._fields(">III", 14)
        at = 26
        precision = None
        if version >= 4:
            (precision,) = self._fields(">I", at)
            at += 4
        if base not in (RGB, GREY, INDEXED):
            raise DamagedImageError(f"base type {base}")
        sample, linear = _sample(version, precision)
        return XcfHeader(version, width, height, base, sample, linear), at

    def _fields(self, layout: str, at: int) -> tuple[int, ...]:
        if at < 0 or at + struct.calcsize(layout) > len(self._data):
            raise DamagedImageError(f"a field at {at} lies behind the end at {len(self._data)}")
        return struct.unpack_from(layout, self._data, at)

    def _pointer(self, at: int) -> tuple[int, int]:
        wide = self.header.version >= 11
        return self._fields(">Q" if wide else ">I", at)[0], at + (8 if wide else 4)

    def _properties(self, at: int) -> tuple[dict[int, bytes], int]:
        found: dict[int, bytes] = {}
        for _ in range(_ITEMS_MAX):
            kind, size = self._fields(">II", at)
            at += 8
            if kind == 0:
                return found, at
            if kind == 1 and self.header.version == 0:
                size = 4 + 3 * self._fields(">I", at)[0]  # version 0 wrote a wrong size here
            if at + size > len(self._data):
                raise DamagedImageError(f"property {kind} of {size} bytes lies behind the end")
            found[kind] = self._data[at : at + size]
            at += size
        raise DamagedImageError("properties without end")

    def layers(self) -> Iterator[XcfLayer]:
        """Yield layers from above to below, groups before what is in them."""
        at = self._pointers
        for number in range(_ITEMS_MAX):
            pointer, at = self._pointer(at)
            if pointer == 0:
                return
            yield self._layer(pointer, number)
        raise DamagedImageError(f"more than {_ITEMS_MAX} layers")

    def _layer(self, at: int, number: int) -> XcfLayer:
        width, height, kind, name = self._fields(">IIII", at)
        said, at = self._properties(at + 16 + name)
        tiles, at = self._pointer(at)
        mask, _ = self._pointer(at)
        x, y = struct.unpack(">ii", said[15]) if len(said.get(15, b"")) == 8 else (0, 0)
        path = said.get(30, b"")
        opacity = _number(said, 33, ">f", _number(said, 6, ">I", 255) / 255)
        return XcfLayer(
            width=width,
            height=height,
            kind=kind,
            x=x,
            y=y,
            visible=_number(said, 8, ">I", 1) != 0,
            opacity=min(1.0, max(0.0, opacity)),
            mode=int(_number(said, 7, ">I", 0)),
            group=29 in said,
            path=struct.unpack(f">{len(path) // 4}I", path[: len(path) // 4 * 4]) or (number,),
            blend_space=abs(int(_number(said, 37, ">i", 0))),
            composite_space=abs(int(_number(said, 36, ">i", 0))),
            composite=abs(int(_number(said, 35, ">i", 0))),
            tiles=tiles,
            mask=mask if _number(said, 11, ">I", 1) != 0 else 0,
        )

    def mask(self, at: int, width: int, height: int, rows: tuple[int, int]) -> NDArray[np.float32]:
        """Return some rows of a mask, (rows, width), 0 to 1."""
        own_width, own_height, name = self._fields(">III", at)
        if (own_width, own_height) != (width, height):
            raise DamagedImageError(f"a mask of {own_width}×{own_height} on a layer of {width}×{height}")
        _, at = self._properties(at + 12 + name)
        samples = self.samples(self._pointer(at)[0], width, height, 1, rows)
        return as_unit(samples)[..., 0]

    def samples(self, at: int, width: int, height: int, channels: int, rows: tuple[int, int]) -> NDArray[np.generic]:
        """Return rows `rows[0]` to `rows[1]` of a hierarchy of tiles, (rows, width, channels)."""
        own_width, own_height, pixel = self._fields(">III", at)
        kind = self._sample_type(pixel, channels)
        if (own_width, own_height) != (width, height):
            raise DamagedImageError(f"pixels of {own_width}×{own_height} in a layer of {width}×{height}")
        level, after = self._pointer(at + 12)
        step, across = after - at - 12, -(-width // TILE)
        first, last = rows[0] // TILE, -(-rows[1] // TILE)
        out = np.zeros((min(height, last * TILE) - first * TILE, width, channels), kind)
        for number in range(first * across, last * across):
            pointer, _ = self._pointer(level + 8 + step * number)
            if pointer == 0:
                raise DamagedImageError("tiles are missing")
            top, left = number // across * TILE, number % across * TILE
            down, right = min(TILE, height - top), min(TILE, width - left)
            raw = self._tile(pointer, down * right, pixel)
            tile = np.frombuffer(raw, kind).reshape(down, right, channels)
            out[top - first * TILE :, left:][:down, :right] = tile
        return out[rows[0] - first * TILE : rows[1] - first * TILE]

    def _sample_type(self, pixel: int, channels: int) -> np.dtype[np.generic]:
        sample = "u1" if self.header.base == INDEXED else self.header.sample
        if pixel != channels * int(sample[1]):
            raise DamagedImageError(f"{pixel} bytes a pixel for {channels} channels of {sample}")
        return np.dtype((">" if self.header.version >= 12 else "<") + sample)

    def _tile(self, at: int, pixels: int, pixel: int) -> bytes:
        size = pixels * pixel
        if at >= len(self._data):
            raise DamagedImageError(f"a tile at {at} lies behind the end")
        if self._compression == b"\0":
            raw = self._data[at : at + size]
        elif self._compression == b"\1":
            return _planes(self._data, at, pixels, pixel)
        elif self._compression == b"\2":
            try:
                raw = zlib.decompressobj().decompress(memoryview(self._data)[at:][: 2 * size + 1024], size)
            except zlib.error as error:
                raise DamagedImageError(f"a tile: {error}") from error
        else:
            raise UnsupportedImageError(f"compression {self._compression[0]}")
        if len(raw) < size:
            raise DamagedImageError(f"{len(raw)} of {size} bytes of a tile")
        return raw


def _number(said: dict[int, bytes], kind: int, layout: str, otherwise: float) -> float:
    body = said.get(kind, b"")
    return float(struct.unpack_from(layout, body)[0]) if len(body) >= struct.calcsize(layout) else otherwise


def _sample(version: int, precision: int | None) -> tuple[str, bool]:
    """Return sample type, and whether samples are linear light."""
    if precision is None:
        return "u1", False
    if version == 4:
        kind, linear = _OLD_PRECISIONS.get(precision), precision in _OLD_LINEAR
    else:
        table = _MIDDLE_PRECISIONS if version < 7 else _PRECISIONS
        kind, linear = table.get(precision // 100), precision % 100 == 0
    if kind is None:
        raise UnsupportedImageError(f"precision {precision}")
    return kind, linear


def _palette(body: bytes | None, version: int) -> NDArray[np.uint8] | None:
    if body is None or len(body) < 4:
        return None
    count = min(struct.unpack_from(">I", body)[0], (len(body) - 4) // 3)
    if version == 0:
        return np.repeat(np.arange(count, dtype=np.uint8)[:, None], 3, axis=1)
    return np.frombuffer(body, np.uint8, 3 * count, 4).reshape(count, 3)


def as_unit(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return samples of any kind as 0 to 1."""
    if samples.dtype.kind == "f":
        return np.clip(np.nan_to_num(samples.astype(np.float32)), 0, 1)
    most = 2 ** (8 * samples.dtype.itemsize) - 1
    unit: NDArray[np.float32] = np.asarray(samples, np.float32) / np.float32(most)
    return unit


def _planes(data: bytes, at: int, pixels: int, pixel: int) -> bytes:
    """Undo the run-length encoding of one tile: the first byte of all pixels, then the second, and so on."""
    out = np.empty((pixels, pixel), np.uint8)
    for plane in range(pixel):
        whole, at = _run_lengths(data, at, pixels)
        out[:, plane] = np.frombuffer(whole, np.uint8)
    return out.tobytes()


def _run_lengths(data: bytes, at: int, pixels: int) -> tuple[bytes, int]:
    parts: list[bytes] = []
    left = pixels
    try:
        while left > 0:
            code = data[at]
            at += 1
            if code in (127, 128):
                count = data[at] << 8 | data[at + 1]
                at += 2
            else:
                count = code + 1 if code < 127 else 256 - code
            if code <= 127:
                parts.append(data[at : at + 1] * count)
                at += 1
            else:
                parts.append(data[at : at + count])
                at += count
            left -= count
    except IndexError:
        raise DamagedImageError("a run of pixels is cut off") from None
    whole = b"".join(parts)
    if len(whole) != pixels:
        raise DamagedImageError(f"runs of {len(whole)} bytes for {pixels} pixels")
    return whole, at
