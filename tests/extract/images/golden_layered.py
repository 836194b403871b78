"""Golden cases of Aseprite and GIMP."""

import struct

import numpy as np

from tests.extract.images import painted
from tests.extract.images.painted import XcfLayer
from tests.extract.images.pictures import (
    COLOURS,
    Case,
    H,
    W,
    graded,
    grey,
    indexes,
    opaque,
    sprite,
    stepped,
)


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
            "ase",
            "frames",
            painted.aseprite(
                (W, H),
                [
                    [base, painted.tags((0, 1, "walk")), painted.cel(0, stepped(0))],
                    [painted.cel(0, stepped(1), raw=True)],
                    [painted.linked(0, 0)],
                ],
                durations=[100, 50, 0],
            ),
            [stepped(0), stepped(1), stepped(0)],
            durations=[100, 50, 77],
        ),
        Case(
            "ase",
            "opacity",
            painted.aseprite(
                (W, H),
                [[base, painted.layer("half", opacity=128), painted.cel(0, white), painted.cel(1, half, (3, 2))]],
            ),
            [pink],
            tolerance=1,
        ),
        Case(
            "ase",
            "hidden",
            painted.aseprite(
                (W, H),
                [
                    [
                        base,
                        painted.layer("no", flags=0),
                        painted.layer("ref", flags=65),
                        painted.cel(0, white),
                        painted.cel(1, half),
                        painted.cel(2, half),
                    ]
                ],
            ),
            [white],
        ),
        *(
            Case(
                "ase",
                name,
                painted.aseprite(
                    (W, H),
                    [[base, painted.layer("m", mode=mode), painted.cel(0, opaque()), painted.cel(1, half, (3, 2))]],
                ),
                [expected],
                tolerance=1,
            )
            for name, mode, expected in (("multiply", 1, multiplied), ("screen", 2, screened))
        ),
        Case(
            "ase",
            "group",
            painted.aseprite(
                (W, H),
                [
                    [
                        base,
                        painted.layer("g", kind=1, opacity=128),
                        painted.layer("in", level=1),
                        painted.cel(0, white),
                        painted.cel(2, half, (3, 2)),
                    ]
                ],
                flags=3,
            ),
            [grouped],
            tolerance=1,
        ),
        Case(
            "ase",
            "z",
            painted.aseprite(
                (W, H), [[base, painted.layer("top"), painted.cel(0, opaque(), z=1), painted.cel(1, white)]]
            ),
            [opaque()],
        ),
        Case(
            "ase",
            "indexed",
            painted.aseprite((W, H), [[painted.layer("l"), painted.palette(four), painted.cel(0, indexes())]], depth=8),
            [sprite()],
            mode="P",
            palette_size=4,
        ),
        Case(
            "ase",
            "background",
            painted.aseprite((W, H), [[base, painted.old_palette(COLOURS), painted.cel(0, indexes())]], depth=8),
            [opaque()],
            palette_size=4,
        ),
        Case(
            "ase",
            "grey",
            painted.aseprite((W, H), [[base, painted.cel(0, grey_alpha)]], depth=16),
            [grey_expected],
            mode="LA",
        ),
        Case(
            "ase",
            "tilemap",
            painted.aseprite((8, 8), [[painted.tileset(tiles), painted.layer("t", kind=2), painted.tilemap(0, cells)]]),
            [mapped],
        ),
    ]


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
            Case(
                "xcf",
                f"v{version}-{compression}",
                painted.xcf((90, 70), [plain], version=version, compression=compression),
                [whole],
                mode="RGB",
            )
            for version, compression in ((0, 1), (3, 0), (8, 2), (11, 2), (12, 1))
        ),
        Case(
            "xcf",
            "16bit",
            painted.xcf((90, 70), [XcfLayer(deep, 1)], version=12, precision=250, compression=2),
            [whole],
            mode="RGB;16",
        ),
        Case(
            "xcf",
            "linear",
            painted.xcf((90, 70), [XcfLayer(light.astype(np.float32), 1)], version=12, precision=600),
            [whole],
            tolerance=1,
            mode="RGB;32",
        ),
        Case("xcf", "grey", painted.xcf((W, H), [XcfLayer(grey()[..., :1], 2)], base=1), [grey()], mode="L"),
        Case(
            "xcf",
            "indexed",
            painted.xcf((W, H), [XcfLayer(np.dstack([indexes(), sprite()[..., 3]]), 5)], base=2, colours=COLOURS),
            [sprite()],
            mode="P",
            palette_size=4,
        ),
        Case(
            "xcf",
            "layers",
            painted.xcf((W, H), [XcfLayer(red, 1, hidden), XcfLayer(red, 1, place, half), XcfLayer(opaque(), 1)]),
            [pink],
            tolerance=1,
        ),
        Case("xcf", "mask", painted.xcf((W, H), [XcfLayer(sprite(), 1, mask=mask)]), [masked]),
        Case("xcf", "group", painted.xcf((W, H), [group, inside, below]), [pink], tolerance=1),
    ]
