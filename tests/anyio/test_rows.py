"""What comes and goes in a row is handled in a row: runs, what is at hand, and what gathers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

import auxws_anyio
from auxws_anyio._bell import Bell
from auxws_anyio._engine import Engine
from auxws_anyio._receipt import Entry, Receipt
from auxws_anyio._receiver import Receiver
from auxws_anyio._socket import TcpStream
from auxws_anyio.gateway import GatewayConnection
from auxws_proto import (
    Config,
    LocalProtocolError,
    SendId,
    Stage,
    encode,
)
from auxws_proto._router import MessageBox
from auxws_proto._runs import ActionRun, ByteRun, DeliveryRun, ReportRun
from tests.drivers.adapter import ASYNC_CASES, Case, Message
from tests.drivers.conftest import anyio_backend as anyio_backend
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


# Runs.


class Machine:
    """Asks for what it is told to, in runs alone."""

    is_full = False

    def __init__(self) -> None:
        self.to_come: list[ActionRun] = []
        self.wants_data = True
        self.taken_bytes = 0

    def runs(self) -> Iterator[ActionRun]:
        while self.to_come:
            yield self.to_come.pop(0)

    def taken(self, size: int, _now: float) -> None:
        self.taken_bytes += size

    def next_timeout(self) -> None:
        return None


class Links:
    """Notes what each transport is to write, call by call."""

    is_empty = False

    def __init__(self) -> None:
        self.calls: list[tuple[int, list[bytes]]] = []
        self.resumed = Bell()

    def write(self, number: int, frames: Iterable[bytes]) -> None:
        self.calls.append((number, [*frames]))

    def flush(self, _now: float) -> bool:
        return False


class Errands:
    """Nobody asks for any."""

    open_transport = None


class Room:
    """An engine between a machine and transports that do as they are told."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.links = Links()
        machine: Any = self.machine
        links: Any = self.links
        errands: Any = Errands()
        self.engine = Engine(machine, errands=errands)
        self.engine.links = links

    def run(self, *runs: ActionRun) -> None:
        self.machine.to_come += runs
        self.engine.dispatch()

    def open(self, box: MessageBox) -> auxws_anyio.Subscription[Message]:
        return Receiver(self.engine).subscribe(box)


def deliveries(*numbers: int) -> DeliveryRun:
    row = [{"type": "n", "number": number} for number in numbers]
    return DeliveryRun(1, False, row, [10] * len(row), numbers)


def numbers(messages: list[Message]) -> list[int]:
    return [message["number"] for message in messages]


async def test_the_frames_of_a_run_go_to_their_transport_in_one_call() -> None:
    room = Room()

    frames = [b"1", b"2", b"3"]
    room.run(ByteRun(1, frames, [SendId(1), None, SendId(2)]), ByteRun(2, [b"4"], [None]))

    assert room.links.calls == [(1, frames), (2, [b"4"])]


async def test_a_run_of_reports_comes_to_the_receipts_and_to_whoever_waits() -> None:
    room, ids = Room(), [SendId(n) for n in range(1, 4)]
    entries = [Entry(send_id) for send_id in ids]
    room.engine.desk.entries.update(zip(ids, entries, strict=True))
    turn = anyio.Event()
    room.engine.desk.line.append(turn)
    seen: list[Stage] = []
    found: list[object] = []

    async with anyio.create_task_group() as group:

        async def wait(stage: Stage) -> None:
            seen.append(await Receipt(entries[1]).wait(stage))

        group.start_soon(wait, Stage.SENT)
        group.start_soon(wait, Stage.CONFIRMED)
        await anyio.wait_all_tasks_blocked()
        room.run(ReportRun(Stage.SENT, False, [*ids[:2], SendId(99)]))
        found += [*[(entry.stage, entry.is_final) for entry in entries], turn.is_set()]
        await anyio.wait_all_tasks_blocked()
        found += seen
        room.run(ReportRun(Stage.CONFIRMED, True, ids))

    is_sent, is_queued = (Stage.SENT, False), (Stage.QUEUED, False)
    assert found == [is_sent, is_sent, is_queued, False, Stage.SENT]
    assert seen == [Stage.SENT, Stage.CONFIRMED]
    assert [(entry.stage, entry.is_final) for entry in entries] == [(Stage.CONFIRMED, True)] * 3
    assert (room.engine.desk.entries, turn.is_set()) == ({}, True)


async def test_a_run_of_messages_comes_into_its_mailbox_at_once() -> None:
    room, box, woken = Room(), MessageBox("n"), list[int]()
    with room.open(box):
        box.wake = lambda: woken.append(len(box))
        room.run(deliveries(1, 2, 3))

        assert woken == [3]


# What is at hand.


async def test_what_is_taken_is_known_as_soon_as_somebody_asks() -> None:
    room, box = Room(), MessageBox("n")
    with room.open(box) as stream:
        room.run(deliveries(*range(200)))
        received = await take(stream, 10)
        waiting = room.engine.desk.router.waiting
        room.run(deliveries(200))

        assert numbers(received) == list(range(10))
        assert (len(box.at_hand), waiting, room.machine.taken_bytes) == (118, (190, 1900), 100)


async def test_where_the_reading_has_stopped_each_message_counts_at_once() -> None:
    room, box = Room(), MessageBox("n")
    freed: list[int] = []
    with room.open(box) as stream:
        room.run(deliveries(*range(100)))
        received = await take(stream, 3)
        room.machine.wants_data = False
        room.engine.dispatch()
        for _ in range(3):
            received += await take(stream, 1)
            freed.append(room.engine.desk.router.freed)

        assert numbers(received) == list(range(6))
        assert (box.at_hand, room.machine.taken_bytes, freed) == ([], 30, [10, 20, 30])


async def test_tasks_that_share_a_subscription_get_each_message_once_and_in_order() -> None:
    room, box = Room(), MessageBox("n")
    received: list[int] = []
    with room.open(box) as stream:
        async with anyio.create_task_group() as group:

            async def share() -> None:
                async for message in stream:
                    received.append(message["number"])
                    await checkpoint()

            group.start_soon(share)
            group.start_soon(share)
            await anyio.wait_all_tasks_blocked()
            for start in range(0, 300, 100):
                room.run(deliveries(*range(start, start + 100)))
                await anyio.wait_all_tasks_blocked()
            stream.close()

    assert received == list(range(300))


async def test_a_subscription_that_is_closed_gives_out_nothing_that_was_at_hand() -> None:
    room, box = Room(), MessageBox("n")
    stream = room.open(box)
    with stream:
        room.run(deliveries(*range(10)))
        received = await take(stream, 1)

    rest = [message async for message in stream]

    assert (numbers(received), rest, stream.waiting) == ([0], [], 0)
    assert room.machine.taken_bytes == 100


# What gathers.


class Watched(TcpStream):
    """Counts its writes."""

    writes = 0

    def send_now(self, data: bytes | memoryview) -> int:
        Watched.writes += 1
        return super().send_now(data)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    monkeypatch.setattr("auxws_anyio._socket.TcpStream", Watched)
    monkeypatch.setattr(Watched, "writes", 0)
    return Watched


class Hearing:
    """An application that notes the numbers that it hears."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    async def __call__(self, connection: GatewayConnection) -> None:
        async for received in connection:
            self.heard.append(received.message["number"])


def number(n: int) -> Message:
    return {"type": "n", "number": n}


async def test_what_is_sent_in_a_row_is_few_writes(watched: type[Watched]) -> None:
    app = Hearing()
    async with serving(app) as gateway, auxws_anyio.connect(gateway.url) as client:
        await client.wait_connected(10)
        before = watched.writes
        for n in range(200):
            await client.send(number(n))
        await client.flush(10)
        writes = watched.writes - before
        await until(lambda: len(app.heard) == 200)

    assert app.heard == list(range(200))
    # Each row has two and a ping; on a slow machine the time for one may be over soon.
    assert writes < 100


async def test_a_long_row_lets_others_have_their_turn() -> None:
    turns: list[int] = []
    config = Config(max_outbox_messages=10_000)
    app = Hearing()
    async with serving(app) as gateway, auxws_anyio.connect(gateway.url, config=config) as client:
        await client.wait_connected(10)
        async with anyio.create_task_group() as group:

            async def count() -> None:
                while True:
                    turns.append(client.stats.outbox_messages)
                    await checkpoint()

            group.start_soon(count)
            for n in range(2_000):
                await client.send(number(n))
            group.cancel_scope.cancel()
        await until(lambda: len(app.heard) == 2_000)

    assert len(turns) >= 2_000 // 256
    assert app.heard == list(range(2_000))


class Broken(Mapping[str, Any]):
    """A message whose own code fails."""

    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError

    def __iter__(self) -> Iterator[str]:
        raise ZeroDivisionError

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ({"type": "n", "number": float("nan")}, LocalProtocolError),
        ({"number": 1}, LocalProtocolError),
        (Broken(), ZeroDivisionError),
    ],
    ids=["not JSON", "no type", "raises"],
)
async def test_what_cannot_be_sent_is_refused_within_a_row_too(
    refused: Mapping[str, Any], error: type[Exception]
) -> None:
    app = Hearing()
    async with serving(app) as gateway, auxws_anyio.connect(gateway.url) as client:
        await client.wait_connected(10)
        for n in range(5):
            await client.send(number(n))
        with pytest.raises(error):
            await client.send(refused)
        await client.send(number(5))
        await until(lambda: len(app.heard) == 6)

    assert app.heard == list(range(6))


async def test_a_row_waits_for_room_in_the_outbox() -> None:
    app = Hearing()
    config = Config(max_outbox_messages=7)
    async with serving(app) as gateway, auxws_anyio.connect(gateway.url, config=config) as client:
        await client.wait_connected(10)
        most = 0
        for n in range(100):
            await client.send(encode(number(n), config) if n % 2 else number(n))
            most = max(most, client.stats.outbox_messages)
        await until(lambda: len(app.heard) == 100)

    assert app.heard == list(range(100))
    assert most == 7
