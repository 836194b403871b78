"""Aseprite files (.ase, .aseprite): every frame with its visible layers flattened, as the program would export it.

Hidden and reference layers are left out; groups have opacity and blend mode of their own only where the file says
so. Colours mix by the W3C's formulas, which differ from the program's integer arithmetic by at most a rounding.
Adobe Swatch Exchange files share the suffix .ase but hold no raster; `extract.sniff` tells them apart.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba, canonical
from extract.images.aseprite_file import (
    COMPRESSED,
    COMPRESSED_TILEMAP,
    GROUP,
    LINKED,
    RAW,
    Cel,
    Frame,
    Layer,
    Sprite,
    Tileset,
    parse,
)
from extract.images.blending import Floats, as_bytes, as_floats, over
from extract.images.interface import Budget, DamagedImageError, DecodedFrame, ImageLimits, UnsupportedImageError

_MODES = [
    "normal",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "dodge",
    "burn",
    "hard-light",
    "soft-light",
    "difference",
    "exclusion",
    "hue",
    "saturation",
    "colour",
    "luminosity",
    "addition",
    "subtract",
    "divide",
]
_GROUPS_BLEND = 2
_STRIP_PIXELS = 1 << 20
"""Composed at a time: floating point needs many times the memory of the picture."""
_STORED = {8: "P", 16: "LA", 32: "RGBA"}


class AsepriteDecoder:
    """ASE and ASEPRITE."""

    def preload(self) -> None:
        """Nothing is imported late."""

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield frames in order. Raises DecodeError's children."""
        sprite = parse(path.read_bytes())
        header, budget = sprite.header, Budget(limits)
        budget.canvas(header.width, header.height, max(1, header.frames))
        painter = _Painter(sprite, budget)
        colours = sprite.palette_size or header.colours or 256
        for number, frame in enumerate(sprite.frames):
            budget.spend(header.width, header.height)
            broken = bool(sprite.flaw) and number == len(sprite.frames) - 1
            if broken and not frame.cels:
                break
            yield DecodedFrame(
                number,
                painter.paint(number),
                frame.duration_ms if header.frames > 1 else None,
                _STORED[header.depth],
                colours if header.depth == 8 else None,
                partial=broken,
                label=", ".join(name for first, last, name in sprite.tags if first <= number <= last),
            )
        if sprite.flaw or not sprite.frames:
            raise DamagedImageError(sprite.flaw or "no frames")


@dataclass
class _Node:
    """A layer with what is inside it, in drawing order."""

    index: int
    layer: Layer | None
    inside: list["_Node"] = field(default_factory=list)


def _tree(layers: list[Layer]) -> _Node:
    root = _Node(-1, None)
    open_ = [root]
    for index, layer in enumerate(layers):
        node = _Node(index, layer)
        del open_[min(layer.level, len(open_) - 1) + 1 :]
        open_[-1].inside.append(node)
        if layer.kind == GROUP:
            open_.append(node)
    return root


class _Painter:
    """Paints frames of one sprite."""

    def __init__(self, sprite: Sprite, budget: Budget) -> None:
        self._sprite = sprite
        self._budget = budget
        self._root = _tree(sprite.layers)
        self._tiles: dict[tuple[int, bytes, bool], NDArray[np.uint8]] = {}
        self._shown: dict[int, NDArray[np.uint8]] = {}
        self._top = 0

    def paint(self, number: int) -> Rgba:
        """Return one frame's pixels. Raises DamagedImageError, UnsupportedImageError."""
        frame, header = self._sprite.frames[number], self._sprite.header
        rows = max(1, _STRIP_PIXELS // header.width)
        self._shown.clear()
        strips = []
        for self._top in range(0, header.height, rows):
            canvas = np.zeros((min(rows, header.height - self._top), header.width, 4), np.float32)
            strips.append(as_bytes(self._onto(canvas, self._root, frame)))
        return canonical(np.concatenate(strips))

    def _onto(self, canvas: Floats, group: _Node, frame: Frame) -> Floats:
        for node in self._ordered(group, frame):
            layer = node.layer
            if layer is None or not layer.visible:
                continue
            if layer.kind != GROUP:
                self._cel_onto(canvas, node.index, layer, frame)
            elif self._sprite.header.flags & _GROUPS_BLEND:
                alone = self._onto(np.zeros_like(canvas), node, frame)
                canvas = over(canvas, alone, layer.opacity / 255, _mode(layer))
            else:
                canvas = self._onto(canvas, node, frame)
        return canvas

    def _ordered(self, group: _Node, frame: Frame) -> list[_Node]:
        """Return what is in a group from below to above: a cel may stand some layers away from its own."""

        def place(item: tuple[int, _Node]) -> tuple[int, int]:
            cel = frame.cels.get(item[1].index)
            z = cel.z if cel else 0
            return item[0] + z, z

        return [node for _, node in sorted(enumerate(group.inside), key=place)]

    def _cel_onto(self, canvas: Floats, index: int, layer: Layer, frame: Frame) -> None:
        """Compose a layer's cel onto the canvas, in place."""
        cel = frame.cels.get(index)
        if cel is None:
            return
        if index not in self._shown:
            self._shown[index] = self._pixels(self._source(cel), layer, frame)
        pixels, x, y = self._shown[index], cel.x, cel.y - self._top
        height, width = canvas.shape[:2]
        left, top = max(0, x), max(0, y)
        right, bottom = min(width, x + pixels.shape[1]), min(height, y + pixels.shape[0])
        if left >= right or top >= bottom:
            return
        seen = as_floats(pixels[top - y : bottom - y, left - x : right - x])
        opacity = cel.opacity * layer.opacity / (255 * 255)
        canvas[top:bottom, left:right] = over(canvas[top:bottom, left:right], seen, opacity, _mode(layer))

    def _source(self, cel: Cel) -> Cel:
        """Follow a linked cel to the one that has pixels."""
        for _ in range(len(self._sprite.frames) + 1):
            if cel.kind != LINKED:
                return cel
            (target,) = _fields("<H", cel.body)
            linked = self._sprite.frames[target].cels.get(cel.layer) if target < len(self._sprite.frames) else None
            if linked is None:
                raise DamagedImageError(f"a cel links to frame {target}, which has none")
            cel = linked
        raise DamagedImageError("cels link in a circle")

    def _pixels(self, cel: Cel, layer: Layer, frame: Frame) -> NDArray[np.uint8]:
        if cel.kind == COMPRESSED_TILEMAP:
            return self._tilemap(cel, layer, frame)
        if cel.kind not in (RAW, COMPRESSED):
            raise UnsupportedImageError(f"cel of kind {cel.kind}")
        width, height = _fields("<HH", cel.body)
        self._budget.spend(width, height)
        size = width * height * self._sprite.header.depth // 8
        body = cel.body[4:]
        return self._colours(_inflated(body, size) if cel.kind == COMPRESSED else body, height, width, layer, frame)

    def _colours(self, raw: bytes | memoryview, height: int, width: int, layer: Layer, frame: Frame) -> Rgba:
        depth = self._sprite.header.depth
        if len(raw) < width * height * depth // 8:
            raise DamagedImageError(f"{len(raw)} bytes for {width}×{height} pixels of {depth} bits")
        samples = np.frombuffer(raw, np.uint8, width * height * depth // 8).reshape(height, width, depth // 8)
        if depth == 32:
            return samples
        if depth == 16:
            return samples[..., (0, 0, 0, 1)]
        palette = np.frombuffer(frame.palette, np.uint8).reshape(256, 4).copy()
        if not layer.background:
            palette[self._sprite.header.transparent] = 0
        return palette[samples[..., 0]]

    def _tilemap(self, cel: Cel, layer: Layer, frame: Frame) -> NDArray[np.uint8]:
        width, height, bits, mask, flip_x, flip_y, flip_d = _fields("<HHHIIII", cel.body)
        tileset = self._sprite.tilesets.get(layer.tileset)
        if tileset is None or tileset.body is None or bits != 32:
            raise UnsupportedImageError("a tilemap whose tiles are not in the file")
        self._budget.spend(max(1, width * tileset.width), max(1, height * tileset.height))
        cells = np.frombuffer(_inflated(cel.body[32:], width * height * 4), "<u4").reshape(height, width)
        tiles = self._tiles_of(tileset, layer, frame)
        out = np.zeros((height * tileset.height, width * tileset.width, 4), np.uint8)
        for (row, column), cell in np.ndenumerate(cells):
            number = int(cell) & mask
            if not 0 < number < len(tiles):
                continue
            tile = tiles[number]
            tile = tile.transpose(1, 0, 2) if cell & flip_d and tileset.width == tileset.height else tile
            tile = tile[:, ::-1] if cell & flip_x else tile
            tile = tile[::-1] if cell & flip_y else tile
            y, x = row * tileset.height, column * tileset.width
            out[y : y + tileset.height, x : x + tileset.width] = tile
        return out

    def _tiles_of(self, tileset: Tileset, layer: Layer, frame: Frame) -> NDArray[np.uint8]:
        key = (layer.tileset, frame.palette, layer.background)
        if key not in self._tiles:
            self._budget.spend(max(1, tileset.width), max(1, tileset.height * tileset.count))
            size = tileset.width * tileset.height * tileset.count * self._sprite.header.depth // 8
            raw = _inflated(tileset.body or memoryview(b""), size)
            strip = self._colours(raw, tileset.height * tileset.count, tileset.width, layer, frame)
            self._tiles[key] = strip.reshape(tileset.count, tileset.height, tileset.width, 4)
        return self._tiles[key]


def _mode(layer: Layer) -> str:
    return _MODES[layer.mode] if layer.mode < len(_MODES) else "normal"


def _fields(layout: str, body: memoryview) -> tuple[int, ...]:
    if len(body) < struct.calcsize(layout):
        raise DamagedImageError("a cel is cut off")
    return struct.unpack_from(layout, body)


def _inflated(body: memoryview, size: int) -> bytes:
    """Return exactly `size` bytes. Raises DamagedImageError."""
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(body, size) if size else b""
    except zlib.error as error:
        raise DamagedImageError(f"compressed pixels: {error}") from error
    if len(raw) < size:
        raise DamagedImageError(f"{len(raw)} of {size} bytes of compressed pixels")
    return raw
