"""Golden cases of what Pillow reads."""

import struct

import numpy as np
from PIL import Image

from tests.extract.images import painted
from tests.extract.images.painted import Pixels, png, saved
from tests.extract.images.pictures import (
    COLOURS,
    Case,
    H,
    W,
    big_grey,
    graded,
    grey,
    indexed_picture,
    indexes,
    opaque,
    rgb,
    sprite,
    stepped,
)


def pillow_cases() -> list[Case]:
    three = [Image.fromarray(stepped(n)) for n in range(3)]
    more: dict[str, object] = {"save_all": True, "append_images": three[1:]}
    steps = [stepped(n) for n in range(3)]
    deep = (np.add.outer(np.arange(H), np.arange(W)) * 2000).astype(np.uint16)
    deep_pixels = np.dstack([(deep >> 8).astype(np.uint8)] * 3 + [np.full((H, W), 255, np.uint8)])
    pages = [rgb(opaque()), rgb(grey()[:5, :7])]
    small = grey()[:5, :7]
    return [
        Case("png", "rgba", png(sprite()), [sprite()], mode="RGBA"),
        Case("png", "palette", saved(indexed_picture(), "PNG", transparency=0), [sprite()], mode="P;2", palette_size=4),
        Case("png", "16bit", saved(Image.fromarray(deep), "PNG"), [deep_pixels], mode="L;16"),
        Case(
            "png",
            "animated",
            saved(three[0], "PNG", duration=[50, 60, 70], **more),
            steps,
            durations=[50, 60, 70],
        ),
        Case(
            "gif",
            "animated",
            saved(three[0], "GIF", duration=[40, 50, 60], disposal=2, **more),
            steps,
            durations=[40, 50, 60],
        ),
        Case(
            "jpeg", "grey", saved(rgb(grey()).convert("L"), "JPEG", quality=100, subsampling=0), [grey()], tolerance=3
        ),
        Case(
            "jpeg",
            "mpo",
            saved(rgb(grey()), "MPO", quality=100, save_all=True, append_images=[rgb(grey())]),
            [grey()] * 2,
            tolerance=4,
        ),
        Case(
            "webp",
            "animated",
            saved(three[0], "WEBP", lossless=True, exact=True, duration=30, **more),
            steps,
            durations=[30] * 3,
        ),
        Case("avif", "still", saved(rgb(grey()), "AVIF", quality=100, subsampling="4:4:4"), [grey()], tolerance=4),
        Case("tiff", "pages", saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), [opaque(), small]),
        Case("tiff", "lzw", saved(Image.fromarray(graded()), "TIFF", compression="tiff_lzw"), [graded()], mode="RGBA"),
        Case("ppm", "p6", saved(rgb(opaque()), "PPM"), [opaque()]),
        Case("qoi", "rgba", saved(Image.fromarray(graded()), "QOI"), [graded()]),
        Case("jp2", "lossless", saved(rgb(opaque()), "JPEG2000"), [opaque()]),
        Case("sgi", "rgba", saved(Image.fromarray(graded()), "SGI"), [graded()]),
        Case("icns", "png", painted.icns(png(big_grey()[:32, :32])), [big_grey()[:32, :32]]),
        Case(
            "sun",
            "24",
            struct.pack(">8I", 0x59A66A95, W, H, 24, W * H * 3, 1, 0, 0) + opaque()[..., 2::-1].tobytes(),
            [opaque()],
        ),
        Case("xpm", "colours", xpm(), [sprite()]),
        Case("fli", "two", fli(), [opaque(), grey_frame()], durations=[70, 70]),
        Case("pcx", "24", saved(rgb(opaque()), "PCX"), [opaque()]),
        Case("pcx", "8", saved(indexed_picture(), "PCX"), [opaque()], palette_size=256),
        Case("pcx", "1", saved(rgb(grey()).convert("1", dither=Image.Dither.NONE), "PCX"), [black_and_white()]),
        Case("dcx", "two", dcx(), [opaque(), opaque()]),
    ]


def grey_frame() -> Pixels:
    return opaque()[::-1]


def black_and_white() -> Pixels:
    out = grey()
    out[..., :3] = np.where(out[..., :3] >= 128, 255, 0)
    return out


def xpm() -> bytes:
    letters = " .+@"
    rows = ['"' + "".join(letters[i] for i in row) + '"' for row in indexes()]
    colours = ['"  c None"'] + [f'"{letters[n]} c #{r:02x}{g:02x}{b:02x}"' for n, (r, g, b) in enumerate(COLOURS) if n]
    return ("/* XPM */\nstatic char *x[] = {\n" + ",\n".join([f'"{W} {H} 4 1"', *colours, *rows]) + "\n};\n").encode()


def fli() -> bytes:
    colours = struct.pack("<HBB", 1, 0, 0) + bytes(c for colour in COLOURS for c in colour) + bytes(252 * 3)

    def frame(*chunks: bytes) -> bytes:
        body = b"".join(chunks)
        return struct.pack("<IHH8x", len(body) + 16, 0xF1FA, len(chunks)) + body

    def chunk(kind: int, body: bytes) -> bytes:
        return struct.pack("<IH", len(body) + 6, kind) + body

    body = frame(chunk(4, colours), chunk(16, indexes().tobytes())) + frame(chunk(16, indexes()[::-1].tobytes()))
    head = struct.pack("<IHHHHHHI", 128 + len(body), 0xAF12, 2, W, H, 8, 3, 70)
    return head.ljust(128, b"\0") + body


def dcx() -> bytes:
    page = saved(rgb(opaque()), "PCX")
    offsets = [16, 16 + len(page)]
    return struct.pack("<4I", 0x3ADE68B1, *offsets, 0) + page + page
