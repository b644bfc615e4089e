"""When a lost connection is opened again, and when it is not: `Reconnect`, to the digit."""

from __future__ import annotations

import pytest

from auxws_proto import (
    ConnectionClosed,
    ConnectionFailed,
    LoginUnavailable,
    OpenTransport,
    Reconnect,
    ReportState,
)

from .helpers import LOGGED_IN, Bench


def causes(bench: Bench) -> list[object]:
    """The causes of the state changes of the last turn."""
    return [action.cause for action in bench.actions if isinstance(action, ReportState)]


def attempts(bench: Bench) -> list[int]:
    return [action.attempt for action in bench.log if isinstance(action, OpenTransport)]


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1009, 4000, 99_999])
def test_any_close_that_we_did_not_ask_for_is_reconnected(code: int) -> None:
    bench = Bench().open()

    assert bench.eof(code) == [("state", "WAITING")]
    (cause,) = causes(bench)
    assert isinstance(cause, ConnectionClosed)
    assert cause.code == code
    assert bench.after(0.5) == [("open", 2), ("state", "CONNECTING")]


def test_full_jitter_to_the_digit() -> None:
    draws = iter([0.5, 0.25, 1.0, 0.75, 0.5, 0.1])
    bench = Bench(reconnect=Reconnect(base=2.0, cap=12.0), random=lambda: next(draws))
    bench.connect()
    waits = []
    for _ in range(6):
        bench.failed()
        waits.append((bench.session.next_timeout() or 0) - bench.now)
        bench.after(waits[-1])

    assert waits == pytest.approx([1.0, 1.0, 8.0, 9.0, 6.0, 1.2])
    assert attempts(bench) == [0, 1, 2, 3, 4, 5, 6]


def test_a_random_that_is_out_of_range_stays_in_the_bounds() -> None:
    bench = Bench(random=lambda: 7.0)
    bench.connect()
    bench.failed()

    assert bench.session.next_timeout() == bench.now + 1.0


@pytest.mark.parametrize(("lasted", "wait"), [(29.0, 2.0), (30.0, 1.0)])
def test_the_wait_starts_anew_after_a_connection_that_lasted(lasted: float, wait: float) -> None:
    bench = Bench(random=lambda: 1.0, ping_interval=None)
    bench.connect()
    bench.failed()
    bench.after(1.0)
    bench.opened()
    bench.after(lasted)
    bench.eof()

    assert bench.after(wait - 0.1) == []
    assert bench.after(0.1) == [("open", 3), ("state", "CONNECTING")]
    assert attempts(bench) == [0, 1, 0 if lasted == 30.0 else 1]


def test_a_new_login_does_not_make_a_connection_younger() -> None:
    bench = Bench(random=lambda: 1.0, ping_interval=None)
    bench.connect()
    bench.failed()
    bench.after(1.0)
    bench.opened()
    bench.after(29.0)
    bench.login()
    bench.deliver(LOGGED_IN)
    bench.after(1.0)
    bench.eof()

    assert bench.session.next_timeout() == bench.now + 1.0


@pytest.mark.parametrize(
    ("kind", "status"), [("rejected", 401), ("rejected", 403), ("subprotocol", None)]
)
def test_final_failures(kind: str, status: int | None) -> None:
    bench = Bench()
    bench.connect()
    bench.send()

    assert bench.failed(kind, status=status) == [
        ("end", 1, "FAILED", "closed"),
        ("state", "CLOSED"),
    ]
    (cause,) = causes(bench)
    assert isinstance(cause, ConnectionFailed)
    assert (cause.kind, cause.status, cause.retryable) == (kind, status, False)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_failures_wait_as_long_as_the_server_says(status: int) -> None:
    bench = Bench()
    bench.connect()

    assert bench.failed("rejected", status=status, retry_after=7.0) == [("state", "WAITING")]
    assert bench.after(6.9) == []
    assert bench.after(0.1) == [("open", 2), ("state", "CONNECTING")]


def test_a_handshake_that_is_never_answered() -> None:
    bench = Bench(connect_timeout=20.0)
    bench.connect()

    assert bench.after(19.9) == []
    assert bench.after(0.1) == [("abort", 1), ("state", "WAITING")]
    (cause,) = causes(bench)
    assert isinstance(cause, ConnectionFailed)
    assert str(cause) == "timeout: no handshake within 20 s"


def test_first_attempts_bound_those_before_the_first_connection() -> None:
    bench = Bench(reconnect=Reconnect(first_attempts=2))
    bench.connect()
    bench.failed()
    bench.after(1)

    assert bench.failed() == [("state", "CLOSED")]


def test_max_attempts_bound_those_of_one_outage() -> None:
    bench = Bench(reconnect=Reconnect(max_attempts=1, first_attempts=9)).open()
    assert bench.eof() == [("state", "WAITING")]
    bench.after(1)

    assert bench.failed() == [("state", "CLOSED")]


@pytest.mark.parametrize("opened", [False, True])
def test_without_reconnect_the_first_transport_is_the_last(opened: bool) -> None:
    bench = Bench(reconnect=None)
    bench.connect()
    if opened:
        bench.opened()

    assert (bench.eof() if opened else bench.failed()) == [("state", "CLOSED")]


def test_the_cause_is_told_at_the_very_end_too() -> None:
    bench = Bench(ask_for_login=True, reconnect=None).open()
    bench.handle(LoginUnavailable(transport=1, error="no key"))

    assert bench.eof(1000) == [("state", "CLOSED")]
    assert [str(cause) for cause in causes(bench)] == ["None: no key"]


def test_a_server_that_accepts_and_drops_at_once_makes_no_busy_loop() -> None:
    bench = Bench(random=lambda: 1.0)
    bench.connect()
    for _ in range(8):
        bench.opened()
        bench.eof(1000)
        bench.after((bench.session.next_timeout() or 0) - bench.now)

    assert bench.now == 100.0 + 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60
