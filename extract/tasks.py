"""What a worker is asked to do: small values that travel between processes."""

from dataclasses import dataclass
from typing import Any

from db.records import ChoiceRecord


@dataclass(frozen=True)
class ReadTask:
    """Read this blob. `name` is what it was called where it was seen."""

    blob_id: int
    sha256: bytes
    size_bytes: int
    name: str


@dataclass(frozen=True)
class SliceTask:
    """Slice this image, which is the only frame of a blob.

    `names` and what a page `said` may hint at sizes; `sidecars` as in the catalog. A `choice` that a person made ends
    all guessing.
    """

    image_id: int
    sha256: bytes
    size_bytes: int
    names: tuple[str, ...]
    sidecars: tuple[dict[str, Any], ...]
    said: tuple[str, ...] = ()
    choice: ChoiceRecord | None = None
