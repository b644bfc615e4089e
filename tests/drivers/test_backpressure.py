"""Bounds: slow consumers, full outboxes, and who waits for what."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest

import auxws_anyio
from auxws_anyio.gateway import GatewayConnection
from auxws_proto import (
    Config,
    ConnectionFailed,
    LocalProtocolError,
    OutboxFull,
    SlowConsumer,
    Stage,
    State,
)
from tests.drivers.adapter import Driver, Message
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio


async def count_up(connection: GatewayConnection) -> None:
    """Send as many messages as are asked for, then say so."""
    async for received in connection:
        for number in range(received.message["count"]):
            await connection.send({"type": "n", "number": number})
        await connection.send({"type": "done"})


def numbers(messages: list[Message]) -> list[int]:
    return [message["number"] for message in messages]


def waiting_sends(client: Any) -> int:
    """How many calls of ``send`` stand in line: no public figure tells."""
    if isinstance(client, auxws_anyio.AuxClient):
        return len(client._desk.line)
    return len(client._client._engine.pump._waiting)


async def test_a_full_subscription_that_blocks_stops_the_reading_and_loses_nothing(
    driver: Driver,
) -> None:
    # A silence of ours must never look like one of the peer.
    config = Config(ping_interval=0.1, ping_timeout=0.5, reconnect=None)
    async with serving(count_up) as gateway, driver.connect(gateway.url, config=config) as client:
        with client.event("n", max_messages=10) as stream:
            await client.send({"type": "go", "count": 3_000})
            await until(lambda: client.stats.waiting.messages >= 10)
            # The condition is time: longer than a ping may stay unanswered.
            await anyio.sleep(0.8)
            held = client.stats.waiting.messages

            received = await take(stream, 3_000)

        assert held < 3_000
        assert numbers(received) == list(range(3_000))
        assert client.state is State.OPEN
        assert client.stats.dropped == 0


async def test_a_stopped_reader_stops_no_sends(driver: Driver) -> None:
    heard: list[Message] = []

    async def flood(connection: GatewayConnection) -> None:
        await connection.send({"type": "n"})
        await connection.send({"type": "n"})
        async for received in connection:
            heard.append(received.message)

    async with serving(flood) as gateway, driver.connect(gateway.url) as client:
        with client.event("n", max_messages=1):
            await until(lambda: client.stats.waiting.messages)
            for number in range(100):
                await client.send({"type": "up", "number": number})

            await until(lambda: len(heard) == 100)

        assert numbers(heard) == list(range(100))


async def test_drop_oldest_keeps_the_newest_and_counts(driver: Driver) -> None:
    async with serving(count_up) as gateway, driver.connect(gateway.url) as client:
        with client.event("n", policy="drop_oldest", max_messages=10) as stream:
            await client.request({"type": "go", "count": 100}, reply="done")

            received = await take(stream, 10)

        assert numbers(received) == list(range(90, 100))
        assert (stream.dropped, client.stats.dropped) == (90, 90)


async def test_error_ends_the_subscription_after_what_it_holds(driver: Driver) -> None:
    async with serving(count_up) as gateway, driver.connect(gateway.url) as client:
        with client.event("n", policy="error", max_messages=10) as stream:
            await client.request({"type": "go", "count": 100}, reply="done")

            received = await take(stream, 10)
            with pytest.raises(SlowConsumer):
                await take(stream, 1)

        assert numbers(received) == list(range(10))
        assert await client.request({"type": "go", "count": 0}, reply="done") == {"type": "done"}


async def test_a_bad_policy_is_refused(driver: Driver) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        with pytest.raises(LocalProtocolError, match="policy"):
            client.event("n", policy="lose")


async def test_a_full_outbox_makes_send_wait(driver: Driver) -> None:
    config = Config(max_outbox_messages=5)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        with client.event("n") as stream:
            for number in range(50):
                await client.send({"type": "n", "number": number})
                assert client.stats.outbox_messages <= 5

            assert numbers(await take(stream, 50)) == list(range(50))


async def test_those_who_wait_to_send_are_served_in_their_order(driver: Driver) -> None:
    config = Config(max_outbox_messages=1)
    sent: list[int] = []
    received: list[Message] = []
    async with serving() as gateway, driver.client(gateway.url, config=config) as client:

        async def send(number: int) -> None:
            await client.send({"type": "n", "number": number})
            sent.append(number)

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(send, number)
                # The first finds room, and all others stand in line.
                await until(lambda count=number: sent == [0] and waiting_sends(client) == count)
            with client.event("n") as stream:
                await client.connect()

                received += await take(stream, 8)

        assert numbers(received) == list(range(8))
        assert sorted(sent) == list(range(8))


async def test_a_full_outbox_may_raise_instead(driver: Driver) -> None:
    config = Config(max_outbox_messages=1, overflow="raise")
    async with serving() as gateway, driver.client(gateway.url, config=config) as client:
        await client.send({"type": "n"})

        with pytest.raises(OutboxFull, match="1 messages"):
            await client.send({"type": "n"})


async def test_the_bytes_of_a_question_fill_the_outbox_too(driver: Driver) -> None:
    config = Config(max_outbox_bytes=2_000, overflow="raise")
    question = {"type": "q", "text": "a" * 1_500}
    async with (
        serving() as gateway,
        driver.client(gateway.url, config=config) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(partial(client.request, question, reply="q"))
        await until(lambda: client.stats.outbox_messages == 1)

        with pytest.raises(OutboxFull, match="2,000"):
            await client.send({"type": "n", "text": "a" * 1_500})
        await client.connect()


async def test_sending_offline_may_raise(driver: Driver) -> None:
    config = Config(offline="raise")
    async with serving() as gateway, driver.client(gateway.url, config=config) as client:
        with pytest.raises(ConnectionFailed, match="IDLE"):
            await client.send({"type": "n"})

        await client.connect()
        await client.wait_connected()
        assert await (await client.send({"type": "n"})).wait() is not Stage.FAILED


async def test_sending_offline_may_wait(driver: Driver) -> None:
    config = Config(offline="wait")
    stages: list[Stage] = []
    async with serving() as gateway, driver.client(gateway.url, config=config) as client:

        async def send() -> None:
            stages.append(await (await client.send({"type": "n"})).wait())

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await until(lambda: waiting_sends(client) == 1)
            assert client.stats.outbox_messages == 0
            await client.connect()

    assert stages[0] in (Stage.SENT, Stage.CONFIRMED)


async def test_the_end_wakes_those_who_wait_to_send(driver: Driver) -> None:
    config = Config(max_outbox_messages=1)
    async with serving() as gateway, driver.client(gateway.url, config=config) as client:
        await client.send({"type": "n"})

        async def send() -> None:
            with pytest.raises(LocalProtocolError, match="closed"):
                await client.send({"type": "n"})

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await until(lambda: waiting_sends(client) == 1)
            await client.aclose()


async def test_that_nobody_reads_is_told_once(driver: Driver) -> None:
    config = Config(read_ahead=1_000)
    async with serving(count_up) as gateway, driver.connect(gateway.url, config=config) as client:
        await client.send({"type": "go", "count": 1_000})

        reports = await take(client.errors(), 1)

        assert "reading has stopped" in str(reports[0].error)
        with client.event("n") as stream:
            assert numbers(await take(stream, 1_000)) == list(range(1_000))
        assert client.stats.errors == 1


async def test_those_who_wait_for_a_connection_are_served_in_their_order(driver: Driver) -> None:
    config = Config(offline="wait")
    received: list[Message] = []
    async with (
        serving() as gateway,
        driver.client(gateway.url, config=config) as client,
        anyio.create_task_group() as group,
    ):
        for number in range(12):
            group.start_soon(client.send, {"type": "n", "number": number})
            await until(lambda count=number + 1: waiting_sends(client) == count)
        with client.event("n") as stream:
            await client.connect()

            received += await take(stream, 12)

    assert numbers(received) == list(range(12))
