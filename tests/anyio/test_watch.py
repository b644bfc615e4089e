"""Waiting for something to read: with the event loop's own means, and with anyio's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from auxws_anyio._watch import Watch, watch
from tests.drivers.adapter import ASYNC_CASES, Case
from tests.drivers.conftest import anyio_backend as anyio_backend

Sockets = tuple[socket.socket, socket.socket]


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Both ends of a connection; ours does not block."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


async def came(end: Watch, sock: socket.socket) -> bytes:
    while True:
        await end.wait()
        try:
            return sock.recv(1)
        except BlockingIOError:
            # It may end for nothing.
            continue


@pytest.mark.anyio
async def test_each_wait_ends_when_something_comes(sockets: Sockets) -> None:
    ours, theirs = sockets
    end = watch(ours)
    received: list[bytes] = []

    async with anyio.create_task_group() as group:

        async def read() -> None:
            for _ in range(3):
                received.append(await came(end, ours))

        group.start_soon(read)
        for data in (b"1", b"2", b"3"):
            await anyio.wait_all_tasks_blocked()
            theirs.send(data)
    end.close()

    assert received == [b"1", b"2", b"3"]


@pytest.mark.anyio
async def test_a_wait_that_was_given_up_leaves_the_next_one_its_due(sockets: Sockets) -> None:
    ours, theirs = sockets
    end = watch(ours)
    async with anyio.create_task_group() as group:
        group.start_soon(end.wait)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    theirs.send(b"1")
    for _ in range(3):
        await checkpoint()

    received = await came(end, ours)
    end.close()

    assert received == b"1"


@pytest.mark.anyio
async def test_one_task_waits_at_a_time_and_hears_of_the_closing(sockets: Sockets) -> None:
    ours, _ = sockets
    end = watch(ours)
    ends: list[type[Exception]] = []

    async def wait() -> None:
        try:
            await end.wait()
        except Exception as error:
            ends.append(type(error))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await wait()
        end.close()

    assert ends == [anyio.BusyResourceError, anyio.ClosedResourceError]


def run(test: Callable[[], Awaitable[bytes]]) -> bytes:
    async def in_task() -> bytes:
        return await test()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(in_task())


def test_asyncio_is_told_of_a_socket_once_and_not_for_each_wait(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = sockets
    told: list[object] = []
    add_reader = asyncio.SelectorEventLoop.add_reader

    def add(loop: asyncio.SelectorEventLoop, fd: Any, *rest: Any) -> None:
        told.append(fd)
        add_reader(loop, fd, *rest)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_reader", add)

    async def read() -> bytes:
        end, received = watch(ours), b""
        for data in (b"1", b"2", b"3"):
            asyncio.get_running_loop().call_later(0, theirs.send, data)
            received += await came(end, ours)
        end.close()
        return received

    received = run(read)

    assert (received, told) == (b"123", [ours.fileno()])


def test_asyncio_forgets_a_socket_that_nobody_reads(sockets: Sockets) -> None:
    ours, theirs = sockets
    known: list[bool] = []

    async def read() -> bytes:
        loop = asyncio.get_running_loop()
        end = watch(ours)
        loop.call_soon(theirs.send, b"1")
        received = await came(end, ours)
        theirs.send(b"2")
        for _ in range(3):
            await asyncio.sleep(0)
        known.append(loop.remove_reader(ours))
        received += await came(end, ours)
        known.append(loop.remove_reader(ours))
        return received

    received = run(read)

    assert (received, known) == (b"12", [False, True])


def test_where_the_loop_has_no_such_means_anyio_has(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in asyncio's proactor.
    without = asyncio.AbstractEventLoop.add_reader
    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_reader", without)
    made: list[str] = []

    async def make() -> bytes:
        made.append(type(watch(sockets[0])).__name__)
        return b""

    run(make)

    assert made == ["_AnyWatch"]
