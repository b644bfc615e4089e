"""The object store over real sockets: HTTP's framing, bounds, garbage, and cut connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.abc
import h11
import httpx
import pytest

from auxws_anyio.gateway._faults import Drop, StoreFault
from auxws_anyio.gateway._s3 import StoreServer
from auxws_anyio.gateway._sigv4 import SigningCredentials
from auxws_anyio.gateway._store import ACL, ObjectStore

pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0
ACL_HEADER = {"x-amz-acl": ACL}


class Running:
    """A server on loopback, and raw connections to it."""

    def __init__(self, server: StoreServer, port: int) -> None:
        self.server = server
        self.store = server.store
        self.faults = server.faults
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"

    def upload_url(self, key: str = "k") -> str:
        return self.store.upload_url(self.origin, key, NOW)

    def target(self, key: str = "k") -> str:
        parts = urlsplit(self.upload_url(key))
        return f"{parts.path}?{parts.query}"

    def head(self, length: int, *lines: str, key: str = "k") -> bytes:
        """The head of a good PUT."""
        fixed = [
            f"PUT {self.target(key)} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"x-amz-acl: {ACL}",
            f"Content-Length: {length}",
        ]
        return ("\r\n".join([*fixed, *lines]) + "\r\n\r\n").encode()

    async def connect(self) -> anyio.abc.SocketStream:
        return await anyio.connect_tcp("127.0.0.1", self.port)


@asynccontextmanager
async def running(
    *, stall_timeout: float = 20.0, keep_alive: float = 20.0, **store: Any
) -> AsyncIterator[Running]:
    server = StoreServer(
        ObjectStore(SigningCredentials("AKIDLOCAL", "secret"), **store),
        clock=lambda: NOW,
        stall_timeout=stall_timeout,
        keep_alive=keep_alive,
    )
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, server.handle)
        with anyio.fail_after(30):
            yield Running(server, listener.extra(anyio.abc.SocketAttribute.local_port))
        tasks.cancel_scope.cancel()
    assert server.failures == []


async def read_all(stream: anyio.abc.ByteReceiveStream) -> bytes:
    """Everything until the other side's end, or its reset."""
    data = b""
    try:
        while True:
            data += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return data


async def send_for_ever(stream: anyio.abc.ByteSendStream) -> None:
    while True:
        await stream.send(b"\r\n" * 10_000)
        await anyio.lowlevel.checkpoint()


def responses(data: bytes, *methods: str) -> list[tuple[int, bytes]]:
    """The statuses and bodies in what a server sent; an unfinished one counts as -1."""
    client = h11.Connection(h11.CLIENT)
    client.receive_data(data)
    client.receive_data(b"")
    found: list[tuple[int, bytes]] = []
    for method in methods:
        client.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
        client.send(h11.EndOfMessage())
        status, body = -1, b""
        while True:
            try:
                event = client.next_event()
            except h11.RemoteProtocolError:
                status, event = -1, h11.ConnectionClosed()
            if isinstance(event, (h11.Response, h11.InformationalResponse)):
                status = event.status_code
                if isinstance(event, h11.InformationalResponse):
                    found.append((status, b""))
            elif isinstance(event, h11.Data):
                body += event.data
            else:
                break
        found.append((status, body))
        if client.their_state is not h11.DONE or client.our_state is not h11.DONE:
            break
        client.start_next_cycle()
    return found


async def test_put_get_and_head_with_httpx() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        put = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER)
        got = await client.get(it.store.download_url(it.origin, "k", NOW))
        head = await client.head(f"{it.origin}/k")

        assert (put.status_code, put.content) == (200, b"")
        assert (got.status_code, got.content) == (200, b"{}")
        assert (head.status_code, head.headers["content-length"]) == (200, "2")
        assert put.headers["etag"] == got.headers["etag"]
        assert it.server.requests == 3


async def test_a_large_body_goes_both_ways() -> None:
    body = bytes(range(256)) * 4 * 1024 * 12
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        put = await client.put(it.upload_url(), content=body, headers=ACL_HEADER)
        got = await client.get(f"{it.origin}/k")

        assert put.status_code == 200
        assert got.content == body


async def test_chunked_bodies_are_refused_and_the_connection_goes_on() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        chunked = await client.put(it.upload_url(), content=parts(), headers=ACL_HEADER)
        good = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER)

        assert chunked.status_code == 501
        assert b"<Code>NotImplemented</Code>" in chunked.content
        assert good.status_code == 200
        assert list(it.store) == ["k"]


async def test_a_body_over_the_limit_is_refused() -> None:
    async with running(max_object=100_000) as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.put(it.upload_url(), content=b"x" * 100_001, headers=ACL_HEADER)

        assert response.status_code == 400
        assert b"<Code>EntityTooLarge</Code>" in response.content


async def test_a_put_without_length_is_refused() -> None:
    async with running() as it, await it.connect() as stream:
        await stream.send(it.head(0).replace(b"Content-Length: 0\r\n", b""))
        await stream.send_eof()

        [(status, body)] = responses(await read_all(stream), "PUT")

        assert status == 411
        assert b"<Code>MissingContentLength</Code>" in body


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with running() as it, await it.connect() as stream:
        get = f"GET /b HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode()
        await stream.send(it.head(1, key="a") + b"1" + it.head(2, key="b") + b"22" + get)
        await stream.send_eof()

        answers = responses(await read_all(stream), "PUT", "PUT", "GET")

        assert answers == [(200, b""), (200, b""), (200, b"22")]


async def test_a_client_that_expects_100_is_told_to_go_on() -> None:
    async with running() as it, await it.connect() as stream:
        await stream.send(it.head(2, "Expect: 100-continue"))
        first = await stream.receive()
        await stream.send(b"{}")
        await stream.send_eof()

        assert first.startswith(b"HTTP/1.1 100 ")
        assert responses(await read_all(stream), "PUT") == [(200, b"")]


async def test_a_client_that_expects_100_is_refused_before_its_body() -> None:
    async with running() as it, await it.connect() as stream:
        await stream.send(it.head(2, "Expect: 100-continue", "x-amz-meta-a: 1"))
        data = await stream.receive()
        await stream.send_eof()

        [(status, body)] = responses(data + await read_all(stream), "PUT")
        assert status == 403
        assert b"not signed" in body


GARBAGE = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "words": (b"hello there\r\n\r\n", 400),
    "no host": (b"GET /k HTTP/1.1\r\n\r\n", 400),
    "two lengths": (
        b"PUT /k HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
    "gzip": (b"PUT /k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    "endless head": (b"GET /k HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 70_000, 431),
}


@pytest.mark.parametrize(("data", "expected"), GARBAGE.values(), ids=GARBAGE)
async def test_garbage_gets_a_typed_answer_and_an_end(data: bytes, expected: int) -> None:
    async with running() as it, await it.connect() as stream:
        await stream.send(data)

        [(status, body)] = responses(await read_all(stream), "GET")

        assert status == expected
        assert b"<Error><Code>" in body


async def test_a_client_that_goes_away_midway_leaves_nothing() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        async with await it.connect() as stream:
            await stream.send(it.head(100) + b"half")
        for data in (b"", b"PUT /k HT"):
            async with await it.connect() as stream:
                await stream.send(data)

        assert (await client.put(it.upload_url("l"), content=b"", headers=ACL_HEADER)).is_success
        assert list(it.store) == ["l"]


async def test_a_slow_client_is_told_and_holds_nobody_up() -> None:
    async with (
        running(stall_timeout=0.3) as it,
        httpx.AsyncClient(trust_env=False) as client,
        await it.connect() as stream,
    ):
        await stream.send(it.head(100) + b"half")

        other = await client.put(it.upload_url("l"), content=b"{}", headers=ACL_HEADER)
        [(status, body)] = responses(await read_all(stream), "PUT")

        assert other.status_code == 200
        assert (status, b"<Code>RequestTimeout</Code>" in body) == (400, True)
        assert list(it.store) == ["l"]


async def test_a_client_that_does_not_read_is_dropped() -> None:
    async with running(stall_timeout=0.1) as it, await it.connect() as stream:
        it.store.put("k", b"x" * 30_000_000, NOW)
        await stream.send(f"GET /k HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode())
        with pytest.raises(anyio.BrokenResourceError):
            await send_for_ever(stream)  # Fails once the server has cut the connection.

        assert responses(await read_all(stream), "GET")[0][0] == -1


async def test_an_idle_connection_is_closed() -> None:
    async with running(keep_alive=0.05) as it, await it.connect() as stream:
        assert await read_all(stream) == b""


@pytest.mark.parametrize(("when", "stored"), [(Drop.HEAD, 0), (Drop.BODY, 0), (Drop.ANSWER, 1)])
async def test_a_put_is_dropped(when: Drop, stored: int) -> None:
    async with running() as it:
        it.faults.drop_puts(1, when)
        async with await it.connect() as stream:
            await stream.send(it.head(1_000) + b"x" * 1_000)
            data = await read_all(stream)
        async with await it.connect() as stream:
            await stream.send(it.head(1, key="l") + b"x")
            await stream.send_eof()
            again = responses(await read_all(stream), "PUT")

        assert data == b""
        assert ("k" in list(it.store)) is (stored == 1)
        assert again == [(200, b"")]


async def test_a_get_is_dropped_half_way() -> None:
    async with running() as it, await it.connect() as stream:
        it.store.put("k", b"x" * 1_000, NOW)
        it.faults.drop_gets()
        await stream.send(f"GET /k HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode())

        data = await read_all(stream)

        assert data.startswith(b"HTTP/1.1 200")
        assert data.count(b"x" * 500) == 1


async def test_faults_are_played_in_order() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        it.faults.fail_puts(1, 503, "SlowDown")
        it.faults.add_store_fault(StoreFault(method="PUT", delay=0.001))

        first = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER)
        second = await client.put(it.upload_url(), content=b"{}", headers=ACL_HEADER)

        assert (first.status_code, b"SlowDown" in first.content) == (503, True)
        assert second.status_code == 200


async def test_a_redirect_is_followed_to_the_same_target() -> None:
    async with running() as it, httpx.AsyncClient(trust_env=False) as client:
        it.faults.redirect_puts(it.origin)

        response = await client.put(
            it.upload_url(), content=b"{}", headers=ACL_HEADER, follow_redirects=True
        )

        assert [r.status_code for r in response.history] == [307]
        assert response.status_code == 200
        assert it.store.get("k", NOW) == b"{}"


async def test_a_mistake_of_ours_is_kept_and_closes_the_connection() -> None:
    async with running() as it:
        it.server.clock = lambda: float("nan") / 0
        async with await it.connect() as stream:
            await stream.send(it.head(0))
            assert await read_all(stream) == b""

        assert [type(error) for error in it.server.failures] == [ZeroDivisionError]
        it.server.failures.clear()
