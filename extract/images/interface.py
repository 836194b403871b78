"""What a decoder is: a file in, frames out.

DecodeError
├── DamagedImageError       the data is broken (frames before the break may have been handed out)
├── RefusedImageError       a limit was met
└── UnsupportedImageError   no raster in it, or a variant that nothing here reads
    └── MissingDecoderError the wheel that reads it is not installed; a later run with it reads the file again
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from db.pixels import Rgba


class DecodeError(Exception):
    """Base of what decoders raise on purpose."""


class DamagedImageError(DecodeError):
    """The image data is broken."""


class RefusedImageError(DecodeError):
    """The image is larger than the limits allow."""


class UnsupportedImageError(DecodeError):
    """The format holds no pixels that can be read here."""


class MissingDecoderError(UnsupportedImageError):
    """An optional wheel is needed."""

    def __init__(self) -> None:
        super().__init__("install artquarry[formats]")


@dataclass(frozen=True)
class ImageLimits:
    """Most pixels of one frame, of all frames (or layers) together, and most frames."""

    frame_pixels: int = 89_478_485
    total_pixels: int = 500_000_000
    frames: int = 20_000


class Budget:
    """Counts what one file asks for against its limits, before it is decoded."""

    def __init__(self, limits: ImageLimits) -> None:
        self._limits = limits
        self._spent = 0

    def canvas(self, width: int, height: int, count: int = 1) -> None:
        """Check `count` frames of one size. Raises DamagedImageError for no pixels, RefusedImageError."""
        limits = self._limits
        if width < 1 or height < 1:
            raise DamagedImageError(f"{width}×{height} pixels")
        if width * height > limits.frame_pixels:
            raise RefusedImageError(f"{width}×{height} pixels, limit {limits.frame_pixels}")
        if count > limits.frames:
            raise RefusedImageError(f"{count} frames, limit {limits.frames}")
        if count * width * height > limits.total_pixels:
            raise RefusedImageError(f"{count} frames of {width}×{height} pixels, limit {limits.total_pixels} together")

    def spend(self, width: int, height: int) -> None:
        """Count one more frame or layer. Raises as `canvas` does."""
        self.canvas(width, height)
        self._spent += width * height
        if self._spent > self._limits.total_pixels:
            raise RefusedImageError(f"more than {self._limits.total_pixels} pixels in all frames or layers together")


@dataclass(frozen=True)
class DecodedFrame:
    """One frame: canonical pixels (see db.pixels), and how it stood in the file.

    `mode` is the stored kind of sample in Pillow's words, with `;BITS` where a channel has not 8 of them (`RGB;16`,
    `P;4`); `palette_size` the colours its palette holds. `partial`: some of these pixels could not be decoded, or not
    be verified. `label`: what the file calls it, such as the tags of an animation.
    """

    number: int
    rgba: Rgba
    duration_ms: int | None = None
    mode: str = ""
    palette_size: int | None = None
    partial: bool = False
    label: str = ""


class Decoder(Protocol):
    """What reads a family of formats (see `extract.images.families`)."""

    def preload(self) -> None:
        """Import everything that decoding needs: afterwards a sandbox may hide the file system."""
        ...

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield frames in order. Raises DecodeError's children and nothing else, whatever the bytes."""
        ...
