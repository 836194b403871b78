"""What the slicer takes and gives: small frozen values without behaviour beyond laying a grid over a picture."""

from dataclasses import dataclass
from typing import Literal

from extract.sheets.errors import GridError

MAX_CELLS = 250_000
"""More rectangles than any real sheet holds; a request for more is hostile or a bug."""

MAX_SIDE_PX = 1 << 16
"""Longer sides than any decoder of this project accepts."""

Kind = Literal["single", "grid", "atlas"]
Source = Literal["choice", "sidecar", "name", "pixels"]


@dataclass(frozen=True)
class Rect:
    """A rectangle of a picture in pixels, origin at the top left.

    `row` and `column` are set for cells of a grid. `w` and `h` are always the size *on the sheet*. `orientation` says
    how to show a sprite that a packer turned, as EXIF does (TIFF 6.0 tag 274): 1 as it is, 3 turn by 180°, 6 turn
    clockwise, 8 turn counter-clockwise. `tag` names the animation that the frame belongs to.
    """

    x: int
    y: int
    w: int
    h: int
    name: str = ""
    row: int | None = None
    column: int | None = None
    orientation: int = 1
    tag: str = ""

    def inside(self, width: int, height: int) -> bool:
        """Tell whether the rectangle is not empty and lies wholly in a picture of this size."""
        return (
            self.w > 0
            and self.h > 0
            and self.x >= 0
            and self.y >= 0
            and self.x + self.w <= width
            and self.y + self.h <= height
        )


@dataclass(frozen=True)
class Grid:
    """Equal cells: `tile`, `margin` (before the first cell) and `spacing` (between cells), each (x, y) in pixels."""

    tile: tuple[int, int]
    margin: tuple[int, int] = (0, 0)
    spacing: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Refuse numbers that no sheet can have.

        Raises:
            GridError: when the tile is below 1 px, margin or spacing negative, or a number exceeds `MAX_SIDE_PX`.

        """
        numbers = (*self.tile, *self.margin, *self.spacing)
        if min(self.tile) < 1 or min(numbers) < 0 or max(numbers) > MAX_SIDE_PX:
            raise GridError(f"grid: impossible numbers {numbers}, limit 0..{MAX_SIDE_PX} px and tiles from 1 px")

    def shape(self, width: int, height: int) -> tuple[int, int]:
        """Count the whole (columns, rows) that fit into a picture of this size."""
        counts = (
            max(0, (length - margin + spacing) // (tile + spacing))
            for length, tile, margin, spacing in zip((width, height), self.tile, self.margin, self.spacing, strict=True)
        )
        columns, rows = counts
        return columns, rows

    def cells(self, width: int, height: int, columns: int | None = None, count: int | None = None) -> tuple[Rect, ...]:
        """List the whole cells inside a picture, row by row; a partial cell at the right or bottom is left out.

        Args:
            width: picture width, px.
            height: picture height, px.
            columns: at most so many cells a row.
            count: at most so many cells altogether.

        Raises:
            GridError: when there would be more than `MAX_CELLS`.

        """
        across, down = self.shape(width, height)
        if columns is not None:
            across = min(across, max(0, columns))
        wanted = across * down if count is None else min(across * down, max(0, count))
        if wanted > MAX_CELLS:
            raise GridError(f"grid: {wanted} cells, limit {MAX_CELLS}")
        step_x, step_y = self.tile[0] + self.spacing[0], self.tile[1] + self.spacing[1]
        places = (divmod(i, across) for i in range(wanted))
        return tuple(
            Rect(
                self.margin[0] + column * step_x,
                self.margin[1] + row * step_y,
                *self.tile,
                row=row,
                column=column,
            )
            for row, column in places
        )


@dataclass(frozen=True)
class Candidate:
    """One cut that was considered: a `grid`, or the `rects` of an atlas, with its probability (0 to 1) and a reason."""

    kind: Kind
    grid: Grid | None
    score: float
    why: str = ""
    rects: tuple[Rect, ...] = ()


@dataclass(frozen=True)
class Slicing:
    """How a picture is to be cut.

    `rects` holds the cells that show something, in reading order for grids; it is empty for `single`. `confidence`
    is the estimated probability (0 to 1) that this cut is the intended one. `why` is one sentence for a log.
    `candidates` lists up to three other cuts that the pixels allow, best first. `ignored` says which sidecars were
    set aside, and why. `upscale` is the integer factor by which the picture was enlarged without smoothing: a 64-px
    tile at 4 is a 16-px tile.
    """

    kind: Kind
    rects: tuple[Rect, ...]
    grid: Grid | None
    confidence: float
    why: str
    source: Source
    candidates: tuple[Candidate, ...] = ()
    ignored: tuple[str, ...] = ()
    upscale: int = 1


@dataclass(frozen=True)
class SidecarSheet:
    """What one sidecar says about one picture.

    `image` is the path as written, with ``/`` as separator, relative to the sidecar; a last part ``*.png`` speaks of
    every picture in that folder. A sheet has a `grid` (with `columns` and `count` where stated), explicit `rects`,
    both (then the rects are the grid's cells that are in use), or a `shape`: the (columns, rows) that the whole
    picture is divided into; (1, 1) says that it is one image. `format` is the registered name of the sidecar format.
    With `from_bottom`, y of the rects counts from the bottom of the picture to the bottom of the rect. `partial`
    rects are those that somebody used: there may be more in the picture.
    """

    image: str
    size: tuple[int, int] | None = None
    grid: Grid | None = None
    count: int | None = None
    columns: int | None = None
    rects: tuple[Rect, ...] = ()
    format: str = ""
    from_bottom: bool = False
    shape: tuple[int, int] | None = None
    partial: bool = False


@dataclass(frozen=True)
class Hints:
    """What is known beside the pixels.

    `names` are paths and file names, `said` what the page says (title, tags, description): both may say ``16x16``,
    the latter about many files at once. `sidecars` name this picture.
    """

    names: tuple[str, ...] = ()
    sidecars: tuple[SidecarSheet, ...] = ()
    said: tuple[str, ...] = ()
