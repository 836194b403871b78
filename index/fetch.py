"""Fetches a picture from a URL that a stranger typed, without being led into the private network.

Only http and https, only public addresses (looked up once, and then connected to as looked up, so that a name cannot
change its mind between the check and the connection), the same for each redirect, with limits on size and time.
"""

import ipaddress
import socket
import time
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.util import Timeout

from index.errors import FetchRefusedError

MOST_BYTES = 20 * 1024 * 1024
MOST_REDIRECTS = 4
CONNECT_S, READ_S, TOTAL_S = 5.0, 10.0, 20.0
CHUNK = 65_536
HEADERS = {"User-Agent": "artquarry (picture search)", "Accept": "image/*", "Accept-Encoding": "identity"}


def fetch_picture(url: str, *, allow_private: bool = False, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the bytes at a URL. Raises FetchRefusedError. `allow_private` is for one's own command line only."""
    deadline = time.monotonic() + TOTAL_S
    for _ in range(MOST_REDIRECTS + 1):
        found, location = _get(url, allow_private, most_bytes, deadline)
        if location is None:
            return found
        url = urljoin(url, location)
    raise FetchRefusedError(f"more than {MOST_REDIRECTS} redirects")


def public_address(host: str, port: int, *, allow_private: bool = False) -> str:
    """Return an address of a host. Raises FetchRefusedError if any of its addresses is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchRefusedError(f"the name {host} is not known") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private and not all(_is_public(address) for address in addresses):
        raise FetchRefusedError(f"{host} is not a public address")
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # Addresses that carry an IPv4 one lead wherever that leads.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None or ip in ipaddress.ip_network("64:ff9b::/96"):
            return inner is not None and _is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _get(url: str, allow_private: bool, most_bytes: int, deadline: float) -> tuple[bytes, str | None]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise FetchRefusedError("only http and https URLs without a user name are fetched")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise FetchRefusedError("the port is no number") from error
    address = public_address(parts.hostname, port, allow_private=allow_private)
    pool = _pool(parts.scheme, address, port, parts.hostname)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {**HEADERS, "Host": parts.netloc}
    try:
        answer = pool.request("GET", path, headers=headers, preload_content=False, redirect=False, retries=False)
        try:
            return _read(answer, most_bytes, deadline)
        finally:
            answer.close()
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise FetchRefusedError(f"{parts.hostname} did not answer: {type(error).__name__}") from error
    finally:
        pool.close()


def _pool(scheme: str, address: str, port: int, host: str) -> urllib3.HTTPConnectionPool:
    timeout = Timeout(connect=CONNECT_S, read=READ_S)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        address, port, timeout=timeout, cert_reqs="CERT_REQUIRED", assert_hostname=host, server_hostname=host
    )


def _read(answer: urllib3.BaseHTTPResponse, most_bytes: int, deadline: float) -> tuple[bytes, str | None]:
    if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
        return b"", answer.headers["Location"]
    if answer.status != 200:
        raise FetchRefusedError(f"the server answered {answer.status}")
    parts, size = [], 0
    for part in answer.stream(CHUNK):
        size += len(part)
        if size > most_bytes:
            raise FetchRefusedError(f"larger than {most_bytes} bytes")
        if time.monotonic() > deadline:
            raise FetchRefusedError(f"took longer than {TOTAL_S:g} s")
        parts.append(part)
    return b"".join(parts), None
