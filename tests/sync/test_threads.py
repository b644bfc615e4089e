"""Many threads at one client: what each sends stays in order, and nobody hangs."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from auxws_anyio.gateway import Gateway
from auxws_proto import AuxError, Config, ConnectionFailed, LocalProtocolError, Stage, State
from auxws_sync import AuxClient, connect

WAIT = 20.0
"""Longer than anything here takes: reached only by a failure."""


def test_threads_send_at_once_and_each_keeps_its_order(gateway: Gateway) -> None:
    senders, each = 8, 100
    with connect(gateway.url) as client, ThreadPoolExecutor(senders) as pool:

        def send(sender: int) -> None:
            for number in range(each):
                client.send({"type": "x", "sender": sender, "number": number})

        list(pool.map(send, range(senders)))
        numbers = defaultdict(list)
        messages = iter(client)
        for _ in range(senders * each):
            message = messages.receive(WAIT)
            assert message is not None
            numbers[message["sender"]].append(message["number"])

    assert numbers == {sender: list(range(each)) for sender in range(senders)}


def test_threads_share_one_iteration_and_each_message_goes_to_one(gateway: Gateway) -> None:
    count, readers = 200, 4
    got: list[int] = []
    with connect(gateway.url) as client, ThreadPoolExecutor(readers) as pool:

        def read() -> None:
            for message in client:
                got.append(message["number"])
                if len(got) == count:
                    client.close()

        reading = [pool.submit(read) for _ in range(readers)]
        for number in range(count):
            client.send({"type": "x", "number": number})
        for each in reading:
            each.result(WAIT)

    assert sorted(got) == list(range(count))


def test_each_thread_that_shares_an_iteration_gets_messages_in_their_order(
    gateway: Gateway,
) -> None:
    count, readers = 4_000, 4
    got: list[int] = []
    with connect(gateway.url) as client, ThreadPoolExecutor(readers) as pool:
        everything = iter(client)

        def read() -> list[int]:
            mine: list[int] = []
            for message in everything:
                mine.append(message["number"])
                got.append(message["number"])
                if len(got) == count:
                    client.close()
            return mine

        reading = [pool.submit(read) for _ in range(readers)]
        for number in range(count):
            client.send({"type": "x", "number": number})
        rows = [each.result(WAIT) for each in reading]

    assert all(row == sorted(row) for row in rows)
    assert sorted(got) == list(range(count))


def test_close_ends_every_wait_of_other_threads(gateway: Gateway) -> None:
    with connect(gateway.url) as client, ThreadPoolExecutor(4) as pool:
        client.wait_connected(WAIT)
        waiting: list[Callable[[], object]] = [
            lambda: next(iter(client), "ended"),
            lambda: next(client.states(), "ended"),
            lambda: next(client.errors(), "ended"),
            lambda: next(client.event("never"), "ended"),
        ]
        ends = [pool.submit(wait) for wait in waiting]

        client.close()

        # What the state went through on its way is news to the second.
        assert [end.result(WAIT) for end in ends][::2] == ["ended", "ended"]


def test_any_number_of_threads_may_close(gateway: Gateway) -> None:
    with connect(gateway.url) as client:
        client.wait_connected(WAIT)
        receipts = [client.send({"type": "x"}) for _ in range(20)]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: client.close(), range(8)))

    assert client.state is State.CLOSED
    assert {receipt.stage for receipt in receipts} == {Stage.CONFIRMED}


def test_sends_that_race_with_close_are_refused_or_come_to_an_outcome(gateway: Gateway) -> None:
    receipts = []
    started = threading.Event()

    def send(client: AuxClient) -> type[Exception] | None:
        while True:
            try:
                receipts.append(client.send({"type": "x"}))
            except LocalProtocolError as error:
                return type(error)
            started.set()

    with ThreadPoolExecutor(4) as pool:
        with connect(gateway.url, config=Config(max_outbox_messages=50)) as client:
            ends = [pool.submit(send, client) for _ in range(4)]
            assert started.wait(WAIT)
        assert [end.result(WAIT) for end in ends] == [LocalProtocolError] * 4

    assert all(receipt.is_final for receipt in receipts)


def test_a_full_outbox_makes_senders_wait_in_turn_for_their_timeout() -> None:
    config = Config(max_outbox_messages=2, close_timeout=0)
    with connect("ws://127.0.0.1:9/", config=config) as client:
        client.send({"type": "first"})
        client.send({"type": "second"})

        with pytest.raises(TimeoutError):
            client.send({"type": "third"}, timeout=0.05)

        assert client.stats.outbox_messages == 2


def test_what_waited_for_room_goes_out_when_there_is_some(gateway: Gateway) -> None:
    config = Config(max_outbox_messages=1)
    with AuxClient(gateway.url, config=config) as client, ThreadPoolExecutor(3) as pool:
        client.send({"type": "x"})
        sends = [pool.submit(client.send, {"type": "x"}) for _ in range(3)]

        client.connect()

        stages = [send.result(WAIT).wait(Stage.CONFIRMED, WAIT) for send in sends]
    assert stages == [Stage.CONFIRMED] * 3


def test_a_sender_that_waits_for_a_connection_gets_one(gateway: Gateway) -> None:
    config = Config(offline="wait")
    with AuxClient(gateway.url, config=config) as client, ThreadPoolExecutor(1) as pool:
        send = pool.submit(client.send, {"type": "x"})

        client.connect()

        assert send.result(WAIT).wait(timeout=WAIT) in (Stage.SENT, Stage.CONFIRMED)


def test_a_sender_that_waits_is_let_go_by_close() -> None:
    config = Config(max_outbox_messages=1, close_timeout=0)
    with connect("ws://127.0.0.1:9/", config=config) as client, ThreadPoolExecutor(1) as pool:
        client.send({"type": "x"})
        send = pool.submit(client.send, {"type": "x"})
        client.close()

        with pytest.raises(LocalProtocolError, match="closed for good"):
            send.result(WAIT)


def test_offline_raise_says_so() -> None:
    with (
        AuxClient("ws://127.0.0.1:9/", config=Config(offline="raise")) as client,
        pytest.raises(ConnectionFailed, match="IDLE"),
    ):
        client.send({"type": "x"})


def test_a_call_from_the_observer_is_an_error_and_no_deadlock(gateway: Gateway) -> None:
    faults: list[AuxError] = []

    def observe(_action: object) -> None:
        try:
            client.send({"type": "x"})
        except AuxError as error:
            faults.append(error)

    client = AuxClient(gateway.url, observer=observe)
    with client:
        client.connect()
        client.wait_connected(WAIT)

    assert "own thread" in str(faults[0])


def test_an_observer_that_raises_is_reported_and_not_called_again(gateway: Gateway) -> None:
    calls: list[object] = []

    def observe(action: object) -> None:
        calls.append(action)
        raise KeyError("secret")

    with connect(gateway.url, observer=observe) as client:
        report = client.errors().receive(WAIT)
        client.wait_connected(WAIT)

    assert report is not None
    assert "KeyError" in str(report.error)
    assert "secret" not in str(report.error)
    assert len(calls) == 1


def test_a_login_callable_runs_on_a_worker_and_may_use_the_client(gateway: Gateway) -> None:
    seen = []

    def login() -> None:
        seen.append((threading.current_thread().name, client.stats.errors))
        raise OSError("token vCT1.secret")

    client = AuxClient(gateway.url, login=login, config=Config(reconnect=None))  # type: ignore[arg-type]
    with client:
        client.connect()
        with pytest.raises(AuxError) as caught:
            client.wait_connected(WAIT)

    assert "errand" in seen[0][0]
    assert "secret" not in repr(caught.value)
