"""Servers that break every rule: a named error, bounded attempts, and no busy loop."""

from __future__ import annotations

import anyio
import anyio.abc
import pytest

from auxws_anyio.gateway import GatewayConnection
from auxws_proto import (
    Config,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionId,
    Reconnect,
    RemoteProtocolError,
    State,
    Violation,
)
from tests.drivers.adapter import Driver
from tests.drivers.bad_peers import accepting, answering, bad_peer, close_code, close_frame, saying
from tests.drivers.serving import serving, take

pytestmark = pytest.mark.anyio

ONCE = Config(reconnect=None)
DEAF = Config(close_timeout=0.05)
"""For peers that answer no close frame."""
FEW = Config(reconnect=Reconnect(base=0.001, cap=0.002, max_attempts=4, first_attempts=4))

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"
HEAD = SWITCHING + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"

GARBAGE = {
    "nothing": b"",
    "half a line": b"HTTP/1.1 1",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "bytes": bytes(range(256)) * 4,
    "no status": b"HTTP/1.1 abc Switching\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 101 Switching Protocols\r\n\r\n",
    "200": OK,
    "no headers": SWITCHING + b"\r\n",
    "a wrong key": HEAD + b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    "no key": HEAD + b"\r\n",
    "no UTF-8": HEAD + b"X: \xff\xfe\r\n\r\n",
    "no header": HEAD + b"no colon\r\n\r\n",
    "an endless head": HEAD + b"X: " + b"x" * 1_000_000,
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_a_handshake_that_is_none_fails_by_name(driver: Driver, answer: bytes) -> None:
    async with (
        bad_peer(answering(answer)) as peer,
        driver.connect(peer.url, config=ONCE) as client,
    ):
        with pytest.raises(ConnectionFailed) as caught:
            await client.wait_connected()

        assert caught.value.kind in ("handshake", "rejected", "closed")
        assert (client.state, peer.connections) == (State.CLOSED, 1)


@pytest.mark.parametrize("answer", [b"", GARBAGE["no HTTP"], OK])
async def test_attempts_are_bounded(driver: Driver, answer: bytes) -> None:
    async with (
        bad_peer(answering(answer)) as peer,
        driver.connect(peer.url, config=FEW) as client,
    ):
        with pytest.raises(ConnectionFailed):
            await client.wait_connected()

        assert peer.connections == client.stats.transports == 4


async def test_a_peer_that_accepts_and_drops_at_once(driver: Driver) -> None:
    async def drop(stream: anyio.abc.ByteStream) -> None:
        pass

    async with bad_peer(drop) as peer, driver.connect(peer.url, config=FEW) as client:
        with pytest.raises(ConnectionFailed):
            await client.wait_connected()

        assert peer.connections == 4


async def test_a_gateway_that_opens_and_drops_at_once(driver: Driver) -> None:
    """A connection that does not last is a failure like any other: the waits grow."""
    async with serving() as gateway:
        gateway.faults.drop_after_frames(0, connections=100)
        async with driver.connect(gateway.url, config=FEW) as client:
            with pytest.raises(ConnectionClosed) as caught:
                await take(client, 1)

        assert caught.value.code == 1006
        # The first, and as many attempts as an outage has.
        assert gateway.connections_accepted == 5


INVALID = {
    "code 0": (close_code(0), 1002),
    "code 999": (close_code(999), 1002),
    "code 1004": (close_code(1004), 1002),
    "code 1005": (close_code(1005), 1002),
    "code 1006": (close_code(1006), 1002),
    "code 1015": (close_code(1015), 1002),
    "code 2999": (close_code(2999), 1002),
    "code 5000": (close_code(5000), 1002),
    "code 65535": (close_code(65_535), 1002),
    "half a code": (close_frame(b"\x03"), 1002),
    "a reason that is no UTF-8": (close_code(1000, b"\xff\xfe"), 1007),
}


@pytest.mark.parametrize(("frames", "code"), INVALID.values(), ids=INVALID)
async def test_an_invalid_close_frame_is_a_violation(
    driver: Driver, frames: bytes, code: int
) -> None:
    async with bad_peer(saying(frames)) as peer, driver.connect(peer.url, config=ONCE) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await take(client, 1)

        assert isinstance(caught.value, ConnectionClosed)
        assert caught.value.code == code


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 3000, 4999])
async def test_a_valid_close_code_is_told(driver: Driver, code: int) -> None:
    async with (
        bad_peer(saying(close_code(code, b"why"))) as peer,
        driver.connect(peer.url, config=ONCE) as client,
    ):
        with pytest.raises(ConnectionClosed) as caught:
            await take(client, 1)

        assert (caught.value.code, caught.value.reason) == (code, "why")


async def test_what_follows_the_handshake_in_one_write_is_not_lost(driver: Driver) -> None:
    frame = b'[1,0,{"type":"n"}]'
    frames = bytes([0x81, len(frame)]) + frame
    async with bad_peer(saying(frames)) as peer, driver.connect(peer.url, config=DEAF) as client:
        assert await take(client, 1) == [{"type": "n"}]


async def test_an_answer_that_comes_byte_by_byte(driver: Driver) -> None:
    async def talk(stream: anyio.abc.ByteStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += await stream.receive()
        for byte in accepting(request):
            await stream.send(bytes([byte]))
        await anyio.sleep_forever()

    async with bad_peer(talk) as peer, driver.connect(peer.url, config=DEAF) as client:
        await client.wait_connected()


def result(name: str) -> dict[str, object]:
    return {"type": "login_result", "success": True, "info": {"connectionId": name}}


async def test_a_second_login_result_is_reported_and_changes_nothing(driver: Driver) -> None:
    async def answer(connection: GatewayConnection) -> None:
        async for received in connection:
            if received.message["type"] == "login":
                await connection.send(result("first"))
                await connection.send(result("second"))
            else:
                await connection.send(received.message)

    login = ConnectionId("guest")
    async with serving(answer) as gateway, driver.connect(gateway.url, login=login) as client:
        reports = await take(client.errors(), 1)

        assert isinstance(reports[0].error, RemoteProtocolError)
        assert reports[0].error.violation is Violation.UNEXPECTED_ANSWER
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}
        assert client.info == {"connectionId": "first"}
        assert (client.state, client.stats.errors) == (State.OPEN, 1)


@pytest.mark.parametrize("success", [True, False])
async def test_a_login_result_that_nobody_asked_for_is_reported(
    driver: Driver, success: bool
) -> None:
    async def answer(connection: GatewayConnection) -> None:
        async for received in connection:
            await connection.send({**result("nobody"), "success": success})
            await connection.send(received.message)

    async with serving(answer) as gateway, driver.connect(gateway.url) as client:
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}

        reports = await take(client.errors(), 1)

        assert isinstance(reports[0].error, RemoteProtocolError)
        assert (client.info, client.state, client.stats.errors) == (None, State.OPEN, 1)


async def test_a_login_that_is_never_answered_times_out(driver: Driver) -> None:
    async def ignore(connection: GatewayConnection) -> None:
        async for _ in connection:
            pass

    config = Config(login_timeout=0.05, reconnect=None)
    login = ConnectionId("guest")
    async with (
        serving(ignore) as gateway,
        driver.connect(gateway.url, login=login, config=config) as client,
    ):
        with pytest.raises(Exception, match=r"no login within 0\.05 s"):
            await client.wait_connected()


async def test_a_flood_of_junk_is_counted_and_kept_within_bounds(driver: Driver) -> None:
    async def flood(connection: GatewayConnection) -> None:
        async for received in connection:
            await connection.send(received.message)

    async with serving(flood) as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        for _ in range(2_000):
            gateway.faults.send_junk("[9]")

        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}

        assert client.stats.errors == 2_000
        assert len(await take(client.errors(), 1_000)) == 1_000
