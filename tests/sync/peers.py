"""Small blocking peers: an HTTP server that says what it is told, and a proxy.

Each runs on threads of its own and closes everything when its block is left.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handle: Handler) -> Generator[int]:
    """Call ``handle`` with each connection, on a thread; gives the port."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def run(connection: socket.socket) -> None:
        # The test may end the connection under it.
        with contextlib.suppress(OSError):
            handle(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=run, args=(connection,))
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Closing it would not wake who waits for it.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            for connection in connections:
                connection.close()


@dataclass
class Exchange:
    """One request, as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


def read_request(connection: socket.socket) -> Exchange | None:
    """The next request of a connection with a Content-Length; None at the end."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65_536)
        if not data:
            return None
        head += data
    raw, _, body = head.partition(b"\r\n\r\n")
    line, *fields = raw.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)
    }
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    return Exchange(line=line, headers=headers, body=body)


@dataclass
class Answering:
    """A handler that gives these answers, one for each request, and keeps the requests."""

    answers: list[bytes]
    requests: list[Exchange] = field(default_factory=list)
    connections: int = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        while (request := read_request(connection)) is not None:
            self.requests.append(request)
            connection.sendall(self.answers.pop(0))
        connection.shutdown(socket.SHUT_RDWR)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Proxy:
    """A proxy for HTTP CONNECT and SOCKS5, with or without a password."""

    password: str | None = None
    tunnels: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        first = client.recv(1, socket.MSG_PEEK)
        target = self._socks(client) if first == b"\x05" else self._connect(client)
        if target is None:
            client.shutdown(socket.SHUT_RDWR)
            return
        self.tunnels.append(target)
        with socket.create_connection(target) as server:
            back = threading.Thread(target=_copy, args=(server, client))
            back.start()
            _copy(client, server)
            back.join()

    def _connect(self, client: socket.socket) -> tuple[str, int] | None:
        request = read_request(client)
        assert request is not None
        login = base64.b64encode(f"user:{self.password}".encode()).decode()
        given = request.headers.get("proxy-authorization")
        if self.password is not None and given != f"Basic {login}":
            client.sendall(answer("407 Proxy Authentication Required"))
            return None
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        host, _, port = request.line.split()[1].rpartition(":")
        return host, int(port)

    def _socks(self, client: socket.socket) -> tuple[str, int] | None:
        methods = client.recv(2)[1]
        offered = client.recv(methods)
        if self.password is not None:
            if b"\x02" not in offered:
                client.sendall(b"\x05\xff")
                return None
            client.sendall(b"\x05\x02")
            name = client.recv(client.recv(2)[1])
            password = client.recv(client.recv(1)[0])
            good = (name, password.decode()) == (b"user", self.password)
            client.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return None
        else:
            client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        if kind == 1:
            host = socket.inet_ntoa(client.recv(4))
        else:
            host = client.recv(client.recv(1)[0]).decode()
        (port,) = struct.unpack("!H", client.recv(2))
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return host, port


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
