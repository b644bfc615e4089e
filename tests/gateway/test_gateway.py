"""The gateway over real sockets: the wire is protocol.md's, and strict where AWS is strict."""

from __future__ import annotations

import json
import ssl as tls
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import pytest
import trustme
from wsproto import events
from wsproto.frame_protocol import Opcode

from auxws_anyio.gateway import (
    App,
    Faults,
    Gateway,
    GatewayConnection,
    GatewayLimits,
    Received,
    echo,
)
from auxws_proto import LocalProtocolError

from .wire import Client, Closed, connected, open_stream, rejected

pytestmark = pytest.mark.anyio

ACL = {"x-amz-acl": "bucket-owner-full-control", "Content-Type": "application/json"}


@asynccontextmanager
async def running(app: App = echo, **kwargs: Any) -> AsyncIterator[Gateway]:
    """A gateway whose applications and connections must not fail."""
    async with Gateway(app, **kwargs) as gateway:
        with anyio.fail_after(30):
            yield gateway
    assert gateway.failures == []


def a_message(size: int = 0, number: int = 1, text: str = "x") -> dict[str, Any]:
    """A message whose event, numbered ``number``, has ``size`` bytes; 0: a short one."""
    message = {"type": "test", "text": ""}
    if size:
        bare = len(json.dumps([1, number, message], separators=(",", ":")))
        message["text"] = text * (size - bare)
    return message


async def read_all(stream: anyio.abc.ByteStream) -> bytes:
    """Everything until the other side's end, or its reset."""
    data = b""
    try:
        while True:
            data += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return data


async def send_event(client: Client, *items: Any) -> None:
    await client.send(json.dumps(list(items), separators=(",", ":")))


# Inline.


async def test_a_message_is_echoed_with_the_servers_number() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        await send_event(client, 1, 1, a_message())

        assert await client.receive() == [1, 0, a_message()]
        assert (gateway.received.frames, gateway.sent.frames) == (1, 1)
        assert gateway.frames_over_limit == 0


async def test_the_order_of_messages_is_kept() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        for number in range(1, 101):
            await send_event(client, 1, number, {"type": "test", "n": number})

        got = [(await client.receive())[2]["n"] for _ in range(100)]

        assert got == list(range(1, 101))


async def test_the_boundary_of_inline_messages_is_exact() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        # The server's own number has one digit, as the client's has here.
        await send_event(client, 1, 1, a_message(32_000))
        await send_event(client, 1, 1, a_message(32_001))

        first, second = await client.receive(), await client.receive()

        assert first == [1, 0, a_message(32_000)]
        assert second[:2] == [4, -1]
        assert gateway.largest_frame == 32_001


# The detour by the object store.


async def test_a_large_message_comes_by_download() -> None:
    async with (
        running() as gateway,
        connected(gateway.url) as client,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        message = a_message(100_000)
        parts = json.dumps([1, 1, message], separators=(",", ":")).encode()
        await client.send_fragments(*[parts[i : i + 32_000] for i in range(0, len(parts), 32_000)])

        kind, number, url, method, headers = await client.receive()
        response = await http.get(url)

        assert (kind, number, method, headers) == (4, -1, "GET", {})
        assert url.startswith(gateway.store_url)
        assert "X-Amz-SignedHeaders=host&" in url
        assert response.json() == message
        assert (await http.get(url, headers=ACL)).status_code == 403
        assert gateway.largest_frame == 32_000


async def test_an_upload_is_granted_put_announced_and_delivered() -> None:
    async with (
        running() as gateway,
        connected(gateway.url) as client,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        await send_event(client, 2, 1)
        kind, number, url, method, headers = await client.receive()
        put = await http.put(url, content=json.dumps(a_message()), headers=ACL)
        await send_event(client, 4, 2, url.partition("?")[0], "GET", {})

        assert (kind, number, method, headers) == (3, 1, "PUT", {})
        assert url.startswith(gateway.store_url)
        assert "X-Amz-SignedHeaders=host%3Bx-amz-acl" in url
        assert put.status_code == 200
        assert await client.receive() == [1, 0, a_message()]
        assert (gateway.uploads.granted, gateway.store_requests) == (1, 1)


async def test_each_upload_url_names_a_fresh_key() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        urls = []
        for number in range(1, 6):
            await send_event(client, 2, number)
            urls.append((await client.receive())[2].partition("?")[0])

        assert len(set(urls)) == 5


@pytest.mark.parametrize(
    ("stored", "code"),
    [(None, "message_not_found"), (b"no JSON", "unacceptable_request")],
)
async def test_an_announced_object_that_is_no_message_is_an_error_event(
    stored: bytes | None, code: str
) -> None:
    async with running() as gateway, connected(gateway.url) as client:
        if stored is not None:
            gateway.store.put("some-key", stored, 2_000_000_000.0)

        await send_event(client, 4, 7, f"{gateway.store_url}/some-key", "GET", {})
        await send_event(client, 1, 8, a_message())

        kind, number, info = await client.receive()
        assert (kind, number, info["success"], info["errorCode"]) == (5, 7, False, code)
        assert await client.receive() == [1, 0, a_message()]


async def test_a_private_store_answers_signed_gets_only() -> None:
    async with (
        running(public_read=False) as gateway,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        gateway.store.put("k", b"{}", 2_000_000_000.0)

        assert (await http.get(f"{gateway.store_url}/k")).status_code == 403


# What AWS refuses.


@pytest.mark.parametrize(
    ("parts", "opcode", "code"),
    [
        ([b"x" * 32_769], Opcode.TEXT, 1009),
        ([b"x" * 32_768] * 4 + [b"x"], Opcode.TEXT, 1009),
        ([b"{}"], Opcode.BINARY, 1003),
        ([b"\xff"], Opcode.TEXT, 1007),
    ],
    ids=["frame", "message", "binary", "not UTF-8"],
)
async def test_violations_close_the_connection(
    parts: list[bytes], opcode: Opcode, code: int
) -> None:
    async with running() as gateway, connected(gateway.url) as client:
        await client.send_fragments(*parts, opcode=opcode)
        # More behind it: the close frame must come through all the same.
        await client.send_fragments(b"y" * 30_000)

        assert (await client.receive_end()).code == code
        assert len(gateway.violations) >= 1


async def test_the_largest_frames_and_messages_are_taken() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        text = json.dumps([1, 1, a_message(131_072)], separators=(",", ":")).encode()
        await client.send_fragments(*[text[i : i + 32_768] for i in range(0, 131_072, 32_768)])

        assert (await client.receive())[0] == 4
        assert gateway.frames_over_limit == 0
        assert gateway.received.largest == 32_768


async def test_frames_over_the_limit_are_counted() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        await client.send_fragments(b"x" * 40_000)
        await client.receive_end()

        assert (gateway.frames_over_limit, gateway.largest_frame) == (1, 40_000)


async def test_bad_events_are_answered_and_stop_nothing() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        await client.send('{"an": "object"}')
        await send_event(client, 9, 1)
        await client.send("not JSON")  # ignored, as the real server does
        await send_event(client, 1, 3, a_message())

        errors = [await client.receive() for _ in range(2)]

        assert [(e[0], e[1], e[2]["errorCode"]) for e in errors] == [
            (5, None, "unacceptable_request")
        ] * 2
        assert await client.receive() == [1, 0, a_message()]


# Limits of time.


async def test_an_idle_connection_is_closed_and_pings_do_not_count() -> None:
    limits = GatewayLimits(idle_timeout=0.3)
    async with running(limits=limits) as gateway, connected(gateway.url) as client:
        await client.send_event(events.Ping(payload=b"1"))

        assert isinstance(await client.receive_raw(), events.Pong)
        assert await client.receive_raw() == Closed(1001, "Going away")


async def test_a_connection_is_closed_when_it_is_old() -> None:
    limits = GatewayLimits(max_duration=0.3)
    async with running(limits=limits) as gateway, connected(gateway.url) as client:
        await send_event(client, 1, 1, a_message())

        assert await client.receive() == [1, 0, a_message()]
        assert await client.receive() == Closed(1001, "Going away")


async def test_a_client_that_does_not_answer_a_close_is_cut_off() -> None:
    limits = GatewayLimits(max_duration=0.05, close_timeout=0.05)
    async with running(limits=limits) as gateway:
        stream = await open_stream(gateway.url)
        async with stream:
            await Client(stream).handshake(gateway.url, [], [])

            assert await read_all(stream) == b"\x88\x0c\x03\xe9Going away"


# Handshakes.


@pytest.mark.parametrize("subprotocols", [[], ["casualos.records"]])
async def test_no_subprotocol_or_that_of_records_is_taken(subprotocols: list[str]) -> None:
    async with (
        running() as gateway,
        connected(gateway.url, subprotocols=subprotocols) as client,
    ):
        assert client.accepted is not None
        assert client.accepted.subprotocol == (subprotocols[0] if subprotocols else None)
        assert client.accepted.extensions == []


@pytest.mark.parametrize("subprotocols", [["other"], ["casualos.records", "other"]])
async def test_any_other_subprotocol_is_refused(subprotocols: list[str]) -> None:
    async with running() as gateway:
        refused = await rejected(gateway.url, subprotocols=subprotocols)

        assert refused.status == 400
        assert refused.body["message"] == "Bad Request"
        assert gateway.handshakes_refused == 1


async def test_a_plain_http_request_is_refused() -> None:
    async with running() as gateway, httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(gateway.url.replace("ws://", "http://"))

        assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")


@pytest.mark.parametrize("data", [b"garbage\r\n\r\n", b"\x00" * 40_000])
async def test_garbage_is_refused(data: bytes) -> None:
    async with running() as gateway, await open_stream(gateway.url) as stream:
        await stream.send(data)

        assert (await stream.receive()).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


async def test_a_bad_key_is_refused_by_the_machine() -> None:
    async with running() as gateway, await open_stream(gateway.url) as stream:
        await stream.send(
            b"GET /Prod HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        )

        assert (await stream.receive()).startswith(b"HTTP/1.1 400")
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_a_client_may_go_away_in_its_handshake() -> None:
    async with running() as gateway:
        for data in (b"", b"GET /Prod HTTP/1.1\r\nHost:"):
            async with await open_stream(gateway.url) as stream:
                await stream.send(data)
        async with connected(gateway.url) as client:
            await send_event(client, 1, 1, a_message())
            assert await client.receive() == [1, 0, a_message()]

        assert (gateway.connections_accepted, gateway.handshakes_refused) == (1, 0)


async def test_a_silent_client_is_refused_in_time() -> None:
    limits = GatewayLimits(handshake_timeout=0.05)
    async with running(limits=limits) as gateway, await open_stream(gateway.url) as stream:
        assert (await stream.receive()).startswith(b"HTTP/1.1 408")


async def test_tls_on_both_ports() -> None:
    authority = trustme.CA()
    server = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client_side = tls.create_default_context()
    authority.configure_trust(client_side)
    async with (
        running(ssl=server) as gateway,
        httpx.AsyncClient(trust_env=False, verify=client_side) as http,
    ):
        async with await anyio.connect_tcp("127.0.0.1", int(gateway.url[:-5].rpartition(":")[2])):
            pass  # gives up before TLS
        async with connected(gateway.url, ssl=client_side) as client:
            await send_event(client, 2, 1)
            _, _, url, _, _ = await client.receive()
            put = await http.put(url, content=json.dumps(a_message()), headers=ACL)
            await send_event(client, 4, 2, url.partition("?")[0], "GET", {})
            answer = await client.receive()
            await client.send_fragments(b"x" * 40_000)
            end = await client.receive_end()

        assert gateway.url.startswith("wss://127.0.0.1:")
        assert gateway.store_url.startswith("https://127.0.0.1:")
        assert put.status_code == 200
        assert answer == [1, 0, a_message()]
        assert end.code == 1009


# Applications.


async def test_what_an_application_sees_of_a_connection() -> None:
    seen: list[Any] = []

    async def app(connection: GatewayConnection) -> None:
        seen.append((connection.path, dict(connection.headers)["origin"]))
        seen.extend([received async for received in connection])

    async with running(app) as gateway:
        async with connected(
            gateway.url + "?x=1", headers=[(b"Origin", b"https://example.com")]
        ) as client:
            await send_event(client, 1, 5, a_message())
            await client.send_event(events.CloseConnection(code=1000))
            end = await client.receive_end()
        await gateway.wait_empty()

    assert end == Closed(1000)
    assert seen == [
        ("/Prod?x=1", "https://example.com"),
        Received(event_id=5, message=a_message()),
    ]


async def test_connection_ids_are_unique() -> None:
    ids: list[str] = []

    async def app(connection: GatewayConnection) -> None:
        ids.append(connection.connection_id)
        await connection.send(a_message())
        async for _ in connection:
            pass

    async with running(app) as gateway:
        for _ in range(3):
            async with connected(gateway.url) as client:
                await client.receive()

    assert len(set(ids)) == 3


async def test_any_task_may_send_to_any_connection() -> None:
    everybody: list[GatewayConnection] = []
    complete = anyio.Event()

    async def app(connection: GatewayConnection) -> None:
        everybody.append(connection)
        if len(everybody) == 2:
            complete.set()
        async for received in connection:
            for other in everybody:
                await other.send(received.message)

    async with (
        running(app) as gateway,
        connected(gateway.url) as one,
        connected(gateway.url) as two,
    ):
        await complete.wait()
        await send_event(one, 1, 1, a_message())

        assert await one.receive() == [1, 0, a_message()]
        assert await two.receive() == [1, 0, a_message()]


async def test_an_application_ends_a_connection_without_a_code() -> None:
    async def app(connection: GatewayConnection) -> None:
        await connection.send_error({"success": False, "errorCode": "user_is_banned"})
        await connection.send_error({"success": False}, 3)
        await connection.disconnect()
        await connection.send(a_message())
        await connection.send_error({})
        assert [received async for received in connection] == []

    async with running(app) as gateway, connected(gateway.url) as client:
        assert await client.receive() == [
            5,
            -1,
            {"success": False, "errorCode": "user_is_banned"},
        ]
        assert await client.receive() == [5, 3, {"success": False}]
        assert await client.receive() == Closed(1005)


async def test_an_application_that_returns_ends_its_connection() -> None:
    async def app(connection: GatewayConnection) -> None:
        await connection.send(a_message())

    async with running(app) as gateway, connected(gateway.url) as client:
        assert await client.receive() == [1, 0, a_message()]
        assert await client.receive() == Closed(1005)


async def test_an_application_that_fails_is_told_by_a_notice() -> None:
    async def app(connection: GatewayConnection) -> None:
        raise KeyError("a mistake")

    async with Gateway(app) as gateway, connected(gateway.url) as client:
        notices = [await client.receive()]
        await send_event(client, 1, 1, a_message())
        notices.append(await client.receive())

        for notice in notices:
            assert notice["message"] == "Internal server error"
            assert set(notice) == {"message", "connectionId", "requestId"}
        assert notices[0]["connectionId"] == notices[1]["connectionId"]
        assert [type(error) for error in gateway.failures] == [KeyError]


async def test_an_application_that_only_pushes_is_cancelled_after_its_grace() -> None:
    ended = anyio.Event()

    async def app(connection: GatewayConnection) -> None:
        try:
            while True:
                await connection.send(a_message())
                await anyio.sleep(0.001)
        finally:
            ended.set()

    async with running(app, limits=GatewayLimits(app_grace=0.01)) as gateway:
        async with connected(gateway.url) as client:
            await client.receive()

        await ended.wait()
        await gateway.wait_empty()


async def test_messages_before_the_end_are_handled_after_it() -> None:
    handled: list[float] = []
    go_on = anyio.Event()

    async def app(connection: GatewayConnection) -> None:
        await go_on.wait()
        handled.extend([received.event_id async for received in connection])

    async with running(app) as gateway:
        async with connected(gateway.url) as client:
            await send_event(client, 1, 1, a_message())
            await send_event(client, 1, 2, a_message())
            await client.send_event(events.CloseConnection(code=1000))
            await client.receive_end()
        go_on.set()
        await gateway.wait_empty()

    assert handled == [1, 2]


async def test_a_message_that_json_cannot_carry_is_the_applications_mistake() -> None:
    async def app(connection: GatewayConnection) -> None:
        with pytest.raises(LocalProtocolError):
            await connection.send({"type": "test", "bad": float("nan")})
        await connection.send(a_message())

    async with running(app) as gateway, connected(gateway.url) as client:
        assert await client.receive() == [1, 0, a_message()]


async def test_an_application_that_does_not_read_stops_the_reading() -> None:
    numbers: list[float] = []
    held = 0
    go_on = anyio.Event()

    async def app(connection: GatewayConnection) -> None:
        await go_on.wait()
        numbers.extend([received.event_id async for received in connection])

    async def send_all(client: Client) -> None:
        for number in range(100):
            await send_event(client, 1, number, a_message(32_000))
        await client.send_event(events.CloseConnection(code=1000))

    limits = GatewayLimits(read_ahead=500_000)
    async with running(app, limits=limits) as gateway, connected(gateway.url) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_all, client)
            while not gateway.connections or gateway.connections[0].is_read:
                await anyio.lowlevel.checkpoint()
            held = gateway.received.bytes
            go_on.set()
            assert (await client.receive_end()).code == 1000
        await gateway.wait_empty()

    assert held < 700_000
    assert numbers == list(range(100))


async def test_an_application_waits_for_a_client_that_does_not_read() -> None:
    sent: list[int] = []

    async def app(connection: GatewayConnection) -> None:
        for number in range(400):
            await connection.send(a_message(30_000) | {"n": number})
            sent.append(number)

    limits = GatewayLimits(write_ahead=100_000)
    async with running(app, limits=limits) as gateway, connected(gateway.url) as client:
        await anyio.wait_all_tasks_blocked()
        sent_before = len(sent)
        got = [(await client.receive())[2]["n"] for _ in range(400)]

        assert await client.receive() == Closed(1005)
    assert sent_before < 400
    assert got == list(range(400))


async def test_a_defect_is_kept_and_ends_its_connection_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async with (
        Gateway(echo) as gateway,
        connected(gateway.url) as one,
        connected(gateway.url) as two,
    ):
        monkeypatch.setattr(gateway.uploads, "answer", broken)
        await send_event(one, 2, 1)
        assert await one.receive() == Closed(1006)
        await send_event(two, 1, 1, a_message())
        assert await two.receive() == [1, 0, a_message()]

    assert [type(error) for error in gateway.failures] == [ZeroDivisionError]


# The gateway itself.


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
def test_other_hosts_than_loopback_are_refused(host: str) -> None:
    with pytest.raises(LocalProtocolError, match="allow_non_loopback"):
        Gateway(echo, host=host)


async def test_other_hosts_can_be_allowed_and_named() -> None:
    async with Gateway(
        echo, host="0.0.0.0", allow_non_loopback=True, advertised_host="localhost"
    ) as gateway:
        assert gateway.url.startswith("ws://localhost:")
        async with connected(gateway.url.replace("localhost", "127.0.0.1")) as client:
            await send_event(client, 2, 1)
            assert (await client.receive())[2].startswith("http://localhost:")


async def test_an_error_in_the_body_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with Gateway(echo):
            raise KeyError("mine")


async def test_leaving_ends_connections_and_applications() -> None:
    cancelled = anyio.Event()

    async def app(connection: GatewayConnection) -> None:
        try:
            await connection.send(a_message())
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with Gateway(app) as gateway:
        stream = await open_stream(gateway.url)
        client = Client(stream)
        await client.handshake(gateway.url, [], [])
        await client.receive_raw()

    async with stream:
        assert cancelled.is_set()
        assert (await client.receive_end()).code == 1006
    assert gateway.connections == []


async def test_a_gateway_is_entered_once() -> None:
    gateway = Gateway(echo)
    async with gateway:
        pass
    with pytest.raises(LocalProtocolError, match="entered already"):
        await gateway.__aenter__()


async def test_a_port_that_is_taken_is_an_os_error() -> None:
    async with Gateway(echo) as gateway:
        port = int(gateway.store_url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
            await Gateway(echo, store_port=port).__aenter__()


# Faults.


async def test_handshakes_are_refused_in_number() -> None:
    faults = Faults()
    faults.refuse_handshakes(1, 429, "Too Many Requests", headers=(("Retry-After", "2"),))
    faults.refuse_handshakes(1, 403, "Forbidden")
    async with running(faults=faults) as gateway:
        first, second = await rejected(gateway.url), await rejected(gateway.url)
        async with connected(gateway.url):
            pass

    assert (first.status, first.headers["retry-after"]) == (429, "2")
    assert (second.status, second.body["message"]) == (403, "Forbidden")


@pytest.mark.parametrize(("code", "end"), [(None, Closed(1006)), (1001, Closed(1001))])
async def test_a_connection_ends_after_so_many_frames(code: int | None, end: Closed) -> None:
    got: list[float] = []

    async def app(connection: GatewayConnection) -> None:
        got.extend([received.event_id async for received in connection])

    async with running(app) as gateway:
        if code is None:
            gateway.faults.drop_after_frames(2)
        else:
            gateway.faults.close_after_frames(2, code)
        async with connected(gateway.url) as client:
            frames = b"".join(
                client._ws.send(events.TextMessage(data=json.dumps([1, n, a_message()])))
                for n in range(1, 5)
            )
            await client.stream.send(frames)

            assert await client.receive_end() == end
        await gateway.wait_empty()

    assert got == [1, 2]


async def test_a_connection_is_dropped_after_its_handshake() -> None:
    async with running() as gateway:
        gateway.faults.drop_after_frames(0)
        async with connected(gateway.url) as client:
            assert await client.receive() == Closed(1006)


async def test_upload_requests_are_refused_and_ignored() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        gateway.faults.refuse_uploads(1, "not_supported")
        gateway.faults.refuse_uploads(1, {"success": False, "errorCode": "x"})
        gateway.faults.ignore_uploads(1)
        for number in range(1, 5):
            await send_event(client, 2, number)

        answers = [await client.receive() for _ in range(3)]

        assert answers[0][:2] == [5, 1]
        assert answers[0][2]["errorCode"] == "not_supported"
        assert answers[1] == [5, 2, {"success": False, "errorCode": "x"}]
        assert answers[2][:2] == [3, 4]


async def test_faults_of_uploads_do_not_concern_the_servers_own() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        gateway.faults.refuse_uploads(1)
        gateway.faults.fail_puts(1)
        await client.send_fragments(json.dumps([1, 1, a_message(31_000)]).encode())
        await send_event(client, 1, 1, a_message(32_500))

        assert (await client.receive())[0] == 1
        assert (await client.receive())[0] == 4
        assert gateway.uploads.by_server == 1


async def test_upload_urls_expire_or_hold_a_checksum() -> None:
    async with (
        running() as gateway,
        connected(gateway.url) as client,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        gateway.faults.expire_upload_urls(1)
        await send_event(client, 2, 1)
        _, _, expired, _, _ = await client.receive()
        gateway.faults.upload_query = (("x-amz-checksum-crc32", "AAAAAA=="),)
        await send_event(client, 2, 2)
        _, _, summed, _, _ = await client.receive()

        first = await http.put(expired, content=b"{}", headers=ACL)
        second = await http.put(summed, content=b"{}", headers=ACL)

        assert (first.status_code, b"Request has expired" in first.content) == (403, True)
        assert (second.status_code, b"BadDigest" in second.content) == (400, True)


async def test_the_store_fails_for_clients() -> None:
    async with running() as gateway, httpx.AsyncClient(trust_env=False) as http:
        gateway.store.put("k", b"{}", 2_000_000_000.0)
        gateway.faults.fail_gets(1, 503, "SlowDown")
        gateway.faults.delay_store = 0.001

        statuses = [(await http.get(f"{gateway.store_url}/k")).status_code for _ in range(2)]

        assert statuses == [503, 200]


async def test_pings_get_no_pong() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        gateway.faults.answer_pings = False
        await client.send_event(events.Ping(payload=b"1"))
        await send_event(client, 1, 1, a_message())
        first = await client.receive()
        gateway.faults.answer_pings = True
        await client.send_event(events.Ping(payload=b"2"))

        assert first == [1, 0, a_message()]
        second = await client.receive()
        assert isinstance(second, events.Pong)
        assert bytes(second.payload) == b"2"


async def test_junk_notices_and_errors_are_sent_now() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        gateway.faults.send_junk("not JSON")
        gateway.faults.send_junk(b"\x00")
        gateway.faults.send_notice("Endpoint request timed out")
        gateway.faults.send_error({"success": False, "errorCode": "x"}, None)

        assert await client.receive_raw() == "not JSON"
        assert await client.receive_raw() == b"\x00"
        assert (await client.receive())["message"] == "Endpoint request timed out"
        assert await client.receive() == [5, None, {"success": False, "errorCode": "x"}]


@pytest.mark.parametrize("drop", [True, False])
async def test_open_connections_are_ended_now(drop: bool) -> None:
    async with running() as gateway, connected(gateway.url) as client:
        if drop:
            gateway.faults.drop_connections()
        else:
            gateway.faults.close_connections(1012, "Restart")

        assert await client.receive() == (Closed(1006) if drop else Closed(1012, "Restart"))


async def test_silence_ends_when_it_is_mended() -> None:
    async with running() as gateway, connected(gateway.url) as client:
        gateway.faults.silent = True
        await send_event(client, 1, 1, a_message())
        with anyio.move_on_after(0.05) as scope:
            await client.receive()
        gateway.faults.clear()

        assert scope.cancelled_caught
        assert await client.receive() == [1, 0, a_message()]


async def test_latency_keeps_the_order() -> None:
    faults = Faults()
    faults.delay_to_server = faults.delay_to_client = faults.delay_upload_answer = 0.01
    faults.handshake_delay = 0.01
    async with running(faults=faults) as gateway, connected(gateway.url) as client:
        started = anyio.current_time()
        for number in range(1, 6):
            await send_event(client, 1, number, {"type": "test", "n": number})
        got = [(await client.receive())[2]["n"] for _ in range(5)]
        faults.delay_to_server = 0
        await send_event(client, 2, 6)
        answer = await client.receive()

        assert got == [1, 2, 3, 4, 5]
        assert answer[:2] == [3, 6]
        assert anyio.current_time() - started >= 0.02
