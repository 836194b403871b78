"""Errors of the sheets room.

SheetError
├── GridError      a grid that cannot be laid on anything (a bug of the caller, or hostile numbers)
└── SidecarError   a file that clearly is a sidecar but is malformed or hostile: a problem of the input
"""


class SheetError(ValueError):
    """Base of everything this package raises on purpose."""


class GridError(SheetError):
    """A grid with impossible numbers, or one that would make more cells than `model.MAX_CELLS`."""


class SidecarError(SheetError):
    """A sidecar that is malformed, or whose numbers are impossible; the message names the file and the number."""
