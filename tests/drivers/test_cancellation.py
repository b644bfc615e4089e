"""Cancelling any call at any await leaves the machine consistent and loses no accepted message.

For the asynchronous drivers alone: a blocking call is given up by its time-out.
"""

from __future__ import annotations

import math
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

import auxws_anyio
from auxws_anyio.gateway import GatewayConnection
from auxws_proto import Config, LocalProtocolError, Stage, State
from tests.drivers.adapter import ASYNC_CASES, Case, Message
from tests.drivers.serving import serving, take

pytestmark = pytest.mark.anyio


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


async def test_a_send_that_is_cancelled_while_it_waits_was_not_accepted() -> None:
    config = Config(max_outbox_messages=1)
    received: list[Message] = []
    async with serving() as gateway, auxws_anyio.AuxClient(gateway.url, config=config) as client:
        await client.send({"type": "n", "number": 0})
        with anyio.move_on_after(0.01) as scope:
            await client.send({"type": "n", "number": 1})
        assert scope.cancelled_caught

        async with anyio.create_task_group() as group:
            # The line behind the cancelled one moves up.
            group.start_soon(client.send, {"type": "n", "number": 2})
            await checkpoint()
            with client.event("n") as stream:
                await client.connect()
                received += await take(stream, 2)

        assert [message["number"] for message in received] == [0, 2]


async def test_a_send_in_a_cancelled_scope_accepts_nothing() -> None:
    async with serving() as gateway, auxws_anyio.AuxClient(gateway.url) as client:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.send({"type": "n"})

        assert scope.cancelled_caught
        assert client.stats.outbox_messages == 0


@pytest.mark.parametrize("steps", range(12))
async def test_an_iteration_that_is_cancelled_anywhere_loses_nothing(steps: int) -> None:
    received: list[Message] = []
    async with serving() as gateway, auxws_anyio.connect(gateway.url) as client:
        with client.event("n") as stream:

            async def iterate() -> None:
                async for message in stream:
                    received.append(message)

            for number in range(200):
                await client.send({"type": "n", "number": number})
            while len(received) < 200:
                async with anyio.create_task_group() as group:
                    group.start_soon(iterate)
                    for _ in range(steps):
                        await checkpoint()
                    group.cancel_scope.cancel()

        assert [message["number"] for message in received] == list(range(200))


@pytest.mark.parametrize("steps", range(0, 60, 4))
async def test_a_request_that_is_cancelled_anywhere_leaves_the_client_in_order(
    steps: int,
) -> None:
    async with serving() as gateway, auxws_anyio.connect(gateway.url) as client:

        async def ask() -> None:
            await client.request({"type": "n", "text": "x" * 50_000}, reply="n")

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            for _ in range(steps):
                await checkpoint()
            group.cancel_scope.cancel()

        assert await client.request({"type": "m"}, reply="m") == {"type": "m"}
        await client.flush()
        assert client.stats.outbox_messages == 0


@pytest.mark.parametrize("steps", range(0, 60, 4))
async def test_waits_that_are_cancelled_anywhere(steps: int) -> None:
    async with serving() as gateway, auxws_anyio.AuxClient(gateway.url) as client:

        async def all_waits() -> None:
            await client.connect()
            await client.wait_connected()
            receipt = await client.send({"type": "n"})
            await receipt.wait(Stage.CONFIRMED)
            await client.flush()
            await client.disconnect()

        async with anyio.create_task_group() as group:
            group.start_soon(all_waits)
            for _ in range(steps):
                await checkpoint()
            group.cancel_scope.cancel()

        await client.connect()
        assert await client.request({"type": "m"}, reply="m") == {"type": "m"}


@pytest.mark.parametrize("steps", [*range(0, 30, 3), 60, 100])
async def test_leaving_by_cancellation_is_quick_and_clean(steps: int) -> None:
    clients: list[auxws_anyio.AuxClient] = []
    receipts: list[auxws_anyio.Receipt] = []

    async def work(url: str) -> None:
        async with auxws_anyio.connect(url) as client:
            clients.append(client)
            receipts.append(await client.send({"type": "n", "text": "x" * 50_000}))
            await anyio.sleep_forever()

    async with serving() as gateway:
        async with anyio.create_task_group() as group:
            group.start_soon(work, gateway.url)
            for _ in range(steps):
                await checkpoint()
            group.cancel_scope.cancel()

        assert {client.state for client in clients} <= {State.CLOSED}
        assert all(receipt.is_final for receipt in receipts)


async def test_leaving_that_is_cancelled_ends_at_once() -> None:
    clients: list[auxws_anyio.AuxClient] = []
    receipts: list[auxws_anyio.Receipt] = []
    async with serving() as gateway:
        with anyio.CancelScope() as scope:
            async with auxws_anyio.connect(gateway.url) as client:
                clients.append(client)
                await client.wait_connected()
                gateway.faults.silent = True
                receipts.append(await client.send({"type": "n"}))
                # That is, while it waits for the outcome of the message.
                scope.deadline = anyio.current_time() + 0.05

        assert scope.cancelled_caught
        assert [client.state for client in clients] == [State.CLOSED]
        assert [receipt.is_final for receipt in receipts] == [True]


async def test_a_scope_around_the_client_still_means_what_it_says() -> None:
    async with serving() as gateway:
        with anyio.move_on_after(math.inf) as outer:
            async with auxws_anyio.connect(gateway.url) as client:
                with anyio.move_on_after(0) as inner:
                    await take(client, 1)
                assert inner.cancelled_caught
                await client.request({"type": "n"}, reply="n")

        assert not outer.cancelled_caught


async def test_an_error_in_a_task_group_inside_keeps_its_own_group() -> None:
    async def fail() -> None:
        raise KeyError

    async def work(url: str) -> None:
        async with auxws_anyio.connect(url), anyio.create_task_group() as group:
            group.start_soon(fail)

    async with serving() as gateway:
        with pytest.raises(BaseExceptionGroup) as caught:
            await work(gateway.url)

        assert [type(error) for error in caught.value.exceptions] == [KeyError]


async def test_an_application_that_ends_while_it_iterates(case: Case) -> None:
    async def one(connection: GatewayConnection) -> None:
        await connection.send({"type": "n"})
        async for _ in connection:
            pass

    async def first(url: str) -> Any:
        async with auxws_anyio.connect(url) as client:
            async for message in client:
                return message

    async with serving(one) as gateway:
        assert await first(gateway.url) == {"type": "n"}


async def test_a_client_is_used_inside_its_context_and_once(case: Case) -> None:
    async with serving() as gateway:
        client = auxws_anyio.AuxClient(gateway.url)
        with pytest.raises(LocalProtocolError, match="enter the client first"):
            await client.connect()
        with pytest.raises(LocalProtocolError, match="enter the client first"):
            await client.send({"type": "n"})
        async with client:
            pass
        with pytest.raises(LocalProtocolError, match="entered once"):
            await client.__aenter__()
        with pytest.raises(LocalProtocolError, match="closed"):
            await client.send({"type": "n"})


async def test_a_client_belongs_to_one_thread() -> None:
    async with serving() as gateway, auxws_anyio.connect(gateway.url) as client:

        def elsewhere() -> None:
            with pytest.raises(LocalProtocolError, match="thread"):
                client.event("n")

        await anyio.to_thread.run_sync(elsewhere)
