"""Which names belong together as the volumes of one archive, from the names alone.

`find_volumes` looks at a folder; this looks at a list, such as the files of a page, and may find volumes missing. Names
as sites mangle them are understood: Drupal turns `x.part1.rar` into `x.part1_.rar`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SHAPES = (
    ("part", re.compile(r"(?i)(?P<stem>.+)\.part(?P<number>\d{1,4})_?\.(?:rar|exe|sfx)")),
    ("cut", re.compile(r"(?P<stem>.+?)_?\.(?P<number>\d{3,4})")),
    ("old", re.compile(r"(?i)(?P<stem>.+?)_?\.(?P<letter>[r-y])(?P<number>\d\d)")),
    ("span", re.compile(r"(?i)(?P<stem>.+?)_?\.z(?P<number>\d\d)")),
)
_WHOLE = re.compile(r"(?i)(?P<stem>.+?)_?\.(?P<ending>rar|zip)")
_FIRST_OF_WHOLE = {"rar": "old", "zip": "span"}
MAX_VOLUMES = 1000


@dataclass(frozen=True)
class VolumeSet:
    """Names in order of number, the one to start reading from, and what the others must be called beside it.

    `aliases` holds a name fit for a folder for each name, in the same order: ASCII, made here. `missing` tells what is
    not there, '' when nothing is known to be.
    """

    names: tuple[str, ...]
    aliases: tuple[str, ...]
    first: str
    missing: str


def volume_sets(names: Iterable[str]) -> list[VolumeSet]:
    """Group names into sets of two volumes or more; a later volume whose first one is missing is a set too."""
    groups: dict[tuple[str, str], dict[int, str]] = {}
    whole: dict[tuple[str, str], str] = {}
    for name in names:
        kind, stem, number = _classified(name)
        if kind in ("rar", "zip"):
            whole[_FIRST_OF_WHOLE[kind], stem] = name
        elif kind:
            groups.setdefault((kind, stem), {})[number] = name
    found = [_set(kind, stem, numbered, whole.get((kind, stem))) for (kind, stem), numbered in sorted(groups.items())]
    return [volumes for volumes in found if volumes.first]


def may_be_volume(name: str) -> bool:
    """Tell whether a name could be one of a set; cheap, and true for every `.zip` and `.rar` that is no member."""
    return "/" not in name and _classified(name)[0] != ""


def _classified(name: str) -> tuple[str, str, int]:
    for kind, shape in _SHAPES:
        if match := shape.fullmatch(name):
            number = int(match["number"])
            if kind == "old":
                number += 100 * (ord(match["letter"].lower()) - ord("r"))
            return kind, match["stem"].lower(), number
    if match := _WHOLE.fullmatch(name):
        return match["ending"].lower(), match["stem"].lower(), 0
    return "", "", 0


def _set(kind: str, stem: str, numbered: dict[int, str], whole: str | None) -> VolumeSet:
    """Make a set; without its first volume it has no `first`: then nothing says that it is an archive at all."""
    start = 0 if kind == "old" else 1
    numbers = [number for number in sorted(numbered) if start <= number < MAX_VOLUMES]
    gaps = sorted(set(range(start, max(numbers, default=start) + 1)) - set(numbers))
    names, aliases = [numbered[number] for number in numbers], [_alias(kind, number) for number in numbers]
    first = numbered.get(1, "")
    if kind in ("old", "span"):
        first = whole or ""
        names, aliases = [first, *names], ["v.rar" if kind == "old" else "v.zip", *aliases]
    return VolumeSet(tuple(names), tuple(aliases), first, f"number {gaps[0]} of {stem}" if gaps else "")


def _alias(kind: str, number: int) -> str:
    if kind == "part":
        return f"v.part{number:04}.rar"
    if kind == "cut":
        return f"v.{number:03}"
    if kind == "span":
        return f"v.z{number:02}"
    return f"v.{chr(ord('r') + number // 100)}{number % 100:02}"
