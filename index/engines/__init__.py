"""Engines that search features. The catalog's rows are the truth; what an engine keeps beside them is a copy.

By the catalog's URL alone: SQLite is scanned exactly through a memory-mapped copy, PostgreSQL uses pgvector where the
server has it. `QUARRY_INDEX=lancedb:FOLDER` (or another name in ADAPTERS) chooses another one.
"""

import importlib
import os

from db import Catalog
from index.engines.exact import ExactEngine
from index.engines.interface import Engine
from index.engines.pgvector import PgvectorEngine, has_pgvector
from index.errors import EngineError

ADAPTERS = {"lancedb": "lancedb_folder:LanceDbEngine"}
"""Optional engines, each in a file of its own, by the scheme of QUARRY_INDEX."""


def open_engine(catalog: Catalog, url: str | None = None) -> Engine:
    """Return the engine of a catalog. Raises EngineError for a URL that is not understood."""
    scheme, _, place = (url if url is not None else os.environ.get("QUARRY_INDEX", "")).partition(":")
    if scheme in ADAPTERS and place:
        module, _, attribute = ADAPTERS[scheme].partition(":")
        engine: Engine = getattr(importlib.import_module(f"index.engines.{module}"), attribute)(catalog, place)
        return engine
    if scheme not in ("", "exact", "pgvector"):
        raise EngineError(
            f"QUARRY_INDEX={scheme}:{place} is not known; there is exact, pgvector, {', '.join(ADAPTERS)}"
        )
    if scheme != "exact" and has_pgvector(catalog.database):
        return PgvectorEngine(catalog)
    if scheme == "pgvector":
        raise EngineError("the catalog's database has no pgvector extension")
    return ExactEngine(catalog)
