"""Golden cases of icons, PSD, KRA, ORA, SVG, HEIC and JPEG XL."""

import struct

import numpy as np
from PIL import Image

from tests.extract.images import painted
from tests.extract.images.painted import png, saved
from tests.extract.images.pictures import (
    COLOURS,
    Case,
    H,
    W,
    big_grey,
    graded,
    grey,
    indexes,
    opaque,
    rgb,
    sprite,
)


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
        Case(
            "ani",
            "steps",
            painted.animated_cursor([painted.cursor(i) for i in one], order, rates),
            [small, small[::-1], small],
            durations=[100, 200, 50],
        ),
    ]


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
        Case(
            "svg",
            "text",
            painted.svg('<rect width="16" height="12" fill="#c8281e"/><text y="9">a</text>'),
            [whole],
            flaw="text",
        ),
        Case(
            "svg",
            "outside",
            painted.svg('<image width="9" height="9" href="/etc/x.png"/><rect width="16" height="12" fill="#c8281e"/>'),
            [whole],
            flaw="other files",
        ),
    ]


def modern_cases() -> list[Case]:
    import pillow_heif
    import pillow_jxl  # noqa: F401 - registers what it writes

    pillow_heif.register_heif_opener()
    return [
        Case("heif", "still", saved(rgb(big_grey()), "HEIF", quality=-1, chroma=444), [big_grey()], tolerance=4),
        Case("jxl", "lossless", saved(Image.fromarray(graded()), "JXL", lossless=True), [graded()]),
        Case("jxl", "container", saved(rgb(opaque()), "JXL", lossless=True, use_container=True), [opaque()]),
    ]
