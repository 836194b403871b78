"""Sidecars: files that state how a picture beside them is cut. One module per family of formats.

A new format is one module with a `Format`, one line in `FORMATS`, and a golden case under
``tests/extract/sheets/golden/<format name>/``.
"""

from extract.sheets.errors import SidecarError
from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.bmfont import BMFONT
from extract.sheets.sidecars.cdda import CDDA
from extract.sheets.sidecars.cegui import CEGUI
from extract.sheets.sidecars.cocos2d import COCOS2D
from extract.sheets.sidecars.css import CSS
from extract.sheets.sidecars.defold import DEFOLD
from extract.sheets.sidecars.flare import FLARE
from extract.sheets.sidecars.freeciv import FREECIV
from extract.sheets.sidecars.gamemaker import GAMEMAKER
from extract.sheets.sidecars.gamemaker_gmx import GAMEMAKER_GMX
from extract.sheets.sidecars.godot import GODOT
from extract.sheets.sidecars.godot_import import GODOT_IMPORT
from extract.sheets.sidecars.ldtk import LDTK
from extract.sheets.sidecars.libgdx import LIBGDX
from extract.sheets.sidecars.manasource import MANASOURCE
from extract.sheets.sidecars.ogmo import OGMO
from extract.sheets.sidecars.phaser_pack import PHASER_PACK
from extract.sheets.sidecars.sheet_text import SHEET_TEXT
from extract.sheets.sidecars.solarus import SOLARUS
from extract.sheets.sidecars.sparrow import SPARROW
from extract.sheets.sidecars.texture_packer import TEXTURE_PACKER
from extract.sheets.sidecars.tiled_json import TILED_JSON
from extract.sheets.sidecars.tiled_xml import TILED_XML
from extract.sheets.sidecars.unity_meta import UNITY_META

FORMATS = (
    TILED_XML,
    TILED_JSON,
    SPARROW,
    TEXTURE_PACKER,
    LIBGDX,
    UNITY_META,
    COCOS2D,
    GODOT,
    GODOT_IMPORT,
    LDTK,
    GAMEMAKER,
    GAMEMAKER_GMX,
    CSS,
    PHASER_PACK,
    CDDA,
    FLARE,
    SHEET_TEXT,
    FREECIV,
    SOLARUS,
    MANASOURCE,
    CEGUI,
    BMFONT,
    DEFOLD,
    OGMO,
)
"""Every sidecar format known, asked in this order."""

HEAD_BYTES = 4096
"""So much of the beginning is enough for `may_be_sidecar`."""

MAX_SIDECAR_BYTES = 32 << 20

__all__ = ["FORMATS", "HEAD_BYTES", "MAX_SIDECAR_BYTES", "may_be_sidecar", "parse_sidecar"]


def may_be_sidecar(name: str, head: bytes) -> bool:
    """Tell cheaply whether a file called `name` that begins with `head` is worth `parse_sidecar`."""
    return any(known.suits(name, head[:HEAD_BYTES]) for known in FORMATS)


def parse_sidecar(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    """Read what a file says about the pictures it describes; empty when it is no sidecar.

    Args:
        data: the whole file.
        name: its file name or path, ``/`` as separator; the ending tells formats apart.

    Raises:
        SidecarError: it clearly is a sidecar but malformed, or its numbers are impossible or hostile.

    """
    for known in FORMATS:
        if not known.suits(name, data[:HEAD_BYTES]):
            continue
        if len(data) > MAX_SIDECAR_BYTES:
            raise SidecarError(f"{name}: {len(data)} bytes of sidecar, limit {MAX_SIDECAR_BYTES}")
        sheets = known.parse(data, name)
        if sheets:
            return sheets
    return ()
