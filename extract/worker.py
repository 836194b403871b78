"""What runs in a worker process: functions of bytes and parameters, without a catalog.

Results carry records; member bytes are in the blob store before the result returns.
"""

import dataclasses
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from db.blobs import BlobStore, BlobWriter
from db.records import MemberRecord, ReadResult, SidecarRecord, SliceResult
from db.vocabulary import Outcome
from extract.archives.interface import Limits
from extract.archives.names import is_junk
from extract.archives.unpack import unpack
from extract.images.decode import IMAGE_FORMATS, decode, first_frame
from extract.images.interface import DecodeError
from extract.sheets.choice import cut_as_chosen
from extract.sheets.errors import SidecarError
from extract.sheets.sidecars import may_be_sidecar, parse_sidecar
from extract.sheets.slice import slice_image
from extract.sidecar_json import SIDECAR_MAX_BYTES, as_json, hints_of
from extract.sniff import ARCHIVE_FORMATS, HEAD_BYTES, sniff
from extract.tasks import ReadTask, SliceTask
from extract.tiles.cut import candidates_of, cut_tiles
from extract.versions import READ_VERSIONS, SLICE_VERSION, read_versions_by_format

MAX_REASON = 500
"""So much is kept of why sidecars were set aside, in characters."""


@dataclass(frozen=True)
class StoreSink:
    """Archive members go into the blob store. Not fsynced: they can be derived again."""

    blobs: BlobStore

    def writer(self) -> AbstractContextManager[BlobWriter]:
        """Open a writer for one member."""
        return self.blobs.writer()


def read_blobs(blobs_url: str, tasks: tuple[ReadTask, ...], limits: Limits) -> list[ReadResult]:
    """Read blobs, in order: archives, images and sidecars; anything else is `ignored` or `unsupported`."""
    blobs = BlobStore(blobs_url)
    return [_read(blobs, task, limits) for task in tasks]


def _read(blobs: BlobStore, task: ReadTask, limits: Limits) -> ReadResult:
    path = blobs.path(task.sha256)
    with blobs.open(task.sha256) as stream:
        head = stream.read(HEAD_BYTES)
    if is_junk(task.name):
        return ReadResult(Outcome.IGNORED, READ_VERSIONS["junk"], "junk", "left behind by an operating system")
    if not head:
        return ReadResult(Outcome.EMPTY, READ_VERSIONS["empty"], "empty", "no bytes")
    format_ = sniff(head, path)
    if format_ in IMAGE_FORMATS:
        return _read_image(path, format_)
    if format_ in ARCHIVE_FORMATS:
        return _read_archive(blobs, path, format_, task, limits)
    if task.size_bytes <= SIDECAR_MAX_BYTES and may_be_sidecar(task.name, head):
        return _read_sidecar(path, format_, task)
    return _unsupported(format_, task)


def _unsupported(format_: str, task: ReadTask) -> ReadResult:
    """Tell what only looked like an image by its name from what never claimed to be one."""
    version = read_versions_by_format().get(format_, READ_VERSIONS["other"])
    claims = Path(task.name).suffix.lower().lstrip(".")
    if claims in ("png", "gif", "jpg", "jpeg", "webp", "bmp", "zip", "rar", "7z"):
        return ReadResult(Outcome.DAMAGED, version, format_, f"named .{claims}, but holds {format_} data")
    return ReadResult(Outcome.UNSUPPORTED, version, format_, f"{format_} data")


def _read_image(path: Path, format_: str) -> ReadResult:
    decoded = decode(path, format_)
    return ReadResult(decoded.outcome, READ_VERSIONS["image"], format_, decoded.reason, frames=decoded.frames)


def _read_archive(blobs: BlobStore, path: Path, format_: str, task: ReadTask, limits: Limits) -> ReadResult:
    unpacked = unpack(path, StoreSink(blobs), limits, name=Path(task.name).name)
    members = tuple(MemberRecord(**dataclasses.asdict(member)) for member in unpacked.members)
    return ReadResult(
        Outcome(unpacked.state), READ_VERSIONS["archive"], unpacked.format or format_, unpacked.reason, members=members
    )


def _read_sidecar(path: Path, format_: str, task: ReadTask) -> ReadResult:
    version = READ_VERSIONS["sidecar"]
    try:
        sheets = parse_sidecar(path.read_bytes(), task.name)
    except SidecarError as error:
        return ReadResult(Outcome.DAMAGED, version, format_, f"sidecar: {error}")
    if not sheets:
        return _unsupported(format_, task)
    records = tuple(SidecarRecord(sheet.image.replace("\0", ""), sheet.format, as_json(sheet)) for sheet in sheets)
    return ReadResult(Outcome.OK, version, format_, sidecars=records)


def slice_images(blobs_url: str, tasks: tuple[SliceTask, ...]) -> list[SliceResult]:
    """Slice images, in order."""
    blobs = BlobStore(blobs_url)
    return [_slice(blobs, task) for task in tasks]


def _slice(blobs: BlobStore, task: SliceTask) -> SliceResult:
    try:
        rgba = first_frame(blobs.path(task.sha256))
    except DecodeError as error:
        return SliceResult(Outcome.FAILED, SLICE_VERSION, "single", 0.0, "pixels", "", reason=str(error))
    slicing = slice_image(rgba, hints_of(task)) if task.choice is None else cut_as_chosen(rgba, task.choice)
    grid = slicing.grid
    return SliceResult(
        Outcome.EMPTY if slicing.kind == "single" else Outcome.OK,
        SLICE_VERSION,
        slicing.kind,
        slicing.confidence,
        slicing.source,
        slicing.why,
        reason="; ".join(slicing.ignored)[:MAX_REASON],
        tile=grid.tile if grid else None,
        margin=grid.margin if grid else None,
        spacing=grid.spacing if grid else None,
        tiles=cut_tiles(rgba, slicing),
        candidates=candidates_of(slicing),
        upscale=slicing.upscale,
    )


logging.getLogger("PIL").setLevel(logging.WARNING)
