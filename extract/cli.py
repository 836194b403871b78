"""`quarry extract …`: unpack, decode and slice what the crawl brought home, or one file at hand."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from db.cli_lazy import LazyGroup, StoppedError
from db.cli_options import catalog_options
from db.exit_codes import DONE, SOME_PROBLEMS
from db.terminal import printable
from db.vocabulary import Stage

STAGES = [Stage.READ.value, Stage.SLICE.value]
"""What can be asked for alone: sidecars are matched whenever something is to be sliced."""
DEFAULT_OUT = Path("quarry-review")
ELSEWHERE = {
    "review": ("extract.review.cli:review", "Write a page to choose from how unsure sheets are cut."),
    "choose": ("extract.review.cli:choose", "Say how an image is to be cut."),
    "tiles": ("extract.tiles.cli:tiles", "Write every tile, with its place, authors and licence."),
}
"""The slicer's imports take longer than most runs."""


class ExtractGroup(LazyGroup):
    """Ends a command with a line and exit code 3 when the catalog, the disk or the pool is at fault."""

    def told(self, error: Exception) -> click.ClickException | None:
        """Say why a run cannot go on."""
        from extract.stopping import why_stopped

        if why := why_stopped(error):
            return StoppedError(f"Stopped early: {why}. The same command goes on from here.")
        return super().told(error)


@click.group(cls=ExtractGroup, lazy=ELSEWHERE)
def extract() -> None:
    """Turn files into images and tiles."""


@extract.command()
@catalog_options
@click.option(
    "--pool",
    default="processes",
    show_default=True,
    help="Where to work: processes (one a core), processes:N, dask://host:port.",
)
@click.option("--stage", type=click.Choice(STAGES), help="Only unpack and decode, or only slice; default both.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--dry-run", is_flag=True, help="Only say how much is due.")
def run(
    catalog_url: str | None, blobs_url: str | None, pool: str, stage: str | None, as_json: bool, dry_run: bool
) -> None:
    """Unpack archives, decode images and slice sheets: everything that is still due.

    Safe to stop and to repeat. Exit code 0: done; 1: done, with problems; 3: stopped early.

    Example: quarry extract run
    """
    from db.glance import seems_done
    from extract.preload import PRELOAD
    from pools.local import warm_up

    if not dry_run and not seems_done(catalog_url):
        warm_up(pool, PRELOAD)  # workers import what they need while this process imports SQLAlchemy
    from extract.running import drain, say_due

    if dry_run:
        say_due(catalog_url, blobs_url)
        return
    sys.exit(drain(catalog_url, blobs_url, pool, stage, as_json=as_json))


@extract.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: Path, as_json: bool) -> None:
    """Show what is in an archive, one level deep, touching no catalog.

    Example: quarry extract inspect pack.zip
    """
    from rich.console import Console

    from extract.inspecting import inspect_file, tree  # readers and decoders, which `run` leaves to its workers

    found = inspect_file(file)
    if as_json:
        # Surrogates stand for bytes of names that are no text; JSON carries them escaped.
        click.echo(json.dumps(found))
    else:
        Console().print(tree(file.name, found))
    sys.exit(DONE if found["state"] in ("ok", "empty") else SOME_PROBLEMS)


@extract.command("slice")
@click.argument("images", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--review", "as_page", is_flag=True, help="Write a page with the cuts drawn on (see extract review).")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_OUT, help="Its folder.")
@click.pass_context
def slice_(context: click.Context, images: tuple[Path, ...], as_json: bool, as_page: bool, out: Path) -> None:
    """Say how images would be sliced, with the sidecar files beside them, touching no catalog.

    Example: quarry extract slice tiles.png
    """
    if as_page and not images:
        from extract.review.cli import review

        context.invoke(review, out=out)
        return
    if not images:
        raise click.UsageError("which images?")
    if as_page:
        from extract.review.page import write_review
        from extract.review.unsure import files_at_hand

        page, count = write_review(out, files_at_hand(images))
        click.echo(f"{count} images in {page}")
        return
    from extract.inspecting import slice_file

    bad = False
    for image in images:
        start = time.perf_counter()
        found: dict[str, Any] = {"path": str(image), **slice_file(image)}
        found["seconds"] = round(time.perf_counter() - start, 4)
        bad = bad or found["kind"] == "error"
        click.echo(json.dumps(found) if as_json else _one_line(found))
    sys.exit(SOME_PROBLEMS if bad else DONE)


def _one_line(found: dict[str, Any]) -> str:
    tile = "×".join(map(str, found["tile"])) if found.get("tile") else ""
    rects = f"{len(found['rects'])} {tile} tiles" if found["rects"] else ""
    said = " ".join(part for part in (found["kind"], rects, f"({found['confidence']:.2f}: {found['why']})") if part)
    return printable(f"{found['path']}: {said}")
