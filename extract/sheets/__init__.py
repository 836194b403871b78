"""Sheets: decides whether one picture is one image, a grid of tiles or a packed atlas, and where the cut lines run.

Evidence is asked in the order of its worth: a sidecar file that states the rectangles, a ``16x16`` in a name, and
only then the pixels. A wrong split floods a catalog with scraps, so every step may answer "single".
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.sheets.errors import SheetError, SidecarError
    from extract.sheets.model import Candidate, Grid, Hints, Rect, SidecarSheet, Slicing
    from extract.sheets.sidecars import may_be_sidecar, parse_sidecar
    from extract.sheets.slice import occupied, slice_image

__all__ = [
    "Candidate",
    "Grid",
    "Hints",
    "Rect",
    "SheetError",
    "SidecarError",
    "SidecarSheet",
    "Slicing",
    "may_be_sidecar",
    "occupied",
    "parse_sidecar",
    "slice_image",
]

_HOMES = {
    **dict.fromkeys(("SheetError", "SidecarError"), "errors"),
    **dict.fromkeys(("may_be_sidecar", "parse_sidecar"), "sidecars"),
    **dict.fromkeys(("occupied", "slice_image"), "slice"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: reading sidecars needs none of what slicing takes long to load."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"extract.sheets.{_HOMES.get(name, 'model')}"), name)
