"""Pictures that people give: a file, a URL, bytes of an upload; decoded within limits."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from db.pixels import Rgba, canonical_rgba
from index.errors import PictureError
from index.fetch import fetch_picture

MOST_PIXELS = 89_478_485
"""As in extraction."""
MOST_BYTES = 64 * 1024 * 1024
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "TGA", "PCX", "ICO", "PPM", "QOI")


def decode_picture(data: bytes, *, most_pixels: int = MOST_PIXELS) -> Rgba:
    """Return (h, w, 4) uint8 canonical RGBA of the first frame. Raises PictureError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                _check_size(picture, most_pixels)
                return canonical_rgba(picture)
    except PictureError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever broken bytes lead them to
        raise PictureError(f"this is no picture that can be read ({type(error).__name__})") from error


def _check_size(picture: Image.Image, most_pixels: int) -> None:
    if picture.width * picture.height > most_pixels:
        raise PictureError(f"{picture.width} × {picture.height} pixels; {most_pixels} are allowed")


def read_bytes(place: str) -> bytes:
    """Return the bytes of a file or URL. Raises PictureError."""
    if place.startswith(("http://", "https://")):
        return fetch_picture(place, allow_private=True, most_bytes=MOST_BYTES)
    path = Path(place)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PictureError(f"{place} is larger than {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{place} cannot be read: {error.strerror}") from error


def read_picture(place: str) -> Rgba:
    """Return the picture in a file or at a URL. Raises PictureError."""
    return decode_picture(read_bytes(place))


def picture_or_words(what: Sequence[str]) -> tuple[Rgba | None, str]:
    """Take a single argument that names a file or URL as a picture, anything else as words."""
    if len(what) == 1 and (what[0].startswith(("http://", "https://")) or Path(what[0]).is_file()):
        return read_picture(what[0]), ""
    return None, " ".join(what)
