"""Photoshop documents (PSD, PSB): the merged picture that Photoshop stored, or the layers composed where it did not.

Source: Adobe Photoshop File Formats Specification. Size and depth are read from the header before psd-tools sees the
file. Photoshop stores a blank instead of the merged picture when told not to «maximize compatibility», and says so.
"""

import codecs
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from extract.images.foreign import foreign
from extract.images.interface import (
    Budget,
    DamagedImageError,
    DecodedFrame,
    ImageLimits,
    RefusedImageError,
    UnsupportedImageError,
)
from extract.images.samples import rgba_of

_MODES = {0: "1", 1: "L", 2: "P", 3: "RGB", 4: "CMYK", 7: "multichannel", 8: "duotone", 9: "LAB"}
_LAYERS_MAX = 10_000


class PsdDecoder:
    """PSD and PSB."""

    def preload(self) -> None:
        """Import psd-tools with what composing layers needs."""
        for name in ("psd_tools", "psd_tools.composite"):
            import_module(name)
        codecs.lookup("utf-16-be")  # names of layers

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield the merged picture. Raises DecodeError's children."""
        data = path.read_bytes()
        mode, depth = _header(data, Budget(limits))
        with foreign(), _listening() as losses:
            document = import_module("psd_tools").PSDImage.open(BytesIO(data))
            picture = document.topil(apply_icc=False) if document.has_preview() else None
            missing = _missing_bytes(data) if picture is not None else 0
            if picture is None:
                picture = _compose(document, Budget(limits))
            rgba = rgba_of(picture)
        partial = losses.said or missing > 0
        yield DecodedFrame(0, rgba, mode=mode if depth == 8 else f"{mode};{depth}", partial=partial)
        if missing:
            raise DamagedImageError(f"truncated: {missing} bytes of the merged picture are missing")
        if losses.said:
            raise DamagedImageError("channels that are broken were replaced with black")


class _Losses(logging.Handler):
    """Hears what psd-tools only logs: that it put black where it could decode nothing."""

    said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note a loss."""
        self.said = self.said or record.levelno >= logging.WARNING


@contextmanager
def _listening() -> Iterator[_Losses]:
    logger, losses = logging.getLogger("psd_tools"), _Losses(logging.WARNING)
    logger.addHandler(losses)
    try:
        yield losses
    finally:
        logger.removeHandler(losses)


def _header(data: bytes, budget: Budget) -> tuple[str, int]:
    """Return mode and bits of a channel. Raises DamagedImageError, RefusedImageError, UnsupportedImageError."""
    if len(data) < 26:
        raise DamagedImageError("truncated header")
    version, channels, height, width, depth, mode = struct.unpack_from(">H6xHIIHH", data, 4)
    if version not in (1, 2):
        raise UnsupportedImageError(f"PSD version {version}")
    budget.canvas(width, height)
    budget.canvas(width, height, max(1, channels // 4))
    return _MODES.get(mode, f"mode {mode}"), depth


def _missing_bytes(data: bytes) -> int:
    """Tell how many bytes the merged picture lacks; psd-tools fills them up and says nothing.

    It stands after three sections that begin with their length: RAW samples, or PackBits rows after a table of their
    lengths. How long a ZIP stream should be it alone knows; a broken one is an error already.
    """
    version: int
    version, channels, height, width, depth, _ = struct.unpack_from(">H6xHIIHH", data, 4)
    start = 26
    for size in (4, 4, 4 * version):
        start += size + int.from_bytes(data[start : start + size], "big")
    if start + 2 > len(data):
        return start + 2 - len(data)
    compression, start = int.from_bytes(data[start : start + 2], "big"), start + 2
    rows: int = channels * height
    if compression == 0:
        row_bytes: int = (width * depth + 7) // 8
        return max(0, start + rows * row_bytes - len(data))
    if compression != 1:
        return 0
    table = data[start : start + rows * 2 * version]
    packed = int(np.frombuffer(table[: len(table) // (2 * version) * 2 * version], f">u{2 * version}").sum())
    return max(0, start + rows * 2 * version + packed - len(data))


def _compose(document: Any, budget: Budget) -> Image.Image:
    layers = list(document.descendants())
    if len(layers) > _LAYERS_MAX:
        raise RefusedImageError(f"{len(layers)} layers, limit {_LAYERS_MAX}")
    for layer in layers:
        if layer.width > 0 and layer.height > 0:
            budget.spend(layer.width, layer.height)
    picture: Image.Image | None = document.composite(ignore_preview=True, apply_icc=False)
    if picture is None or not np.asarray(picture).size:
        raise UnsupportedImageError("neither a merged picture nor layers with pixels")
    return picture
