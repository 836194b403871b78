"""From a file to its frames: picks the decoder by format, and turns what it says into records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from db.orientation import orientation_hash
from db.pixels import Rgba, pixel_hash
from db.records import FrameRecord, ImageRecord
from db.vocabulary import AlphaKind, Outcome
from extract.images.facts import image_facts
from extract.images.families import FAMILIES, FAMILY_OF, decoder_of
from extract.images.interface import (
    DamagedImageError,
    DecodedFrame,
    DecodeError,
    ImageLimits,
    MissingDecoderError,
    RefusedImageError,
    UnsupportedImageError,
)
from extract.sniff import HEAD_BYTES, sniff

IMAGE_FORMATS = frozenset(FAMILY_OF)


@dataclass(frozen=True)
class Decoded:
    """Frames that could be decoded, how it ended (ok, partial, damaged, refused, unsupported), and why."""

    outcome: Outcome
    reason: str
    frames: tuple[FrameRecord, ...]


def preload() -> None:
    """Import whatever the installed decoders need."""
    for family in FAMILIES:
        if family.available():
            decoder_of(family).preload()


def decode(path: Path, format_: str, limits: ImageLimits | None = None) -> Decoded:
    """Decode a file of a known format; never raises for bad input."""
    frames: list[FrameRecord] = []
    try:
        for frame in _decoded(path, format_, limits or ImageLimits()):
            frames.append(frame_record(frame))
    except RefusedImageError as error:
        return Decoded(Outcome.REFUSED, str(error), tuple(frames))
    except UnsupportedImageError as error:
        return Decoded(Outcome.UNSUPPORTED, str(error), tuple(frames))
    except DecodeError as error:
        return Decoded(Outcome.PARTIAL if frames else Outcome.DAMAGED, str(error), tuple(frames))
    return Decoded(Outcome.OK, "", tuple(frames))


def _decoded(path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
    family = FAMILY_OF[format_]
    if not family.available():
        raise MissingDecoderError
    return decoder_of(family).decode(path, format_, limits)


def read_frame(path: Path, number: int) -> Rgba:
    """Return the canonical pixels of one frame of a file. Raises DecodeError's children.

    What came before the file turned out damaged is as good as it was when it was recorded.
    """
    with path.open("rb") as stream:
        format_ = sniff(stream.read(HEAD_BYTES), path)
    if format_ not in FAMILY_OF:
        raise UnsupportedImageError(f"{format_} data, no image")
    for frame in _decoded(path, format_, ImageLimits()):
        if frame.number == number:
            return frame.rgba
    raise DamagedImageError(f"there is no frame {number}")


def first_frame(path: Path) -> Rgba:
    """Return the canonical pixels of a file's first frame. Raises DecodeError's children."""
    return read_frame(path, 0)


def frame_record(frame: DecodedFrame) -> FrameRecord:
    """Describe a decoded frame for the catalog."""
    return FrameRecord(
        frame.number,
        image_record(frame.rgba),
        frame.duration_ms,
        frame.mode,
        frame.palette_size,
        frame.partial,
        frame.label.replace("\0", ""),
    )


def image_record(rgba: Rgba) -> ImageRecord:
    """Describe canonical pixels, (height, width, 4) uint8."""
    height, width = rgba.shape[:2]
    facts = image_facts(rgba)
    return ImageRecord(
        pixel_hash(rgba), width, height, facts.alpha is not AlphaKind.NONE, facts, orientation_hash(rgba)
    )
