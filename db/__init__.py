"""The ground floor: the catalog and the blob store. Everything else reads from here and writes here."""

from db.catalog import Catalog
from db.settings import Settings

__all__ = ["Catalog", "Settings"]
