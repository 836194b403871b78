"""A road to a server that can be cut: a TCP forwarder on a loopback port, in threads of the test."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Road:
    """Forwards to a port while it is open. `reset`: hangs up on everybody; `gone`: nobody listens any more."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._state: Literal["open", "reset", "gone"] = "open"
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def open(self) -> None:
        if self._state == "gone":
            self._listener = self._listen(self.port)
        self._state = "open"

    def reset(self) -> None:
        """Hang up on whoever is there, in the middle of whatever they get, and on whoever comes."""
        self._state = "reset"
        self._hang_up()

    def vanish(self) -> None:
        """Refuse connections."""
        self._state = "gone"
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._hang_up()

    def close(self) -> None:
        if self._state != "gone":
            self.vanish()

    def _hang_up(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = listener.accept()
                if self._state != "open":
                    visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    visitor.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target_port))
                with self._lock:
                    self._connections |= {visitor, server}
                threading.Thread(target=self._carry, args=(visitor, server), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, visitor), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._connections.discard(source)
            source.close()  # the other way's thread closes the other end


@contextmanager
def road_to(site_url: str) -> Iterator[Road]:
    """Build a road to a site while the context lasts."""
    road = Road(int(site_url.rpartition(":")[2]))
    try:
        yield road
    finally:
        road.close()
