"""Heads of handshakes: which are good, and which are refused with which status."""

from __future__ import annotations

import json
from collections.abc import Sequence

import h11
import pytest

from auxws_anyio.gateway._handshake import HandshakeRefused, Head, parse_head, read_head, refusal

GOOD = (
    "Host: 127.0.0.1:8001",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def a_head(*more: str, line: str = "GET /Prod?a=b HTTP/1.1", lines: Sequence[str] = GOOD) -> bytes:
    return ("\r\n".join([line, *lines, *more]) + "\r\n\r\n").encode("latin-1")


class Parts:
    """A stream that gives these parts, then ends."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        import anyio

        await anyio.lowlevel.checkpoint()
        if not self.parts:
            raise anyio.EndOfStream
        return self.parts.pop(0)


def test_a_good_head_is_taken_apart() -> None:
    raw = a_head("Sec-WebSocket-Protocol: casualos.records", "X-Api-Key: \xe9")

    head = parse_head(raw, b"rest")

    assert head == Head(
        path="/Prod?a=b",
        headers=(
            ("host", "127.0.0.1:8001"),
            ("upgrade", "WebSocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "casualos.records"),
            ("x-api-key", "\xe9"),
        ),
        subprotocol="casualos.records",
        raw=raw,
        rest=b"rest",
    )


def test_no_subprotocol_is_good() -> None:
    assert parse_head(a_head()).subprotocol is None


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (a_head("Sec-WebSocket-Protocol: other"), 400),
        (a_head("Sec-WebSocket-Protocol: casualos.records, other"), 400),
        (
            a_head(
                "Sec-WebSocket-Protocol: casualos.records",
                "Sec-WebSocket-Protocol: casualos.records",
            ),
            400,
        ),
        (a_head("Sec-WebSocket-Protocol: "), 400),
        (a_head(line="POST /Prod HTTP/1.1"), 426),
        (a_head(lines=("Host: h",)), 426),
        (a_head(lines=("Host: h", "Upgrade: h2c")), 426),
        (a_head(lines=("Upgrade: websocket",)), 400),
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (a_head("A: " + "a" * 20_000), 431),
    ],
)
def test_bad_heads_are_refused(raw: bytes, status: int) -> None:
    with pytest.raises(HandshakeRefused) as caught:
        parse_head(raw)

    assert caught.value.status == status


def test_a_refusal_is_an_http_response_in_api_gateways_words() -> None:
    refused = HandshakeRefused(429, "Too Many Requests", (("Retry-After", "3"),))

    data = refusal(refused, "connection-1", "request-2")

    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    http.receive_data(data)
    response, body = http.next_event(), http.next_event()
    assert isinstance(response, h11.Response)
    assert isinstance(body, h11.Data)
    assert response.status_code == 429
    assert (b"retry-after", b"3") in response.headers
    assert json.loads(body.data) == {
        "message": "Too Many Requests",
        "connectionId": "connection-1",
        "requestId": "request-2",
    }


@pytest.mark.anyio
async def test_a_head_may_come_in_parts_and_with_more_behind_it() -> None:
    raw = a_head()

    head = await read_head(Parts(raw[:10], raw[10:-2], raw[-2:] + b"\x81\x00"))  # type: ignore[arg-type]

    assert head is not None
    assert (head.raw, head.rest) == (raw, b"\x81\x00")


@pytest.mark.anyio
async def test_a_client_may_go_away_before_the_end_of_its_head() -> None:
    assert await read_head(Parts(a_head()[:-1])) is None  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_an_endless_head_is_refused() -> None:
    with pytest.raises(HandshakeRefused) as caught:
        await read_head(Parts(*[b"a" * 4_096] * 10))  # type: ignore[arg-type]

    assert caught.value.status == 431
