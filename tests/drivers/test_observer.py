"""Looking on, with either driver: events for a callable, lines for `logging`."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import auxws_anyio
import auxws_sync
from auxws_anyio.gateway import Gateway
from auxws_proto import Config, LocalProtocolError, Reconnect, SendFailed
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto.observe import (
    ConnectionAttempted,
    ConnectionEnded,
    ConnectionOpened,
    ErrorReported,
    MessageMissed,
    MessageQueued,
    MessageReceived,
    MessageSent,
    ObserverEvent,
    PingAnswered,
    QueuesChanged,
    ReconnectScheduled,
    SendEnded,
    SendingPaused,
    StateChanged,
    TransferFinished,
    TransferProgressed,
    TransferStarted,
    UploadUrlAnswered,
    UploadUrlAsked,
)
from tests.drivers.adapter import AnyioDriver, Driver
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "text": "x" * 50_000}
CONFIG = Config(reconnect=Reconnect(base=0.01, cap=0.01), transfer_backoff=0.001)


def logger_of(driver: Driver) -> logging.Logger:
    """The logger of a driver."""
    return logging.getLogger("auxws_anyio" if isinstance(driver, AnyioDriver) else "auxws_sync")


def lines_of(driver: Driver, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of what a driver has logged."""
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == logger_of(driver).name
    ]


async def fetch(client: Any, message: dict[str, Any]) -> None:
    """Send a message, and have it back."""
    assert await client.request(message, reply="n", timeout=5) == message


async def break_and_reconnect(client: Any, gateway: Gateway) -> None:
    """Lose the connection, and get another."""
    with client.states() as states:
        gateway.faults.drop_connections()
        await take(states, 1)
    await client.wait_connected(5)


async def test_an_observer_is_told_what_happens(driver: Driver) -> None:
    seen: list[ObserverEvent] = []

    async with (
        serving() as gateway,
        driver.connect(gateway.url, config=CONFIG, observer=seen.append) as client,
    ):
        await client.wait_connected(5)
        await fetch(client, {"type": "n"})
        await fetch(client, LARGE)
        await break_and_reconnect(client, gateway)
        with client.errors() as errors:
            gateway.faults.send_error({"errorCode": "x", "errorMessage": "no"})
            await take(errors, 1)
        gateway.faults.fail_gets(1, 404, "NoSuchKey")
        with client.errors() as errors:
            await client.send(LARGE)
            await take(errors, 1)
        with client.event("rate_limit_exceeded") as limits:
            await client.send({"type": "rate_limit_exceeded", "retryAfter": 0.01, "totalHits": 1})
            await take(limits, 1)
        await client.flush(5)

    assert {type(event) for event in seen} == {
        ConnectionAttempted, ConnectionEnded, ConnectionOpened, ErrorReported, MessageMissed,
        MessageQueued, MessageReceived, MessageSent, PingAnswered, QueuesChanged,
        ReconnectScheduled, SendEnded, SendingPaused, StateChanged, TransferFinished,
        TransferProgressed, TransferStarted, UploadUrlAnswered, UploadUrlAsked,
    }  # fmt: skip
    assert [(e.type, e.path) for e in seen if isinstance(e, MessageSent)] == [
        ("n", "inline"), ("n", "upload"), ("n", "upload"), ("rate_limit_exceeded", "inline"),
    ]  # fmt: skip
    assert [(e.size, e.path) for e in seen if isinstance(e, MessageReceived)][1] == (
        50_022, "download",
    )  # fmt: skip
    assert [e.current.value for e in seen if isinstance(e, StateChanged)][-1] == "CLOSED"
    assert len({event.client for event in seen}) == 1
    assert [event.at for event in seen] == sorted(event.at for event in seen)


async def test_clients_have_names_of_their_own(driver: Driver) -> None:
    names: set[str] = set()

    async with serving() as gateway:
        for _ in range(2):
            async with driver.connect(
                gateway.url, observer=lambda event: names.add(event.client)
            ) as client:
                await client.wait_connected(5)

    assert len(names) == 2


async def test_nobody_looking_on_costs_nothing(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a program that has configured no logging: nobody would hear.
    monkeypatch.setattr(logger_of(driver), "propagate", False)

    async with serving() as gateway, driver.connect(gateway.url) as client:
        inner = getattr(client, "_client", client)

        assert type(inner._engine.machine) is DialogueWebSocket
        await client.wait_connected(5)


@pytest.mark.parametrize("module", [auxws_anyio, auxws_sync], ids=["anyio", "sync"])
async def test_an_observer_must_be_callable(module: Any) -> None:
    with pytest.raises(LocalProtocolError, match="observer= must be callable, not int"):
        module.AuxClient("ws://127.0.0.1:9/", observer=1)


async def test_the_log_has_one_line_for_each_event(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[ObserverEvent] = []

    async with (
        serving() as gateway,
        driver.connect(gateway.url, config=CONFIG, observer=seen.append) as client,
    ):
        await client.wait_connected(5)
        await fetch(client, LARGE)
        await break_and_reconnect(client, gateway)
        gateway.faults.fail_puts(1, 403, "AccessDenied")
        receipt = await client.send(LARGE)
        with pytest.raises(SendFailed):
            await receipt.wait(timeout=5)

    lines = lines_of(driver, caplog)
    client_name = seen[0].client
    assert len(lines) == len(seen)
    assert all(text.startswith(f"{client_name}: ") for _, text in lines)
    told = {(level, text.removeprefix(f"{client_name}: ").partition(" after")[0])
            for level, text in lines}  # fmt: skip
    assert {
        ("DEBUG", "state CONNECTING -> OPEN"),
        ("DEBUG", "send 1: n, 50,022 bytes, accepted"),
        ("DEBUG", "send 1: n, 50,022 bytes, sent by path upload on connection 1"),
        ("DEBUG", "send 1: n, 50,022 bytes, CONFIRMED"),
        ("DEBUG", "received n, 50,022 bytes, by path download on connection 1"),
        ("INFO", "connection 1: lost"),
        ("WARNING", "send 2: n, 50,022 bytes, FAILED"),
    } <= told
    assert not [text for _, text in lines if "xxx" in text]


async def test_records_name_the_client_and_have_the_event(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async with serving() as gateway, driver.connect(gateway.url) as client:
        await client.wait_connected(5)

    record: Any = next(r for r in caplog.records if r.name == logger_of(driver).name)
    assert isinstance(record.auxws_event, ConnectionAttempted)
    assert record.auxws_client == record.auxws_event.client


async def test_above_debug_there_is_only_what_is_notable(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger_of(driver).name)

    async with serving() as gateway, driver.connect(gateway.url, config=CONFIG) as client:
        await client.wait_connected(5)
        await fetch(client, LARGE)
        gateway.faults.fail_puts(1, 403, "AccessDenied")
        receipt = await client.send(LARGE)
        with pytest.raises(SendFailed):
            await receipt.wait(timeout=5)
        await break_and_reconnect(client, gateway)

    lines = [(level, text.partition(": ")[2]) for level, text in lines_of(driver, caplog)]
    assert [level for level, _ in lines] == ["WARNING", "INFO", "INFO"]
    assert lines[0][1].startswith("error about send 2: SendFailed: http_status: HTTP 403")
    assert lines[1][1].startswith("connection 1: lost after ")
    assert lines[2][1].startswith("connecting again in ")


async def test_no_handler_is_installed(driver: Driver) -> None:
    assert logger_of(driver).handlers == []


async def test_an_event_loops_own_time_is_the_time_of_events(driver: Driver) -> None:
    seen: list[ObserverEvent] = []

    async with (
        serving() as gateway,
        driver.connect(gateway.url, observer=seen.append) as client,
    ):
        await client.wait_connected(5)
        await until(lambda: any(isinstance(e, ConnectionOpened) for e in seen))

    (opened,) = [e for e in seen if isinstance(e, ConnectionOpened)]
    assert opened.elapsed == opened.at - seen[0].at
