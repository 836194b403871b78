"""The `quarry` command: joins the sub-commands of the wings."""

import importlib

import click

GROUPS = {
    "catalog": "db.cli:catalog",
    "extract": "extract.cli:extract",
    "index": "index.cli:index",
    "serve": "index.cli:serve",
}


class LazyGroup(click.Group):
    """Imports a wing only when its command is used, so that every command starts fast. `serve` is `index serve`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all groups, and the page."""
        return sorted(GROUPS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a group, or the page."""
        if name not in GROUPS:
            return None
        module, _, attribute = GROUPS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=LazyGroup)
def main() -> None:
    """Turn a crawled asset site into a catalog of individual images and tiles.

    The crawl itself is `scrapy crawl opengameart`.
    """


if __name__ == "__main__":
    main(prog_name="quarry")
