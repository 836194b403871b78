"""What a person chose, read from a command line or from the file that the review page makes."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from db import choices
from db.pixels import pixel_hash
from db.records import ChoiceRecord
from extract.images.decode import first_frame
from extract.images.interface import DecodeError
from extract.sheets.model import MAX_SIDE_PX

KINDS = ("single", "atlas", "grid")
MAX_CHOICES = 100_000
MAX_IMAGE_ID = 2**63 - 1
"""What the catalog's column can hold."""
_PAIR = re.compile(r"(\d{1,5})(?:[x×,](\d{1,5}))?")
_HASH = re.compile(r"[0-9a-f]{64}")


class ChoiceError(ValueError):
    """A choice that cannot be read or cannot be meant; the message says what and where."""


@dataclass(frozen=True)
class Chosen:
    """A choice for an image, named by the hash of its pixels (a choice file) or by its id. None: take it back."""

    image_id: int | None
    pixel_hash: bytes | None
    choice: ChoiceRecord | None


def pair(text: str, what: str, low: int = 0) -> tuple[int, int]:
    """Read ``16x24``, or ``16`` for both. Raises ChoiceError."""
    match = _PAIR.fullmatch(text.strip())
    if match is None:
        raise ChoiceError(f"{what}: {text[:40]!r} should be a number or two, as in 16x24")
    return _bounded([int(match[1]), int(match[2] or match[1])], what, low)


def _bounded(numbers: Any, what: str, low: int) -> tuple[int, int]:
    right = isinstance(numbers, list) and len(numbers) == 2 and all(type(number) is int for number in numbers)
    if not right or not low <= min(numbers) <= max(numbers) <= MAX_SIDE_PX:
        raise ChoiceError(f"{what}: {str(numbers)[:40]} should be two whole numbers from {low} to {MAX_SIDE_PX}")
    return numbers[0], numbers[1]


def read_choices(path: Path) -> list[Chosen]:
    """Read a choice file: a JSON list of objects with `pixel_hash` (or `image_id`), `kind`, and a grid's numbers.

    Raises:
        ChoiceError: it is no such file; nothing of it is taken then.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ChoiceError(f"{path}: not readable ({str(error)[:120]})") from error
    if not isinstance(content, list) or len(content) > MAX_CHOICES:
        raise ChoiceError(f"{path}: should be a list of at most {MAX_CHOICES} choices")
    return [_chosen(one, f"{path}: choice {number}") for number, one in enumerate(content, 1)]


def _chosen(one: Any, where: str) -> Chosen:
    said = one if isinstance(one, dict) else {}
    kind, image_id, digest = said.get("kind"), said.get("image_id"), said.get("pixel_hash")
    if kind not in KINDS:
        raise ChoiceError(f"{where}: kind {str(kind)[:40]!r}, should be one of {', '.join(KINDS)}")
    if digest is not None and not (isinstance(digest, str) and _HASH.fullmatch(digest)):
        raise ChoiceError(f"{where}: pixel_hash should be 64 hexadecimal digits")
    if digest is None and (type(image_id) is not int or not 0 < image_id <= MAX_IMAGE_ID):
        raise ChoiceError(f"{where}: names no image (pixel_hash or image_id)")
    choice = ChoiceRecord(kind)
    if kind == "grid":
        margin, spacing = (_bounded(said.get(key, [0, 0]), f"{where}: {key}", 0) for key in ("margin", "spacing"))
        choice = ChoiceRecord(kind, _bounded(said.get("tile"), f"{where}: tile", 1), margin, spacing)
    return Chosen(None if digest else image_id, bytes.fromhex(digest) if digest else None, choice)


def image_named(text: str) -> tuple[int | None, bytes | None]:
    """Read an image's name on the command line: its id, or a file with its pixels. Raises ChoiceError."""
    if text.isascii() and text.isdigit():
        if len(text) > len(str(MAX_IMAGE_ID)) or int(text) > MAX_IMAGE_ID:
            raise ChoiceError(f"{text[:40]}: no image has so high an id")
        return int(text), None
    path = Path(text)
    if not path.is_file():
        raise ChoiceError(f"{text}: neither an image id nor a file")
    try:
        return None, pixel_hash(first_frame(path))
    except DecodeError as error:
        raise ChoiceError(f"{text}: {error}") from error


def apply(connection: Connection, chosen: Chosen) -> bool:
    """Store a choice, or take it back; return whether that changed anything. Raises db.errors.NoSheetError."""
    image_id = chosen.image_id
    if image_id is None:
        image_id = choices.image_by_pixels(connection, chosen.pixel_hash or b"")
    if chosen.choice is None:
        return choices.forget(connection, image_id)
    choices.choose(connection, image_id, chosen.choice)
    return True
