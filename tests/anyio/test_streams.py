"""What the asynchronous driver stands on: its sockets, its transports and its clock."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.lowlevel import checkpoint

import auxws_anyio
from auxws_anyio._bell import Bell
from auxws_anyio._clock import start_clock
from auxws_anyio._link import READ_SIZE, Handshake, Link
from auxws_anyio._socket import TcpStream, connect_tcp
from auxws_proto import Config, Reconnect, State, TransportFailure
from tests.drivers.adapter import ASYNC_CASES, Case
from tests.drivers.conftest import anyio_backend as anyio_backend

pytestmark = pytest.mark.anyio

Pair = tuple[TcpStream, socket.socket]

LARGE = bytes(range(256)) * 65_536
"""More than any pair of sockets holds."""


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A stream, and the other end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    ours.setblocking(False)
    theirs.settimeout(10)
    with ours, theirs:
        yield TcpStream(ours), theirs


def read_all(sock: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        found += sock.recv(size - len(found))
    return bytes(found)


def reset(sock: socket.socket) -> None:
    """End a connection without the usual courtesies."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# Sockets.


async def test_a_connection_carries_bytes_both_ways_and_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await connect_tcp(*server.getsockname())
        theirs, _ = server.accept()
    async with stream:
        with theirs:
            await stream.send(b"there")
            arrived = theirs.recv(99)
            theirs.sendall(b"back")
            came = [await stream.receive(2), await stream.receive(99)]
        raw = stream.extra(SocketAttribute.raw_socket)

        assert (arrived, came) == (b"there", [b"ba", b"ck"])
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_an_address_where_nobody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()

    with pytest.raises(ConnectionRefusedError):
        await connect_tcp(*address)


async def test_the_zone_of_a_link_local_address_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[object] = []

    class Refusing(socket.socket):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def connect_ex(self, address: object) -> int:
            tried.append(address)
            return errno.ECONNREFUSED

    monkeypatch.setattr(socket, "socket", Refusing)

    with pytest.raises(ConnectionRefusedError):
        await connect_tcp("fe80::1%1", 443)

    assert [where[-1] for where in tried if isinstance(where, tuple)] == [1]


async def test_more_than_the_socket_takes_is_waited_for(pair: Pair) -> None:
    stream, theirs = pair
    found: list[bytes] = []

    async with anyio.create_task_group() as group:

        async def read() -> None:
            found.append(await anyio.to_thread.run_sync(read_all, theirs, len(LARGE)))

        group.start_soon(read)
        await stream.send(LARGE)

    assert found == [LARGE]


async def test_what_can_be_written_without_waiting_is_told(pair: Pair) -> None:
    stream, theirs = pair

    counts = [stream.send_now(b"small"), stream.send_now(LARGE), stream.send_now(LARGE)]

    assert counts[0] == 5
    assert 0 < counts[1] < len(LARGE)
    assert read_all(theirs, sum(counts))[:6] == b"small\0"


async def test_a_cancelled_read_has_lost_nothing(pair: Pair) -> None:
    stream, theirs = pair
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(stream.receive)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            theirs.sendall(b"kept")

    assert await stream.receive() == b"kept"


async def test_the_end_of_our_side_is_told_to_the_other(pair: Pair) -> None:
    stream, theirs = pair

    await stream.send_eof()

    assert theirs.recv(1) == b""


async def test_a_reset_connection_is_broken(pair: Pair) -> None:
    stream, theirs = pair
    reset(theirs)

    with pytest.raises(anyio.BrokenResourceError):
        await stream.receive()
    with pytest.raises(anyio.BrokenResourceError):
        await stream.send(b"more")
    with pytest.raises(anyio.BrokenResourceError):
        await stream.send_eof()


async def test_closing_ends_whoever_waits_and_refuses_the_rest(pair: Pair) -> None:
    stream, _ = pair
    ends: list[type[Exception]] = []

    async def read() -> None:
        try:
            await stream.receive()
        except Exception as error:
            ends.append(type(error))

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        await stream.aclose()
        await stream.aclose()

    assert ends == [anyio.ClosedResourceError]
    with pytest.raises(anyio.ClosedResourceError):
        await stream.send(b"late")


async def test_a_closed_stream_that_was_read_to_the_end_of_what_came_is_not_waited_for(
    pair: Pair,
) -> None:
    stream, theirs = pair
    theirs.sendall(b"all")
    await stream.receive()
    await stream.aclose()

    for _ in range(2):
        with pytest.raises(anyio.ClosedResourceError):
            await stream.receive()


# Transports.


class Owner:
    """Owns one `Link`, and notes what it is told."""

    def __init__(self, *, must_settle: bool = False) -> None:
        self.resumed = Bell()
        self.must_settle = must_settle
        self.tasks = 0
        self.told: list[object] = []
        self.group: anyio.abc.TaskGroup | None = None

    def spawn(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.tasks += 1
        assert self.group is not None
        self.group.start_soon(task)

    def may_read(self) -> bool:
        return True

    def link_failed(self, link: Link, failure: TransportFailure) -> None:
        self.told.append(failure.kind)

    def link_opened(self, link: Link, handshake: Handshake) -> None:
        self.told.append("opened")

    def link_received(self, link: Link, data: bytes) -> None:
        self.told.append(data)

    def link_wrote(self, link: Link, count: int) -> None:
        self.told.append(count)

    def link_ended(self, link: Link) -> None:
        self.told.append("ended")

    def link_gone(self, link: Link) -> None:
        self.told.append("gone")

    async def settle(self) -> None:
        self.told.append("settled")


@asynccontextmanager
async def linked(
    stream: ByteStream, owner: Owner | None = None
) -> AsyncIterator[tuple[Link, Owner]]:
    """A transport that is open; the block has ended it, or waits for its end."""

    async def opener() -> tuple[ByteStream, Handshake]:
        return stream, Handshake("ws://x/", ())

    owner = owner if owner is not None else Owner()
    async with anyio.create_task_group() as owner.group:
        link = Link(owner, 1, opener)
        owner.group.start_soon(link.run)
        await anyio.wait_all_tasks_blocked()
        owner.told.clear()
        yield link, owner


async def test_a_message_alone_is_written_at_once_and_by_no_task(pair: Pair) -> None:
    stream, theirs = pair
    async with linked(stream) as (link, owner):
        link.write([b"ping"])
        count = link.flush()

        assert (count, owner.tasks, link.is_writing) == (1, 0, False)
        assert theirs.recv(99) == b"ping"
        link.abort()


async def test_what_follows_in_the_same_turn_is_gathered_for_one_write(pair: Pair) -> None:
    stream, theirs = pair
    async with linked(stream) as (link, owner):
        counts = []
        for data in (b"1", b"2", b"3", b"4"):
            link.write([data])
            counts.append(link.flush())
        was_writing = link.is_writing
        await anyio.wait_all_tasks_blocked()

        assert (counts, was_writing, link.is_writing) == ([1, 0, 0, 0], True, False)
        assert (owner.tasks, owner.told) == (1, ["settled", 3])
        assert read_all(theirs, 4) == b"1234"
        link.abort()


async def test_an_answer_lets_the_next_message_go_at_once_again(pair: Pair) -> None:
    stream, theirs = pair
    async with linked(stream) as (link, owner):
        link.write([b"1"])
        counts = [link.flush()]
        theirs.sendall(b"pong")
        while not owner.told:
            await checkpoint()

        link.write([b"2"])
        counts.append(link.flush())

        assert (counts, owner.tasks, owner.told) == ([1, 1], 0, [b"pong"])
        link.abort()


async def test_what_the_socket_does_not_take_at_once_is_written_by_a_task(pair: Pair) -> None:
    stream, theirs = pair
    async with linked(stream) as (link, owner):
        link.write([LARGE])
        count = link.flush()
        found = await anyio.to_thread.run_sync(read_all, theirs, len(LARGE))
        await anyio.wait_all_tasks_blocked()

        assert (count, owner.tasks, owner.told) == (0, 1, ["settled", 1])
        assert found == LARGE
        link.abort()


async def test_where_the_owner_must_settle_first_nothing_is_written_at_once(pair: Pair) -> None:
    stream, theirs = pair
    async with linked(stream, Owner(must_settle=True)) as (link, owner):
        link.write([b"1"])
        count = link.flush()
        await anyio.wait_all_tasks_blocked()

        assert (count, owner.told) == (0, ["settled", 1])
        assert theirs.recv(99) == b"1"
        link.abort()


@pytest.mark.parametrize("size", [1, len(LARGE)], ids=["at once", "by a task"])
async def test_a_closed_transport_ends_when_all_is_written(pair: Pair, size: int) -> None:
    stream, theirs = pair
    found: list[bytes] = []
    async with linked(stream) as (link, owner):
        link.write([LARGE[:size]])
        link.close()

        link.flush()
        found.append(await anyio.to_thread.run_sync(read_all, theirs, size))

    assert owner.told[-2:] == ["ended", "gone"]
    assert (found, theirs.recv(1)) == ([LARGE[:size]], b"")


async def test_an_aborted_transport_is_gone_and_does_not_report_its_end(pair: Pair) -> None:
    stream, _ = pair
    async with linked(stream) as (link, owner):
        link.write([LARGE])
        link.flush()
        await anyio.wait_all_tasks_blocked()

        link.abort()

        assert not link.is_writing
    assert (owner.told[-1], "ended" in owner.told) == ("gone", False)


@pytest.mark.parametrize("must_settle", [False, True], ids=["at once", "by a task"])
async def test_a_write_that_fails_leaves_the_reading_to_find_the_end(
    pair: Pair, must_settle: bool
) -> None:
    stream, theirs = pair
    async with linked(Unwritable(stream), Owner(must_settle=must_settle)) as (link, owner):
        link.write([b"1"])
        link.flush()
        await anyio.wait_all_tasks_blocked()
        link.write([b"2"])
        link.flush()
        await anyio.wait_all_tasks_blocked()
        told = [what for what in owner.told if what not in ("settled", 0)]
        theirs.sendall(b"what")
        theirs.close()

        assert (told, link.is_writing) == ([], False)
    assert owner.told[-3:] == [b"what", "ended", "gone"]


class Unwritable(TcpStream):
    """Takes nothing any more, and can still be read."""

    def __init__(self, stream: TcpStream) -> None:
        super().__init__(stream.extra(SocketAttribute.raw_socket))

    def send_now(self, data: bytes | memoryview) -> int:
        raise anyio.BrokenResourceError


class Endless(TcpStream):
    """Has as much to read as is asked for, four times; notes how much that was."""

    def __init__(self, stream: TcpStream) -> None:
        super().__init__(stream.extra(SocketAttribute.raw_socket))
        self.asked: list[int] = []

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        await checkpoint()
        if len(self.asked) == 4:
            raise anyio.EndOfStream
        self.asked.append(max_bytes)
        return bytes(max_bytes)


@pytest.mark.parametrize(
    ("paces", "expected"),
    [
        pytest.param([0.001] * 4, [1, 4, 16, 16], id="large messages"),
        pytest.param([0.008] * 4, [1, 4, 4, 4], id="small messages"),
        pytest.param([1.000] * 4, [1, 1, 1, 1], id="tiny frames"),
        pytest.param([0.001, 0.001, 1.0, 1.0], [1, 4, 16, 4], id="large, then tiny"),
    ],
)
async def test_a_read_is_as_long_as_can_be_handled_in_a_turn(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, paces: list[float], expected: list[int]
) -> None:
    time = 0.0
    pace = iter(paces)

    class Busy(Owner):
        def link_received(self, link: Link, data: bytes) -> None:
            nonlocal time
            time += len(data) / READ_SIZE * next(pace)

    monkeypatch.setattr("auxws_anyio._link.perf_counter", lambda: time)
    stream = Endless(pair[0])
    async with linked(stream, Busy()):
        pass

    assert [size * 16 // READ_SIZE for size in stream.asked] == expected


async def test_an_opener_that_raises_has_failed_to_connect() -> None:
    async def opener() -> Any:
        await checkpoint()
        raise RuntimeError

    owner = Owner()
    async with anyio.create_task_group() as group:
        owner.group = group
        await Link(owner, 1, opener).run()

    assert owner.told == ["connect", "gone"]


# The clock.


async def test_the_clock_wakes_at_the_earliest_time_that_it_was_told() -> None:
    woken = [anyio.Event(), anyio.Event()]
    waiting = list(woken)
    async with anyio.create_task_group() as group:
        clock = start_clock(group, lambda: waiting.pop(0).set())
        clock.wake_at(clock.now() + 3_600)
        clock.wake_at(clock.now() + 7_200)

        clock.wake_at(clock.now())
        await woken[0].wait()
        clock.wake_at(clock.now())
        await woken[1].wait()

        assert abs(clock.now() - anyio.current_time()) < 60
        clock.stop()


async def test_a_stopped_clock_wakes_nobody() -> None:
    woken = anyio.Event()
    async with anyio.create_task_group() as group:
        clock = start_clock(group, woken.set)
        clock.wake_at(clock.now() + 3_600)

        clock.stop()

    assert not woken.is_set()


async def test_a_stopped_clock_is_told_new_times_in_vain() -> None:
    woken, later = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        clock, other = start_clock(group, woken.set), start_clock(group, later.set)
        clock.wake_at(clock.now() + 3_600)
        clock.stop()

        clock.wake_at(clock.now())
        other.wake_at(other.now())
        await later.wait()
        other.stop()

    assert not woken.is_set()


def test_what_is_due_may_use_anyio_in_a_loop_that_anyio_did_not_start() -> None:
    async def main() -> list[anyio.CancelScope]:
        made: list[anyio.CancelScope] = []
        woken = asyncio.Event()

        def due() -> None:
            woken.set()
            made.append(anyio.CancelScope())

        async with anyio.create_task_group() as group:
            clock = start_clock(group, due)
            clock.wake_at(clock.now())
            await woken.wait()
            clock.stop()
        return made

    assert len(asyncio.run(main())) == 1


def test_a_client_in_a_loop_that_anyio_did_not_start_connects_again() -> None:
    async def main(url: str) -> list[State]:
        config = Config(reconnect=Reconnect(base=0.001, cap=0.001))
        async with auxws_anyio.AuxClient(url, config=config) as client:
            with client.states() as states:
                await client.connect()
                return [(await anext(states)).current for _ in range(4)]

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        states = asyncio.run(main(f"ws://127.0.0.1:{nobody.getsockname()[1]}/"))

    assert states == [State.CONNECTING, State.WAITING] * 2
