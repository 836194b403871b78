"""Golden cases of the many kinds of BMP, TGA and DDS."""

import struct

import numpy as np
from PIL import Image

from tests.extract.images import painted
from tests.extract.images.painted import Pixels, saved
from tests.extract.images.pictures import (
    COLOURS,
    Case,
    H,
    W,
    graded,
    grey,
    indexes,
    opaque,
    rgb,
)


def bmp_cases() -> list[Case]:
    colours = b"".join(bytes((b, g, r, 0)) for r, g, b in COLOURS)
    rows = indexes()[::-1]
    rle8 = b"".join(b"".join(bytes((2, row[x])) for x in range(0, W, 2)) + b"\0\0" for row in rows) + b"\0\1"
    rle4 = b"".join(b"".join(bytes((2, row[x] * 17)) for x in range(0, W, 2)) + b"\0\0" for row in rows) + b"\0\1"
    bgra = np.ascontiguousarray(graded()[::-1][..., [2, 1, 0, 3]]).tobytes()
    masks = struct.pack("<4I", 0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    v4 = struct.pack("<IiiHHIIiiII", 108, W, H, 1, 32, 3, len(bgra), 0, 0, 0, 0) + masks + b"BGRs" + bytes(48)
    v5 = struct.pack("<I", 124) + v4[4:] + bytes(16)
    five = np.array(COLOURS) >> 3
    words = (five[:, 0] << 10 | five[:, 1] << 5 | five[:, 2]).astype("<u2")[rows]
    rgb555 = opaque()
    rgb555[..., :3] = (five * 255 // 31)[indexes()]
    os2 = struct.pack("<IHHHH", 12, W, H, 1, 8)
    triples = b"".join(bytes((b, g, r)) for r, g, b in COLOURS)
    flat = np.ascontiguousarray(rows).tobytes()
    return [
        Case("bmp", "24", saved(rgb(opaque()), "BMP"), [opaque()], mode="RGB"),
        Case(
            "bmp",
            "rle8",
            painted.bmp(painted.bmp_info((W, H), 8, 1, len(rle8), 4), colours, rle8),
            [opaque()],
            palette_size=4,
        ),
        Case("bmp", "rle4", painted.bmp(painted.bmp_info((W, H), 4, 2, len(rle4), 4), colours, rle4), [opaque()]),
        Case("bmp", "16", painted.bmp(painted.bmp_info((W, H), 16, 0, 0), b"", words.tobytes()), [rgb555], tolerance=1),
        Case("bmp", "v4alpha", painted.bmp(v4, b"", bgra), [graded()], mode="RGBA"),
        Case("bmp", "v5alpha", painted.bmp(v5, b"", bgra), [graded()]),
        Case("bmp", "os2", painted.bmp(os2, triples + bytes(252 * 3), flat), [opaque()]),
        Case(
            "bmp",
            "topdown",
            painted.bmp(painted.bmp_info((W, -H), 8, 0, W * H, 4), colours, indexes().tobytes()),
            [opaque()],
        ),
    ]


def tga_cases() -> list[Case]:
    triples = b"".join(bytes((b, g, r)) for r, g, b in COLOURS)
    cases = []
    for origin, descriptor in (("bottom", 0), ("top", 0x20)):

        def laid(pixels: Pixels, top: bool = descriptor != 0) -> Pixels:
            return np.ascontiguousarray(pixels if top else pixels[::-1])

        bgra = laid(graded()[..., [2, 1, 0, 3]])
        kinds: list[tuple[int, int, bytes, bytes, Pixels]] = [
            (1, 8, triples, laid(indexes()).tobytes(), opaque()),
            (2, 24, b"", np.ascontiguousarray(laid(opaque()[..., 2::-1])).tobytes(), opaque()),
            (2, 32, b"", bgra.tobytes(), graded()),
            (3, 8, b"", np.ascontiguousarray(laid(grey())[..., 0]).tobytes(), grey()),
            (9, 8, triples, painted.tga_runs([bytes([i]) for i in laid(indexes()).ravel()]), opaque()),
            (10, 32, b"", painted.tga_runs([bytes(p) for p in bgra.reshape(-1, 4)]), graded()),
            (11, 8, b"", painted.tga_runs([bytes([v]) for v in laid(grey())[..., 0].ravel()]), grey()),
        ]
        for kind, bits, colours, data, expected in kinds:
            alpha = 8 if bits == 32 else 0
            file = painted.tga(kind, (W, H), bits, descriptor | alpha, data, colours)
            cases.append(Case("tga", f"type{kind}-{bits}-{origin}", file, [expected]))
    return cases


def flat_block(pixels: tuple[int, int, int, int]) -> Pixels:
    return np.full((4, 4, 4), pixels, np.uint8)


def dds_cases() -> list[Case]:
    red = struct.pack("<HHI", 0xF800, 0xF800, 0)
    opaque_red = flat_block((255, 0, 0, 255))
    bc7 = (
        1 << 6
        | 127 << 7
        | 127 << 14
        | 0 << 21
        | 0 << 28
        | 0 << 35
        | 0 << 42
        | 127 << 49
        | 127 << 56
        | 1 << 63
        | 1 << 64
    )
    one_channel = b"\x80\x80" + bytes(6)
    return [
        Case("dds", "plain", saved(Image.fromarray(graded()), "DDS"), [graded()]),
        Case("dds", "dxt1", painted.dds((4, 4), b"DXT1", red), [opaque_red]),
        Case("dds", "dxt3", painted.dds((4, 4), b"DXT3", b"\x88" * 8 + red), [flat_block((255, 0, 0, 136))]),
        Case("dds", "dxt5", painted.dds((4, 4), b"DXT5", one_channel + red), [flat_block((255, 0, 0, 128))]),
        Case("dds", "bc4", painted.dds((4, 4), b"DX10", one_channel, 80), [flat_block((128, 128, 128, 255))]),
        Case("dds", "bc5", painted.dds((4, 4), b"DX10", one_channel * 2, 83), [flat_block((128, 128, 0, 255))]),
        Case(
            "dds", "bc7", painted.dds((4, 4), b"DX10", bc7.to_bytes(16, "little"), 98), [flat_block((255, 1, 1, 255))]
        ),
    ]
