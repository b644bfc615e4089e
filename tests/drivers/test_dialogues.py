"""Requests, the clock and HTTP over the socket, in every driver."""

from __future__ import annotations

import math
import time
from typing import Any

import anyio
import pytest

from auxws_anyio.gateway import GatewayConnection, insts
from auxws_proto import (
    Config,
    ConnectionFailed,
    LocalProtocolError,
    Reconnect,
    RemoteProtocolError,
    SendFailed,
    ServerError,
)

from .adapter import Driver
from .serving import serving, until

pytestmark = pytest.mark.anyio

QUICK = Config(reconnect=Reconnect(base=0.01, cap=0.02))


async def answering(connection: GatewayConnection) -> None:
    """Answers what it is asked in every way there is."""
    async for received in connection:
        message = received.message
        kind = message.get("ask", message["type"])
        if kind == "pong":
            await connection.send({"type": "pong", "id": message["id"]})
        elif kind == "error":
            info = {"success": False, "errorCode": "unacceptable_request", "errorMessage": "no"}
            await connection.send_error(info, received.event_id)
        elif kind == "nobody":
            info = {"success": False, "errorCode": "server_error", "errorMessage": "oh"}
            await connection.send_error(info, -1)
        elif kind == "http_request":
            await answer_http(connection, message)


async def answer_http(connection: GatewayConnection, message: dict[str, Any]) -> None:
    number, request = message["id"], message["request"]
    if request["path"] == "/echo":
        response = {"statusCode": 200, "headers": {"x": "y"}, "body": request["body"]}
        await connection.send({"type": "http_response", "id": number, "response": response})
        return
    parts = [
        {"index": 0, "response": {"statusCode": 200, "headers": {"a": "b"}, "body": "0"}},
        {"index": 1, "response": {"body": "1"}},
        {"index": 2, "response": {"body": "2"}, "final": True},
    ]
    order = {"/shuffled": [2, 0, 1], "/twice": [0, 1, 1], "/gap": [0, 2], "/silence": []}
    for index in order.get(request["path"], [0, 1, 2]):
        await connection.send({"type": "http_partial_response", "id": number, **parts[index]})


async def test_hundreds_of_requests_at_once(driver: Driver) -> None:
    answers: dict[int, Any] = {}
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:

        async def ask(number: int) -> None:
            answers[number] = await client.request(
                {"type": "pong", "id": number}, reply="pong", where={"id": number}
            )

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(ask, number)

    assert answers == {n: {"type": "pong", "id": n} for n in range(200)}


async def test_a_request_fails_with_the_error_event_that_names_it(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(ServerError, match="unacceptable_request"):
            await client.request({"type": "x", "ask": "error"}, reply="pong")


async def test_an_error_event_that_names_nobody_is_in_the_text_of_the_time_out(
    driver: Driver,
) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(TimeoutError, match=r"no reply .* meanwhile: server_error: oh"):
            await client.request({"type": "x", "ask": "nobody"}, reply="pong", timeout=0.5)


async def test_a_request_fails_with_the_connection_that_it_went_out_on(driver: Driver) -> None:
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url, config=QUICK) as client,
        anyio.create_task_group() as tasks,
    ):
        await client.wait_connected(5)
        failed: list[Exception] = []

        async def ask() -> None:
            try:
                await client.request({"type": "unanswered"}, reply="pong")
            except (ConnectionFailed, SendFailed) as error:
                failed.append(error)

        tasks.start_soon(ask)
        await until(lambda: client.stats.sent)
        gateway.faults.drop_connections()
        await until(lambda: failed)
        again = await client.request({"type": "pong", "id": 1}, reply="pong")

        assert again["id"] == 1


async def test_a_test_that_raises_is_the_callers(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(KeyError):
            await client.request(
                {"type": "pong", "id": 1}, reply="pong", where=lambda message: message["absent"]
            )


async def test_a_request_must_say_what_its_reply_is(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(LocalProtocolError, match="give reply="):
            await client.request({"type": "pong", "id": 1})


async def test_an_ended_client_lets_go_of_who_asks(driver: Driver) -> None:
    failed: list[Exception] = []
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url) as client,
        anyio.create_task_group() as tasks,
    ):
        await client.wait_connected(5)

        async def ask() -> None:
            try:
                await client.request({"type": "unanswered"}, reply="pong")
            except ConnectionFailed as error:
                failed.append(error)

        tasks.start_soon(ask)
        await until(lambda: client.stats.sent)
        await client.aclose()

    assert len(failed) == 1


# The clock.


async def test_the_clock_of_the_server(driver: Driver) -> None:
    ahead = 3_600.0

    def clock() -> float:
        return time.time() + ahead

    async with serving(insts(clock=clock)) as gateway, driver.connect(gateway.url) as client:
        sample = await client.sample_time(timeout=5)
        found = await client.clock_offset(samples=4, timeout=5)

    assert abs(sample.offset - ahead) <= sample.error_bound
    assert abs(found.offset - ahead) <= found.error_bound
    assert (found.samples, found.agreeing) == (4, 4)
    assert math.isfinite(found.error_bound)


async def test_no_samples(driver: Driver) -> None:
    async with serving(insts()) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(LocalProtocolError, match="none of 0"):
            await client.clock_offset(samples=0)


async def test_a_server_that_does_not_tell_the_time(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(TimeoutError, match="no 3 time samples within"):
            await client.clock_offset(samples=3, timeout=0.1)


# HTTP.


async def test_a_request_to_the_records_api(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        result = await client.http("/echo", method="POST", json={"a": [1]}, timeout=5)

    assert (result.status, result.headers, result.json()) == (200, {"x": "y"}, {"a": [1]})


async def test_a_status_that_is_no_success_is_no_error(driver: Driver) -> None:
    async with serving(insts()) as gateway, driver.connect(gateway.url) as client:
        result = await client.http("/api/v2/records")

    assert (result.status, result.is_success) == (501, False)
    assert result.json()["errorCode"] == "not_supported"


async def test_a_large_body_goes_both_ways(driver: Driver) -> None:
    text = "x" * 100_000
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        result = await client.http("/echo", method="POST", body=text, timeout=10)

    assert result.body == text


async def test_parts_are_joined(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        result = await client.http("/parts")

    assert (result.status, result.body) == (200, "012")


@pytest.mark.parametrize("path", ["/parts", "/shuffled"])
async def test_a_stream_of_parts(driver: Driver, path: str) -> None:
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url) as client,
        client.http_stream(path, timeout=5) as stream,
    ):
        head = (stream.status, stream.headers, stream.is_success)
        texts = [text async for text in stream]

    assert head == (200, {"a": "b"}, True)
    assert texts == ["0", "1", "2"]


async def test_a_stream_of_one_whole_answer(driver: Driver) -> None:
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url) as client,
        client.http_stream("/echo", method="POST", body="all") as stream,
    ):
        texts = [text async for text in stream]

    assert texts == ["all"]


async def test_a_stream_that_is_left_early(driver: Driver) -> None:
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url) as client,
        client.http_stream("/parts") as stream,
    ):
        first = await anext(stream)
        result = await client.http("/parts")

    assert (first, result.body) == ("0", "012")


async def test_a_part_that_comes_twice(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(RemoteProtocolError, match="part 1 came twice"):
            await client.http("/twice")


async def test_a_part_that_never_comes(driver: Driver) -> None:
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url) as client,
        client.http_stream("/gap", timeout=0.5) as stream,
    ):
        first = await anext(stream)
        with pytest.raises(TimeoutError, match="part 1 is missing"):
            await anext(stream)

    assert first == "0"


async def test_an_answer_that_never_comes(driver: Driver) -> None:
    async with serving(answering) as gateway, driver.connect(gateway.url) as client:
        with pytest.raises(TimeoutError, match="nothing of the answer has come"):
            async with client.http_stream("/silence", timeout=0.2):
                pass
        with pytest.raises(TimeoutError, match="no reply"):
            await client.http("/silence", timeout=0.2)


async def test_a_stream_fails_with_its_connection(driver: Driver) -> None:
    async with (
        serving(answering) as gateway,
        driver.connect(gateway.url, config=QUICK) as client,
        client.http_stream("/gap") as stream,
    ):
        first = await anext(stream)
        gateway.faults.drop_connections()
        with pytest.raises((ConnectionFailed, SendFailed)):
            await anext(stream)

    assert first == "0"


async def test_requests_do_not_fill_the_backlog(driver: Driver) -> None:
    # Nobody subscribes: what answers a request must not wait for a subscriber.
    config = Config(read_ahead=50_000)
    async with serving(answering) as gateway, driver.connect(gateway.url, config=config) as client:
        for _ in range(10):
            await client.http("/echo", method="POST", body="x" * 20_000, timeout=5)
        waiting = client.stats.waiting

    assert waiting.messages == 0


async def test_counting_connections(driver: Driver) -> None:
    async with serving(insts()) as gateway, driver.connect(gateway.url) as client:
        counts = [
            await client.connection_count(timeout=5),
            await client.connection_count(None, "lobby", "shared", timeout=5),
        ]

    assert counts == [0, 0]
