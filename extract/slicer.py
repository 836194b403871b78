"""What slices in a worker process: functions of bytes and hints, without a catalog, in a child without rights.

Apart from `extract.worker`, because what it imports (scipy) takes as long to load as everything else together.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from db.blobs import BlobStore
from db.pixels import Rgba
from db.records import SliceResult, TileRecord
from db.vocabulary import Outcome
from extract.confined import Lost, Work, run_confined
from extract.images.decode import first_frame, image_record
from extract.images.interface import DecodeError
from extract.sandbox import Budget
from extract.sheets.model import Slicing
from extract.sheets.slice import occupied, slice_image
from extract.sidecar_json import hints_of
from extract.tasks import SliceTask
from extract.versions import SLICE_VERSION

logger = logging.getLogger(__name__)

SLICE_SECONDS = 300.0


def slice_images(blobs_url: str, tasks: tuple[SliceTask, ...]) -> list[SliceResult]:
    """Slice images, in order, in a child process without rights."""
    blobs = BlobStore(blobs_url)
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
    slicing = slice_image(rgba, hints_of(task))
    if slicing.kind == "single":
        return SliceResult(Outcome.EMPTY, SLICE_VERSION, "single", slicing.confidence, slicing.source, slicing.why)
    grid = slicing.grid
    return SliceResult(
        Outcome.OK,
        SLICE_VERSION,
        slicing.kind,
        slicing.confidence,
        slicing.source,
        slicing.why,
        tile=grid.tile if grid else None,
        margin=grid.margin if grid else None,
        spacing=grid.spacing if grid else None,
        tiles=_tiles(rgba, slicing),
    )


def _tiles(rgba: Rgba, slicing: Slicing) -> tuple[TileRecord, ...]:
    found: dict[tuple[int, int, int, int], TileRecord] = {}
    for rect in occupied(rgba, slicing.rects):
        box = (rect.x, rect.y, rect.w, rect.h)
        pixels = rgba[rect.y : rect.y + rect.h, rect.x : rect.x + rect.w]
        found.setdefault(box, TileRecord(*box, image_record(pixels), rect.row, rect.column, rect.name))
    return tuple(found.values())
