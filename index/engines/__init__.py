"""Engines that search features. The catalog's rows are the truth; what an engine keeps beside them is a copy.

By the catalog's URL alone: SQLite is scanned exactly through a memory-mapped copy, PostgreSQL uses pgvector where the
server has it. `QUARRY_INDEX=SCHEME:PLACE` chooses another one: see ADAPTERS.
"""

import importlib
import os
from functools import partial

from db import Catalog
from index.engines.copies import CopyEngine
from index.engines.exact import ExactEngine
from index.engines.interface import Engine
from index.engines.pgvector import PgvectorEngine, has_pgvector
from index.errors import EngineError

ADAPTERS = {
    "lancedb": "lancedb_folder:LanceDbCopy",
    "qdrant": "qdrant:QdrantCopy",
    "milvus": "milvus:MilvusCopy",
    "elasticsearch": "elastic:ElasticsearchCopy",
    "pinecone": "pinecone_index:PineconeCopy",
}
"""Optional engines, each in a file of its own, by the scheme of QUARRY_INDEX."""


def open_engine(catalog: Catalog, url: str | None = None) -> Engine:
    """Return the engine of a catalog. Raises EngineError for a URL that is not understood."""
    scheme, _, place = (url if url is not None else os.environ.get("QUARRY_INDEX", "")).partition(":")
    if scheme in ADAPTERS and place:
        module, _, attribute = ADAPTERS[scheme].partition(":")
        copy = getattr(importlib.import_module(f"index.engines.{module}"), attribute)
        return CopyEngine(catalog, scheme, place, partial(copy, place))
    if scheme not in ("", "exact", "pgvector"):
        raise EngineError(
            f"QUARRY_INDEX={scheme}:{place} is not known; there is exact, pgvector, {', '.join(ADAPTERS)}"
        )
    if scheme != "exact" and has_pgvector(catalog.database):
        return PgvectorEngine(catalog)
    if scheme == "pgvector":
        raise EngineError("the catalog's database has no pgvector extension")
    return ExactEngine(catalog)
