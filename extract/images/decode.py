"""From a blob to its frames: picks the decoder by format."""

from dataclasses import dataclass
from pathlib import Path

from db.orientation import orientation_hash
from db.pixels import Rgba, pixel_hash
from db.records import FrameRecord, ImageRecord
from db.vocabulary import Outcome
from extract.images.interface import DecodeError, Decoder, ImageLimits, RefusedImageError, UnsupportedImageError
from extract.images.pillow_decoder import PillowDecoder
from extract.sniff import HEAD_BYTES, sniff

DECODERS: tuple[Decoder, ...] = (PillowDecoder(),)
IMAGE_FORMATS = frozenset().union(*(decoder.formats for decoder in DECODERS))


@dataclass(frozen=True)
class Decoded:
    """Frames that could be decoded, and how it ended (ok, partial, damaged, refused, unsupported)."""

    outcome: Outcome
    reason: str
    frames: tuple[FrameRecord, ...]


def decode(path: Path, format_: str, limits: ImageLimits | None = None) -> Decoded:
    """Decode a file of a known format; never raises for bad input."""
    decoder = next(decoder for decoder in DECODERS if format_ in decoder.formats)
    frames: list[FrameRecord] = []
    try:
        for frame in decoder.decode(path, limits or ImageLimits()):
            frames.append(FrameRecord(frame.number, image_record(frame.rgba), frame.duration_ms))
    except RefusedImageError as error:
        return Decoded(Outcome.REFUSED, str(error), tuple(frames))
    except UnsupportedImageError as error:
        return Decoded(Outcome.UNSUPPORTED, str(error), tuple(frames))
    except DecodeError as error:
        return Decoded(Outcome.PARTIAL if frames else Outcome.DAMAGED, str(error), tuple(frames))
    return Decoded(Outcome.OK, "", tuple(frames))


def first_frame(path: Path) -> Rgba:
    """Return the canonical pixels of a file's first frame. Raises DecodeError's children."""
    with path.open("rb") as stream:
        format_ = sniff(stream.read(HEAD_BYTES), path)
    decoder = next((decoder for decoder in DECODERS if format_ in decoder.formats), None)
    if decoder is None:
        raise UnsupportedImageError(f"{format_} data, no image")
    return next(iter(decoder.decode(path, ImageLimits()))).rgba


def image_record(rgba: Rgba) -> ImageRecord:
    """Describe canonical pixels, (height, width, 4) uint8."""
    height, width = rgba.shape[:2]
    return ImageRecord(pixel_hash(rgba), width, height, bool((rgba[..., 3] < 255).any()), orientation_hash(rgba))
