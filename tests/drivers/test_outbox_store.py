"""A store for the outbox: what was accepted outlives the process."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

import auxws_anyio
import auxws_sync
from auxws_anyio._recorder import Recorder
from auxws_anyio.gateway import App, GatewayConnection
from auxws_proto import (
    Config,
    ConnectionId,
    Encoded,
    FailReason,
    LocalProtocolError,
    MessageAccepted,
    MessageDone,
    MessageEmitted,
    OutboxChange,
    OutboxStoreFailed,
    SendFailed,
    SendId,
    Stage,
    State,
    StoredMessage,
    encode,
)
from tests.drivers._threads import ThreadClient
from tests.drivers.adapter import ASYNC_CASES, Case, Driver, Message
from tests.drivers.killed import LARGE
from tests.drivers.serving import serving, take, until

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
NO_LONGER = Config(close_timeout=0.05)


def number(of: int) -> Message:
    return {"type": "n", "number": of}


def encoded(of: int) -> Encoded:
    return encode(number(of), Config())


def listening(heard: list[int]) -> App:
    """An application that writes down what arrives."""

    async def listen(connection: GatewayConnection) -> None:
        async for received in connection:
            heard.append(received.message["number"])

    return listen


class Store:
    """A store in memory, which writes down what it is asked to do."""

    def __init__(self, stored: Sequence[StoredMessage] = ()) -> None:
        self.stored = {message.key: message for message in stored}
        self.calls: list[list[OutboxChange]] = []
        self.is_open = False
        self.on_record: Callable[[Sequence[OutboxChange]], None] = lambda changes: None

    def load(self) -> list[StoredMessage]:
        self.is_open = True
        return list(self.stored.values())

    def record(self, changes: Sequence[OutboxChange]) -> None:
        assert self.is_open
        self.on_record(changes)
        self.calls.append(list(changes))
        for change in changes:
            match change:
                case MessageAccepted(key=key, message=message):
                    self.stored[key] = StoredMessage(key=key, message=message)
                case MessageEmitted(key=key):
                    kept = self.stored[key]
                    self.stored[key] = StoredMessage(key=key, message=kept.message, is_emitted=True)
                case MessageDone(key=key):
                    del self.stored[key]

    def close(self) -> None:
        self.is_open = False

    def numbers(self) -> list[tuple[int, bool]]:
        return [(kept.key, kept.is_emitted) for kept in self.stored.values()]


class BrokenStore(Store):
    """Its disk is full from the given message on."""

    def __init__(self, key: int) -> None:
        super().__init__()
        self._key = key

    def record(self, changes: Sequence[OutboxChange]) -> None:
        if any(change.key >= self._key for change in changes):
            raise OSError("no space left on device, says secret.example")
        super().record(changes)


async def test_the_way_of_a_message_through_the_store(driver: Driver) -> None:
    store, heard = Store(), list[int]()
    async with (
        serving(listening(heard)) as gateway,
        driver.client(gateway.url, outbox=store) as client,
    ):
        await client.send(number(1))
        assert store.numbers() == [(1, False)], "it is kept when send returns"
        await client.connect()
        await client.flush()

    assert heard == [1]
    assert [change for call in store.calls for change in call] == [
        MessageAccepted(key=1, message=encoded(1)),
        MessageEmitted(key=1),
        MessageDone(key=1),
    ]
    assert not store.is_open


async def test_nothing_is_on_the_wire_before_that_is_recorded(driver: Driver) -> None:
    store, heard, seen = Store(), list[int](), list[list[int]]()

    def linger(changes: Sequence[OutboxChange]) -> None:
        if any(isinstance(change, MessageEmitted) for change in changes):
            # Long enough for what does not wait to get there.
            time.sleep(0.05)
            seen.append(list(heard))

    store.on_record = linger
    async with (
        serving(listening(heard)) as gateway,
        driver.connect(gateway.url, outbox=store) as client,
    ):
        await client.wait_connected()
        await client.send(number(1))
        await client.flush()
        await client.send({**number(2), "text": "x" * 50_000})
        await client.flush()

    assert (seen, heard) == ([[], [1]], [1, 2])


async def test_what_is_kept_goes_first_and_in_its_order(driver: Driver) -> None:
    stored = [StoredMessage(key=key, message=encoded(key)) for key in (3, 5, 8)]
    store, heard = Store(stored), list[int]()
    config = Config(max_outbox_messages=1)
    async with (
        serving(listening(heard)) as gateway,
        driver.connect(gateway.url, outbox=store, config=config) as client,
    ):
        await client.send(number(9))
        stages = [await receipt.wait(Stage.CONFIRMED) for receipt in client.restored]
        await client.flush()
        await until(lambda: len(heard) == 4)

    assert (heard, stages, store.numbers()) == ([3, 5, 8, 9], [Stage.CONFIRMED] * 3, [])


@pytest.mark.parametrize("resend", [False, True])
async def test_a_message_in_doubt_is_told_of_or_repeated(driver: Driver, resend: bool) -> None:
    stored = [
        StoredMessage(key=1, message=encoded(1), is_emitted=True),
        StoredMessage(key=2, message=encoded(2)),
    ]
    store, heard = Store(stored), list[int]()
    config = Config(resend_unknown=resend)
    async with (
        serving(listening(heard)) as gateway,
        driver.connect(gateway.url, outbox=store, config=config) as client,
    ):
        await client.flush()
        await until(lambda: len(heard) == 1 + resend)
        stages = [receipt.stage for receipt in client.restored]
        errors = client.stats.errors
        if not resend:
            (report,) = await take(client.errors(), 1)
            assert isinstance(report.error, SendFailed)
            assert report.error.stage is Stage.UNKNOWN
            assert "the process ended" in str(report.error)
            assert report.info == number(1)

    assert heard == ([1, 2] if resend else [2])
    assert stages == [Stage.CONFIRMED if resend else Stage.UNKNOWN, Stage.CONFIRMED]
    assert (errors, store.numbers()) == (0 if resend else 1, [])


async def test_what_could_not_be_sent_before_the_end_is_for_the_next_client(
    driver: Driver, tmp_path: Path
) -> None:
    heard: list[int] = []
    path = tmp_path / "outbox.db"
    async with serving(listening(heard)) as gateway:
        async with driver.client(
            gateway.url, outbox=auxws_sync.SqliteOutbox(path), config=NO_LONGER
        ) as client:
            receipts = [await client.send(number(of)) for of in (1, 2)]
        outcomes = [receipt.error for receipt in receipts]
        async with driver.connect(gateway.url, outbox=auxws_anyio.SqliteOutbox(path)) as client:
            await client.send(number(3))
            await client.flush()
            await until(lambda: len(heard) == 3)

    assert [isinstance(error, SendFailed) and error.reason for error in outcomes] == [
        FailReason.CLOSED
    ] * 2
    assert heard == [1, 2, 3]
    # A message that is kept is for its owner's eyes.
    assert path.stat().st_mode & 0o777 == 0o600


async def test_questions_and_logins_are_not_kept(driver: Driver) -> None:
    async def answer(connection: GatewayConnection) -> None:
        async for received in connection:
            success = {"type": "login_result", "success": True, "info": {"connectionId": "guest"}}
            await connection.send(success if received.message["type"] == "login" else number(0))

    store = Store()
    async with (
        serving(answer) as gateway,
        driver.connect(gateway.url, outbox=store, on_connect=[number(7)]) as client,
    ):
        await client.request(number(1), reply="n")
        await client.send(ConnectionId("guest").login_message())
        await client.flush()

    assert store.calls == []


async def test_many_who_send_at_a_time_are_kept_by_few_calls(driver: Driver) -> None:
    store, first, release = Store(), threading.Event(), threading.Event()

    def hold(changes: Sequence[OutboxChange]) -> None:
        first.set()
        assert release.wait(10)

    def sent(client: Any) -> int:
        if isinstance(client, ThreadClient):
            return 1 + client.waiting_calls
        accepted: int = client.stats.outbox_messages
        return accepted

    store.on_record = hold
    async with serving() as gateway, driver.client(gateway.url, outbox=store) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.send, number(0))
            await anyio.to_thread.run_sync(first.wait, 10)
            for of in range(1, 21):
                group.start_soon(client.send, number(of))
            await until(lambda: sent(client) == 21)
            release.set()
        kept = len(store.stored)
        calls = len(store.calls)
        await client.connect()

    assert kept == 21
    assert calls < 21


async def test_a_store_that_fails_ends_the_client(driver: Driver) -> None:
    heard: list[int] = []
    store = BrokenStore(2)
    async with (
        serving(listening(heard)) as gateway,
        driver.connect(gateway.url, outbox=store, config=NO_LONGER) as client,
    ):
        await client.wait_connected()
        await (await client.send(number(1))).wait(Stage.CONFIRMED)

        with pytest.raises(OutboxStoreFailed, match="raised OSError") as caught:
            await client.send(number(2))

        assert "secret" not in str(caught.value)
        assert isinstance(caught.value.__cause__, OSError)
        assert client.state is State.CLOSED
        with pytest.raises((OutboxStoreFailed, LocalProtocolError)):
            await client.send(number(3))

    assert heard == [1], "what could not be kept is not sent"
    assert not store.is_open


async def test_a_store_that_cannot_be_opened_is_told_at_once(
    driver: Driver, tmp_path: Path
) -> None:
    path = tmp_path / "outbox.db"
    async with serving() as gateway:
        async with driver.connect(gateway.url, outbox=auxws_sync.SqliteOutbox(path)):
            with pytest.raises(OutboxStoreFailed, match="locked"):
                async with driver.connect(gateway.url, outbox=auxws_anyio.SqliteOutbox(path)):
                    pass
        assert gateway.connections_accepted <= 1
        async with driver.connect(gateway.url, outbox=auxws_anyio.SqliteOutbox(path)) as client:
            await client.wait_connected()


@pytest.fixture(params=ASYNC_CASES, ids=lambda case: case.name)
def asynchronous(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


class TestAsynchronous:
    """What concerns tasks."""

    @pytest.fixture
    def anyio_backend(self, asynchronous: Case) -> tuple[str, dict[str, Any]]:
        return asynchronous.backend

    async def test_who_is_cancelled_while_it_is_kept_has_sent(self) -> None:
        store, begun, release = Store(), threading.Event(), threading.Event()

        def hold(changes: Sequence[OutboxChange]) -> None:
            begun.set()
            release.wait(10)

        store.on_record = hold
        receipts: list[Any] = []
        scopes = [anyio.CancelScope() for _ in range(2)]
        async with serving() as gateway, auxws_anyio.AuxClient(gateway.url, outbox=store) as client:

            async def send(of: int) -> None:
                with scopes[of - 1]:
                    receipts.append(await client.send(number(of)))

            async with anyio.create_task_group() as group:
                group.start_soon(send, 1)
                await anyio.to_thread.run_sync(begun.wait, 10)
                # The first is being kept, the second waits for its turn.
                group.start_soon(send, 2)
                await until(lambda: client.stats.outbox_messages == 2)
                for scope in scopes:
                    scope.cancel()
                release.set()
            kept = store.numbers()
            await client.connect()

        assert [receipt.stage for receipt in receipts] == [Stage.CONFIRMED] * 2
        assert kept == [(1, False), (2, False)]

    async def test_who_comes_while_it_is_kept_waits_for_that(self) -> None:
        store, begun, release = Store(), threading.Event(), threading.Event()

        def hold(changes: Sequence[OutboxChange]) -> None:
            begun.set()
            release.wait(10)

        store.on_record = hold
        recorder = Recorder(store, lambda error: None)
        await recorder.load()
        recorder.journal.accepted(SendId(1), encoded(1))
        kept: list[int] = []

        async def settle() -> None:
            await recorder.settle()
            kept.append(len(store.stored))

        async with anyio.create_task_group() as group:
            group.start_soon(settle)
            await anyio.to_thread.run_sync(begun.wait, 10)
            group.start_soon(settle)
            await anyio.wait_all_tasks_blocked()
            release.set()
        await recorder.close()

        assert kept == [1, 1]


async def test_a_process_that_is_killed_in_the_middle_of_an_upload(
    driver: Driver, case: Case, tmp_path: Path
) -> None:
    heard: list[int] = []
    killed, told, repeated = (tmp_path / name for name in ("killed", "told", "repeated"))
    killed.mkdir()
    async with serving(listening(heard)) as gateway:
        gateway.faults.delay_store = 60
        program = [sys.executable, "-m", "tests.drivers.killed"]
        arguments = [case.name, gateway.url, str(killed / "outbox.db")]
        async with await anyio.open_process(
            [*program, *arguments], cwd=ROOT, stdin=-1, stdout=-1, stderr=None
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            output = BufferedByteReceiveStream(process.stdout)
            assert await output.receive_until(b"\n", 100) == b"proven"
            gateway.faults.answer_pings = False
            await process.stdin.send(b"go on\n")
            assert await output.receive_until(b"\n", 100) == b"accepted"
            await until(lambda: heard == [0, 1])
            process.kill()
            await process.wait()
        gateway.faults.clear()
        for copy in (told, repeated):
            shutil.copytree(killed, copy)

        # Neither what was proven, nor what is in doubt and not to be repeated, comes again.
        async with driver.connect(
            gateway.url, outbox=auxws_sync.SqliteOutbox(told / "outbox.db")
        ) as client:
            await client.flush()
            await until(lambda: len(heard) == 4)
            reports = await take(client.errors(), 1)
            stages = [receipt.stage for receipt in client.restored]
        assert heard == [0, 1, 2, 3]
        assert stages == [Stage.UNKNOWN, Stage.CONFIRMED, Stage.CONFIRMED]
        assert [report.info for report in reports] == [number(1)]

        heard.clear()
        async with driver.connect(
            gateway.url,
            outbox=auxws_sync.SqliteOutbox(repeated / "outbox.db"),
            config=Config(resend_unknown=True),
        ) as client:
            await client.flush()
            await until(lambda: len(heard) == 3)
        assert heard == [1, 2, 3]


def test_the_large_message_goes_by_upload() -> None:
    assert encode(LARGE, Config()).size > 10 * Config().inline_limit
