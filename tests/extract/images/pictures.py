"""What is painted in the golden cases."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from tests.extract.images.painted import Pixels

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


def big_grey() -> Pixels:
    return np.kron(grey(), np.ones((4, 4, 1), np.uint8))
