"""The words that rows are made of: states, kinds, roles, stages and outcomes."""

from enum import StrEnum


class EntryKind(StrEnum):
    """What a frontier entry is expected to be."""

    LISTING = "listing"
    CONTENT = "content"
    FILE = "file"


class EntryState(StrEnum):
    """Life of a frontier entry."""

    PENDING = "pending"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


class CrawlState(StrEnum):
    """Life of a crawl."""

    RUNNING = "running"
    FINISHED = "finished"


class FileRole(StrEnum):
    """Why a page links to a file, most binding first."""

    FILE = "file"
    PREVIEW = "preview"
    MENTION = "mention"


ROLE_RANK = {role.value: rank for rank, role in enumerate(FileRole)}


class PersonRole(StrEnum):
    """What a person did for a page's work."""

    AUTHOR = "author"
    COLLABORATOR = "collaborator"
    SUBMITTER = "submitter"


class AlphaKind(StrEnum):
    """How an image uses transparency: not at all, all or nothing, or in degrees."""

    NONE = "none"
    BINARY = "binary"
    GRADED = "graded"


class Stage(StrEnum):
    """The arrows after the crawl.

    READ takes a blob apart or decodes it; MATCH finds the images that a file's new sidecars speak of; SLICE looks for
    tiles in an image.
    """

    READ = "read"
    MATCH = "match"
    SLICE = "slice"


class Outcome(StrEnum):
    """How a unit of work ended. Only PENDING is still due."""

    PENDING = "pending"
    OK = "ok"
    EMPTY = "empty"
    PARTIAL = "partial"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    REFUSED = "refused"
    UNSUPPORTED = "unsupported"
    IGNORED = "ignored"
    FAILED = "failed"


PROBLEMS = frozenset({Outcome.PARTIAL, Outcome.ENCRYPTED, Outcome.DAMAGED, Outcome.REFUSED, Outcome.FAILED})
"""Outcomes that a person should hear about; `unsupported` and `ignored` are the normal fate of sounds and texts."""


IMAGE_KINDS = ("image", "sheet", "tile")
"""What filters tell apart: whole images, sheets, and tiles of them."""
