"""The structure of an Aseprite file: layers, cels, palettes, tilesets, tags, in the order of its frames.

Source: Aseprite File Format Specifications (docs/ase-file-specs.md in aseprite/aseprite). Little-endian; a 128-byte
header, then frames of chunks. Nothing is decompressed here.
"""

import struct
from dataclasses import dataclass, field

from extract.images.interface import DamagedImageError, UnsupportedImageError

HEADER_BYTES = 128
MAGIC, FRAME_MAGIC = 0xA5E0, 0xF1FA
GROUP, TILEMAP = 1, 2
RAW, LINKED, COMPRESSED, COMPRESSED_TILEMAP = 0, 1, 2, 3


@dataclass(frozen=True)
class Header:
    """Canvas and the meaning of samples. `depth` is bits a pixel: 32 RGBA, 16 grey with alpha, 8 indexed."""

    frames: int
    width: int
    height: int
    depth: int
    flags: int
    speed_ms: int
    transparent: int
    colours: int


@dataclass(frozen=True)
class Layer:
    """A layer or group. `level`: how many groups it is in."""

    flags: int
    kind: int
    level: int
    mode: int
    opacity: int
    tileset: int

    @property
    def visible(self) -> bool:
        """Tell whether it shows: hidden and reference layers do not."""
        return bool(self.flags & 1) and not self.flags & 64

    @property
    def background(self) -> bool:
        """Tell whether it is the background, which has no transparent index."""
        return bool(self.flags & 8)


@dataclass(frozen=True)
class Cel:
    """A layer's picture in one frame; `body` is what follows the fixed part, by `kind`."""

    layer: int
    x: int
    y: int
    opacity: int
    kind: int
    z: int
    body: memoryview


@dataclass(frozen=True)
class Tileset:
    """Tiles of one size, compressed, one below the other."""

    count: int
    width: int
    height: int
    body: memoryview | None


@dataclass
class Frame:
    """Cels by layer, how long they show, and the palette as it is from here on (RGBA, 256 entries)."""

    duration_ms: int
    cels: dict[int, Cel] = field(default_factory=dict)
    palette: bytes = b""


@dataclass
class Sprite:
    """A whole file. `flaw` says where it broke off, or nothing."""

    header: Header
    layers: list[Layer] = field(default_factory=list)
    tilesets: dict[int, Tileset] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    tags: list[tuple[int, int, str]] = field(default_factory=list)
    flaw: str = ""
    palette_size: int = 0
    new_palette: bool = False


def parse_header(data: bytes) -> Header:
    """Read the header. Raises DamagedImageError, UnsupportedImageError."""
    if len(data) < HEADER_BYTES:
        raise DamagedImageError("truncated header")
    magic, frames, width, height, depth, flags, speed = struct.unpack_from("<5HIH", data, 4)
    transparent, colours = data[28], struct.unpack_from("<H", data, 32)[0]
    if magic != MAGIC:
        raise DamagedImageError("no Aseprite header")
    if depth not in (8, 16, 32):
        raise UnsupportedImageError(f"{depth} bits a pixel")
    return Header(frames, width, height, depth, flags, speed, transparent, colours)


def parse(data: bytes) -> Sprite:
    """Read the structure; what can be read before the file breaks off is kept. Raises as `parse_header` does."""
    sprite = Sprite(parse_header(data))
    view, at = memoryview(data), HEADER_BYTES
    palette = bytearray(256 * 4)
    palette[3::4] = b"\xff" * 256
    for number in range(sprite.header.frames):
        if at + 16 > len(data):
            sprite.flaw = f"truncated: {number} of {sprite.header.frames} frames"
            break
        size, magic, old_count, duration, new_count = struct.unpack_from("<IHHH2xI", data, at)
        if magic != FRAME_MAGIC:
            sprite.flaw = f"frame {number} of {sprite.header.frames} has no header"
            break
        frame = Frame(duration or sprite.header.speed_ms)
        try:
            _chunks(sprite, frame, view[at + 16 : at + max(size, 16)], new_count or old_count, palette)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            sprite.flaw = f"frame {number} of {sprite.header.frames}: {error}"
        frame.palette = bytes(palette)
        sprite.frames.append(frame)
        if sprite.flaw:
            break
        at += size
    return sprite


def _chunks(sprite: Sprite, frame: Frame, body: memoryview, count: int, palette: bytearray) -> None:
    at = 0
    for number in range(count):
        size, kind = struct.unpack_from("<IH", body, at)
        if size < 6 or at + size > len(body):
            raise struct.error(f"chunk {number} of {count} is cut off")
        chunk = body[at + 6 : at + size]
        if kind == 0x2004:
            sprite.layers.append(_layer(chunk, sprite.header))
        elif kind == 0x2005:
            cel = _cel(chunk)
            frame.cels[cel.layer] = cel
        elif kind in (0x0004, 0x0011, 0x2019):
            _palette(sprite, kind, chunk, palette)
        elif kind == 0x2018:
            sprite.tags += _tags(chunk)
        elif kind == 0x2023:
            identity, tileset = _tileset(chunk)
            sprite.tilesets[identity] = tileset
        at += size


def _string(chunk: memoryview, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<H", chunk, at)
    return bytes(chunk[at + 2 : at + 2 + length]).decode("utf-8", "replace"), at + 2 + length


def _layer(chunk: memoryview, header: Header) -> Layer:
    flags, kind, level, mode, opacity = struct.unpack_from("<3H4xHB", chunk)
    _, after = _string(chunk, 16)
    tileset = struct.unpack_from("<I", chunk, after)[0] if kind == TILEMAP else 0
    return Layer(flags, kind, level, mode, opacity if header.flags & 1 else 255, tileset)


def _cel(chunk: memoryview) -> Cel:
    layer, x, y, opacity, kind, z = struct.unpack_from("<HhhBHh", chunk)
    return Cel(layer, x, y, opacity, kind, z, chunk[16:])


def _palette(sprite: Sprite, kind: int, chunk: memoryview, palette: bytearray) -> None:
    """Change palette entries. Where a file holds both kinds of chunk, only the new kind counts."""
    if kind == 0x2019:
        sprite.new_palette = True
        size, first, last = struct.unpack_from("<III", chunk)
        sprite.palette_size = size
        at = 20
        for index in range(first, min(last, 255) + 1):
            flags = struct.unpack_from("<H", chunk, at)[0]
            palette[4 * index : 4 * index + 4] = struct.pack("4B", *struct.unpack_from("4B", chunk, at + 2))
            at = _string(chunk, at + 6)[1] if flags & 1 else at + 6
    elif not sprite.new_palette:
        _old_palette(sprite, chunk, palette, full=63 if kind == 0x0011 else 255)


def _old_palette(sprite: Sprite, chunk: memoryview, palette: bytearray, full: int) -> None:
    (packets,) = struct.unpack_from("<H", chunk)
    at, index = 2, 0
    for _ in range(packets):
        skip, count = struct.unpack_from("BB", chunk, at)
        at, index = at + 2, index + skip
        for _ in range(count or 256):
            colour = struct.unpack_from("3B", chunk, at)
            if index < 256:
                palette[4 * index : 4 * index + 3] = bytes(min(255, c * 255 // full) for c in colour)
            at, index = at + 3, index + 1
    sprite.palette_size = max(sprite.palette_size, min(index, 256))


def _tags(chunk: memoryview) -> list[tuple[int, int, str]]:
    (count,) = struct.unpack_from("<H", chunk)
    tags, at = [], 10
    for _ in range(count):
        first, last = struct.unpack_from("<HH", chunk, at)
        name, at = _string(chunk, at + 17)
        tags.append((first, last, name))
    return tags


def _tileset(chunk: memoryview) -> tuple[int, Tileset]:
    identity, flags, count, width, height = struct.unpack_from("<IIIHH", chunk)
    _, at = _string(chunk, 32)
    if flags & 1:
        at += 8
    if not flags & 2:
        return identity, Tileset(count, width, height, None)
    (length,) = struct.unpack_from("<I", chunk, at)
    return identity, Tileset(count, width, height, chunk[at + 4 : at + 4 + length])
