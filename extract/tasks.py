"""What a worker is asked to do: small values that travel between processes, and the functions they are for.

A worker imports this to learn what it is asked, so nothing here imports SQLAlchemy, which no worker needs; readers and
decoders are imported where they run.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from db.records import ChoiceRecord, ReadResult, SliceResult

if TYPE_CHECKING:
    from extract.archives.interface import Limits

VOLUME_FORMAT = "volume"
"""What the ledger calls the format of a volume that waits for others, or is read with them."""


@dataclass(frozen=True)
class Volumes:
    """The set that a volume belongs to: (file name to give it, SHA-256) in order, and the file name to start from.

    `first` is what people call the first one; `missing` what the set waits for, '' when it is whole.
    """

    parts: tuple[tuple[str, bytes], ...]
    start: str
    first: str
    missing: str
    size_bytes: int

    def leads(self, sha256: bytes) -> bool:
        """Tell whether the set is read from this blob."""
        return (self.start, sha256) in self.parts


@dataclass(frozen=True)
class ReadTask:
    """Read this blob. `name` is what it was called where it was seen; `volumes` the set it may belong to.

    `asked`: what the ledger said when the task was made (see db.stages); of a slice task, too.
    """

    blob_id: int
    sha256: bytes
    size_bytes: int
    name: str
    volumes: Volumes | None = None
    asked: int = 0


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
    asked: int = 0


def read_in_worker(blobs_url: str, tasks: tuple[ReadTask, ...], limits: "Limits") -> list[ReadResult]:
    """Read blobs (see `extract.worker.read_blobs`)."""
    from extract.worker import read_blobs

    return read_blobs(blobs_url, tasks, limits)


def slice_in_worker(blobs_url: str, tasks: tuple[SliceTask, ...]) -> list[SliceResult]:
    """Slice images (see `extract.slicer.slice_images`)."""
    from extract.slicer import slice_images

    return slice_images(blobs_url, tasks)
