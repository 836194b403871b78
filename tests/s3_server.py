"""A real S3 API over HTTP on a loopback port: moto's server in a process of its own, with one bucket."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

BUCKET = "blobs"


@contextmanager
def serve_s3() -> Iterator[str]:
    """Serve until the end of the block; yield the endpoint. The bucket `blobs` is there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _make_bucket(endpoint, server)
        yield endpoint
    finally:
        server.kill()
        server.wait()


def _make_bucket(endpoint: str, server: "subprocess.Popen[bytes]") -> None:
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
    while True:
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.URLError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)  # until it listens
        else:
            return
