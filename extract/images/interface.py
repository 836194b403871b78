"""What a decoder is: bytes in, frames out.

DecodeError
├── DamagedImageError     the data is broken (frames before the break may have been handed out)
├── RefusedImageError     a limit was met
└── UnsupportedImageError no raster in it, or no decoder for it
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


@dataclass(frozen=True)
class ImageLimits:
    """Most pixels of one frame, and of all frames together."""

    frame_pixels: int = 89_478_485
    total_pixels: int = 500_000_000


@dataclass(frozen=True)
class DecodedFrame:
    """One frame: canonical pixels (see db.pixels) and how long it is shown."""

    number: int
    rgba: Rgba
    duration_ms: int | None


class Decoder(Protocol):
    """A family of formats. `formats` are names as `extract.sniff` gives them."""

    formats: frozenset[str]
    version: int

    def decode(self, path: Path, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield frames in order. Raises DecodeError's children."""
        ...
