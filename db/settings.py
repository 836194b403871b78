"""Where the catalog and its bytes live, from arguments, environment, defaults, in this order."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FOLDER = Path("quarry-data")


@dataclass(frozen=True)
class Settings:
    """Two URLs: the catalog (an SQLAlchemy URL) and the blob store (a folder)."""

    catalog_url: str
    blobs_url: str

    @classmethod
    def load(cls, catalog_url: str | None = None, blobs_url: str | None = None) -> "Settings":
        """Fill what is not given from `QUARRY_CATALOG` and `QUARRY_BLOBS`, then from `quarry-data/`."""
        catalog = catalog_url or os.environ.get("QUARRY_CATALOG") or f"sqlite:///{DEFAULT_FOLDER / 'catalog.db'}"
        blobs = blobs_url or os.environ.get("QUARRY_BLOBS") or str(DEFAULT_FOLDER / "blobs")
        return cls(catalog_url=catalog, blobs_url=blobs)
