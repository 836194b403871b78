"""Starts the server."""

import logging

from index.errors import ExtraMissingError

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
        uvicorn.run(
            app, host=host, port=port, access_log=False, limit_concurrency=MOST_CONNECTIONS, server_header=False
        )


def allowed_hosts(host: str) -> list[str]:
    """Return the names by which the page may be asked for: on loopback our own, lest another be pointed here."""
    return ["127.0.0.1", "localhost", "[::1]"] if host in ("127.0.0.1", "localhost", "::1") else ["*"]
