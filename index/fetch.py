"""Fetches a picture from a URL that a stranger typed, without being led into the private network.

Only http and https, only public addresses (looked up once, and then connected to as looked up, so that a name cannot
change its mind between the check and the connection), the same for each redirect, with limits on size and time. The
time is that of the whole conversation: when it is over the connection is shut, whatever byte is being waited for.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.util import connection as sockets

from index.errors import FetchRefusedError

MOST_BYTES = 20 * 1024 * 1024
MOST_REDIRECTS = 4
CONNECT_S, READ_S, TOTAL_S = 5.0, 10.0, 20.0
CHUNK = 65_536
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA gives out; what lies outside is local, or carries an IPv4 address (NAT64, "compatible" ones)."""
ISATAP = 0x5EFE
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
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or _isatap(ip)
        if inner is not None:
            return _is_public(str(inner))
        if ip not in GLOBAL_UNICAST:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _isatap(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address in an interface identifier (RFC 5214, 6.1)."""
    value = int(ip)
    return ipaddress.IPv4Address(value & 0xFFFFFFFF) if (value >> 32) & 0xFDFFFFFF == ISATAP else None


def _get(url: str, allow_private: bool, most_bytes: int, deadline: float) -> tuple[bytes, str | None]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise FetchRefusedError("only http and https URLs without a user name are fetched")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise FetchRefusedError("the port is no number") from error
    address = public_address(parts.hostname, port, allow_private=allow_private)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {**HEADERS, "Host": parts.netloc}
    try:
        with _conversation(address, port, deadline) as plain:
            connection = HTTPConnection(address, port, timeout=READ_S)
            connection.sock = _encrypted(plain, parts.hostname) if parts.scheme == "https" else plain
            with contextlib.closing(connection):
                connection.request("GET", path, headers=headers, preload_content=False)
                return _read(connection.getresponse(), most_bytes, deadline)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        _check_time(deadline)
        raise FetchRefusedError(f"{parts.hostname} did not answer: {type(error).__name__}") from error


def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


@contextlib.contextmanager
def _conversation(address: str, port: int, deadline: float) -> Iterator[socket.socket]:
    """Connect, and shut the connection at the deadline: a byte now and then meets the limit of each single wait."""
    with sockets.create_connection((address, port), CONNECT_S) as plain, plain.dup() as ours:
        over = threading.Event()

        def watch() -> None:
            if not over.wait(max(0.0, deadline - time.monotonic())):
                with contextlib.suppress(OSError):  # the other side was quicker
                    ours.shutdown(socket.SHUT_RDWR)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield plain
        finally:
            over.set()
            watcher.join()


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise FetchRefusedError(f"took longer than {TOTAL_S:g} s")


def _read(answer: urllib3.BaseHTTPResponse, most_bytes: int, deadline: float) -> tuple[bytes, str | None]:
    with contextlib.closing(answer):
        if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
            return b"", answer.headers["Location"]
        if answer.status != 200:
            raise FetchRefusedError(f"the server answered {answer.status}")
        parts, size = [], 0
        for part in answer.stream(CHUNK):
            size += len(part)
            if size > most_bytes:
                raise FetchRefusedError(f"larger than {most_bytes} bytes")
            parts.append(part)
        _check_time(deadline)
        return b"".join(parts), None
