"""`quarry catalog …`: look at the catalog and take things out of it."""

import click

from db.cli_lazy import LazyGroup

VERBS = {
    "copy": ("db.cli_care:copy", "Copy a catalog and its bytes to another database and store."),
    "credits": ("db.cli_export:credits", "Write whom to credit for what, and what licences ask for."),
    "export": ("db.cli_export:export", "Write images and tiles with URL, page, authors, licence."),
    "migrate": ("db.cli_care:migrate", "Bring the catalog to this program's schema."),
    "report": ("db.cli_export:report", "Write a browsable HTML site of pages, sheets, tiles, failures."),
    "retry": ("db.cli_care:retry", "Make failed downloads and failed extractions due again."),
    "status": ("db.cli_status:status", "Show what is pending, done and failed, and why."),
    "verify": ("db.cli_care:verify", "Compare rows and bytes, both ways; --repair mends."),
}


@click.group(cls=LazyGroup, lazy=VERBS)
def catalog() -> None:
    """Look at the catalog, and take things out of it."""
