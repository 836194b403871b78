"""Files of formats that no library writes as we need them, built field by field."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def png(pixels: Pixels, **options: object) -> bytes:
    return saved(Image.fromarray(pixels), "PNG", **options)


def saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


# Aseprite ----------------------------------------------------------------------------------------------------------


def text(said: str) -> bytes:
    return struct.pack("<H", len(said.encode())) + said.encode()


def chunk(kind: int, body: bytes) -> bytes:
    return struct.pack("<IH", len(body) + 6, kind) + body


def layer(
    name: str, *, flags: int = 1, kind: int = 0, level: int = 0, mode: int = 0, opacity: int = 255, tileset: int = 0
) -> bytes:
    body = struct.pack("<6HB3x", flags, kind, level, 0, 0, mode, opacity) + text(name)
    return chunk(0x2004, body + (struct.pack("<I", tileset) if kind == 2 else b""))


def cel(
    index: int, pixels: Pixels, at: tuple[int, int] = (0, 0), *, opacity: int = 255, raw: bool = False, z: int = 0
) -> bytes:
    """`pixels`: (h, w) indexes, (h, w, 2) grey and alpha, or (h, w, 4)."""
    head = struct.pack("<HhhBHh5x", index, *at, opacity, 0 if raw else 2, z)
    size = struct.pack("<HH", pixels.shape[1], pixels.shape[0])
    return chunk(0x2005, head + size + (pixels.tobytes() if raw else zlib.compress(pixels.tobytes())))


def linked(index: int, frame: int) -> bytes:
    return chunk(0x2005, struct.pack("<HhhBHh5xH", index, 0, 0, 255, 1, 0, frame))


def tilemap(index: int, cells: NDArray[np.uint32], at: tuple[int, int] = (0, 0)) -> bytes:
    head = struct.pack("<HhhBHh5x", index, *at, 255, 3, 0)
    masks = struct.pack("<HHHIIII10x", cells.shape[1], cells.shape[0], 32, 0x1FFFFFFF, 1 << 29, 1 << 30, 1 << 31)
    return chunk(0x2005, head + masks + zlib.compress(cells.astype("<u4").tobytes()))


def tileset(tiles: Pixels) -> bytes:
    """`tiles`: (count, h, w, 4)."""
    body = zlib.compress(tiles.tobytes())
    head = struct.pack("<IIIHHh14x", 0, 2 | 4, len(tiles), tiles.shape[2], tiles.shape[1], 1)
    return chunk(0x2023, head + text("t") + struct.pack("<I", len(body)) + body)


def palette(colours: Sequence[tuple[int, int, int, int]]) -> bytes:
    entries = b"".join(struct.pack("<H4B", 0, *colour) for colour in colours)
    return chunk(0x2019, struct.pack("<III8x", len(colours), 0, len(colours) - 1) + entries)


def old_palette(colours: Sequence[tuple[int, int, int]], kind: int = 0x0004) -> bytes:
    return chunk(kind, struct.pack("<HBB", 1, 0, len(colours)) + b"".join(bytes(colour) for colour in colours))


def tags(*said: tuple[int, int, str]) -> bytes:
    body = b"".join(struct.pack("<HHB8x3xx", first, last, 0) + text(name) for first, last, name in said)
    return chunk(0x2018, struct.pack("<H8x", len(said)) + body)


def aseprite(
    size: tuple[int, int],
    frames: Sequence[Sequence[bytes]],
    *,
    depth: int = 32,
    flags: int = 1,
    durations: Sequence[int] = (),
    transparent: int = 0,
) -> bytes:
    body = b""
    for number, chunks in enumerate(frames):
        inside = b"".join(chunks)
        duration = durations[number] if durations else 100
        body += struct.pack("<IHHH2xI", len(inside) + 16, 0xF1FA, len(chunks), duration, len(chunks)) + inside
    head = struct.pack(
        "<5HIH8xB3xHBBhhHH84x", 0xA5E0, len(frames), *size, depth, flags, 77, transparent, 0, 1, 1, 0, 0, 16, 16
    )
    return struct.pack("<I", len(head) + 4 + len(body)) + head + body


# XCF ---------------------------------------------------------------------------------------------------------------


def prop(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", kind, len(body)) + body


class XcfLayer:
    """A layer to write: samples (h, w, channels), its type, place, and further properties."""

    def __init__(self, samples: NDArray[np.generic], kind: int, *properties: bytes, mask: Pixels | None = None) -> None:
        self.samples, self.kind, self.properties, self.mask = samples, kind, b"".join(properties), mask


def xcf(
    size: tuple[int, int],
    layers: Sequence[XcfLayer],
    *,
    version: int = 3,
    base: int = 0,
    precision: int | None = None,
    compression: int = 1,
    colours: Sequence[tuple[int, int, int]] = (),
) -> bytes:
    wide = ">Q" if version >= 11 else ">I"
    step = struct.calcsize(wide)
    tag = b"file" if version == 0 else b"v%03d" % version
    out = bytearray(b"gimp xcf " + tag + b"\0" + struct.pack(">III", *size, base))
    if version >= 4:
        out += struct.pack(">I", precision or 150)
    out += prop(17, bytes([compression]))
    if colours:
        out += prop(1, struct.pack(">I", len(colours)) + b"".join(bytes(c) for c in colours))
    out += prop(0, b"")
    table = len(out)
    out += bytes(step * (len(layers) + 2))

    def hierarchy(samples: NDArray[np.generic]) -> int:
        height, width, channels = samples.shape
        start = len(out)
        pixel = channels * samples.dtype.itemsize
        out.extend(struct.pack(">III", width, height, pixel) + bytes(2 * step))
        struct.pack_into(wide, out, start + 12, len(out))
        boxes = [(y, x) for y in range(0, height, 64) for x in range(0, width, 64)]
        out.extend(struct.pack(">II", width, height))
        pointers = len(out)
        out.extend(bytes(step * (len(boxes) + 1)))
        for number, (y, x) in enumerate(boxes):
            struct.pack_into(wide, out, pointers + step * number, len(out))
            order = ">" if version >= 12 else "<"
            tile = samples[y : y + 64, x : x + 64]
            out.extend(packed_tile(tile.astype(tile.dtype.newbyteorder(order)).tobytes(), pixel, compression))
        return start

    for number, described in enumerate(layers):
        mask_at = 0
        if described.mask is not None:
            mask_at = len(out)
            height, width = described.mask.shape
            out += struct.pack(">II", width, height) + struct.pack(">I", 2) + b"m\0" + prop(0, b"")
            field = len(out)
            out += bytes(step)
            struct.pack_into(wide, out, field, hierarchy(described.mask[..., None]))
        tiles = hierarchy(described.samples)
        struct.pack_into(wide, out, table + step * number, len(out))
        height, width = described.samples.shape[:2]
        out += struct.pack(">IIII", width, height, described.kind, 2) + b"l\0" + described.properties + prop(0, b"")
        out += struct.pack(wide, tiles) + struct.pack(wide, mask_at)
    return bytes(out)


def packed_tile(raw: bytes, pixel: int, compression: int) -> bytes:
    if compression == 0:
        return raw
    if compression == 2:
        return zlib.compress(raw)
    return b"".join(run_lengths(raw[plane::pixel]) for plane in range(pixel))


def run_lengths(plane: bytes) -> bytes:
    """Write short and long runs, and short and long stretches without any."""
    out, at = b"", 0
    while at < len(plane):
        run = 1
        while at + run < len(plane) and plane[at + run] == plane[at] and run < 60000:
            run += 1
        if run > 127:
            out += b"\x7f" + struct.pack(">H", run) + plane[at : at + 1]
        elif run > 2:
            out += bytes([run - 1]) + plane[at : at + 1]
        else:
            run = min(len(plane) - at, 200 if at % 2 else 5)
            literal = plane[at : at + run]
            out += (b"\x80" + struct.pack(">H", run) if run > 127 else bytes([256 - run])) + literal
        at += run
    return out


# Others ------------------------------------------------------------------------------------------------------------


def zipped(mime: str, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", mime)
        for name, data in members.items():
            archive.writestr(name.replace("_DOT_", "."), data)
    return out.getvalue()


def icns(picture: bytes) -> bytes:
    """Wrap a PNG of 32×32 pixels."""
    entry = b"icp5" + struct.pack(">I", len(picture) + 8) + picture
    return b"icns" + struct.pack(">I", len(entry) + 8) + entry


def cursor(icon: bytes) -> bytes:
    """Make an icon a cursor: type 2, a hot spot at 5, 6 in each entry."""
    out = bytearray(icon)
    struct.pack_into("<H", out, 2, 2)
    for entry in range(struct.unpack_from("<H", icon, 4)[0]):
        struct.pack_into("<HH", out, 6 + 16 * entry + 4, 5, 6)
    return bytes(out)


def riff(kind: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + kind + body


def animated_cursor(icons: Sequence[bytes], order: Sequence[int], jiffies: Sequence[int]) -> bytes:
    frames = b"fram" + b"".join(b"icon" + struct.pack("<I", len(i)) + i + b"\0" * (len(i) % 2) for i in icons)
    head = struct.pack("<9I", 36, len(icons), len(order), 0, 0, 0, 0, 10, 3)
    return riff(
        b"ACON",
        (b"anih", head),
        (b"rate", struct.pack(f"<{len(jiffies)}I", *jiffies)),
        (b"seq ", struct.pack(f"<{len(order)}I", *order)),
        (b"LIST", frames),
    )


def bmp(header: bytes, colours: bytes, data: bytes) -> bytes:
    start = 14 + len(header) + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + colours + data


def bmp_info(size: tuple[int, int], bits: int, compression: int, data: int, colours: int = 0) -> bytes:
    return struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, compression, data, 2835, 2835, colours, 0)


def tga(kind: int, size: tuple[int, int], bits: int, descriptor: int, data: bytes, colours: bytes = b"") -> bytes:
    count = len(colours) // 3
    return (
        struct.pack("<BBBHHBHHHHBB", 0, bool(count), kind, 0, count, 24 if count else 0, 0, 0, *size, bits, descriptor)
        + colours
        + data
    )


def tga_runs(pixels: Sequence[bytes]) -> bytes:
    """Encode pixels as one run for two equal ones, else raw packets."""
    out, at = b"", 0
    while at < len(pixels):
        same = at + 1 < len(pixels) and pixels[at] == pixels[at + 1]
        out += (b"\x81" if same else b"\x00") + pixels[at]
        at += 2 if same else 1
    return out


def dds(size: tuple[int, int], code: bytes, data: bytes, dxgi: int | None = None) -> bytes:
    pixel_format = struct.pack("<II4s5I", 32, 4, code, 0, 0, 0, 0, 0)
    head = struct.pack("<7I44x", 124, 0x1007, size[1], size[0], len(data), 0, 0) + pixel_format
    head += struct.pack("<5I", 0x1000, 0, 0, 0, 0)
    more = b"" if dxgi is None else struct.pack("<5I", dxgi, 3, 0, 1, 0)
    return b"DDS " + head + more + data


def svg(body: str, attributes: str = 'width="16" height="12"') -> bytes:
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"<svg {spaces} {attributes}>{body}</svg>".encode()
