"""Commands start without what they do not use, and `--help` names all of them."""

import subprocess
import sys

import click
import pytest

from db.cli import catalog
from db.cli_lazy import LazyGroup
from extract.cli import extract
from quarry import main
from tests.conftest import Home


def lazy_groups() -> list[LazyGroup]:
    assert isinstance(main, LazyGroup)
    assert isinstance(catalog, LazyGroup)
    assert isinstance(extract, LazyGroup)
    return [main, catalog, extract]


@pytest.mark.parametrize("group", lazy_groups(), ids=lambda group: group.name)
def test_every_command_named_in_help_is_there_under_its_name(group: LazyGroup) -> None:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help
    assert group.get_command(context, "nonsense") is None


@pytest.mark.parametrize("words", [["--help"], ["catalog", "--help"], ["catalog", "status", "--help"]])
def test_help_waits_for_no_database_library(words: list[str]) -> None:
    asked = f"import sys, quarry\ntry: quarry.main({words})\nfinally: print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: ")
    assert done.stdout.endswith("False\n")


def test_a_catalog_is_opened_without_alembic_rich_or_another_database(home: Home) -> None:
    home.open().close()
    asked = "import sys, quarry\ntry: quarry.main(['catalog', 'status', '--json'])\nfinally: print(*sys.modules)"
    done = home.run([sys.executable, "-c", asked])
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "sqlalchemy" in loaded
    assert not loaded & {"alembic", "rich", "psycopg", "sqlalchemy.dialects.postgresql", "numpy", "PIL", "jinja2"}
