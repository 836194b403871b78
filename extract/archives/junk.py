"""What systems leave behind in archives, and nobody wants to see."""

_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "__macosx"})


def is_junk(path: str) -> bool:
    """Tell whether a path is what systems leave behind: `__MACOSX/`, `._*`, `.DS_Store`, `Thumbs.db`, `desktop.ini`."""
    parts = path.lower().split("/")
    return "__macosx" in parts or parts[-1] in _JUNK_NAMES or parts[-1].startswith("._")
