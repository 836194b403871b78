"""Readers whose libraries are imported when an archive asks for them, and not while every worker starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name
from typing import cast

from extract.archives.interface import Entry, Limits, Reader, Source


@dataclass(frozen=True)
class DeferredReader:
    """A reader by the dotted name of its class (`module:class`); the rest says what the class says of itself."""

    name: str
    formats: frozenset[str]
    skips: bool
    where: str

    @cached_property
    def reader(self) -> Reader:
        """Import and make the reader itself."""
        return cast("Reader", resolve_name(self.where)())

    def entries(self, source: Source, limits: Limits) -> Iterator[Entry]:
        """Yield entries in archive order. Raises ArchiveProblem."""
        return self.reader.entries(source, limits)
