"""What a client does by itself: rests, pings, logs in, rotates, gives up, and never loses order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auxws_anyio.gateway import App, GatewayConnection, StoreFault
from auxws_proto import (
    Config,
    ConnectionFailed,
    ConnectionId,
    DownloadFailed,
    FailReason,
    LoginRefused,
    RateLimited,
    Reconnect,
    SendFailed,
    Stage,
    State,
    UnconfirmedTransport,
)
from tests.drivers.adapter import Driver, Message
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio

QUICK = Reconnect(base=0.001, cap=0.002)
LARGE = {"type": "n", "text": "x" * 50_000}


def limiting(retry_after: float) -> App:
    """Echoes, but answers ``go`` with a rate limit."""

    async def answer(connection: GatewayConnection) -> None:
        async for received in connection:
            if received.message["type"] == "go":
                await connection.send(
                    {"type": "rate_limit_exceeded", "retryAfter": retry_after, "totalHits": 9}
                )
            else:
                await connection.send(received.message)

    return answer


# Rate limits.


async def test_a_rate_limit_stops_the_sending(driver: Driver) -> None:
    async with (
        serving(limiting(3_000)) as gateway,
        driver.connect(gateway.url, config=Config(close_timeout=0.05, reconnect=QUICK)) as client,
    ):
        await client.send({"type": "go"})
        (report,) = await take(client.errors(), 1)
        seen = gateway.received.frames

        receipts = [await client.send({"type": "n"}), await client.send(LARGE)]
        with pytest.raises(TimeoutError):
            await client.flush(0.05)
        # A new connection is the same account.
        gateway.faults.drop_connections()
        await until(lambda: gateway.connections_accepted == 2)
        with pytest.raises(TimeoutError):
            await client.flush(0.05)

        assert isinstance(report.error, RateLimited)
        assert (report.error.retry_after, report.info["totalHits"]) == (3_000, 9)
        assert [receipt.stage for receipt in receipts] == [Stage.QUEUED] * 2
        assert gateway.received.frames == seen


@pytest.mark.parametrize("retry_after", [0, 0.05])
async def test_after_a_rate_limit_everything_goes_on(driver: Driver, retry_after: float) -> None:
    async with (
        serving(limiting(retry_after)) as gateway,
        driver.connect(gateway.url) as client,
    ):
        await client.send({"type": "go"})
        await take(client.errors(), 1)

        assert await client.request(LARGE, reply="n") == LARGE


# Keepalive and confirmation.


async def test_the_keepalive_message_is_sent_and_counted_for_nothing(driver: Driver) -> None:
    heard: list[str] = []

    async def listen(connection: GatewayConnection) -> None:
        async for received in connection:
            heard.append(received.message["type"])

    config = Config(keepalive_message={"type": "alive"}, keepalive_interval=0.02)
    async with serving(listen) as gateway, driver.connect(gateway.url, config=config) as client:
        await until(lambda: len(heard) >= 3)

        assert set(heard) == {"alive"}
        assert client.stats.outbox_messages == 0


async def test_the_keepalive_ping_measures_the_latency(driver: Driver) -> None:
    config = Config(ping_interval=0.01)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        await until(lambda: client.stats.latency is not None)
        latency = client.stats.latency

        assert latency is not None
        assert latency >= 0
        assert gateway.received.frames == 0


async def test_who_does_not_read_raises_no_false_alarm(driver: Driver) -> None:
    async def push(connection: GatewayConnection) -> None:
        async for received in connection:
            for number in range(received.message.get("count", 0)):
                await connection.send({"type": "n", "number": number, "text": "x" * 10_000})

    config = Config(read_ahead=1_000, ping_interval=0.05, ping_timeout=0.5, reconnect=None)
    async with serving(push) as gateway, driver.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        await client.flush()
        with client.event("n") as stream:
            await client.send({"type": "go", "count": 500})
            # Twice as long as a silent peer would get.
            with pytest.raises(TimeoutError):
                await client.request({"type": "no answer"}, reply="none", timeout=1.1)

            assert client.state is State.OPEN
            assert numbers(await take(stream, 500)) == list(range(500))


async def test_a_peer_that_never_answers_pings_gives_no_proof(driver: Driver) -> None:
    config = Config(ping_timeout=0.05)
    async with serving() as gateway:
        gateway.faults.answer_pings = False
        async with driver.connect(gateway.url, config=config) as client:
            receipt = await client.send({"type": "n"})

            assert await receipt.wait(Stage.CONFIRMED) is Stage.SENT
            (report,) = await take(client.errors(), 1)
            assert isinstance(report.error, UnconfirmedTransport)
            assert client.state is State.OPEN


async def test_without_confirmation_what_is_written_is_done(driver: Driver) -> None:
    config = Config(confirm=False)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        gateway.faults.answer_pings = False
        receipt = await client.send(LARGE)

        assert await receipt.wait(Stage.CONFIRMED) is Stage.SENT
        assert receipt.is_final


# Login.


async def test_credentials_that_are_refused_are_asked_for_again(driver: Driver) -> None:
    heard: list[str] = []

    async def gate(connection: GatewayConnection) -> None:
        async for received in connection:
            message = received.message
            heard.append(message.get("connectionId", message["type"]))
            if message["type"] != "login":
                continue
            success = message["connectionId"] == "guest 2"
            answer: Mapping[str, Any] = {"type": "login_result", "success": success}
            more = {"info": {"connectionId": "c"}} if success else {"errorCode": "invalid_token"}
            await connection.send({**answer, **more})

    asked = 0

    def login() -> ConnectionId:
        nonlocal asked
        asked += 1
        return ConnectionId(f"guest {asked}")

    async with (
        serving(gate) as gateway,
        driver.client(gateway.url, login=login, on_connect=[{"type": "watch"}]) as client,
    ):
        await client.send({"type": "n"})
        await client.connect()
        await client.flush()
        await until(lambda: len(heard) == 4)
        (report,) = await take(client.errors(), 1)

        assert isinstance(report.error, LoginRefused)
        assert report.error.code == "invalid_token"
        assert heard == ["guest 1", "guest 2", "watch", "n"]
        assert client.indicator == ConnectionId("guest 2")
        assert gateway.connections_accepted == 1


# Connecting and disconnecting, in every state.


async def deaf(connection: GatewayConnection) -> None:
    """Answers nothing, a login neither."""
    async for received in connection:
        if received.message["type"] == "n":
            await connection.send(received.message)


@pytest.mark.parametrize("state", [State.CONNECTING, State.AUTHENTICATING, State.WAITING])
async def test_disconnecting_on_the_way_and_connecting_again(driver: Driver, state: State) -> None:
    config = Config(reconnect=Reconnect(base=3_000, cap=3_000, final_statuses=frozenset()))
    login = ConnectionId("guest") if state is State.AUTHENTICATING else None
    async with (
        serving(deaf) as gateway,
        driver.client(gateway.url, config=config, login=login) as client,
    ):
        if state is State.CONNECTING:
            gateway.faults.handshake_delay = 3_000
        elif state is State.WAITING:
            gateway.faults.refuse_handshakes(1, 503, headers=(("Retry-After", "3000"),))
        await client.connect()
        await until(lambda: client.state is state)
        gateway.faults.clear()

        await client.disconnect()
        assert client.state is State.IDLE
        await client.connect()

        if login is None:
            assert await client.request({"type": "n"}, reply="n") == {"type": "n"}
        else:
            await until(lambda: client.state is state)


async def test_the_first_connection_and_an_outage_have_limits_of_their_own(driver: Driver) -> None:
    config = Config(reconnect=Reconnect(base=0.001, cap=0.002, first_attempts=2, max_attempts=4))
    async with serving() as gateway:
        gateway.faults.refuse_handshakes(100, 503)
        async with driver.connect(gateway.url, config=config) as client:
            with pytest.raises(ConnectionFailed) as caught:
                await client.wait_connected()
        assert (caught.value.status, gateway.handshakes_refused) == (503, 2)

        gateway.faults.clear()
        async with driver.connect(gateway.url, config=config) as client:
            await client.wait_connected()
            gateway.faults.refuse_handshakes(100, 429)
            gateway.faults.drop_connections()
            with pytest.raises(ConnectionFailed) as caught:
                await take(client, 1)
        assert (caught.value.status, gateway.handshakes_refused) == (429, 2 + 4)


async def test_disconnecting_keeps_what_is_accepted(driver: Driver) -> None:
    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected()
        gateway.faults.ignore_uploads(1)
        seen = gateway.received.frames
        receipts = [await client.send(LARGE), await client.send({"type": "n"})]
        await until(lambda: gateway.received.frames > seen)

        await client.disconnect()
        assert [receipt.stage for receipt in receipts] == [Stage.QUEUED] * 2
        await client.connect()

        assert [await receipt.wait(Stage.CONFIRMED) for receipt in receipts] == [
            Stage.CONFIRMED
        ] * 2


# Uploads and downloads that get no answer.


async def test_a_request_for_a_url_that_is_never_answered_is_made_again(driver: Driver) -> None:
    config = Config(upload_url_timeout=0.05)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        gateway.faults.ignore_uploads(2)

        assert await client.request(LARGE, reply="n") == LARGE


async def test_uploads_that_are_never_answered_fail_at_last(driver: Driver) -> None:
    config = Config(upload_url_timeout=0.02, upload_attempts=3)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        gateway.faults.ignore_uploads(100)
        receipt = await client.send(LARGE)
        small = await client.send({"type": "n"})

        with pytest.raises(SendFailed) as caught:
            await receipt.wait()

        assert caught.value.reason is FailReason.ANSWER_TIMEOUT
        assert await small.wait(Stage.CONFIRMED) is Stage.CONFIRMED


async def test_a_download_that_never_answers_holds_up_no_longer_than_its_time(
    driver: Driver,
) -> None:
    config = Config(transfer_timeout=0.1, download_attempts=1)
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        gateway.faults.add_store_fault(StoreFault(method="GET", delay=3_000))
        with client.event("n") as stream:
            await client.send(LARGE)
            await client.send({"type": "n", "number": 1})

            assert await take(stream, 1) == [{"type": "n", "number": 1}]
            (report,) = await take(client.errors(), 1)
            assert isinstance(report.error, DownloadFailed)
            assert report.error.reason is FailReason.TRANSFER_TIMEOUT
            assert report.is_gap


# Rotation.


async def test_rotation_with_transfers_in_flight_loses_and_repeats_nothing(driver: Driver) -> None:
    """Large messages both ways, all the time, while connections are replaced under them."""
    config = Config(max_age=0.15, max_age_jitter=0, rotate_overlap=0.05)
    received: list[int] = []
    states: list[State] = []
    async with serving() as gateway, driver.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        gateway.faults.delay_store = 0.01
        changes = client.states()
        sent = 0
        with client.event("n") as stream:
            while gateway.connections_accepted < 4:
                for size in (10, 50_000):
                    await client.send({"type": "n", "number": sent, "text": "x" * size})
                    sent += 1
                received += numbers(await take(stream, 1))
            received += numbers(await take(stream, sent - len(received)))
        states.append(client.state)
        await client.disconnect()
        states += [change.current for change in await take(changes, 1)]

    assert received == list(range(sent))
    # The change of connections is none of the state.
    assert states == [State.OPEN, State.CLOSING]


def numbers(messages: list[Message]) -> list[int]:
    return [message["number"] for message in messages]
