"""Errors of the extract wing.

ExtractError
├── ArchiveProblem          an archive, or one member of it, cannot be read; its `state` is what gets recorded
│   ├── DamagedError        bytes that are missing, contradict each other, or fail their checksum
│   ├── EncryptedError      a password is needed
│   ├── RefusedError        a limit was reached; the message names the limit, the number seen and the limit
│   └── UnsupportedError    a format, method or variant that no reader here knows
└── ToolMissingError        a program of a dependency is not where its wheel puts it (our installation's fault)
"""

from typing import ClassVar, Literal

State = Literal["ok", "empty", "partial", "encrypted", "damaged", "refused", "unsupported"]


class ExtractError(Exception):
    """Base of everything this package raises on purpose."""


class ArchiveProblem(ExtractError):  # noqa: N818  (a recorded outcome, not a fault of the program)
    """A problem of the input. It is stored with the input as a value; work goes on."""

    state: ClassVar[Literal["encrypted", "damaged", "refused", "unsupported"]] = "damaged"


class DamagedError(ArchiveProblem):
    """Bytes are missing, contradict each other, or fail their checksum."""

    state = "damaged"


class EncryptedError(ArchiveProblem):
    """A password is needed."""

    state = "encrypted"


class RefusedError(ArchiveProblem):
    """A limit was reached."""

    state = "refused"

    def __init__(self, limit: str, seen: float, allowed: float) -> None:
        super().__init__(f"{limit}: saw {seen:,.0f}, limit {allowed:,.0f}")
        self.limit = limit
        self.seen = seen
        self.allowed = allowed


class UnsupportedError(ArchiveProblem):
    """No reader here knows this format, method or variant."""

    state = "unsupported"


class ToolMissingError(ExtractError):
    """A program of a dependency is not where its wheel puts it."""
