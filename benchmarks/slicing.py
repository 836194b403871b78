"""How well pictures are cut, against five simple ways to do it: ``python -m benchmarks.slicing DATA [--judged FILE]``.

DATA is a folder with ``truth.json``, ``img/`` and ``score.py``, the one scorer that grades every way alike. Without
``--judged`` our rows are those of the shipped judge, which has learned from these very pictures; with the FILE that
``python -m extract.sheets.train DATA --judged FILE`` writes there is also the row that counts: every picture judged by
forests that have not seen its author. Times are CPU milliseconds per picture without reading the file.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extract.sheets.components import as_rects, sprites
from extract.sheets.evidence import Axis, gather
from extract.sheets.features import FIRST_GRID, describe
from extract.sheets.judge import shipped
from extract.sheets.layout import WAYS, joined_ways, ways, with_rest
from extract.sheets.model import Grid, Rect
from extract.sheets.slice import MIN_SHEET, occupied, slice_image
from extract.sheets.sprite_judge import shipped as shipped_sprites
from extract.sheets.weighed import grid_of

Picture = NDArray[np.uint8]
Cutter = Callable[[Picture], tuple[Rect, ...]]
MIN_TILE_PX = 8
MIN_ECHO = 0.3


def assume(side: int) -> Cutter:
    """Cut every picture that `side` divides into squares of that side."""

    def cut(rgba: Picture) -> tuple[Rect, ...]:
        height, width = rgba.shape[:2]
        return _cells(rgba, (side, side)) if width % side == 0 and height % side == 0 else ()

    return cut


def common_divisor(rgba: Picture) -> tuple[Rect, ...]:
    """Cut into squares of the greatest common divisor of the sides."""
    side = math.gcd(*rgba.shape[:2])
    return _cells(rgba, (side, side)) if side >= MIN_TILE_PX else ()


def autocorrelation(rgba: Picture) -> tuple[Rect, ...]:
    """Cut at the lags at which the picture repeats best, if it does."""
    evidence = gather(rgba)
    tile = _lag(evidence.x), _lag(evidence.y)
    return _cells(rgba, (tile[0] or rgba.shape[1], tile[1] or rgba.shape[0])) if any(tile) else ()


def _lag(axis: Axis) -> int:
    echo = axis.echo_tone[: len(axis.echo_tone) // 2 + 1]
    inner = np.flatnonzero((echo[1:-1] > echo[:-2]) & (echo[1:-1] >= echo[2:])) + 1
    inner = inner[inner >= MIN_TILE_PX]
    best = int(inner[echo[inner].argmax()]) if len(inner) else 0
    return best if best and echo[best] >= MIN_ECHO else 0


def components(rgba: Picture) -> tuple[Rect, ...]:
    """Take every connected part for a sprite, overlapping boxes joined."""
    return sprites(gather(rgba).parts)


def ours(rgba: Picture) -> tuple[Rect, ...]:
    """Slice as the catalog does, without names and sidecars."""
    return slice_image(rgba).rects


def held_out(said: tuple[float, list[float], list[list[int]]], rgba: Picture) -> tuple[Rect, ...]:
    """Cut as judges say that have not seen the author: (raw probability of a sheet, share of each cut, grown boxes)."""
    if shipped().sheet_scale.read(said[0]) < MIN_SHEET:
        return ()
    evidence = gather(rgba)
    best = int(np.argmax(said[1]))
    if best == WAYS - 1:
        return as_rects(with_rest(evidence, np.array(said[2], dtype=np.int64).reshape(-1, 4)))
    if best < WAYS:
        return as_rects(joined_ways(evidence)[best])
    grids, _ = describe(evidence, ways(evidence, shipped_sprites()))
    return occupied(rgba, grid_of(*grids[best - FIRST_GRID + 1]).cells(rgba.shape[1], rgba.shape[0]))


def _cells(rgba: Picture, tile: tuple[int, int]) -> tuple[Rect, ...]:
    rects = Grid(tile).cells(rgba.shape[1], rgba.shape[0])
    return occupied(rgba, rects) if len(rects) > 1 else ()


def grade(data: Path, answers: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Let the data's own scorer grade the answers; gives its summary by group of rows."""
    with tempfile.TemporaryDirectory() as folder:
        said, marks = Path(folder) / "said.json", Path(folder) / "marks.json"
        said.write_text(json.dumps(answers), encoding="utf-8")
        command = [sys.executable, "-B", str(data / "score.py"), str(data / "truth.json"), str(data / "img"), str(said)]
        subprocess.run([*command, "--json", str(marks)], check=True, stdout=subprocess.DEVNULL)
        summary: dict[str, dict[str, float]] = json.loads(marks.read_text(encoding="utf-8"))["summary"]
    return summary


def answer(cutter: Cutter, rgba: Picture) -> dict[str, Any]:
    """Ask one way to cut, and take its CPU time."""
    start = time.process_time()
    rects = cutter(rgba)
    spent = time.process_time() - start
    return {
        "kind": "sheet" if len(rects) > 1 else "single",
        "rects": [[r.x, r.y, r.w, r.h] for r in rects],
        "seconds": spent,
    }


def table(marks: dict[str, dict[str, dict[str, float]]]) -> str:
    """Lay out the marks of each way: strong rows, and exact grids over all rows."""
    lines = [
        "| way to cut | over-split % | sheets found % | grids exact % | … ALL rows % | atlas F1t % | CPU ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, mark in marks.items():
        strong, every, atlas = mark["strong"], mark["all"], mark["atlas"]
        figures = (strong["over"], strong["R"], strong["exact"], every["exact"], atlas["F1t"], every["ms"])
        lines.append(f"| {name} | " + " | ".join(f"{v:.1f}" for v in figures) + " |")
    return "\n".join(lines)


def categories(mark: dict[str, dict[str, float]]) -> str:
    """Lay out the marks of one way by category of picture."""
    lines = ["| category | pictures | found or over-split % | exact % | F1t % |", "|---|---|---|---|---|"]
    for name, row in mark.items():
        if "/" in name:
            split = row["over"] if name.startswith("single") else row["R"]
            lines.append(f"| {name} | {row['n']:.0f} | {split:.1f} | {row['exact']:.1f} | {row['F1t']:.1f} |")
    return "\n".join(lines).replace("nan", "–")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judged", type=Path, help="what held-out judges said, by extract.sheets.train --judged")
    chosen = parser.parse_args(arguments)
    cutters: dict[str, Cutter] = {
        "assume 16": assume(16),
        "assume 32": assume(32),
        "common divisor": common_divisor,
        "autocorrelation": autocorrelation,
        "connected components": components,
        "ours, pictures it learned from": ours,
    }
    said = json.loads(chosen.judged.read_text(encoding="utf-8")) if chosen.judged else {}
    truth = json.loads((chosen.data / "truth.json").read_text(encoding="utf-8"))
    answers: dict[str, dict[str, Any]] = {name: {} for name in cutters}
    if said:
        answers["ours, authors not seen"] = {}
    for picture, entry in sorted(truth.items()):
        with Image.open(chosen.data / "img" / entry["file"]) as image:
            rgba = np.asarray(image.convert("RGBA"))
        for name, cutter in cutters.items():
            answers[name][picture] = answer(cutter, rgba)
        if said:
            answers["ours, authors not seen"][picture] = answer(partial(held_out, said[picture]), rgba)
    marks = {name: grade(chosen.data, given) for name, given in answers.items()}
    sys.stdout.write(f"{table(marks)}\n\n{categories(marks[next(reversed(marks))])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
