"""Transfers: what goes over the wire, what comes back, and what must never be shown."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
from typing import Any

import pytest

from auxws_proto import (
    GetFromUrl,
    HttpFailed,
    HttpFailure,
    HttpResponded,
    PutToUrl,
    Secret,
    UrlPolicy,
)
from auxws_sync import Cancellation, HttpClient
from tests.sync.peers import Answering, answer, serving

LOCAL = "ws://127.0.0.1/"
WAIT = 20.0


def get(port: int, max_bytes: int = 1_000_000) -> GetFromUrl:
    url = Secret(f"http://127.0.0.1:{port}/hidden?X-Amz-Signature=hidden")
    return GetFromUrl(transfer_id=7, method="GET", url=url, headers={}, max_bytes=max_bytes)


def put(port: int, body: bytes) -> PutToUrl:
    url = Secret(f"http://127.0.0.1:{port}/hidden?X-Amz-Signature=hidden")
    headers = {"Content-Type": "application/json"}
    return PutToUrl(transfer_id=7, method="PUT", url=url, headers=headers, body=body)


def transfer(
    request: GetFromUrl | PutToUrl,
    *,
    http: HttpClient | None = None,
    policy: UrlPolicy | None = None,
    websocket_url: str | None = LOCAL,
    progress: Any = lambda done, total: None,
    cancellation: Cancellation | None = None,
) -> HttpResponded | HttpFailed:
    client = http if http is not None else HttpClient()
    try:
        return client.transfer(
            request,
            policy=policy if policy is not None else UrlPolicy(),
            websocket_url=websocket_url,
            timeout=WAIT,
            progress=progress,
            cancellation=cancellation if cancellation is not None else Cancellation(),
        )
    finally:
        if http is None:
            client.close()


def failure_of(outcome: HttpResponded | HttpFailed) -> HttpFailure:
    assert isinstance(outcome, HttpFailed)
    assert isinstance(outcome.error, HttpFailure)
    assert "hidden" not in repr(outcome)
    return outcome.error


def test_a_put_says_its_length_and_nothing_about_us() -> None:
    server = Answering([answer("200 OK")])
    body = b"x" * 2_500_000
    steps: list[tuple[int, int | None]] = []

    with serving(server) as port:
        outcome = transfer(put(port, body), progress=lambda *step: steps.append(step))

    (request,) = server.requests
    assert isinstance(outcome, HttpResponded)
    assert (outcome.transfer_id, outcome.status) == (7, 200)
    assert request.line == "PUT /hidden?X-Amz-Signature=hidden HTTP/1.1"
    assert request.body == body
    assert request.headers == {
        "host": f"127.0.0.1:{port}",
        "user-agent": "auxws",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": "2500000",
    }
    assert steps[-1] == (2_500_000, 2_500_000)
    assert steps == sorted(steps)


def test_cookies_are_not_kept_and_connections_are() -> None:
    server = Answering([answer("200 OK", b"1", "Set-Cookie: a=b"), answer("200 OK", b"2")])
    http = HttpClient()

    with serving(server) as port:
        bodies = [transfer(get(port), http=http), transfer(get(port), http=http)]
        http.close()

    assert [b.body for b in bodies if isinstance(b, HttpResponded)] == [b"1", b"2"]
    assert "cookie" not in server.requests[1].headers
    assert server.connections == 1


def test_a_redirect_is_the_machines_to_follow() -> None:
    location = "https://bucket.s3.amazonaws.com/hidden"
    server = Answering([answer("307 Temporary Redirect", b"", f"Location: {location}")])

    with serving(server) as port:
        outcome = transfer(put(port, b"{}"))

    assert isinstance(outcome, HttpResponded)
    assert outcome.status == 307
    assert dict(outcome.headers)["location"] == location


def test_an_errors_body_is_cut_off() -> None:
    server = Answering([answer("403 Forbidden", b"<" * 1_000_000)])

    with serving(server) as port:
        outcome = transfer(get(port))

    assert isinstance(outcome, HttpResponded)
    assert (outcome.status, len(outcome.body)) == (403, 65_536)


@pytest.mark.parametrize(
    "response",
    [
        answer("200 OK", b"x" * 1_001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3e9\r\n" + b"x" * 1_001 + b"\r\n0\r\n\r\n",
        answer("200 OK", gzip.compress(bytes(100_000_000)), "Content-Encoding: gzip"),
    ],
    ids=["announced", "chunked", "bomb"],
)
def test_the_cap_counts_decoded_bytes(response: bytes) -> None:
    with serving(Answering([response])) as port:
        error = failure_of(transfer(get(port, max_bytes=1_000)))

    assert (error.kind, error.transient) == ("too_large", False)


def test_what_was_compressed_unasked_is_unfolded() -> None:
    body = gzip.compress(b"x" * 1_000)

    with serving(Answering([answer("200 OK", body, "Content-Encoding: gzip")])) as port:
        outcome = transfer(get(port, max_bytes=1_000))

    assert isinstance(outcome, HttpResponded)
    assert outcome.body == b"x" * 1_000


@pytest.mark.parametrize(
    ("response", "transient"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", True),
        (b"no HTTP at all\r\n\r\n", True),
        (answer("200 OK", b"x", "Content-Encoding: br"), False),
        (answer("200 OK", b"not gzip", "Content-Encoding: gzip"), True),
        (answer("200 OK", gzip.compress(b"x" * 99)[:-9], "Content-Encoding: gzip"), True),
    ],
    ids=["cut", "junk", "unknown encoding", "damaged", "compressed and cut"],
)
def test_a_damaged_response_is_a_failure(response: bytes, transient: bool) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(response)
        connection.shutdown(socket.SHUT_WR)

    with serving(handle) as port:
        error = failure_of(transfer(get(port)))

    assert (error.kind, error.transient) == ("protocol", transient)


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    error = failure_of(transfer(get(port)))

    assert (error.kind, error.transient) == ("connect", True)


def test_a_certificate_of_somebody_else_is_a_failure_for_good(server_tls: ssl.SSLContext) -> None:
    def handle(connection: socket.socket) -> None:
        server_tls.wrap_socket(connection, server_side=True)

    with serving(handle) as port:
        request = get(port)
        url = Secret(request.url.reveal().replace("http:", "https:"))
        error = failure_of(
            transfer(GetFromUrl(transfer_id=7, method="GET", url=url, headers={}, max_bytes=9))
        )

    assert (error.kind, error.transient) == ("tls", False)
    assert "certificate" in error.detail


@pytest.mark.parametrize(
    ("websocket_url", "policy", "kind"),
    [
        ("wss://api.example.com/", UrlPolicy(), "address"),
        ("wss://api.example.com/", UrlPolicy(allow_private_addresses=True), "read"),
        (LOCAL, UrlPolicy(), "read"),
        (None, UrlPolicy(), "address"),
    ],
)
def test_private_addresses_are_refused_unless_allowed(
    websocket_url: str | None, policy: UrlPolicy, kind: str
) -> None:
    seen: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        seen.append(connection)
        connection.recv(65_536)
        connection.shutdown(socket.SHUT_RDWR)

    with serving(handle) as port:
        error = failure_of(transfer(get(port), websocket_url=websocket_url, policy=policy))

    assert (error.kind == "address") is (kind == "address")
    assert error.transient is (kind != "address")
    assert bool(seen) is (kind != "address")


@pytest.mark.parametrize("stuck_in", ["connect", "head", "body", "upload"])
def test_cancelling_ends_a_transfer_from_another_thread(stuck_in: str) -> None:
    reached = threading.Event()

    def handle(connection: socket.socket) -> None:
        if stuck_in != "upload":
            connection.recv(65_536)
        if stuck_in == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        reached.set()
        if stuck_in != "upload":
            connection.recv(1)

    cancellation = Cancellation()
    outcomes: list[HttpResponded | HttpFailed] = []
    fillers: list[socket.socket] = []
    with serving(handle) as port, socket.socket() as full:
        if stuck_in == "connect":
            # A listener whose queue is full does not answer.
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            reached.set()
        request = put(port, bytes(50_000_000)) if stuck_in == "upload" else get(port)
        thread = threading.Thread(
            target=lambda: outcomes.append(transfer(request, cancellation=cancellation))
        )
        thread.start()
        assert reached.wait(WAIT)

        cancellation.cancel()

        thread.join(WAIT)
        for filler in fillers:
            filler.close()
    assert failure_of(outcomes[0]).kind == "cancelled"


def test_a_cancelled_transfer_does_not_begin() -> None:
    server = Answering([])
    cancellation = Cancellation()
    cancellation.cancel()

    with serving(server) as port:
        error = failure_of(transfer(get(port), cancellation=cancellation))

    assert error.kind == "cancelled"
    assert server.connections == 0


def test_our_requests_are_not_logged_and_those_of_others_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import httpcore

    caplog.set_level(logging.DEBUG)
    location = "https://bucket.s3.amazonaws.com/hidden"
    server = Answering(
        [answer("307 Temporary Redirect", b"", f"Location: {location}"), answer("200 OK")]
    )

    with serving(server) as port:
        transfer(get(port))
        ours = {r.getMessage() for r in caplog.records if r.name.startswith("http")}
        with httpcore.ConnectionPool() as pool:
            pool.request("GET", f"http://127.0.0.1:{port}/theirs")
        theirs = {r.getMessage() for r in caplog.records if r.name.startswith("http")} - ours

    assert ours <= {"close.started", "close.complete"}
    assert any(message.startswith("receive_response_headers") for message in theirs)
    assert "hidden" not in caplog.text
