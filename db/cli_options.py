"""Options that several commands share: where everything is, and which images are meant."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from db.vocabulary import IMAGE_KINDS

CATALOG_OPTIONS = (
    click.option("--catalog", "catalog_url", help="Catalog URL [env QUARRY_CATALOG; quarry-data/catalog.db]."),
    click.option("--blobs", "blobs_url", help="Blob store [env QUARRY_BLOBS; quarry-data/blobs]."),
)
SELECTION_OPTIONS = (
    click.option("--licence", "licences", multiple=True, help="SPDX licence you accept (repeat for several)."),
    click.option("--author", "authors", multiple=True, help="Only by this author."),
    click.option("--tag", "tags", multiple=True, help="Only of pages with this tag."),
    click.option("--type", "types", multiple=True, help="Only of this art type, as the site calls it."),
    click.option("--kind", "kinds", multiple=True, type=click.Choice(IMAGE_KINDS)),
    click.option("--min-px", type=int, default=0, help="Longer side at least so many pixels."),
    click.option("--max-px", type=int, default=0, help="Longer side at most so many pixels."),
    click.option("--since", default="", help="Of pages posted on this day or later (YYYY-MM-DD)."),
    click.option("--until", default="", help="Of pages posted on this day or earlier (YYYY-MM-DD)."),
    click.option("--current", is_flag=True, help="Only what the site still shows."),
)


def catalog_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the two options that say where everything is."""
    for option in reversed(CATALOG_OPTIONS):
        command = option(command)
    return command


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which images are meant; they arrive together as `selection`."""

    @wraps(command)
    def with_selection(**given: Any) -> Any:
        from db.selection import Selection  # and with it SQLAlchemy, which other commands need not wait for yet

        fields = {name: given.pop(name) for name in Selection.__dataclass_fields__}
        return command(selection=Selection(**fields), **given)

    chosen: Callable[..., Any] = with_selection
    for option in reversed(SELECTION_OPTIONS):
        chosen = option(chosen)
    return chosen
