"""Golden cases: a file of each format, and the pixels that must come out of it."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from tests.extract.images import painted
from tests.extract.images.painted import Pixels, XcfLayer, png, saved

W, H = 16, 12
COLOURS = [(0, 0, 0), (200, 40, 30), (30, 160, 60), (250, 240, 90)]


def indexes() -> Pixels:
    return (np.add.outer(np.arange(H) // 3, np.arange(W) // 2) % 4).astype(np.uint8)


def opaque() -> Pixels:
    out = np.full((H, W, 4), 255, np.uint8)
    out[..., :3] = np.array(COLOURS, np.uint8)[indexes()]
    return out


def sprite() -> Pixels:
    """Binary alpha: colour 0 is invisible."""
    out = opaque()
    out[indexes() == 0] = 0
    return out


def graded() -> Pixels:
    out = opaque()
    out[..., 3] = np.linspace(255, 55, W).astype(np.uint8)
    return out


def grey() -> Pixels:
    values = (np.add.outer(np.arange(H), np.arange(W)) * 9).astype(np.uint8)
    return np.dstack([values, values, values, np.full_like(values, 255)])


def stepped(number: int) -> Pixels:
    return np.roll(sprite(), number, axis=1)


@dataclass(frozen=True, repr=False)
class Case:
    format: str
    name: str
    data: bytes
    frames: list[Pixels]
    tolerance: int = 0
    durations: list[int | None] = field(default_factory=list)
    mode: str = ""
    palette_size: int | None = None
    flaw: str = ""

    def __repr__(self) -> str:
        return f"{self.format}-{self.name}"


def indexed_picture() -> Image.Image:
    picture = Image.fromarray(indexes(), "P")
    picture.putpalette([channel for colour in COLOURS for channel in colour])
    return picture


def rgb(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3]))


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
        Case("gif", "animated", saved(three[0], "GIF", duration=[40, 50, 60], disposal=2, **more), steps, durations=[40, 50, 60]),
        Case("jpeg", "grey", saved(rgb(grey()).convert("L"), "JPEG", quality=100, subsampling=0), [grey()], tolerance=3),
        Case("jpeg", "mpo", saved(rgb(grey()), "MPO", quality=100, save_all=True, append_images=[rgb(grey())]), [grey()] * 2, tolerance=4),
        Case("webp", "animated", saved(three[0], "WEBP", lossless=True, exact=True, duration=30, **more), steps, durations=[30] * 3),
        Case("avif", "still", saved(rgb(grey()), "AVIF", quality=100, subsampling="4:4:4"), [grey()], tolerance=4),
        Case("tiff", "pages", saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), [opaque(), small]),
        Case("tiff", "lzw", saved(Image.fromarray(graded()), "TIFF", compression="tiff_lzw"), [graded()], mode="RGBA"),
        Case("ppm", "p6", saved(rgb(opaque()), "PPM"), [opaque()]),
        Case("qoi", "rgba", saved(Image.fromarray(graded()), "QOI"), [graded()]),
        Case("jp2", "lossless", saved(rgb(opaque()), "JPEG2000"), [opaque()]),
        Case("sgi", "rgba", saved(Image.fromarray(graded()), "SGI"), [graded()]),
        Case("icns", "png", painted.icns(png(big_grey()[:32, :32])), [big_grey()[:32, :32]]),
        Case("sun", "24", struct.pack(">8I", 0x59A66A95, W, H, 24, W * H * 3, 1, 0, 0) + opaque()[..., 2::-1].tobytes(), [opaque()]),
        Case("xpm", "colours", xpm(), [sprite()]),
        Case("fli", "two", fli(), [opaque(), grey_frame()], durations=[70, 70]),
        Case("pcx", "24", saved(rgb(opaque()), "PCX"), [opaque()]),
        Case("pcx", "8", saved(indexed_picture(), "PCX"), [opaque()], palette_size=256),
        Case("pcx", "1", saved(rgb(grey()).convert("1", dither=Image.Dither.NONE), "PCX"), [black_and_white()]),
        Case("dcx", "two", dcx(), [opaque(), opaque()]),
    ]  # fmt: skip


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
        Case("bmp", "rle8", painted.bmp(painted.bmp_info((W, H), 8, 1, len(rle8), 4), colours, rle8), [opaque()], palette_size=4),
        Case("bmp", "rle4", painted.bmp(painted.bmp_info((W, H), 4, 2, len(rle4), 4), colours, rle4), [opaque()]),
        Case("bmp", "16", painted.bmp(painted.bmp_info((W, H), 16, 0, 0), b"", words.tobytes()), [rgb555], tolerance=1),
        Case("bmp", "v4alpha", painted.bmp(v4, b"", bgra), [graded()], mode="RGBA"),
        Case("bmp", "v5alpha", painted.bmp(v5, b"", bgra), [graded()]),
        Case("bmp", "os2", painted.bmp(os2, triples + bytes(252 * 3), flat), [opaque()]),
        Case("bmp", "topdown", painted.bmp(painted.bmp_info((W, -H), 8, 0, W * H, 4), colours, indexes().tobytes()), [opaque()]),
    ]  # fmt: skip


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
        Case("dds", "bc7", painted.dds((4, 4), b"DX10", bc7.to_bytes(16, "little"), 98), [flat_block((255, 1, 1, 255))]),
    ]  # fmt: skip


def icon_cases() -> list[Case]:
    large, small = np.kron(sprite(), np.ones((2, 2, 1), np.uint8))[:16, :16], sprite()[:8, :8]
    bitmap = saved(
        Image.fromarray(large),
        "ICO",
        bitmap_format="bmp",
        sizes=[(16, 16), (8, 8)],
        append_images=[Image.fromarray(small)],
    )
    packed = saved(Image.fromarray(large), "ICO", sizes=[(16, 16), (8, 8)], append_images=[Image.fromarray(small)])
    one = [saved(Image.fromarray(p), "ICO", bitmap_format="bmp", sizes=[(8, 8)]) for p in (small, small[::-1])]
    order, rates = [0, 1, 0], [6, 12, 3]
    return [
        Case("ico", "bmp", bitmap, [large, small]),
        Case("ico", "png", packed, [large, small]),
        Case("cur", "bmp", painted.cursor(bitmap), [large, small]),
        Case("ani", "steps", painted.animated_cursor([painted.cursor(i) for i in one], order, rates), [small, small[::-1], small], durations=[100, 200, 50]),
    ]  # fmt: skip


def aseprite_cases() -> list[Case]:
    half = np.zeros((4, 4, 4), np.uint8)
    half[...] = (255, 0, 0, 255)
    white = np.full((H, W, 4), 255, np.uint8)
    pink = white.copy()
    pink[2:6, 3:7, 1:3] = 127
    multiplied = opaque()
    multiplied[2:6, 3:7, 1:3] = 0
    screened = opaque()
    screened[2:6, 3:7, 0] = 255
    four = [(*colour, 255) for colour in COLOURS]
    grey_alpha = np.dstack([grey()[..., 0], graded()[..., 3]])
    grey_expected = grey()
    grey_expected[..., 3] = graded()[..., 3]
    tiles = np.stack([np.zeros((4, 4, 4), np.uint8), sprite()[:4, :4], opaque()[4:8, 4:8]])
    cells = np.array([[1, 2], [2 | 1 << 29, 1 | 1 << 30]], np.uint32)
    mapped = np.zeros((8, 8, 4), np.uint8)
    mapped[:4, :4], mapped[:4, 4:], mapped[4:, :4], mapped[4:, 4:] = (
        tiles[1],
        tiles[2],
        tiles[2][:, ::-1],
        tiles[1][::-1],
    )
    grouped = white.copy()
    grouped[2:6, 3:7, 1:3] = 255 - round(255 * 128 / 255)
    base = painted.layer("base", flags=9)
    return [
        Case("ase", "rgba", painted.aseprite((W, H), [[base, painted.cel(0, sprite())]]), [sprite()], mode="RGBA"),
        Case(
            "ase", "frames",
            painted.aseprite(
                (W, H),
                [[base, painted.tags((0, 1, "walk")), painted.cel(0, stepped(0))], [painted.cel(0, stepped(1), raw=True)], [painted.linked(0, 0)]],
                durations=[100, 50, 0],
            ),
            [stepped(0), stepped(1), stepped(0)], durations=[100, 50, 77],
        ),
        Case(
            "ase", "opacity",
            painted.aseprite((W, H), [[base, painted.layer("half", opacity=128), painted.cel(0, white), painted.cel(1, half, (3, 2))]]),
            [pink], tolerance=1,
        ),
        Case(
            "ase", "hidden",
            painted.aseprite((W, H), [[base, painted.layer("no", flags=0), painted.layer("ref", flags=65), painted.cel(0, white), painted.cel(1, half), painted.cel(2, half)]]),
            [white],
        ),
        *(
            Case("ase", name, painted.aseprite((W, H), [[base, painted.layer("m", mode=mode), painted.cel(0, opaque()), painted.cel(1, half, (3, 2))]]), [expected], tolerance=1)
            for name, mode, expected in (("multiply", 1, multiplied), ("screen", 2, screened))
        ),
        Case(
            "ase", "group",
            painted.aseprite(
                (W, H),
                [[base, painted.layer("g", kind=1, opacity=128), painted.layer("in", level=1), painted.cel(0, white), painted.cel(2, half, (3, 2))]],
                flags=3,
            ),
            [grouped], tolerance=1,
        ),
        Case(
            "ase", "z",
            painted.aseprite((W, H), [[base, painted.layer("top"), painted.cel(0, opaque(), z=1), painted.cel(1, white)]]),
            [opaque()],
        ),
        Case(
            "ase", "indexed",
            painted.aseprite((W, H), [[painted.layer("l"), painted.palette(four), painted.cel(0, indexes())]], depth=8),
            [sprite()], mode="P", palette_size=4,
        ),
        Case(
            "ase", "background",
            painted.aseprite((W, H), [[base, painted.old_palette(COLOURS), painted.cel(0, indexes())]], depth=8),
            [opaque()], palette_size=4,
        ),
        Case("ase", "grey", painted.aseprite((W, H), [[base, painted.cel(0, grey_alpha)]], depth=16), [grey_expected], mode="LA"),
        Case("ase", "tilemap", painted.aseprite((8, 8), [[painted.tileset(tiles), painted.layer("t", kind=2), painted.tilemap(0, cells)]]), [mapped]),
    ]  # fmt: skip


def xcf_cases() -> list[Case]:
    whole = np.random.default_rng(5).integers(0, 255, (70, 90, 4), dtype=np.uint8)
    whole[10:50] = (40, 90, 200, 255)
    whole[whole[..., 3] == 0] = 0
    deep = whole.astype(np.uint16) * 257
    light = ((whole / 255.0 + 0.055) / 1.055) ** 2.4
    light = np.where(whole / 255.0 <= 0.04045, whole / 255.0 / 12.92, light)
    light[..., 3] = whole[..., 3] / 255.0
    visible, hidden = painted.prop(8, struct.pack(">I", 1)), painted.prop(8, struct.pack(">I", 0))
    place = painted.prop(15, struct.pack(">ii", 3, 2))
    half = painted.prop(6, struct.pack(">I", 128))
    red = np.zeros((4, 4, 4), np.uint8)
    red[...] = (255, 0, 0, 255)
    pink = opaque()
    pink[2:6, 3:7] = np.rint(pink[2:6, 3:7] * (127 / 255) + np.array((255, 0, 0, 255)) * (128 / 255)).astype(np.uint8)
    masked = sprite()
    mask = np.where(indexes() == 1, 0, 255).astype(np.uint8)
    masked[indexes() == 1] = 0
    path = [painted.prop(30, struct.pack(f">{n}I", *([0] * n))) for n in (1, 2)]
    group = XcfLayer(np.zeros((4, 4, 4), np.uint8), 1, visible, painted.prop(29, b""), path[0], half)
    inside = XcfLayer(red, 1, visible, place, path[1])
    below = XcfLayer(opaque(), 1, visible, painted.prop(30, struct.pack(">I", 1)))
    plain = XcfLayer(whole, 1, visible)
    return [
        *(
            Case("xcf", f"v{version}-{compression}", painted.xcf((90, 70), [plain], version=version, compression=compression), [whole], mode="RGB")
            for version, compression in ((0, 1), (3, 0), (8, 2), (11, 2), (12, 1))
        ),
        Case("xcf", "16bit", painted.xcf((90, 70), [XcfLayer(deep, 1)], version=12, precision=250, compression=2), [whole], mode="RGB;16"),
        Case("xcf", "linear", painted.xcf((90, 70), [XcfLayer(light.astype(np.float32), 1)], version=12, precision=600), [whole], tolerance=1, mode="RGB;32"),
        Case("xcf", "grey", painted.xcf((W, H), [XcfLayer(grey()[..., :1], 2)], base=1), [grey()], mode="L"),
        Case("xcf", "indexed", painted.xcf((W, H), [XcfLayer(np.dstack([indexes(), sprite()[..., 3]]), 5)], base=2, colours=COLOURS), [sprite()], mode="P", palette_size=4),
        Case("xcf", "layers", painted.xcf((W, H), [XcfLayer(red, 1, hidden), XcfLayer(red, 1, place, half), XcfLayer(opaque(), 1)]), [pink], tolerance=1),
        Case("xcf", "mask", painted.xcf((W, H), [XcfLayer(sprite(), 1, mask=mask)]), [masked]),
        Case("xcf", "group", painted.xcf((W, H), [group, inside, below]), [pink], tolerance=1),
    ]  # fmt: skip


def psd_cases() -> list[Case]:
    from io import BytesIO

    from psd_tools import PSDImage

    def written(document: PSDImage) -> bytes:
        out = BytesIO()
        document.save(out)
        return out.getvalue()

    unmerged = PSDImage.new("RGB", (W, H))
    unmerged.create_pixel_layer(Image.fromarray(sprite()), name="a")
    layered = bytearray(written(unmerged))
    return [
        Case("psd", "rgb", written(PSDImage.frompil(rgb(opaque()))), [opaque()], mode="RGB"),
        Case("psd", "grey", written(PSDImage.frompil(rgb(grey()).convert("L"))), [grey()], mode="L"),
        Case("psd", "unmerged", without_merged(bytes(layered)), [sprite()]),
    ]


def without_merged(data: bytes) -> bytes:
    """Say in the version resource (1057) that there is no merged picture, and blank the one that is there."""
    resource = data.index(b"8BIM" + struct.pack(">H", 1057))
    flag = resource + 4 + 2 + 2 + 4 + 4
    merged = len(data) - W * H
    return data[:flag] + b"\0" + data[flag + 1 : merged] + b"\xff" * (len(data) - merged)


def zip_cases() -> list[Case]:
    kra = painted.zipped("application/x-krita", maindoc_DOT_xml=b"<DOC/>", mergedimage_DOT_png=png(graded()))
    ora = painted.zipped("image/openraster", stack_DOT_xml=b"<image/>", mergedimage_DOT_png=png(sprite()))
    return [Case("kra", "merged", kra, [graded()]), Case("ora", "merged", ora, [sprite()])]


def svg_cases() -> list[Case]:
    blocks = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" shape-rendering="crispEdges" fill="rgb{COLOURS[i]}"/>'
        for (y, x), i in np.ndenumerate(indexes())
        if i
    )
    entity = (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY body "%s">]>' % b"<rect width='16' height='12' fill='#c8281e'/>"
    )
    whole = np.full((H, W, 4), (200, 40, 30, 255), np.uint8)
    return [
        Case("svg", "blocks", painted.svg(blocks), [sprite()], mode="vector"),
        Case("svg", "viewbox", painted.svg(blocks, 'viewBox="0 0 16 12"'), [sprite()]),
        Case("svg", "entity", entity + painted.svg("&body;"), [whole]),
        Case("svg", "sizeless", painted.svg('<rect width="16" height="12" fill="#c8281e"/>', ""), [whole]),
        Case("svg", "text", painted.svg('<rect width="16" height="12" fill="#c8281e"/><text y="9">a</text>'), [whole], flaw="text"),
        Case("svg", "outside", painted.svg('<image width="9" height="9" href="/etc/x.png"/><rect width="16" height="12" fill="#c8281e"/>'), [whole], flaw="other files"),
    ]  # fmt: skip


def modern_cases() -> list[Case]:
    import pillow_heif
    import pillow_jxl  # noqa: F401 - registers what it writes

    pillow_heif.register_heif_opener()
    return [
        Case("heif", "still", saved(rgb(big_grey()), "HEIF", quality=-1, chroma=444), [big_grey()], tolerance=4),
        Case("jxl", "lossless", saved(Image.fromarray(graded()), "JXL", lossless=True), [graded()]),
        Case("jxl", "container", saved(rgb(opaque()), "JXL", lossless=True, use_container=True), [opaque()]),
    ]  # fmt: skip


def big_grey() -> Pixels:
    return np.kron(grey(), np.ones((4, 4, 1), np.uint8))


FAMILIES: tuple[Callable[[], list[Case]], ...] = (
    pillow_cases,
    bmp_cases,
    tga_cases,
    dds_cases,
    icon_cases,
    aseprite_cases,
    xcf_cases,
    psd_cases,
    zip_cases,
    svg_cases,
    modern_cases,
)
"""The golden cases of each family: a decoder without one fails a test."""

CASES = [case for family in FAMILIES for case in family()]
