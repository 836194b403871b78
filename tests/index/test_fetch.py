"""A URL that a stranger types never leads into the private network."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from index import fetch
from index.errors import FetchRefusedError
from index.fetch import fetch_picture, public_address


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/large":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 5000)
        elif self.path == "/picture":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"picture " + self.headers["Host"].encode())
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1", "2002:7f00:1::", "64:ff9b::7f00:1",
        "2130706433", "0x7f000001", "127.1", "224.0.0.1", "::",
        "fec0::1", "64:ff9b:1::a00:1", "::a00:1", "::ffff:0:a00:1", "2001:0:0:0:0:0:f5ff:fffe", "240.0.0.1",
        "2606:2800::5efe:a00:1", "2606:2800::200:5efe:a00:1", "100::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(FetchRefusedError):
        public_address(host, 80)
    written = f"[{host}]" if ":" in host else host
    with pytest.raises(FetchRefusedError):
        fetch_picture(f"http://{written}/x.png")


DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "endless chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "until closed": (b"HTTP/1.0 200 OK\r\n\r\n", b"x"),
}


@contextmanager
def dripping(begin: bytes, drop: bytes) -> Iterator[int]:
    """Answer once: a beginning, then drops that never let the reader's patience end, until the reader leaves."""
    done = threading.Event()

    def drip() -> None:
        with server.accept()[0] as client, suppress(OSError):
            client.recv(9999)
            client.sendall(begin)
            for _ in range(90):  # fewer than the lines of a header that Python takes
                client.sendall(drop)
                done.wait(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        yield server.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.parametrize("what", sorted(DRIPS))
def test_a_server_that_drips_is_left_at_the_deadline(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_S", 0.5)
    with dripping(*DRIPS[what]) as port, pytest.raises(FetchRefusedError, match="took longer"):
        fetch_picture(f"http://127.0.0.1:{port}/", allow_private=True)


def test_public_addresses_pass() -> None:
    assert public_address("93.184.216.34", 80) == "93.184.216.34"
    assert public_address("2606:2800:220:1::1", 443) == "2606:2800:220:1::1"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://",
        "http://u:p@example.org/",
        "gopher://x",
        "http://h:99999/",
    ],
)
def test_other_schemes_and_odd_urls_are_refused(url: str) -> None:
    with pytest.raises(FetchRefusedError):
        fetch_picture(url)


def test_a_picture_is_fetched_within_limits() -> None:
    with answering() as port:
        base = f"http://127.0.0.1:{port}"
        assert fetch_picture(f"{base}/picture", allow_private=True) == f"picture 127.0.0.1:{port}".encode()
        for path, limit, said in (
            ("/loop", 10_000, "redirects"),
            ("/away", 10_000, "only http"),
            ("/large", 1000, "larger"),
            ("/none", 1000, "404"),
        ):
            with pytest.raises(FetchRefusedError, match=said):
                fetch_picture(base + path, allow_private=True, most_bytes=limit)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(FetchRefusedError, match="did not answer"):
        fetch_picture(f"http://127.0.0.1:{port}/", allow_private=True)


def test_a_redirect_to_a_private_address_is_refused_and_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 plays the public server that leads us on to 127.0.0.2, where nobody may be asked."""
    monkeypatch.setattr("index.fetch._is_public", lambda address: address == "127.0.0.1")
    asked: list[str] = []

    class Leading(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.2:{server.server_address[1]}/secret")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Leading)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.raises(FetchRefusedError, match=r"127\.0\.0\.2 is not a public address"):
        fetch_picture(f"http://127.0.0.1:{server.server_address[1]}/")
    server.shutdown()
    thread.join()
    server.server_close()
    assert [host.partition(":")[0] for host in asked] == ["127.0.0.1"]


def test_a_name_that_changes_its_mind_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a public address when it is checked, a private one when it would be connected to."""
    answers = ["192.0.2.1", "127.0.0.1", "127.0.0.1"]
    looked_up: list[str] = []
    connected: list[str] = []
    real = socket.getaddrinfo

    def changing(host: str, *more: Any, **named: Any) -> Any:
        if host != "rebinding.test":
            return real(host, *more, **named)
        looked_up.append(host)
        return real(answers[len(looked_up) - 1], *more, **named)

    def connecting(address: tuple[str, int], *_: Any, **__: Any) -> Any:
        connected.append(address[0])
        raise OSError("nobody is reached in a test")

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    monkeypatch.setattr("index.fetch._is_public", lambda address: address == "192.0.2.1")
    monkeypatch.setattr("urllib3.util.connection.create_connection", connecting)
    with pytest.raises(FetchRefusedError, match="did not answer"):
        fetch_picture("http://rebinding.test/x.png")
    assert (looked_up, connected) == (["rebinding.test"], ["192.0.2.1"])
