"""`disconnect` and `close` in every state, and `connect` right behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auxws_proto import ConnectionClosed, LocalProtocolError, ReportState, State

from .helpers import LOGGED_IN, SMALL, Bench, large


def test_disconnect_before_connect_is_nothing() -> None:
    assert Bench().disconnect() == []


def test_disconnect_while_connecting() -> None:
    bench = Bench()
    bench.connect()

    assert bench.disconnect() == [("abort", 1), ("state", "IDLE")]
    assert bench.opened(1) == []
    assert bench.after(1_000) == []


def test_disconnect_while_waiting() -> None:
    bench = Bench().open()
    bench.eof()

    assert bench.disconnect() == [("state", "IDLE")]
    assert bench.after(1_000) == []


@pytest.mark.parametrize("answered", [False, True], ids=["asking", "logging in"])
def test_disconnect_in_the_middle_of_a_login(answered: bool) -> None:
    bench = Bench(ask_for_login=True).open()
    if answered:
        bench.login()

    assert bench.disconnect() == [("close", 1), ("state", "CLOSING")]
    assert bench.deliver(LOGGED_IN) == []
    assert bench.eof(1000) == [("state", "IDLE")]


def test_disconnect_while_open_keeps_the_outbox_and_lets_transfers_finish() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.grant(1, "key")

    assert bench.disconnect() == [("close", 1), ("state", "CLOSING")]
    assert bench.responded(1) == []
    assert bench.eof(1000) == [("state", "IDLE")]
    bench.connect()
    assert bench.opened() == [("state", "OPEN"), ("text", 2, 4, 2, "key"), ("ping", 2, 1)]


def test_disconnect_twice_is_once() -> None:
    bench = Bench().open()
    bench.disconnect()

    assert bench.disconnect() == []


def test_input_after_disconnect_is_ignored_but_for_the_end() -> None:
    bench = Bench().open()
    bench.disconnect()

    assert bench.deliver(SMALL) == []
    assert bench.sent() == []
    assert bench.eof(1000) == [("state", "IDLE")]


def test_connect_right_after_disconnect_does_not_wait_for_the_end() -> None:
    bench = Bench().open()
    bench.disconnect()

    assert bench.connect() == [("open", 2), ("state", "CONNECTING")]
    assert bench.eof(1000, transport=1) == []
    assert bench.opened(2) == [("state", "OPEN")]


def test_an_end_that_does_not_come_is_made() -> None:
    bench = Bench(close_timeout=10.0).open()
    bench.disconnect()

    assert bench.after(9.9) == []
    assert bench.after(0.1) == [("abort", 1), ("state", "IDLE")]


def test_a_transport_that_fails_while_closing_is_at_its_end() -> None:
    bench = Bench().open()
    bench.disconnect()

    assert bench.failed("write") == [("state", "IDLE")]


def test_a_failure_of_an_open_transport_is_a_loss() -> None:
    bench = Bench().open()

    assert bench.failed("write") == [("state", "WAITING")]
    (state,) = bench.actions
    assert isinstance(state, ReportState)
    assert isinstance(state.cause, ConnectionClosed)


def prepared() -> Iterator[tuple[str, Bench, list[object]]]:
    yield "idle", Bench(), [("state", "CLOSED")]
    bench = Bench()
    bench.connect()
    yield "connecting", bench, [("abort", 1), ("state", "CLOSED")]
    bench = Bench().open()
    bench.eof()
    yield "waiting", bench, [("state", "CLOSED")]
    yield "open", Bench().open(), [("close", 1), ("state", "CLOSING")]
    bench = Bench(ask_for_login=True).open()
    yield "authenticating", bench, [("close", 1), ("state", "CLOSING")]
    bench = Bench().open()
    bench.disconnect()
    yield "closing", bench, []


@pytest.mark.parametrize(("name", "bench", "seen"), list(prepared()))
def test_close_in_every_state(name: str, bench: Bench, seen: list[object]) -> None:
    assert bench.close() == seen
    if bench.session.state is State.CLOSING:
        assert bench.eof(1000) == [("state", "CLOSED")]
    assert bench.session.state is State.CLOSED
    assert bench.session.next_timeout() is None
    assert bench.close() == []
    assert bench.disconnect() == []
    for verb in (bench.connect, bench.send, bench.login):
        with pytest.raises(LocalProtocolError, match="closed for good"):
            verb()


def test_close_fails_what_is_queued_and_cancels_transfers() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.grant(1, "key")

    assert bench.close() == [
        ("close", 1),
        ("cancel", 1),
        ("end", 1, "FAILED", "closed"),
        ("state", "CLOSING"),
    ]
    assert bench.after(10) == [("abort", 1), ("state", "CLOSED")]


def test_close_while_nothing_is_read_comes_to_its_end_all_the_same() -> None:
    bench = Bench(read_ahead=10, close_timeout=10.0).open()
    bench.deliver(SMALL)
    assert not bench.session.wants_data

    bench.close()

    assert bench.session.wants_data, "the end must be read"
    assert bench.after(10) == [("abort", 1), ("state", "CLOSED")]
