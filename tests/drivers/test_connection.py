"""The life of the connection, as an application sees it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from auxws_anyio.gateway import GatewayConnection, echo, insts
from auxws_proto import (
    Config,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionId,
    LocalProtocolError,
    LoginRefused,
    Reconnect,
    State,
    StateChange,
)
from tests.drivers.adapter import Driver
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio

QUICK = Config(reconnect=Reconnect(base=0.001, cap=0.001))


def moves(changes: list[StateChange]) -> list[tuple[State, State]]:
    return [(change.previous, change.current) for change in changes]


async def test_connecting_and_leaving(driver: Driver) -> None:
    async with serving() as gateway:
        async with driver.connect(gateway.url) as client:
            await client.wait_connected()

            assert (client.state, client.is_connected) == (State.OPEN, True)
            assert client.origin == gateway.url.replace("ws:", "http:").removesuffix("/Prod")
            assert gateway.connections_accepted == 1

        assert (client.state, client.is_connected) == (State.CLOSED, False)
        await until(lambda: gateway.connections == [])


async def test_the_states_on_the_way(driver: Driver) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        assert client.state is State.IDLE
        states = client.states()
        await client.connect()
        await client.connect()
        await client.wait_connected()
        await client.disconnect()
        assert client.state is State.IDLE
        await client.connect()
        await client.wait_connected()

        assert moves(await take(states, 6)) == [
            (State.IDLE, State.CONNECTING),
            (State.CONNECTING, State.OPEN),
            (State.OPEN, State.CLOSING),
            (State.CLOSING, State.IDLE),
            (State.IDLE, State.CONNECTING),
            (State.CONNECTING, State.OPEN),
        ]
        assert gateway.connections_accepted == 2


async def test_the_end_of_the_client_ends_every_iteration(driver: Driver) -> None:
    async with serving() as gateway:
        async with driver.connect(gateway.url) as client:
            await client.wait_connected()
            states, errors, stream = client.states(), client.errors(), client.event("n")
            stream.__enter__()

        assert [change.current for change in [c async for c in states]] == [
            State.CLOSING,
            State.CLOSED,
        ]
        assert [report async for report in errors] == []
        assert [message async for message in stream] == []


async def test_subscriptions_outlive_connections(driver: Driver) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        with client.event("n") as stream:
            for number in range(2):
                await client.connect()
                await client.send({"type": "n", "number": number})
                await client.flush()
                assert await take(stream, 1) == [{"type": "n", "number": number}]
                await client.disconnect()


async def test_what_is_sent_while_offline_goes_out_later(driver: Driver) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        for number in range(3):
            await client.send({"type": "n", "number": number})
        with client.event("n") as stream:
            await client.connect()

            assert [message["number"] for message in await take(stream, 3)] == [0, 1, 2]


@pytest.mark.parametrize("way", ["drop", "close", "kick"])
async def test_a_lost_connection_is_opened_again(driver: Driver, way: str) -> None:
    async def kick(connection: GatewayConnection) -> None:
        async for received in connection:
            if received.message["type"] == "kick":
                await connection.disconnect()
            await connection.send(received.message)

    async with serving(kick) as gateway, driver.connect(gateway.url, config=QUICK) as client:
        await client.wait_connected()
        states = client.states()
        if way == "drop":
            gateway.faults.drop_connections()
        elif way == "close":
            gateway.faults.close_connections(1001)
        else:
            await client.send({"type": "kick"})

        changes = await take(states, 3)

        assert moves(changes) == [
            (State.OPEN, State.WAITING),
            (State.WAITING, State.CONNECTING),
            (State.CONNECTING, State.OPEN),
        ]
        assert isinstance(changes[0].cause, ConnectionClosed)
        assert changes[0].cause.code == {"drop": 1006, "close": 1001, "kick": 1005}[way]
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}


async def test_on_connect_goes_first_on_each_connection(driver: Driver) -> None:
    heard: list[str] = []

    async def listen(connection: GatewayConnection) -> None:
        async for received in connection:
            heard.append(received.message["type"])
            await connection.send(received.message)

    async with serving(listen) as gateway:
        async with driver.connect(
            gateway.url, config=QUICK, on_connect=[{"type": "watch"}]
        ) as client:
            await client.request({"type": "n"}, reply="n")
            states = client.states()
            gateway.faults.drop_connections()
            await take(states, 3)
            await client.request({"type": "n"}, reply="n")

        assert heard == ["watch", "n", "watch", "n"]


async def test_a_final_refusal_ends_the_client(driver: Driver) -> None:
    async with serving() as gateway:
        gateway.faults.refuse_handshakes(1, 403, "Forbidden")
        async with driver.connect(gateway.url) as client:
            with pytest.raises(ConnectionFailed) as caught:
                await client.wait_connected()

            assert (caught.value.kind, caught.value.status) == ("rejected", 403)
            assert client.state is State.CLOSED
            with pytest.raises(ConnectionFailed):
                await take(client, 1)
            with pytest.raises(LocalProtocolError, match="closed"):
                await client.send({"type": "n"})
            with pytest.raises(LocalProtocolError, match="closed"):
                await client.connect()


async def test_a_passing_refusal_is_tried_again(driver: Driver) -> None:
    async with serving() as gateway:
        gateway.faults.refuse_handshakes(2, 503)
        async with driver.connect(gateway.url, config=QUICK) as client:
            await client.wait_connected()

        assert (gateway.handshakes_refused, gateway.connections_accepted) == (2, 1)


async def test_without_reconnecting_a_lost_connection_is_the_end(driver: Driver) -> None:
    config = Config(reconnect=None)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        gateway.faults.close_connections(1001, "bye")

        with pytest.raises(ConnectionClosed) as caught:
            await take(client, 1)

        assert (caught.value.code, caught.value.reason) == (1001, "bye")


async def test_an_unreachable_host_is_told(driver: Driver) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    await listener.aclose()
    config = Config(reconnect=None)
    with anyio.fail_after(10):
        async with driver.connect(f"ws://127.0.0.1:{port}/", config=config) as client:
            with pytest.raises(ConnectionFailed, match=r"Connection refused") as caught:
                await client.wait_connected()

    assert caught.value.kind == "connect"


async def test_waiting_to_be_connected_gives_up_in_time(driver: Driver) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        with pytest.raises(TimeoutError, match="IDLE"):
            await client.wait_connected(timeout=0)


@pytest.mark.parametrize(
    "url", ["ftp://host/", "host", "ws://", "ws://u:p@host/", "ws://host/#f", "ws://host:x/"]
)
async def test_a_url_that_is_none_is_refused_at_once(driver: Driver, url: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        async with driver.connect(url):
            pass

    assert url not in str(caught.value)


async def test_the_subprotocol_is_agreed(driver: Driver) -> None:
    async with serving() as gateway:
        async with driver.connect(gateway.url, subprotocol="casualos.records") as client:
            await client.wait_connected()
        async with driver.connect(gateway.url, subprotocol="other") as client:
            with pytest.raises(ConnectionFailed, match="subprotocol"):
                await client.wait_connected()


async def test_headers_and_url_are_asked_for_each_attempt(driver: Driver) -> None:
    seen: list[tuple[str, str]] = []
    attempts = 0

    async def look(connection: GatewayConnection) -> None:
        seen.append((connection.path, dict(connection.headers)["x-api-key"]))
        await echo(connection)

    async with serving(look) as gateway:

        def url() -> str:
            nonlocal attempts
            attempts += 1
            return f"{gateway.url}?attempt={attempts}"

        def headers() -> list[tuple[str, str]]:
            return [("X-Api-Key", f"key {attempts}")]

        async with driver.connect(url, headers=headers, config=QUICK) as client:
            await client.request({"type": "n"}, reply="n")
            states = client.states()
            gateway.faults.drop_connections()
            await take(states, 3)
            large = {"type": "n", "text": "x" * 50_000}
            assert await client.request(large, reply="n") == large

        assert seen == [("/Prod?attempt=1", "key 1"), ("/Prod?attempt=2", "key 2")]


async def test_a_callable_that_raises_fails_the_attempt_without_its_text(driver: Driver) -> None:
    def url() -> str:
        raise OSError("https://secret.example/?token=hush")

    with anyio.fail_after(10):
        async with driver.connect(url, config=Config(reconnect=None)) as client:
            with pytest.raises(ConnectionFailed, match="OSError") as caught:
                await client.wait_connected()

    assert "hush" not in str(caught.value)


async def test_logging_in(driver: Driver) -> None:
    asked = 0

    def login() -> ConnectionId:
        nonlocal asked
        asked += 1
        return ConnectionId(f"guest {asked}")

    async with (
        serving(insts()) as gateway,
        driver.connect(gateway.url, login=login, config=QUICK) as client,
    ):
        await client.wait_connected()
        assert client.info is not None
        assert client.info["connectionId"] == "guest 1"
        assert client.indicator == ConnectionId("guest 1")

        states = client.states()
        gateway.faults.drop_connections()
        changes = await take(states, 4)

        assert moves(changes)[2:] == [
            (State.CONNECTING, State.AUTHENTICATING),
            (State.AUTHENTICATING, State.OPEN),
        ]
        assert client.info["connectionId"] == "guest 2"


async def test_a_login_that_is_always_refused_ends_the_client(driver: Driver) -> None:
    async def refuse(connection: GatewayConnection) -> None:
        async for _ in connection:
            await connection.send(
                {
                    "type": "login_result",
                    "success": False,
                    "errorCode": "invalid_token",
                    "errorMessage": "no",
                }
            )

    login = ConnectionId("guest")
    async with serving(refuse) as gateway, driver.connect(gateway.url, login=login) as client:
        with pytest.raises(LoginRefused) as caught:
            await client.wait_connected()

        assert caught.value.code == "invalid_token"
        assert client.state is State.CLOSED


async def test_a_login_that_cannot_be_had_is_tried_again(driver: Driver) -> None:
    asked = 0

    def login() -> ConnectionId:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError("the token server is down")
        return ConnectionId("guest")

    async with serving(insts()) as gateway:
        async with driver.connect(gateway.url, login=login, config=QUICK) as client:
            await client.wait_connected()

        assert gateway.connections_accepted == 2


async def test_a_login_that_is_asked_for_and_not_given(driver: Driver) -> None:
    config = Config(ask_for_login=True, reconnect=None)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        with pytest.raises(LoginRefused, match="no login= was given"):
            await client.wait_connected(10)


async def test_planned_rotation_loses_and_reorders_nothing(driver: Driver) -> None:
    config = Config(max_age=0.2, max_age_jitter=0, rotate_overlap=0.01)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        received: list[int] = []
        with client.event("n") as stream:
            number = 0
            while gateway.connections_accepted < 3:
                await client.send({"type": "n", "number": number})
                received += [message["number"] for message in await take(stream, 1)]
                number += 1

        assert received == list(range(number))
        assert client.state is State.OPEN


async def test_a_name_with_several_addresses(driver: Driver) -> None:
    async with (
        serving(advertised_host="localhost") as gateway,
        driver.connect(gateway.url) as client,
    ):
        large = {"type": "n", "text": "x" * 50_000}

        assert await client.request(large, reply="n") == large


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


async def test_opening_and_closing_leaves_nothing_behind(driver: Driver) -> None:
    async def round_trip(url: str) -> None:
        async with driver.connect(url) as client:
            await client.request({"type": "n", "text": "x" * 50_000}, reply="n")

    async with serving() as gateway:
        await round_trip(gateway.url)
        await until(lambda: not gateway.connections)
        before = open_files()
        for _ in range(20):
            await round_trip(gateway.url)
        await until(lambda: not gateway.connections)

        # The store may keep a connection a moment longer than its client does.
        await until(lambda: open_files() <= before)
