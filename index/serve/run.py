"""Starts the server."""

import logging
from contextlib import suppress
from threading import Thread

from index.errors import ExtraMissingError, IndexingError

MOST_CONNECTIONS = 64


def serve_page(catalog_url: str | None, blobs_url: str | None, host: str, port: int, model: str) -> None:
    """Serve until interrupted. Raises ExtraMissingError."""
    try:
        import uvicorn
    except ImportError as error:
        raise ExtraMissingError("uvicorn") from error
    from db import Catalog
    from index.serve.app import make_app

    # What people search for is their own affair: no access log.
    logging.getLogger("uvicorn.access").disabled = True
    with Catalog(catalog_url, blobs_url) as catalog:
        app = make_app(catalog, model, hosts=allowed_hosts(host))
        Thread(target=_load, args=(model,), daemon=True).start()
        uvicorn.run(
            app, host=host, port=port, access_log=False, limit_concurrency=MOST_CONNECTIONS, server_header=False
        )


def _load(model: str) -> None:
    """Load the model while the first person is still typing."""
    from index.features import open_feature
    from index.store import PROBE

    with suppress(IndexingError):  # a search by picture will say what is missing
        open_feature(model).compute(PROBE)


def allowed_hosts(host: str) -> list[str]:
    """Return the names by which the page may be asked for: on loopback our own, lest another be pointed here."""
    return ["127.0.0.1", "localhost", "[::1]"] if host in ("127.0.0.1", "localhost", "::1") else ["*"]
