"""What runs in a worker process: functions of bytes and parameters, without a catalog.

Results carry records; member bytes are in the blob store before the result returns.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from db.blobs import BlobStore
from db.records import MemberRecord, ReadResult, SidecarRecord
from db.vocabulary import Outcome
from extract.archives.interface import Limits, Note
from extract.archives.junk import is_junk
from extract.archives.unpack import Memory, preload, unpack
from extract.confined import CLOCK_ROOM_S, Lost, Work, run_confined
from extract.images.decode import IMAGE_FORMATS, decode
from extract.journal import Journal
from extract.litter import VOLUMES, own_name
from extract.sandbox import Budget
from extract.sheets.errors import SidecarError
from extract.sheets.sidecars import may_be_sidecar, parse_sidecar
from extract.sidecar_json import SIDECAR_MAX_BYTES, as_json
from extract.sniff import ARCHIVE_FORMATS, HEAD_BYTES, sniff
from extract.spool import Adoption, SpoolSink, UnknownBytesError
from extract.tasks import VOLUME_FORMAT, ReadTask, Volumes
from extract.versions import READ_VERSIONS, read_version

logger = logging.getLogger(__name__)


def read_blobs(blobs_url: str, tasks: tuple[ReadTask, ...], limits: Limits) -> list[ReadResult]:
    """Read blobs, in order: archives, images and sidecars; anything else is `ignored` or `unsupported`.

    Every blob is read in a child process without rights (see `extract.confined`). Raises BlobMissingError.
    """
    blobs = BlobStore(blobs_url)
    for task in tasks:
        blobs.open(task.sha256).close()
    preload({task.name for task in tasks if not task.name.endswith(".png")})
    journal = Journal(blobs.temporary, READ_VERSIONS["archive"])
    adoption = Adoption(blobs)

    def found(task: ReadTask, folder: Path, part: bytes) -> None:
        notes = msgspec.msgpack.decode(part, type=tuple[Note, ...])
        adoption.take(folder, [note.sha256 for note in notes if note.sha256])
        journal.append(task.sha256, notes)

    with volume_links(blobs, tasks) as links:
        do = partial(_read, _Means(blobs, journal, limits, links))
        budget = Budget(limits.memory_bytes, cpu_s=2 * int(limits.seconds + CLOCK_ROOM_S))
        work = Work(do, ReadResult, limits.seconds + CLOCK_ROOM_S, budget)
        return [
            _settled(blobs, adoption, task, folder, answer)
            for task, folder, answer in run_confined(work, tasks, blobs.temporary, found)
        ]


@dataclass(frozen=True)
class _Means:
    """What a child reads with. `links` leads to the first volume of a set, by SHA-256."""

    blobs: BlobStore
    journal: Journal
    limits: Limits
    links: Mapping[bytes, Path]


def _settled(
    blobs: BlobStore, adoption: Adoption, task: ReadTask, folder: Path, answer: ReadResult | Lost
) -> ReadResult:
    """Take over what a child found, and make a result of every answer."""
    if isinstance(answer, Lost):
        return _lost_reading(blobs, task, answer)
    try:
        adoption.take(folder, [member.sha256 for member in answer.members if member.sha256])
    except UnknownBytesError as error:
        return _lost_reading(blobs, task, Lost(str(error)))
    fresh = {member.sha256: None for member in answer.members if member.sha256 in adoption.fresh}
    return dataclasses.replace(answer, fresh=tuple(fresh)) if fresh else answer


@contextmanager
def volume_links(blobs: BlobStore, tasks: Sequence[ReadTask]) -> Iterator[dict[bytes, Path]]:
    """Give the volumes of whole sets the names that readers look for, as links side by side in a folder for each."""
    links = {}
    with TemporaryDirectory(prefix=own_name(VOLUMES), dir=blobs.temporary) as folder:
        for task in tasks:
            if task.volumes and task.volumes.leads(task.sha256) and not task.volumes.missing:
                place = Path(folder) / task.sha256.hex()
                place.mkdir()
                for alias, sha256 in task.volumes.parts:
                    (place / alias).symlink_to(blobs.path(sha256))
                links[task.sha256] = place / task.volumes.start
        yield links


def _lost_reading(blobs: BlobStore, task: ReadTask, lost: Lost) -> ReadResult:
    with blobs.open(task.sha256) as stream:
        format_ = sniff(stream.read(HEAD_BYTES))
    version = read_version(format_)
    logger.warning("%s (%s): %s", task.name or task.sha256.hex(), format_, lost.reason)
    outcome = Outcome.REFUSED if lost.late else Outcome.FAILED
    return ReadResult(outcome, version, format_, lost.reason.partition("\n")[0])


def _read(means: _Means, task: ReadTask, folder: Path, tell: Callable[[Any], None]) -> ReadResult:
    path = means.blobs.path(task.sha256)
    head = _head(path)
    if is_junk(task.name):
        return ReadResult(Outcome.IGNORED, read_version("junk"), "junk", "left behind by an operating system")
    if not head:
        return ReadResult(Outcome.EMPTY, read_version("empty"), "empty", "no bytes")
    if task.volumes and (settled := _as_volume(means, task, task.volumes)):
        return settled
    format_ = sniff(head, path)
    if format_ in IMAGE_FORMATS:
        return _read_image(path, format_)
    if format_ in ARCHIVE_FORMATS or task.sha256 in means.links:
        return _read_archive(means, path, format_, task, folder, tell)
    if task.size_bytes <= SIDECAR_MAX_BYTES and may_be_sidecar(task.name, head):
        return _read_sidecar(path, format_, task)
    return _unsupported(format_, task)


def _as_volume(means: _Means, task: ReadTask, volumes: Volumes) -> ReadResult | None:
    """Settle a volume that is not the one to read from, or whose set is not whole; None to read on.

    Names alone prove nothing: the set counts when its first file is an archive.
    """
    lead = dict(volumes.parts).get(volumes.start)
    if lead is not None:
        path = means.blobs.path(lead)
        if sniff(_head(path), path) not in ARCHIVE_FORMATS:
            return None
    version = READ_VERSIONS["other"]
    if volumes.missing:
        return ReadResult(Outcome.PARTIAL, version, VOLUME_FORMAT, f"waits for other volumes: {volumes.missing}")
    if not volumes.leads(task.sha256):
        return ReadResult(Outcome.IGNORED, version, VOLUME_FORMAT, f"volume of {volumes.first}, and read with it")
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def _still_there(means: _Means, task: ReadTask) -> tuple[Note, ...]:
    """Return what the journal knows of an archive, but for members whose bytes have left the store since."""
    notes = means.journal.read(task.sha256)
    return tuple(note for note in notes if note.sha256 is None or means.blobs.has_here(note.sha256))


def _unsupported(format_: str, task: ReadTask) -> ReadResult:
    """Tell what only looked like an image by its name from what never claimed to be one."""
    claims = Path(task.name).suffix.lower().lstrip(".")
    if claims in ("png", "gif", "jpg", "jpeg", "webp", "bmp", "zip", "rar", "7z"):
        return ReadResult(Outcome.DAMAGED, read_version(format_), format_, f"named .{claims}, but holds {format_} data")
    return ReadResult(Outcome.UNSUPPORTED, read_version(format_), format_, f"{format_} data")


def _read_image(path: Path, format_: str) -> ReadResult:
    decoded = decode(path, format_)
    return ReadResult(decoded.outcome, read_version(format_), format_, decoded.reason, frames=decoded.frames)


def _read_archive(
    means: _Means, path: Path, format_: str, task: ReadTask, folder: Path, tell: Callable[[Any], None]
) -> ReadResult:
    sink, memory = SpoolSink(folder, means.blobs), Memory(_still_there(means, task), tell)
    if task.sha256 in means.links:
        path, memory = means.links[task.sha256], Memory()  # a journal knows one blob, not a set of them
    with closing(sink):
        unpacked = unpack(path, sink, means.limits, name=Path(task.name).name, memory=memory)
    members = tuple(MemberRecord(**dataclasses.asdict(member)) for member in unpacked.members)
    found = unpacked.format or format_
    return ReadResult(Outcome(unpacked.state), read_version(found), found, unpacked.reason, members=members)


def _read_sidecar(path: Path, format_: str, task: ReadTask) -> ReadResult:
    version = read_version(format_)
    try:
        sheets = parse_sidecar(path.read_bytes(), task.name)
    except SidecarError as error:
        return ReadResult(Outcome.DAMAGED, version, format_, f"sidecar: {error}")
    if not sheets:
        return _unsupported(format_, task)
    records = tuple(SidecarRecord(sheet.image.replace("\0", ""), sheet.format, as_json(sheet)) for sheet in sheets)
    return ReadResult(Outcome.OK, version, format_, sidecars=records)


logging.getLogger("PIL").setLevel(logging.WARNING)
