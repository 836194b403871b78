"""Folders that readers work in, and what is left of them when a run is killed: named by their owner, swept by the next.

They lie in the blob store's temporary folder. A folder goes once it is known that the process that made it is gone;
of processes on other machines that is never known, so theirs go when they are older than any task may take.
"""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from db.owners import is_known_dead, new_owner

CHILD, VOLUMES = "child-", "volumes-"
OLD_S = 2 * 86_400.0


def own_name(kind: str) -> str:
    """Return a new name for a folder of this process."""
    return kind + quote(new_owner(), safe="")


def sweep(temporary: Path) -> int:
    """Remove the folders whose makers are gone; return how many."""
    swept = 0
    for folder in temporary.iterdir():
        kind = next((kind for kind in (CHILD, VOLUMES) if folder.name.startswith(kind)), None)
        if kind is not None and _is_left(folder, unquote(folder.name.removeprefix(kind))):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def _is_left(folder: Path, owner: str) -> bool:
    with suppress(ValueError):  # made by an older version, whose names tell nothing
        if is_known_dead(owner):
            return True
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime < time.time() - OLD_S
    return False
