"""Defects of ours, and of what an application plugs in, end in typed errors for all who wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

import auxws_anyio
from auxws_anyio import HttpClient
from auxws_anyio.gateway import insts
from auxws_proto import (
    Config,
    ConnectionFailed,
    ConnectionId,
    FailReason,
    GetFromUrl,
    HttpFailed,
    HttpResponded,
    InternalError,
    PutToUrl,
    SendFailed,
    State,
)
from tests.drivers.adapter import ASYNC_CASES, Case
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio

LARGE = {"type": "n", "text": "x" * 50_000}
ONCE = Config(reconnect=None)


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


async def test_a_defect_is_told_to_everybody_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Any] = []

    async def wait(what: Callable[[], Awaitable[Any]]) -> None:
        with pytest.raises(InternalError, match="KeyError") as error:
            await what()
        caught.append(error.value.__cause__)

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError

    config = Config(max_outbox_messages=1)
    async with serving() as gateway, auxws_anyio.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        gateway.faults.answer_pings = False
        receipt = await client.send({"type": "n"})
        assert await take(client, 1) == [{"type": "n"}]
        states, errors = client.states(), client.errors()
        with client.event("m") as stream:
            async with anyio.create_task_group() as group:
                group.start_soon(wait, lambda: take(stream, 1))
                group.start_soon(wait, lambda: take(client, 1))
                group.start_soon(wait, lambda: take(errors, 1))
                group.start_soon(wait, lambda: take(states, 1))
                group.start_soon(wait, lambda: receipt.wait(stage=receipt.stage.CONFIRMED))
                group.start_soon(wait, lambda: client.send({"type": "n"}))
                group.start_soon(wait, lambda: client.request({"type": "n"}, reply="r"))
                await until(lambda: len(client._desk.line) == 2)
                monkeypatch.setattr(client._engine.machine, "receive_bytes", broken)
                gateway.faults.send_junk("[]")

        assert [type(cause) for cause in caught] == [KeyError] * 7
        assert client.state is State.CLOSED
        with pytest.raises(InternalError):
            await client.connect()
        with pytest.raises(InternalError):
            client.event("n")


async def test_a_defect_in_a_verb_is_told_by_the_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError

    async with serving() as gateway, auxws_anyio.connect(gateway.url) as client:
        await client.wait_connected()
        monkeypatch.setattr(client._engine.machine, "send", broken)

        with pytest.raises(InternalError, match="KeyError"):
            await client.send({"type": "n"})

        with pytest.raises(InternalError):
            await take(client, 1)
        await client.aclose()


async def test_a_defect_while_draining_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise KeyError

    async with serving() as gateway, auxws_anyio.connect(gateway.url) as client:
        await client.wait_connected()
        monkeypatch.setattr(client._desk.router, "deliver", broken)
        await client.send({"type": "n"})

        with pytest.raises(InternalError, match="KeyError"):
            await take(client, 1)


async def test_closing_a_silent_peer_inside_the_context() -> None:
    config = Config(close_timeout=0.1)
    async with serving() as gateway, auxws_anyio.connect(gateway.url, config=config) as client:
        await client.wait_connected()
        gateway.faults.silent = True

        await client.aclose()

        assert client.state is State.CLOSED
        await anyio.lowlevel.checkpoint()


class Odd(HttpClient):
    """An ``http=`` of a user's own that raises."""

    async def transfer(
        self, request: PutToUrl | GetFromUrl, **_: Any
    ) -> HttpResponded | HttpFailed:
        raise RuntimeError(f"cannot reach {request.url.reveal()}")


async def test_an_http_that_raises_fails_the_message() -> None:
    config = Config(upload_attempts=1)
    async with (
        serving() as gateway,
        auxws_anyio.connect(gateway.url, http=Odd(), config=config) as client,
    ):
        receipt = await client.send(LARGE)

        with pytest.raises(SendFailed, match="RuntimeError") as caught:
            await receipt.wait()

        assert caught.value.reason is FailReason.TRANSFER_FAILED
        assert "127.0.0.1" not in str(caught.value)


async def test_one_http_serves_many_clients() -> None:
    http = HttpClient()
    async with serving() as gateway:
        for _ in range(3):
            async with auxws_anyio.connect(gateway.url, http=http) as client:
                assert await client.request(LARGE, reply="n") == LARGE
        await http.aclose()


async def test_a_transport_of_the_applications_own() -> None:
    asked: list[tuple[str, int]] = []

    async def connector(host: str, port: int) -> anyio.abc.ByteStream:
        asked.append((host, port))
        return await anyio.connect_tcp(host, port)

    async with (
        serving() as gateway,
        auxws_anyio.connect(gateway.url, transport=connector) as client,
    ):
        assert await client.request({"type": "n"}, reply="n") == {"type": "n"}

        parts = urlsplit(gateway.url)
        assert asked == [(parts.hostname, parts.port)]


async def test_a_transport_that_raises_fails_the_attempt() -> None:
    async def connector(host: str, port: int) -> anyio.abc.ByteStream:
        raise RuntimeError("hush")

    with anyio.fail_after(10):
        async with auxws_anyio.connect(
            "ws://127.0.0.1:1/", transport=connector, config=ONCE
        ) as client:
            with pytest.raises(ConnectionFailed, match="RuntimeError") as caught:
                await client.wait_connected()

    assert "hush" not in str(caught.value)


class Deaf(anyio.abc.ByteStream):
    """A stream that breaks when it is written to, or read from."""

    def __init__(self, *, reads: bool) -> None:
        self._reads = reads
        self.is_closed = False

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        if self._reads:
            raise anyio.BrokenResourceError
        await anyio.sleep_forever()
        raise AssertionError

    async def send(self, item: bytes) -> None:
        if not self._reads:
            raise OSError("hush")

    async def send_eof(self) -> None:
        raise AssertionError

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("reads", [True, False])
async def test_a_stream_that_breaks_is_a_lost_connection(reads: bool) -> None:
    stream = Deaf(reads=reads)

    async def connector(host: str, port: int) -> anyio.abc.ByteStream:
        return stream

    config = Config(reconnect=None, connect_timeout=0.2)
    with anyio.fail_after(10):
        async with auxws_anyio.connect(
            "ws://127.0.0.1:1/", transport=connector, config=config
        ) as client:
            with pytest.raises(ConnectionFailed):
                await client.wait_connected()

    assert stream.is_closed


async def test_asynchronous_callables_are_awaited() -> None:
    async with serving() as gateway:

        async def url() -> str:
            await anyio.lowlevel.checkpoint()
            return gateway.url

        async def headers() -> dict[str, str]:
            await anyio.lowlevel.checkpoint()
            return {"x-api-key": "1"}

        async with auxws_anyio.connect(url, headers=headers) as client:
            assert client.origin is None or client.origin.startswith("http:")
            assert await client.request({"type": "n"}, reply="n") == {"type": "n"}


async def test_an_asynchronous_login_is_awaited() -> None:
    async def login() -> ConnectionId:
        await anyio.lowlevel.checkpoint()
        return ConnectionId("guest")

    async with (
        serving(insts()) as gateway,
        auxws_anyio.connect(gateway.url, login=login) as client,
    ):
        await client.wait_connected()

        assert client.info is not None
        assert client.info["connectionId"] == "guest"


async def test_a_callable_that_gives_a_bad_url_fails_the_attempt() -> None:
    with anyio.fail_after(10):
        async with auxws_anyio.connect(lambda: "ftp://hush/", config=ONCE) as client:
            with pytest.raises(ConnectionFailed, match="ftp") as caught:
                await client.wait_connected()

    assert (caught.value.kind, "hush" in str(caught.value)) == ("url", False)
