"""What slices in a worker process: functions of bytes and hints, without a catalog, in a child without rights.

Apart from `extract.worker`, because what it imports (scipy) takes as long to load as everything else together.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from db.blobs import BlobStore
from db.records import SliceResult
from db.vocabulary import Outcome
from extract.confined import Lost, Work, run_confined
from extract.images.decode import first_frame
from extract.images.interface import DecodeError
from extract.sandbox import Budget
from extract.sheets.choice import cut_as_chosen
from extract.sheets.slice import slice_image
from extract.sidecar_json import hints_of
from extract.tasks import SliceTask
from extract.tiles.cut import candidates_of, cut_tiles
from extract.versions import SLICE_VERSION

logger = logging.getLogger(__name__)

SLICE_SECONDS = 300.0
MAX_REASON = 500
"""So much is kept of why sidecars were set aside, in characters."""


def slice_images(blobs_url: str, tasks: tuple[SliceTask, ...]) -> list[SliceResult]:
    """Slice images, in order, in a child process without rights. Raises BlobMissingError."""
    blobs = BlobStore(blobs_url)
    for task in tasks:
        blobs.open(task.sha256).close()  # out of a bucket, if need be: the child has no network
    work = Work(partial(_slice, blobs), SliceResult, SLICE_SECONDS, Budget())
    return [
        result if isinstance(result, SliceResult) else _lost_slicing(task, result)
        for task, _, result in run_confined(work, tasks, blobs.temporary, lambda task, folder, part: None)
    ]


def _lost_slicing(task: SliceTask, lost: Lost) -> SliceResult:
    logger.warning("image %s: %s", task.image_id, lost.reason)
    outcome = Outcome.REFUSED if lost.late else Outcome.FAILED
    return SliceResult(outcome, SLICE_VERSION, "single", 0.0, "pixels", "", reason=lost.reason.partition("\n")[0])


def _slice(blobs: BlobStore, task: SliceTask, _folder: Path, _tell: Callable[[Any], None]) -> SliceResult:
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
