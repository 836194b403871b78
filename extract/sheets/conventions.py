r"""What RPG Maker's names and sizes say of a picture: it has no sidecars, its folders and file names are the statement.

Source: the "Asset Standards" chapters of RPG Maker MV, MZ and VX Ace. Sizes come as the program wants them, so a name
is heeded only with a size that fits: ``_A1`` to ``_E`` tile sets of 48 px (MV, MZ) or 32 px (VX, VX Ace), icon sets,
faces of 4 x 2, characters of 3 x 4 frames (``$``) or 4 x 2 such blocks, side-view actors of 9 x 6.
"""

import posixpath
import re
from collections.abc import Callable, Sequence

from extract.sheets.model import Grid, SidecarSheet

RPG_MAKER = "rpg-maker"
"""`SidecarSheet.format` of what a convention states."""

Size = tuple[int, int]
Rule = Callable[[str, str, Size], SidecarSheet | None]

_TILE_SET = re.compile(r"_(A[1-5]|[B-E])$")
_TILE_SET_SIZES: dict[str, Size] = {"A1": (16, 12), "A2": (16, 12), "A3": (16, 8), "A4": (16, 15), "A5": (8, 16)}
_PAGE_SIZE: Size = (16, 16)
_TILE_SIDES = (48, 32)
_ICONS = {384: 24, 512: 32}
_FACES: tuple[Size, ...] = ((576, 288), (384, 192))
_WHOLE = re.compile(
    r"(?:^|/)(?:img|graphics)/(?:parallaxes|panoramas|battlebacks[12]|titles[12]?|pictures|enemies|sv_enemies|battlers"
    r"|gameovers)$"
)
_HOME = re.compile(r"(?:^|/)(?:img|graphics)/\w+$")
_FEW_PX = 4


def stated(names: Sequence[str], size: Size) -> tuple[SidecarSheet, ...]:
    """Return what conventions say about a picture of (width, height) px that goes by these paths; usually nothing."""
    found: dict[SidecarSheet, None] = {}
    for name in names:
        folder, file = posixpath.split(name.lower().replace("\\", "/"))
        title = posixpath.splitext(posixpath.split(name)[1])[0]
        told = next((sheet for rule in _RULES if (sheet := rule(folder, title, size))), None)
        if told is not None and file.endswith((".png", ".webp", ".bmp")):
            found[told] = None
    return tuple(found)


def _shape(what: str, columns: int, rows: int, size: Size) -> SidecarSheet | None:
    if size[0] % columns or size[1] % rows or min(size[0] // columns, size[1] // rows) < _FEW_PX:
        return None
    return SidecarSheet(f"RPG Maker's {what}", shape=(columns, rows), format=RPG_MAKER)


def _tile_set(_folder: str, title: str, size: Size) -> SidecarSheet | None:
    match = _TILE_SET.search(title)
    if match is None:
        return None
    columns, rows = _TILE_SET_SIZES.get(match[1], _PAGE_SIZE)
    side = next((side for side in _TILE_SIDES if size == (columns * side, rows * side)), None)
    if side is None:
        return None
    return SidecarSheet(f"RPG Maker's tile set {match[1]}", size, Grid((side, side)), format=RPG_MAKER)


def _icon_set(_folder: str, title: str, size: Size) -> SidecarSheet | None:
    side = _ICONS.get(size[0])
    if not title.lower().startswith("iconset") or side is None or size[1] % side:
        return None
    return SidecarSheet("RPG Maker's icon set", size, Grid((side, side)), format=RPG_MAKER)


def _faces(folder: str, _title: str, size: Size) -> SidecarSheet | None:
    return _shape("faces", 4, 2, size) if folder.endswith("faces") and size in _FACES else None


def _characters(folder: str, title: str, size: Size) -> SidecarSheet | None:
    if re.match(r"!?\$", title):
        return _shape("single character", 3, 4, size)
    if not folder.endswith("characters") or not _HOME.search(folder):
        return None
    # RPG Maker XP keeps one character of 4 x 4 frames in the folder Graphics; its files are no larger than this.
    if folder.endswith("graphics/characters") and size != (384, 256):
        return None
    return _shape("eight characters", 12, 8, size)


def _battlers(folder: str, _title: str, size: Size) -> SidecarSheet | None:
    return _shape("side-view actor", 9, 6, size) if folder.endswith("img/sv_actors") else None


def _whole(folder: str, _title: str, _size: Size) -> SidecarSheet | None:
    kind = folder.rpartition("/")[2]
    return SidecarSheet(f"RPG Maker's {kind}", shape=(1, 1), format=RPG_MAKER) if _WHOLE.search(folder) else None


_RULES: tuple[Rule, ...] = (_tile_set, _icon_set, _faces, _characters, _battlers, _whole)
