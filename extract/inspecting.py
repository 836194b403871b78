"""Looking into one file at hand, without a catalog."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from db.terminal import printable
from extract.archives.interface import Limits, Unpacked
from extract.archives.unpack import HashSink, unpack
from extract.confined import CLOCK_ROOM_S, Lost, Work, run_confined
from extract.images.decode import first_frame
from extract.images.interface import DecodeError
from extract.sandbox import Budget
from extract.sheets.errors import SidecarError
from extract.sheets.model import Candidate, Hints, SidecarSheet, Slicing
from extract.sheets.sidecars import may_be_sidecar, parse_sidecar
from extract.sheets.slice import slice_image
from extract.sidecar_json import SIDECAR_MAX_BYTES
from extract.sniff import HEAD_BYTES

SIBLINGS_MAX = 2000
"""Larger folders are collections of files, not a sheet with its sidecar."""

SHOWN_PARTS = 4
"""So much of a path is about the picture: its name and the folders next to it."""


def inspect_file(path: Path) -> dict[str, Any]:
    """Return state, format, reason and members of an archive, one level deep (the machine interface)."""
    unpacked = _unpacked(path)
    return {
        "state": unpacked.state,
        "format": unpacked.format,
        "reason": unpacked.reason,
        "members": [
            {
                "path": member.path,
                "sha256": "" if member.sha256 is None else member.sha256.hex(),
                "size": member.size_bytes,
                "state": member.state,
                "kind": member.kind,
                "reason": member.reason,
            }
            for member in unpacked.members
        ],
    }


def _unpacked(path: Path) -> Unpacked:
    """Look into an archive in a child process without rights, as `quarry extract run` does."""
    limits = Limits()
    path.open("rb").close()
    work: Work[Path, Unpacked] = Work(_look, Unpacked, limits.seconds + CLOCK_ROOM_S, Budget(limits.memory_bytes))
    with TemporaryDirectory(prefix="quarry-inspect-") as scratch:
        ((_, _, answer),) = run_confined(work, [path.absolute()], Path(scratch), lambda item, folder, part: None)
    if isinstance(answer, Lost):
        return Unpacked("refused" if answer.late else "damaged", "", answer.reason.partition("\n")[0], ())
    return answer


def _look(path: Path, _folder: Path, _tell: Callable[[Any], None]) -> Unpacked:
    return unpack(path, HashSink(), name=path.name)


_COLOURS = {"ok": "green", "empty": "green", "damaged": "red", "refused": "red"}


def tree(name: str, found: dict[str, Any]) -> Tree:
    """Draw what `inspect_file` found."""
    state = f"[{_COLOURS.get(found['state'], 'yellow')}]{found['state']}[/]"
    counts = Counter(member["state"] for member in found["members"])
    said = ", ".join(f"{count:,} {word}" for word, count in sorted(counts.items())) or "nothing in it"
    size = sum(member["size"] or 0 for member in found["members"])
    reason = escape(printable(found["reason"]))
    title = f"[bold]{escape(printable(name))}[/]  {found['format']}: {state}, {said}, {size:,} B  {reason}".rstrip()
    root = Tree(title, highlight=False)
    folders: dict[tuple[str, ...], Tree] = {(): root}
    for member in found["members"]:
        *parents, leaf = member["path"].split("/")
        branch = root
        for depth in range(1, len(parents) + 1):
            key = tuple(parents[:depth])
            branch = (
                folders.setdefault(key, branch)
                if key in folders
                else folders.setdefault(key, branch.add(escape(printable(key[-1])) + "/"))
            )
        state = (
            "" if member["state"] == "ok" else f"  [yellow]{member['state']} {escape(printable(member['reason']))}[/]"
        )
        size = "" if member["size"] is None else f"  [dim]{member['size']:,} B[/]"
        branch.add(f"{escape(printable(leaf))}{size}{state}")
    return root


def slice_file(path: Path) -> dict[str, Any]:
    """Return how an image would be sliced (the machine interface); kind `error` when it cannot be decoded."""
    try:
        rgba = first_frame(path)
    except DecodeError as error:
        return _as_json("error", str(error))
    slicing = slice_image(rgba, hints_beside(path))
    return _as_json(slicing.kind, slicing.why, slicing)


def hints_beside(path: Path) -> Hints:
    """Return what an image file's path and the sidecars beside it say."""
    return Hints(names=("/".join(path.absolute().parts[-SHOWN_PARTS:]),), sidecars=_sidecars_beside(path))


def _as_json(kind: str, why: str, slicing: Slicing | None = None) -> dict[str, Any]:
    grid = slicing.grid if slicing else None
    return {
        "kind": kind,
        "tile": list(grid.tile) if grid else None,
        "margin": list(grid.margin) if grid else None,
        "spacing": list(grid.spacing) if grid else None,
        "rects": [[r.x, r.y, r.w, r.h] for r in slicing.rects] if slicing else [],
        "confidence": slicing.confidence if slicing else 0.0,
        "why": why,
        "source": slicing.source if slicing else "",
        "upscale": slicing.upscale if slicing else 1,
        "candidates": [_candidate(c) for c in slicing.candidates] if slicing else [],
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    grid = candidate.grid
    return {
        "kind": candidate.kind,
        "tile": list(grid.tile) if grid else None,
        "margin": list(grid.margin) if grid else None,
        "spacing": list(grid.spacing) if grid else None,
        "count": len(candidate.rects) or None,
        "confidence": round(candidate.score, 4),
        "why": candidate.why,
    }


def _sidecars_beside(path: Path) -> tuple[SidecarSheet, ...]:
    """Read the sidecars in the image's folder that name it, or share its name but for the suffix."""
    siblings = sorted(p for p in path.parent.iterdir() if p.is_file() and p != path)
    found: list[SidecarSheet] = []
    for sibling in siblings if len(siblings) <= SIBLINGS_MAX else []:
        if sibling.stat().st_size > SIDECAR_MAX_BYTES:
            continue
        data = sibling.read_bytes()
        if not may_be_sidecar(sibling.name, data[:HEAD_BYTES]):
            continue
        try:
            sheets = parse_sidecar(data, sibling.name)
        except SidecarError:
            continue  # a broken neighbour says nothing about this image
        alone = len(sheets) == 1 and sibling.stem == path.stem
        found += [s for s in sheets if alone or s.image.rpartition("/")[2] in (path.name, f"*{path.suffix}")]
    return tuple(found)
