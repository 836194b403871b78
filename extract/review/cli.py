"""`quarry extract review` and `quarry extract choose`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from db.cli_options import catalog_options
from db.exit_codes import DONE, SOME_PROBLEMS
from db.terminal import printable, tell_unreadable

if TYPE_CHECKING:
    from db.records import ChoiceRecord
    from extract.review.choices import Chosen

DEFAULT_OUT = Path("quarry-review")


@click.command()
@catalog_options
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_OUT, show_default=True)
@click.option("--below", type=click.FloatRange(0, 1), default=0.8, show_default=True, help="Confidence to ask below.")
@click.option("--limit", type=click.IntRange(1, 5000), default=200, show_default=True, help="At most so many sheets.")
def review(catalog_url: str | None, blobs_url: str | None, out: Path, below: float, limit: int) -> None:
    """Write a page that shows the sheets the slicer is unsure of, to choose how each is cut.

    Example: quarry extract review && xdg-open quarry-review/review.html
    """
    from db import Catalog
    from extract.review.page import write_review
    from extract.review.unsure import unsure_sheets

    with Catalog(catalog_url, blobs_url) as catalog:
        page, count = write_review(out, unsure_sheets(catalog, below, limit))
    click.echo(f"{count} sheets to review in {page}" if count else f"Nothing to review below {below:.0%}; see {page}")
    tell_unreadable(catalog.unreadable)


@click.command()
@catalog_options
@click.argument("image", required=False)
@click.option("--grid", help="Cut into equal cells of this size in pixels, as in 16x16.")
@click.option("--margin", default="0", show_default=True, help="Pixels before the first cell, as in 1 or 2x1.")
@click.option("--spacing", default="0", show_default=True, help="Pixels between cells.")
@click.option("--atlas", is_flag=True, help="Cut into its separate parts.")
@click.option("--whole", is_flag=True, help="Leave it whole.")
@click.option("--forget", is_flag=True, help="Take the choice back: let the slicer decide again.")
@click.option("--from", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A choices.json.")
@click.option("--dry-run", is_flag=True, help="Only say what would be chosen.")
def choose(
    catalog_url: str | None,
    blobs_url: str | None,
    image: str | None,
    grid: str | None,
    margin: str,
    spacing: str,
    atlas: bool,
    whole: bool,
    forget: bool,
    source: Path | None,
    dry_run: bool,
) -> None:
    """Say how an image is to be cut. That wins from then on; the next `quarry extract run` applies it.

    IMAGE is an image id, or a file with the same pixels.

    Example: quarry extract choose 4711 --grid 16x16 --margin 1 --spacing 2
    """
    from extract.review.choices import ChoiceError, Chosen, image_named, read_choices

    ways = [grid is not None, atlas, whole, forget]
    if (source is None) == (image is None) or sum(ways) != (source is None):
        raise click.UsageError("give an IMAGE and one of --grid, --atlas, --whole, --forget; or --from FILE")
    try:
        if source is not None:
            chosen = read_choices(source)
        else:
            chosen = [Chosen(*image_named(image or ""), _choice(grid, margin, spacing, atlas, forget))]
    except ChoiceError as error:
        raise click.UsageError(str(error)) from error
    _choose(catalog_url, blobs_url, chosen, dry_run)


def _choice(grid: str | None, margin: str, spacing: str, atlas: bool, forget: bool) -> "ChoiceRecord | None":
    from db.records import ChoiceRecord
    from extract.review.choices import pair

    if grid is not None:
        return ChoiceRecord("grid", pair(grid, "--grid", 1), pair(margin, "--margin"), pair(spacing, "--spacing"))
    return None if forget else ChoiceRecord("atlas" if atlas else "single")


def _choose(catalog_url: str | None, blobs_url: str | None, chosen: "list[Chosen]", dry_run: bool) -> None:
    """Store all that can be, in one transaction; name the others."""
    from db import Catalog
    from db.errors import NoSheetError
    from extract.review.choices import apply

    stored, missing = 0, []
    with Catalog(catalog_url, blobs_url) as catalog, catalog.database.write() as connection:
        for choice in () if dry_run else chosen:
            try:
                stored += apply(connection, choice)
            except NoSheetError as error:
                missing.append(str(error))
    for reason in missing:
        click.echo(printable(reason), err=True)
    if dry_run:
        click.echo(f"would store {len(chosen)} choices")
    else:
        click.echo(f"{stored} choices stored; `quarry extract run` applies them")
    sys.exit(SOME_PROBLEMS if missing else DONE)
