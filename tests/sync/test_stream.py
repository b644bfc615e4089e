"""A non-blocking socket, with and without TLS: nothing is lost, and every end is an end."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from auxws_sync._stream import Stream, StreamFailed

WAIT = 20.0

Peer = Callable[[socket.socket], None]


@contextmanager
def against(peer: Peer, tls: ssl.SSLContext | None = None) -> Generator[Stream]:
    """A stream whose other end is given to ``peer``, on a thread."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        # The test may end the connection under it.
        with theirs, contextlib.suppress(OSError):
            peer(theirs)

    thread = threading.Thread(target=run)
    thread.start()
    stream = Stream(ours, tls, "127.0.0.1" if tls is not None else "")
    try:
        yield stream
    finally:
        stream.close()
        thread.join(WAIT)


def turn(stream: Stream) -> bytes:
    """Wait for something to do, and do it."""
    readable, writable, _ = select.select(
        [stream.socket], [stream.socket] if stream.wants_write else [], [], WAIT
    )
    data = stream.read() if readable else b""
    if writable:
        stream.flush()
    return data


def shake_hands(stream: Stream) -> bytes:
    stream.start()
    stream.flush()
    early = b""
    while not stream.is_ready:
        early += turn(stream)
    stream.flush()
    return early


def read_all(stream: Stream) -> bytes:
    got = b""
    while not stream.is_ended:
        got += turn(stream)
    return got


@pytest.fixture
def context(server_tls: ssl.SSLContext) -> Callable[[Peer], Peer]:
    """Makes a peer speak TLS."""

    def secured(peer: Peer) -> Peer:
        def run(sock: socket.socket) -> None:
            with server_tls.wrap_socket(sock.dup(), server_side=True) as secure:
                peer(secure)

        return run

    return secured


def test_what_is_written_is_counted_when_its_last_byte_has_left() -> None:
    go_on = threading.Event()
    got: list[bytes] = []

    def peer(sock: socket.socket) -> None:
        go_on.wait(WAIT)
        while data := sock.recv(65_536):
            got.append(data)

    with against(peer) as stream:
        stream.write(b"a" * 10, 1)
        first = stream.flush()
        stream.write(b"b" * 10_000_000, 3)
        stuck = stream.flush()
        stream.write(b"c", 1)
        go_on.set()
        later = 0
        while stream.wants_write:
            select.select([], [stream.socket], [], WAIT)
            later += stream.flush()
        stream.socket.shutdown(socket.SHUT_WR)
        stream.flush()

    assert (first, stuck, later) == (1, 0, 4)
    assert b"".join(got) == b"a" * 10 + b"b" * 10_000_000 + b"c"


def test_nothing_there_is_no_end() -> None:
    with against(lambda sock: print(sock.recv(1))) as stream:
        assert stream.read() == b""
        assert not stream.is_ended


def test_an_end_is_an_end() -> None:
    with against(lambda sock: sock.sendall(b"last")) as stream:
        got = read_all(stream)

    assert got == b"last"


def test_a_reset_is_a_failure_to_read_and_to_write() -> None:
    with against(lambda sock: None) as stream:
        read_all(stream)
        stream.write(b"x", 1)
        with pytest.raises(StreamFailed) as caught:
            stream.flush()
        stream.give_up_writing()
        stream.write(b"y", 1)
        wants_write = stream.wants_write

    assert caught.value.kind == "write"
    assert not wants_write


def test_tls_carries_everything_both_ways(
    context: Callable[[Peer], Peer], client_tls: ssl.SSLContext
) -> None:
    body = bytes(range(256)) * 4_000
    got: list[bytes] = []

    def peer(sock: socket.socket) -> None:
        sock.sendall(b"early")
        while sum(map(len, got)) < len(body):
            got.append(sock.recv(65_536))
        sock.sendall(body)

    with against(context(peer), client_tls) as stream:
        early = shake_hands(stream)
        stream.write(body, 2)
        counted = stream.flush()
        while stream.wants_write:
            select.select([], [stream.socket], [], WAIT)
            counted += stream.flush()
        echoed = b""
        while len(early + echoed) < 5 + len(body):
            echoed += turn(stream)

    assert early + echoed == b"early" + body
    assert b"".join(got) == body
    assert counted == 2


@pytest.mark.parametrize("goodbye", [True, False])
def test_tls_ends_with_and_without_a_goodbye(
    context: Callable[[Peer], Peer], client_tls: ssl.SSLContext, goodbye: bool
) -> None:
    def peer(sock: socket.socket) -> None:
        assert isinstance(sock, ssl.SSLSocket)
        sock.sendall(b"last")
        if goodbye:
            with contextlib.suppress(ssl.SSLError):
                sock.unwrap()

    with against(context(peer), client_tls) as stream:
        got = shake_hands(stream) + read_all(stream)

    assert got == b"last"


def test_what_is_no_tls_any_more_is_an_end(
    context: Callable[[Peer], Peer], client_tls: ssl.SSLContext
) -> None:
    def peer(sock: socket.socket) -> None:
        sock.sendall(b"last")
        # Beside the TLS layer, so it is no record.
        with socket.socket(fileno=os.dup(sock.fileno())) as raw:
            raw.sendall(b"plain text" * 10)

    with against(context(peer), client_tls) as stream:
        got = shake_hands(stream) + read_all(stream)

    assert got == b"last"


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (lambda sock: sock.recv(65_536), "hung up"),
        (lambda sock: sock.recv(1), "reset"),
        (lambda sock: sock.sendall(b"HTTP/1.1 400 " + sock.recv(65_536)[:1]), "wrong version"),
    ],
    ids=["hangs up", "resets", "no TLS"],
)
def test_a_peer_without_tls_is_a_failure(
    client_tls: ssl.SSLContext, peer: Peer, words: str
) -> None:
    with against(peer, client_tls) as stream, pytest.raises(StreamFailed, match=words) as caught:
        shake_hands(stream)

    assert caught.value.kind == "tls"


def test_a_certificate_of_somebody_else_is_a_failure_and_the_peer_is_told(
    server_tls: ssl.SSLContext,
) -> None:
    alerts: list[str] = []
    done = threading.Event()

    def peer(sock: socket.socket) -> None:
        try:
            server_tls.wrap_socket(sock.dup(), server_side=True).close()
        except ssl.SSLError as error:
            alerts.append(error.reason)
        done.set()

    with against(peer, ssl.create_default_context()) as stream:
        with pytest.raises(StreamFailed, match="certificate") as caught:
            shake_hands(stream)
        stream.close()
        assert done.wait(WAIT)

    assert caught.value.kind == "tls"
    assert alerts == ["TLSV1_ALERT_UNKNOWN_CA"]
