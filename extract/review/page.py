"""The review page: sheets that the slicer is unsure of, each with its cuts drawn on, to choose from.

A folder of static HTML that works from ``file://``. Since such a page cannot write to a catalog, a click makes a
command to copy, and all clicks together a file for `quarry extract choose --from`.
"""

import json
import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from PIL import Image as PillowImage

from db.cells import tame
from db.pixels import Rgba
from db.records import Candidate

SHOWN_CANDIDATES = 3
SHOWN_RECTS = 2000
SHOWN_LINES = 4096
SHOWN_SIDE_PX = 440
"""A small picture is enlarged by a whole factor up to this, a larger one reduced to it."""


@dataclass(frozen=True)
class UnsureSheet:
    """A sheet to review. `name` goes into the command: an image id or a path. `current` is how it is cut now."""

    name: str
    pixel_hash: str
    width: int
    height: int
    where: str
    link: str
    current: Candidate
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Option:
    """A cut to choose: what it says, its command, its entry in the choice file, and how to draw it."""

    label: str
    why: str
    command: str
    choice: str
    kind: str
    candidate: Candidate
    current: bool


def options(sheet: UnsureSheet) -> list[Option]:
    """List the current cut, the other candidates, the connected parts and the whole picture, each once."""
    asked = [sheet.current, *sheet.candidates[:SHOWN_CANDIDATES]]
    asked += [Candidate("atlas", 0.0, "its connected parts"), Candidate("single", 0.0, "one picture, left whole")]
    found: dict[str, Option] = {}
    for candidate in asked:
        option = _option(sheet, candidate, current=candidate is sheet.current)
        found.setdefault(option.choice, option)
    return list(found.values())


def _option(sheet: UnsureSheet, candidate: Candidate, *, current: bool) -> Option:
    words = ["quarry", "extract", "choose", sheet.name]
    entry: dict[str, object] = {"pixel_hash": sheet.pixel_hash, "kind": candidate.kind}
    if candidate.kind == "grid":
        tile = candidate.tile or (1, 1)
        label = f"{tile[0]}×{tile[1]}"
        words += ["--grid", _text(tile)]
        entry |= {"tile": list(tile), "margin": list(candidate.margin), "spacing": list(candidate.spacing)}
        for name, numbers in (("margin", candidate.margin), ("spacing", candidate.spacing)):
            if any(numbers):
                words += [f"--{name}", _text(numbers)]
                label += f", {name} {_text(numbers)}"
    else:
        label = "separate parts" if candidate.kind == "atlas" else "whole"
        words.append("--atlas" if candidate.kind == "atlas" else "--whole")
    sure = f"{candidate.confidence:.0%}: " if candidate.confidence else ""
    return Option(label, sure + candidate.why, _command(words), json.dumps(entry), candidate.kind, candidate, current)


def _command(words: list[str]) -> str:
    """Return a command to copy; bytes of a file name that are no text become what bash and zsh read as those bytes."""
    return " ".join(shlex.quote(word) if _is_text(word) else _quoted_bytes(word) for word in words)


def _is_text(word: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _quoted_bytes(word: str) -> str:
    plain = (
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}" for byte in os.fsencode(word)
    )
    return f"$'{''.join(plain)}'"


def _text(pair: tuple[int, int]) -> str:
    return f"{pair[0]}x{pair[1]}"


def shown_size(sheet: UnsureSheet) -> tuple[int, int]:
    """Return width and height to show a picture with: by a whole factor if it is small, reduced if it is large."""
    longest = max(sheet.width, sheet.height)
    factor = min(8, SHOWN_SIDE_PX // longest) if longest <= SHOWN_SIDE_PX else SHOWN_SIDE_PX / longest
    return max(1, round(sheet.width * factor)), max(1, round(sheet.height * factor))


def grid_lines(candidate: Candidate, width: int, height: int) -> str:
    """Return an SVG path with both edges of every column and row of a grid, in px of the sheet."""
    tile, margin, spacing = candidate.tile or (1, 1), candidate.margin, candidate.spacing
    edges: list[list[int]] = []
    for axis, length in enumerate((width, height)):
        step = tile[axis] + spacing[axis]
        count = min(SHOWN_LINES, max(0, (length - margin[axis] + spacing[axis]) // step))
        starts = [margin[axis] + number * step for number in range(count)]
        edges.append(sorted({edge for start in starts for edge in (start, start + tile[axis])}))
    xs, ys = edges
    if not xs or not ys:
        return ""
    return "".join(f"M{x} {ys[0]}V{ys[-1]}" for x in xs) + "".join(f"M{xs[0]} {y}H{xs[-1]}" for y in ys)


def write_review(out: Path, sheets: Iterable[tuple[UnsureSheet, Rgba]]) -> tuple[Path, int]:
    """Write the page and its pictures into a folder; return the page and how many sheets are on it. Repeatable."""
    (out / "img").mkdir(parents=True, exist_ok=True)
    shown = list(_with_pictures(out, sheets))
    templates = Environment(
        loader=FunctionLoader(lambda name: (files("extract.review") / "templates" / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = out / "review.html"
    part = page.with_suffix(".part")
    html = templates.get_template("review.html").render(
        sheets=shown, options=options, shown=shown_size, lines=grid_lines, rects=SHOWN_RECTS
    )
    part.write_text(tame(html), encoding="utf-8")
    part.replace(page)
    return page, len(shown)


def _with_pictures(out: Path, sheets: Iterable[tuple[UnsureSheet, Rgba]]) -> Iterator[UnsureSheet]:
    """Write each picture once, named by its pixels, and pass its sheet on: only one picture is held at a time."""
    for sheet, rgba in sheets:
        target = out / "img" / f"{sheet.pixel_hash}.png"
        if not target.exists():
            part = target.with_suffix(".part")
            PillowImage.fromarray(rgba, "RGBA").save(part, "PNG", compress_level=1)
            part.replace(target)
        yield sheet


def candidate_from_json(values: dict[str, object]) -> Candidate:
    """Read a candidate as the catalog keeps it."""
    said = {**asdict(Candidate("", 0.0, "")), **values}
    pairs = {key: tuple(said[key]) if said[key] else None for key in ("tile", "margin", "spacing")}
    rects = tuple(tuple(rect) for rect in said["rects"])
    return Candidate(
        said["kind"], said["confidence"], said["why"], pairs["tile"], pairs["margin"] or (0, 0),
        pairs["spacing"] or (0, 0), rects,
    )  # fmt: skip
