"""The pump: it sleeps when there is nothing to do, writes at once what is ready, stops reading."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auxws_anyio.gateway import Gateway, GatewayConnection
from auxws_proto import AuxError, Config, InternalError, ReportSend, Stage, State
from auxws_proto._runs import ReportRun
from auxws_sync import AuxClient, SqliteOutbox, connect
from auxws_sync._stream import Stream
from auxws_sync._workers import Workers

WAIT = 20.0


def test_an_idle_client_sleeps_until_something_happens(gateway: Gateway) -> None:
    waits: list[float | None] = []
    asleep = threading.Event()
    with connect(gateway.url, config=Config(ping_interval=None)) as client:
        client.send({"type": "x"}).wait(Stage.CONFIRMED, WAIT)
        next(iter(client))
        pump = client._engine.pump
        selector = pump._selector

        class Watched:
            """The selector, with the pump's waits written down."""

            def __getattr__(self, name: str) -> Any:
                return getattr(selector, name)

            def select(self, wait: float | None) -> Any:
                waits.append(wait)
                asleep.set()
                return selector.select(wait)

        pump._selector = Watched()  # type: ignore[assignment]
        pump.nudge()
        assert asleep.wait(WAIT)
        turns = pump.turns
        assert client.is_connected
        assert waits == [None]
        assert pump.turns == turns


@pytest.mark.parametrize("is_observed", [False, True])
def test_many_messages_are_one_write(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, *, is_observed: bool
) -> None:
    # An observed machine gives every message by itself.
    observer = (lambda _event: None) if is_observed else None
    writes: list[int] = []
    write = Stream.write

    def counted(self: Stream, data: bytes, count: int) -> None:
        writes.append(count)
        write(self, data, count)

    monkeypatch.setattr(Stream, "write", counted)
    with AuxClient(gateway.url, observer=observer) as client:
        for number in range(500):
            client.send({"type": "x", "number": number})
        client.connect()
        client.flush(WAIT)

    assert max(writes) >= 250
    assert len(writes) < 100


@pytest.mark.parametrize("has_store", [False, True])
def test_a_burst_is_reported_in_rows_where_nothing_looks_at_each_message(
    gateway: Gateway, tmp_path: Path, *, has_store: bool
) -> None:
    outbox = SqliteOutbox(tmp_path / "outbox") if has_store else None
    kinds: Counter[type] = Counter()
    with AuxClient(gateway.url, outbox=outbox) as client:
        desk = client._engine.desk
        report = desk.report

        def counted(reports: list[Any]) -> None:
            kinds.update(map(type, reports))
            report(reports)

        desk.report = counted  # type: ignore[method-assign]
        for number in range(100):
            client.send({"type": "x", "number": number})
        client.connect()
        client.flush(WAIT)

    assert (kinds[ReportSend] >= 100) is has_store
    assert (kinds[ReportRun] > 0) is not has_store


def test_a_full_socket_is_written_to_when_it_has_room_again(make_gateway: Any) -> None:
    sizes: list[int] = []

    async def app(connection: GatewayConnection) -> None:
        async for received in connection:
            sizes.append(len(received.message["text"]))

    gateway = make_gateway(app)
    small: list[socket.socket] = []

    def transport(host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        small.append(sock)
        return sock

    with connect(gateway.url, transport=transport) as client:
        receipts = [client.send({"type": "x", "text": "x" * 30_000}) for _ in range(100)]
        client.flush(WAIT)

    assert {receipt.stage for receipt in receipts} == {Stage.CONFIRMED}
    assert sizes == [30_000] * 100


def test_a_stopped_reader_stops_neither_sends_nor_close(gateway: Gateway) -> None:
    with connect(gateway.url) as client, client.event("x", max_messages=5) as stream:
        receipts = [client.send({"type": "x", "number": number}) for number in range(5)]
        client.flush(WAIT)

        # The subscription is full, so nothing is read any more, and no pong either.
        more = [client.send({"type": "x", "number": number}) for number in range(5, 20)]
        stages = [receipt.wait(Stage.SENT, WAIT) for receipt in more]
        got = [stream.receive(WAIT) for _ in range(20)]
        numbers = [message["number"] for message in got if message is not None]
        client.flush(WAIT)

    assert set(stages) <= {Stage.SENT, Stage.CONFIRMED}
    assert numbers == list(range(20))
    assert {receipt.stage for receipt in receipts + more} == {Stage.CONFIRMED}


def test_close_with_a_full_subscription_is_over_in_time(gateway: Gateway) -> None:
    with connect(gateway.url) as client, client.event("x", max_messages=1):
        client.send({"type": "x"})
        client.flush(WAIT)
        receipts = [client.send({"type": "x"}) for _ in range(10)]

        client.close(timeout=0.2)

    assert all(receipt.is_final for receipt in receipts)
    assert client.state is State.CLOSED


def test_a_bug_ends_the_client_and_everybody_learns_of_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(gateway.url) as client:
        client.wait_connected(WAIT)
        receipt = client.send({"type": "x"})

        def fail(*_args: object, **_options: object) -> None:
            raise ZeroDivisionError("boom")

        monkeypatch.setattr(client._engine.machine, "receive_bytes", fail)
        with pytest.raises(InternalError):
            receipt.wait(Stage.CONFIRMED, WAIT)

        with pytest.raises(InternalError, match="ZeroDivisionError"):
            next(iter(client))
        with pytest.raises(InternalError):
            client.send({"type": "x"})
        with pytest.raises(InternalError):
            client.wait_connected()

    assert receipt.stage is Stage.UNKNOWN
    assert not client._engine.pump.is_running


def test_a_client_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socketpair", fail)
    client = AuxClient("ws://127.0.0.1:9/")

    with pytest.raises(AuxError, match="cannot start"):
        client.__enter__()


def test_workers_start_when_wanted_and_are_used_again() -> None:
    workers = Workers(2, "test")
    go_on, begun, done = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)
    names: set[str] = set()

    def job() -> None:
        names.add(threading.current_thread().name)
        begun.release()
        go_on.wait(WAIT)
        done.release()

    for _ in range(5):
        assert workers.submit(job)
    for _ in range(2):
        assert begun.acquire(timeout=WAIT)
    go_on.set()
    for _ in range(5):
        assert done.acquire(timeout=WAIT)
    workers.close()

    assert workers.join(float("inf"))
    assert names == {"test-0", "test-1"}
    assert not workers.submit(job)


def test_workers_drop_what_waits_when_they_are_closed() -> None:
    workers = Workers(1, "test")
    started, go_on = threading.Event(), threading.Event()
    ran: list[str] = []

    def first() -> None:
        started.set()
        go_on.wait(WAIT)
        ran.append("first")

    workers.submit(first)
    workers.submit(lambda: ran.append("second"))
    assert started.wait(WAIT)

    workers.close()
    go_on.set()

    assert workers.join(float("inf"))
    assert ran == ["first"]


def test_without_a_thread_a_job_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)

    assert not Workers(1, "test").submit(lambda: None)
