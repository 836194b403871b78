"""Strangers' text on a terminal: nothing that moves the cursor or changes colours gets through."""

import sys
import unicodedata
from collections.abc import Mapping
from typing import IO

import click

from db.cells import escape
from db.exit_codes import SOME_PROBLEMS

SHOWN = 10


def printable(value: str) -> str:
    r"""Replace control, format and surrogate characters by \xNN or \uNNNN."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") else escape(c) for c in value)


class Guarded:
    """A terminal to write text to, harmless but for tabs and line ends. Files and pipes get what is written."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._guard = out.isatty()

    def write(self, value: str) -> int:
        """Write text, escaped if somebody is looking."""
        if not self._guard:
            return self._out.write(value)
        pieces = [printable(c) if c not in "\t\n" else c for c in value.replace("\r\n", "\n")]
        return self._out.write("".join(pieces))


def tell_unreadable(unreadable: Mapping[int, str]) -> None:
    """If images were left out, say on standard error which and why, and end with exit code 1."""
    for image_id, why in list(unreadable.items())[:SHOWN]:
        click.echo(printable(f"image {image_id}: {why}"), err=True)
    if unreadable:
        click.echo(f"{len(unreadable)} images left out; see quarry catalog verify --hashes --repair", err=True)
        sys.exit(SOME_PROBLEMS)
