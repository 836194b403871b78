"""Bad input as real sites have it: damaged, empty, locked, mislabelled, missing."""

from collections.abc import Sequence

from demo.builder import Upload
from demo.locked import HEADERS_LOCKED, MEMBERS_LOCKED

_PROGRAM = b"MZ\x90\x00" + bytes(56) + b"\x40\x00\x00\x00" + b"This program cannot be run in DOS mode.\r\n" * 3


def damaged(zipped: bytes, picture: bytes) -> Sequence[Upload]:
    """Return files whose bytes are no good: a truncated zip and PNG, an empty file, two that are no pictures."""
    return (
        Upload("broken download.zip", zipped[: len(zipped) * 2 // 3], flaw="truncated"),
        Upload("half_a_picture.png", picture[: len(picture) // 2], flaw="truncated"),
        Upload("nothing.png", b"", flaw="empty"),
        Upload("notes.png", b"The picture is on my other computer, will upload it later.\n", flaw="text"),
        Upload("setup.png", _PROGRAM, flaw="program"),
    )


def refused(picture: bytes) -> Sequence[Upload]:
    """Return files nobody gets to see: two locked archives, a dead link, a forbidden one."""
    return (
        Upload("locked_members.rar", MEMBERS_LOCKED, flaw="password"),
        Upload("locked_headers.rar", HEADERS_LOCKED, flaw="password"),
        Upload("gone.png", picture, status=404, flaw="missing"),
        Upload("private.png", picture, status=403, flaw="forbidden"),
    )
