"""The ground floor: the catalog and the blob store. Everything else reads from here and writes here.

`Catalog` is imported when it is asked for: workers that only know bytes should not wait for SQLAlchemy.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from db.catalog import Catalog
    from db.settings import Settings

__all__ = ["Catalog", "Settings"]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name == "Catalog":
        from db.catalog import Catalog

        return Catalog
    if name == "Settings":
        from db.settings import Settings

        return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
