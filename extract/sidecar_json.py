"""Sidecar descriptions as the catalog keeps them (JSON), and back."""

import dataclasses
from typing import Any

from extract.sheets.model import Grid, Hints, Rect, SidecarSheet
from extract.tasks import SliceTask

SIDECAR_MAX_BYTES = 16 * 1024 * 1024
"""A larger file is no description of a sheet."""


def as_json(sheet: SidecarSheet) -> dict[str, Any]:
    """Return plain values, and no NUL in any text: PostgreSQL takes none."""
    return dataclasses.asdict(sheet, dict_factory=_without_nul)


def _without_nul(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in pairs}


def from_json(values: dict[str, Any]) -> SidecarSheet:
    """Undo `as_json`, also after a journey through JSON text."""
    grid, shape = values["grid"], values.get("shape")
    return SidecarSheet(
        **{
            **values,
            "size": None if values["size"] is None else (values["size"][0], values["size"][1]),
            "grid": None if grid is None else Grid(**{name: (pair[0], pair[1]) for name, pair in grid.items()}),
            "rects": tuple(_rect(rect) for rect in values["rects"]),
            "shape": None if shape is None else (shape[0], shape[1]),
        }
    )


def _rect(values: dict[str, Any]) -> Rect:
    """Read a rectangle; catalogs of 0.1 say `rotated` instead of `orientation`."""
    said = dict(values)
    if said.pop("rotated", False):
        said["orientation"] = 8
    return Rect(**said)


def hints_of(task: SliceTask) -> Hints:
    """Return what is known about an image besides its pixels."""
    return Hints(names=task.names, sidecars=tuple(from_json(values) for values in task.sidecars), said=task.said)
