"""Train the judges: ``python -m extract.sheets.train DATA [--art FOLDER] [--folds 5] [--seed 0] [--write]``.

DATA is a folder with ``truth.json`` (kind, rects or grid per picture), ``manifest.csv`` (``group`` is the author,
``weak`` marks ambiguous rows) and ``img/``. ART is a folder of loose CC0 sprites by Kenney, as ``make demo`` unpacks
them from the ``arcade`` 3.3.3 wheel; sheets, atlases and whole pictures are made up from both. Prints the quality on
authors that the judges have not seen; ``--write`` replaces ``judge.json`` and ``sprites.json``. Deterministic.
``--cache FILE`` keeps the described pictures, which take most of the time.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from extract.sheets import judge, sprite_judge
from extract.sheets.fit import Example, Judged, cross_fit, fit_judge, held_out
from extract.sheets.forest import Floats
from extract.sheets.prepared import Asked, load

LIMITS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
MOST_SPLIT = (0.01, 0.015, 0.02, 0.025)
"""Shares of whole pictures that limits are chosen for, on other authors than those they are applied to."""


def summary(examples: list[Example], judged: dict[str, Judged], place: dict[str, int]) -> str:
    """Tell what each limit on the raw probability of a sheet would give on authors not seen, in percent."""
    lines = ["limit  over-split  recall  grids exact  ALL exact  atlas F1t   (strong rows but ALL; held-out authors)"]
    real = [e for e in examples if not e.made]
    for limit in LIMITS:
        lines.append(f"{limit:5.2f}  " + _row(figures(real, judged, np.full(len(real), limit))))
    for most in MOST_SPLIT:
        lines.append(f"{most:4.1%}   " + _row(figures(real, judged, nested_limits(real, judged, place, most))))
    lines.append("Last rows: for each fold the limit that splits so many whole pictures of the other folds.")
    return "\n".join(lines) + "\n"


def _row(numbers: tuple[float, ...]) -> str:
    return "  ".join(f"{v:9.1f}" for v in numbers)


def nested_limits(real: list[Example], judged: dict[str, Judged], place: dict[str, int], most: float) -> Floats:
    """Give each picture the limit that the strong whole pictures of the other folds ask for, never those of its own."""
    folds = np.array([place[e.author] for e in real])
    sheet = np.array([judged[e.picture].sheet for e in real])
    whole = np.array([e.kind == "single" and not e.weak for e in real])
    limits = np.zeros(len(real))
    for fold in np.unique(folds):
        others = np.sort(sheet[whole & (folds != fold)])[::-1]
        limits[folds == fold] = others[int(most * len(others))] + 1e-9
    return limits


def figures(real: list[Example], judged: dict[str, Judged], limits: Floats) -> tuple[float, ...]:
    """Give over-split, recall, exact (strong), exact (all) and atlas F1t in percent with a limit per picture."""

    def percent(kinds: tuple[str, ...], *, weak: bool, quality: bool) -> float:
        chosen = [(e, at) for e, at in zip(real, limits, strict=True) if e.kind in kinds and (weak or not e.weak)]
        split = np.array([judged[e.picture].sheet >= at for e, at in chosen])
        worth = [float(e.quality[1 + int(judged[e.picture].shares.argmax())]) if quality else 1.0 for e, _ in chosen]
        return float(100 * (split * np.array(worth)).mean())

    return (
        percent(("single",), weak=False, quality=False),
        percent(("grid", "atlas"), weak=False, quality=False),
        percent(("grid",), weak=False, quality=True),
        percent(("grid",), weak=True, quality=True),
        percent(("atlas",), weak=False, quality=True),
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with truth.json, manifest.csv and img/")
    parser.add_argument("--art", type=Path, help="folder of loose CC0 sprites")
    parser.add_argument("--folds", type=int, default=5, help="author-wise cross-validation")
    parser.add_argument("--seed", type=int, default=0, help="how authors are dealt to folds")
    parser.add_argument("--jobs", type=int, default=2, help="processes that describe pictures; changes nothing else")
    parser.add_argument("--cache", type=Path, help="keep the described pictures in this file, folds and all")
    parser.add_argument("--judged", type=Path, help="write what was said of held-out authors to this file (JSON)")
    parser.add_argument("--write", action="store_true", help="replace the judges beside this module")
    chosen = parser.parse_args(arguments)
    asked = Asked(chosen.data, chosen.art, chosen.folds, chosen.seed)
    prepared = load(chosen.cache, asked, chosen.jobs)
    examples, place = prepared.examples, prepared.place
    fit = cross_fit(examples, place, chosen.jobs)
    judged = held_out(examples, fit)
    sys.stdout.write(summary(examples, judged, place))
    if chosen.judged:
        grown = {e.picture: e.sprites.tolist() for e in examples if not e.made}
        said = {name: [j.sheet, j.shares.tolist(), grown[name]] for name, j in judged.items() if name in grown}
        chosen.judged.write_text(json.dumps(said), encoding="utf-8")
    if chosen.write:
        here = Path(__file__).parent
        (here / "judge.json").write_text(judge.to_json(fit_judge(examples, fit, judged)), encoding="utf-8")
        (here / "sprites.json").write_text(sprite_judge.to_json(prepared.sprites), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
