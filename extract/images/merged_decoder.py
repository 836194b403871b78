"""Krita and OpenRaster files: zip archives in which the program stores the merged picture beside the layers.

Source: OpenRaster baseline specification 0.0.5 (`mimetype` first, `mergedimage.png` required); Krita follows it.
"""

import codecs
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from extract.images.foreign import foreign
from extract.images.interface import DecodedFrame, ImageLimits, RefusedImageError, UnsupportedImageError
from extract.images.pillow_decoder import decode_bytes

MERGED = "mergedimage.png"
MERGED_MAX_BYTES = 512 * 1024 * 1024


class MergedDecoder:
    """KRA and ORA."""

    def preload(self) -> None:
        """Import the encoding of old names in zip files."""
        codecs.lookup("cp437")

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield the merged picture. Raises DecodeError's children."""
        with foreign():
            archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
            names = archive.namelist()
        if MERGED not in names:
            raise UnsupportedImageError(f"saved without its {MERGED}")
        with foreign(MERGED), archive.open(MERGED) as member:
            data = member.read(MERGED_MAX_BYTES + 1)
        if len(data) > MERGED_MAX_BYTES:
            raise RefusedImageError(f"{MERGED} of more than {MERGED_MAX_BYTES} bytes")
        yield from decode_bytes(data, "png", limits)
