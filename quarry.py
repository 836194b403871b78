"""The `quarry` command: joins the sub-commands of the wings."""

import gc

import click

from db.cli_lazy import LazyGroup

GROUPS = {
    "catalog": ("db.cli:catalog", "Look at the catalog, and take things out of it."),
    "extract": ("extract.cli:extract", "Turn files into images and tiles."),
    "index": ("index.cli:index", "Find art: features, search by picture or words, a page."),
    "serve": ("index.cli:serve", "Serve a page to search with, on this machine."),
}

GARBAGE_THRESHOLD = (50_000, 10, 10)
"""Imports make objects that stay: looking through them after every 700 takes a tenth of a command's start."""


@click.group(cls=LazyGroup, lazy=GROUPS)
def main() -> None:
    """Turn a crawled asset site into a catalog of individual images and tiles.

    The crawl itself is `scrapy crawl opengameart`.
    """
    gc.set_threshold(*GARBAGE_THRESHOLD)


if __name__ == "__main__":
    main(prog_name="quarry")
