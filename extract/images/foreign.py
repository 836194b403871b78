"""Calling libraries that parse what strangers made.

Given hostile bytes they raise whatever comes to hand (struct.error, ZeroDivisionError, AssertionError, a panic out of
Rust), write warnings, and keep switches in global variables. Here that turns into our typed errors.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile

from extract.images.interface import DamagedImageError, DecodeError, RefusedImageError

DAMAGE_WARNINGS = ("Invalid APNG",)
"""Beginnings of warnings that mean lost pixels; all others are about metadata, which is not read here."""
_MESSAGE_MAX = 200
_ADDRESS = re.compile(r"<[^>]* at 0x[0-9a-f]+>")
"""Objects in messages: equal causes should read equal."""


@contextmanager
def foreign(doing: str = "") -> Iterator[None]:
    """Turn whatever a library raises into DamagedImageError, running out of memory into RefusedImageError."""
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            yield
    except DecodeError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise RefusedImageError(_too_large(error)) from error
    except Exception as error:  # a foreign parser on foreign bytes: the bytes are to blame
        raise DamagedImageError(_said(doing, error)) from error
    except BaseException as error:
        # A panic in Rust is no Exception, and its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise DamagedImageError(_said(doing, error)) from error
    for warning in heard:
        if str(warning.message).startswith(DAMAGE_WARNINGS):
            raise DamagedImageError(str(warning.message))


def _too_large(error: Exception) -> str:
    return "more memory than there is" if isinstance(error, MemoryError) else str(error).partition(",")[0]


def _said(doing: str, error: BaseException) -> str:
    said = _ADDRESS.sub("", str(error)).replace("\0", "").strip()
    message = f"{type(error).__name__}: {said}"[:_MESSAGE_MAX]
    return f"{doing}: {message}" if doing else message


@contextmanager
def salvaging() -> Iterator[None]:
    """Let Pillow decode what there is of a truncated picture."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
