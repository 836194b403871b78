"""The judge's view of one picture in terms of cuts: how likely single, which ways as an atlas, which grids."""

from dataclasses import dataclass

import numpy as np

from extract.sheets.components import as_rects
from extract.sheets.evidence import Evidence
from extract.sheets.features import describe
from extract.sheets.judge import shipped
from extract.sheets.lattice import Cut
from extract.sheets.layout import WAYS, ways, with_rest
from extract.sheets.model import Candidate, Grid, Rect
from extract.sheets.sprite_judge import shipped as shipped_sprites

KEPT = 3


@dataclass(frozen=True)
class RankedGrid:
    """A grid with its probability (0 to 1)."""

    grid: Grid
    score: float


@dataclass(frozen=True)
class RankedAtlas:
    """One way to see an atlas (`layout.Way`), with its probability and rectangles."""

    join_px: int | None
    score: float
    rects: tuple[Rect, ...]

    def why(self, count: int) -> str:
        """Say what the rectangles are, `count` of them."""
        return (
            f"{count} connected parts" if self.join_px is not None else f"{count} sprites, cut apart where they touch"
        )


@dataclass(frozen=True)
class Verdict:
    """`single` is the calibrated probability that the picture is to stay whole; grids come best first.

    `sure` is the calibrated probability that the favourite cut is right, given that there is one; `atlas` that of an
    atlas, seen in any way, of which `way` is the likeliest.
    """

    single: float
    sure: float
    atlas: float
    way: RankedAtlas
    grids: tuple[RankedGrid, ...]

    def others(self, chosen: Grid | None) -> tuple[Candidate, ...]:
        """Up to three candidates for a person to choose from, beside the chosen grid."""
        cuts = [
            Candidate("grid", c.grid, c.score, f"{c.grid.tile[0]}x{c.grid.tile[1]} cells")
            for c in self.grids[: KEPT + 1]
            if c.grid != chosen
        ]
        way = self.way
        if len(way.rects) > 1:
            cuts.append(Candidate("atlas", None, way.score, way.why(len(way.rects)), way.rects))
        return tuple(sorted(cuts, key=lambda c: -c.score)[:KEPT])


def weigh(evidence: Evidence, asked: tuple[tuple[int, int], ...] = ()) -> Verdict:
    """Judge a picture; grids with a tile size that is `asked` for are always among those judged."""
    seen = ways(evidence, shipped_sprites())
    grids, table = describe(evidence, seen, asked)
    view = shipped().weigh(table)
    likely = view.sheet * view.shares
    order = np.argsort(-likely[WAYS:], kind="stable")
    ranked = tuple(RankedGrid(grid_of(*grids[i]), float(likely[WAYS + i])) for i in order)
    best = int(likely[:WAYS].argmax())
    way = seen[best]
    boxes = way.boxes if way.join_px is not None else with_rest(evidence, way.boxes)
    atlas = RankedAtlas(way.join_px, float(likely[best]), as_rects(boxes))
    return Verdict(1.0 - view.sheet, view.sure, float(likely[:WAYS].sum()), atlas, ranked)


def grid_of(one: Cut, two: Cut) -> Grid:
    """Join two cuts; an axis with a single cell has no spacing."""
    spacing = (one.spacing if one.count > 1 else 0, two.spacing if two.count > 1 else 0)
    return Grid((one.tile, two.tile), (one.margin, two.margin), spacing)
