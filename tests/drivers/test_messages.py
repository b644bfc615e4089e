"""Messages of any size, both ways, in order."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from auxws_anyio.gateway import GatewayConnection
from auxws_proto import Config, LocalProtocolError, Stage, State, encode
from tests.drivers.adapter import Driver
from tests.drivers.serving import serving, take

pytestmark = pytest.mark.anyio

# Under the inline limit, just at it, over it, and over a frame of anything.
SIZES = [0, 100, 31_000, 32_000, 40_000, 140_000, 1_000_000]


def of_size(number: int, size: int) -> dict[str, Any]:
    return {"type": "note", "number": number, "text": "x" * size}


async def test_any_size_comes_back_in_order(driver: Driver) -> None:
    messages = [of_size(number, size) for number, size in enumerate(SIZES + SIZES[::-1])]
    async with serving() as gateway, driver.connect(gateway.url) as client:
        with client.event("note") as stream:
            for message in messages:
                await client.send(message)

            received = await take(stream, len(messages))

        assert received == messages
        assert gateway.frames_over_limit == 0
        assert client.stats.sent["upload"].messages == 8


async def test_fragments_save_the_detour(driver: Driver) -> None:
    config = Config(fragment_limit=131_072)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        receipt = await client.send(of_size(1, 100_000))
        stage = await receipt.wait(Stage.CONFIRMED)

        assert stage is Stage.CONFIRMED
        assert client.stats.sent["fragments"].messages == 1
        assert gateway.received.frames == 4
        assert gateway.received.over_limit == 0


@pytest.mark.parametrize("text", ["é" * 10_000, "漢" * 20_000, "\ud800", "\x00\x7f", "🦉" * 9_000])
async def test_text_survives(driver: Driver, text: str) -> None:
    message = {"type": "note", "text": text}
    async with serving() as gateway, driver.connect(gateway.url) as client:
        reply = await client.request(message, reply="note")

        assert reply == message
        assert gateway.frames_over_limit == 0


async def test_a_message_is_taken_as_it_is_when_it_is_sent(driver: Driver) -> None:
    message = {"type": "note", "items": [1]}
    async with serving() as gateway, driver.connect(gateway.url) as client:
        with client.event("note") as stream:
            await client.send(message)
            message["items"] = [2]

            assert await take(stream, 1) == [{"type": "note", "items": [1]}]


@pytest.mark.parametrize("message", [{"type": "x", "n": float("nan")}, {"n": 1}, {"type": {1}}])
async def test_what_cannot_be_sent_is_refused_and_changes_nothing(
    driver: Driver, message: dict[str, Any]
) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(LocalProtocolError):
            await client.send(message)

        assert (await client.request({"type": "x"}, reply="x")) == {"type": "x"}
        assert client.stats.sent["inline"].messages == 1


async def test_a_message_that_is_encoded_once_can_be_sent_often(driver: Driver) -> None:
    encoded = encode({"type": "note", "items": [1]}, Config())
    async with serving() as gateway, driver.connect(gateway.url) as client:
        with client.event("note") as stream:
            for _ in range(2):
                await client.send(encoded)

            assert await take(stream, 2) == [{"type": "note", "items": [1]}] * 2


async def test_a_receipt_tells_the_way_of_a_large_message(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        receipt = await client.send(of_size(1, 3_000_000))
        assert receipt.stage is Stage.QUEUED
        assert not receipt.is_final

        assert await receipt.wait(Stage.UPLOADED) in (Stage.UPLOADED, Stage.SENT)
        assert await receipt.wait(Stage.CONFIRMED) is Stage.CONFIRMED

        assert receipt.is_final
        assert receipt.error is None
        assert receipt.progress.done == receipt.progress.total > 3_000_000


async def test_waiting_for_a_stage_gives_up_in_time_and_the_message_goes_on(
    driver: Driver,
) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        receipt = await client.send({"type": "note"})
        with pytest.raises(TimeoutError, match="QUEUED"):
            await receipt.wait(timeout=0)

        await client.connect()

        assert await receipt.wait() in (Stage.SENT, Stage.CONFIRMED)


async def test_each_subscription_gets_its_type_and_the_iteration_everything(
    driver: Driver,
) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        everything = aiter(client)
        with client.event("a") as first, client.event("a") as second, client.event("b") as other:
            for kind in "abcab":
                await client.send({"type": kind})

            received = await take(everything, 5)

            assert [message["type"] for message in received] == list("abcab")
            assert await take(first, 2) == await take(second, 2) == [{"type": "a"}] * 2
            assert await take(other, 2) == [{"type": "b"}] * 2


async def test_the_iteration_goes_on_where_it_was_left(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        for number in range(4):
            await client.send({"type": "n", "number": number})

        first = await take(client, 2)
        rest = await take(client, 2)

        assert [message["number"] for message in first + rest] == [0, 1, 2, 3]


async def test_what_came_before_the_first_subscription_waits_for_it(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        for number in range(3):
            await client.send({"type": "n", "number": number})
        await client.request({"type": "last"}, reply="last")

        with client.event("n") as stream:
            received = await take(stream, 3)

        assert [message["number"] for message in received] == [0, 1, 2]


async def test_a_closed_subscription_ends_and_stops_nothing(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        with client.event("n") as stream:
            await client.send({"type": "n"})
            assert await take(stream, 1) == [{"type": "n"}]
        assert [message async for message in stream] == []

        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}


async def test_a_request_waits_for_its_own_reply(driver: Driver) -> None:
    async def answer(connection: GatewayConnection) -> None:
        async for received in connection:
            for number in (0, received.message["id"]):
                await connection.send({"type": "sync/time/response", "id": number})

    async with serving(answer) as gateway, driver.connect(gateway.url) as client:
        reply = await client.request(
            {"type": "sync/time", "id": 7, "clientRequestTime": 1},
            reply="sync/time/response",
            where=lambda message: message["id"] == 7,
        )

        assert reply["id"] == 7


async def test_requests_side_by_side(driver: Driver) -> None:
    replies: dict[int, Any] = {}
    async with serving() as gateway, driver.connect(gateway.url) as client:

        async def ask(number: int) -> None:
            replies[number] = await client.request(
                {"type": "n", "number": number, "text": "x" * (number * 5_000)},
                reply="n",
                where=lambda message: message["number"] == number,
            )

        async with anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(ask, number)

        assert {number: reply["number"] for number, reply in replies.items()} == {
            number: number for number in range(12)
        }


async def test_a_request_without_a_reply_gives_up_in_time(driver: Driver) -> None:
    async def silence(connection: GatewayConnection) -> None:
        async for _ in connection:
            pass

    async with serving(silence) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(TimeoutError, match=r"no reply within 0\.05 s"):
            await client.request({"type": "n"}, reply="n", timeout=0.05)
        with pytest.raises(LocalProtocolError, match="reply= or where="):
            await client.request({"type": "n"})


async def test_flush_waits_for_every_outcome(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        receipts = [await client.send(of_size(n, 50_000 * (n % 2))) for n in range(10)]

        await client.flush()

        assert {receipt.stage for receipt in receipts} == {Stage.CONFIRMED}
        assert (client.stats.outbox_messages, client.stats.outbox_bytes) == (0, 0)


async def test_flush_gives_up_in_time(driver: Driver) -> None:
    async with serving() as gateway, driver.client(gateway.url) as client:
        await client.send({"type": "n"})

        with pytest.raises(TimeoutError, match="1 messages without an outcome"):
            await client.flush(timeout=0)

        assert client.stats.outbox_messages == 1


async def test_leaving_sends_what_was_accepted(driver: Driver) -> None:
    received: list[dict[str, Any]] = []

    async def collect(connection: GatewayConnection) -> None:
        async for item in connection:
            received.append(item.message)

    messages = [of_size(number, 40_000 * (number % 2)) for number in range(6)]
    async with serving(collect) as gateway:
        async with driver.connect(gateway.url) as client:
            receipts = [await client.send(message) for message in messages]

        assert client.state is State.CLOSED
        assert {receipt.stage for receipt in receipts} == {Stage.CONFIRMED}
        assert received == messages
