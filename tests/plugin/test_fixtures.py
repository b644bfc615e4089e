"""The fixtures of `auxws_anyio.pytest_plugin`, as tests of applications use them."""

from __future__ import annotations

import asyncio
import threading

import anyio.lowlevel
import pytest
import trio

import auxws_anyio
import auxws_sync
from auxws_anyio.gateway import GatewayConnection, GatewayLimits, echo
from auxws_anyio.pytest_plugin import AuxGateway
from auxws_proto import Config, ConnectionFailed, ConnectionId, Reconnect
from auxws_proto.testing import VirtualClock, World

LARGE = {"type": "note", "text": "x" * 50_000}


async def converse(url: str) -> None:
    """An application that logs in and sends something large."""
    async with auxws_anyio.connect(url, login=ConnectionId("bot")) as client:
        await client.send(LARGE)
        await client.flush(10)


def test_in_a_blocking_test(aux_gateway: AuxGateway) -> None:
    with auxws_sync.connect(aux_gateway.url) as client:
        client.send(LARGE).wait(timeout=10)

        assert aux_gateway.receive("note") == LARGE


@pytest.mark.anyio
async def test_in_a_test_of_anyios(aux_gateway: AuxGateway) -> None:
    await converse(aux_gateway.url)

    assert (await aux_gateway.areceive())["type"] == "login"
    assert await aux_gateway.areceive("note") == LARGE


def test_under_asyncio(aux_gateway: AuxGateway) -> None:
    asyncio.run(converse(aux_gateway.url))

    assert [message["type"] for message in aux_gateway.received] == ["login", "note"]


def test_under_trio(aux_gateway: AuxGateway) -> None:
    trio.run(converse, aux_gateway.url)

    assert [message["type"] for message in aux_gateway.received] == ["login", "note"]


def test_faults_are_method_calls_and_attributes(aux_gateway: AuxGateway) -> None:
    aux_gateway.faults.refuse_handshakes(1, 403, "Forbidden")
    with auxws_sync.connect(aux_gateway.url) as client, pytest.raises(ConnectionFailed):
        client.wait_connected(10)
    aux_gateway.faults.answer_pings = False

    assert aux_gateway.gateway.handshakes_refused == 1
    assert aux_gateway.faults.answer_pings is False


def test_calls_are_made_in_the_gateways_own_loop(aux_gateway: AuxGateway) -> None:
    async def where() -> int:
        await anyio.lowlevel.checkpoint()
        return threading.get_ident()

    assert aux_gateway.call(threading.get_ident) == aux_gateway.call(where)
    assert aux_gateway.call(where) != threading.get_ident()


def test_the_test_can_be_the_server(aux_gateway: AuxGateway) -> None:
    with auxws_sync.connect(aux_gateway.url) as client, client.event("news") as news:
        client.send({"type": "hello"}).wait(timeout=10)
        aux_gateway.receive("hello")

        aux_gateway.send({"type": "news", "text": "y" * 50_000})

        assert next(news)["text"] == "y" * 50_000


def test_each_message_is_given_once_and_a_missing_one_is_described(
    aux_gateway: AuxGateway,
) -> None:
    with auxws_sync.connect(aux_gateway.url) as client:
        client.send({"type": "b"})
        client.send({"type": "a"}).wait(timeout=10)
        assert aux_gateway.receive("a") == {"type": "a"}
        assert aux_gateway.receive() == {"type": "b"}

    with pytest.raises(TimeoutError, match=r"no message came .* 2 messages .* \['a', 'b'\]"):
        aux_gateway.receive(timeout=0)
    with pytest.raises(TimeoutError, match="no 'a' came within 0 s"):
        aux_gateway.receive("a", timeout=0)


def test_what_a_client_does_wrong_is_kept(aux_gateway: AuxGateway) -> None:
    aux_gateway.call(aux_gateway.gateway.report_violation, ConnectionFailed("wrong"))

    assert [str(error) for error in aux_gateway.violations] == ["wrong"]
    assert aux_gateway.store_url.startswith("http://127.0.0.1:")
    assert repr(aux_gateway) == f"<AuxGateway {aux_gateway.url}>"


async def shout(connection: GatewayConnection) -> None:
    """An application of a test's own."""
    async for received in connection:
        await connection.send({"type": received.message["type"].upper()})


@pytest.mark.aux_gateway(app=shout, limits=GatewayLimits(idle_timeout=60.0))
class TestAMarker:
    def test_gives_an_application_and_options(self, aux_gateway: AuxGateway) -> None:
        with auxws_sync.connect(aux_gateway.url) as client:
            assert client.request({"type": "a"}, reply="A", timeout=10) == {"type": "A"}

        assert aux_gateway.gateway.limits.idle_timeout == 60.0

    @pytest.mark.aux_gateway(app=echo)
    def test_the_closest_counts(self, aux_gateway: AuxGateway) -> None:
        with auxws_sync.connect(aux_gateway.url) as client:
            assert client.request({"type": "a"}, reply="a", timeout=10) == {"type": "a"}

        assert aux_gateway.gateway.limits.idle_timeout == 60.0


def test_a_world_and_its_clock(aux_world: World, aux_clock: VirtualClock) -> None:
    aux_world.client.call("connect")
    aux_world.client.send(LARGE)
    aux_world.rest()

    assert aux_world.client.outcomes.values()
    assert aux_clock is aux_world.clock
    assert aux_clock.now > 0


@pytest.mark.aux_world(seed=7, kind="websocket")
def test_a_world_with_options(aux_world: World) -> None:
    aux_world.client.call("connect")
    aux_world.run(1.0)

    assert hasattr(aux_world.client.machine, "receive_bytes")


def test_a_lost_connection(aux_gateway: AuxGateway) -> None:
    config = Config(reconnect=Reconnect(base=0.01, cap=0.01))
    with auxws_sync.connect(aux_gateway.url, config=config) as client:
        client.wait_connected(10)
        with client.states() as states:
            aux_gateway.faults.drop_connections()
            assert next(states).current.value == "WAITING"
        client.wait_connected(10)
        client.send({"type": "after"}).wait(timeout=10)

    assert aux_gateway.receive("after")
