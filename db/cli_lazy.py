"""Groups of commands that are imported when they are used: `--help` should not wait for a database library."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from db.errors import BlobStoreError, CatalogError
from db.exit_codes import STOPPED
from db.terminal import printable


class _FailureError(click.ClickException):
    """Is shown as one line; some problems."""

    def __init__(self, message: object) -> None:
        super().__init__(printable(" ".join(str(message).split())))


class StoppedError(_FailureError):
    """Is shown as one line; the same command may go on later."""

    exit_code = STOPPED


def _is_out_of_reach(error: Exception) -> bool:
    """Tell a server that is gone, a lock that is held or a full disk, without importing SQLAlchemy.

    SQLite calls an error in our SQL (code 1) operational, too.
    """
    named = [f"{each.__module__}.{each.__name__}" for each in type(error).mro()]
    code: int = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return "sqlalchemy.exc.OperationalError" in named and code & 0xFF != 1


class LazyGroup(click.Group):
    """A group some of whose commands are known by name: (`module:attribute`, the line that `--help` shows of it).

    What the catalog raises on purpose, or because its server or disk is out of reach, ends a command with one line.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported if need be."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if (told := self.told(error)) is None:
                raise
            raise told from error

    def told(self, error: Exception) -> click.ClickException | None:
        """Return what a user is told instead of a traceback; None for a bug."""
        if isinstance(error, CatalogError):
            return StoppedError(error) if isinstance(error, BlobStoreError) else _FailureError(error)
        if _is_out_of_reach(error):
            return StoppedError(f"the catalog is out of reach: {getattr(error, 'orig', error)}")
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' lines without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._line(name)) for name in self.list_commands(ctx)])

    def _line(self, name: str) -> str:
        return self.lazy[name][1] if name in self.lazy else self.commands[name].get_short_help_str(limit=100)
