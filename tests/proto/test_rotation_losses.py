"""What a loss, or a `disconnect`, does in the middle of a planned rotation."""

from __future__ import annotations

from auxws_proto import ConnectionFailed

from .helpers import LOGGED_IN, REFUSED, aged


def test_a_next_transport_that_fails_is_tried_again() -> None:
    bench = aged()

    assert bench.failed(transport=2) == [("error", "ConnectionFailed")]
    assert bench.state == "OPEN"
    assert bench.after(1.9) == []
    assert bench.after(0.1) == [("open", 3)]
    bench.failed(transport=3)
    assert bench.after(4.0) == [("open", 4)]
    assert isinstance(bench.errors()[0], ConnectionFailed)


def test_a_refused_login_of_the_next_transport_leaves_the_current_one_alone() -> None:
    bench = aged(ask_for_login=False)
    bench.login()
    bench.deliver(LOGGED_IN, transport=1)
    bench.opened(2)
    for _ in range(2):
        bench.deliver(REFUSED, transport=2)
        bench.login()
    bench.deliver(REFUSED, transport=2)

    assert bench.state == "OPEN"
    assert bench.eof(1000, transport=2) == []


def test_a_lost_current_one_is_succeeded_by_the_next_on_its_way() -> None:
    bench = aged()
    bench.send()

    assert bench.eof(transport=1) == [
        ("end", 1, "UNKNOWN", "transport_lost"),
        ("state", "CONNECTING"),
    ]
    assert bench.opened(2) == [("state", "OPEN")]


def test_a_lost_current_one_is_succeeded_by_one_that_logs_in() -> None:
    bench = aged()
    bench.login()
    bench.deliver(LOGGED_IN, transport=1)
    bench.opened(2)

    assert bench.eof(transport=1) == [("state", "AUTHENTICATING")]
    assert bench.deliver(LOGGED_IN, transport=2) == [("state", "OPEN"), ("deliver", "login_result")]


def test_the_old_one_is_lost_in_mid_rotation() -> None:
    bench = aged()
    bench.send()
    bench.opened(2)
    bench.send()

    assert bench.eof(transport=1) == [
        ("end", 1, "UNKNOWN", "transport_lost"),
        ("text", 2, 1, 2, "small"),
        ("ping", 2, 1),
    ]
    assert bench.state == "OPEN"


def test_the_new_one_is_lost_in_mid_rotation() -> None:
    bench = aged()
    bench.send()
    bench.opened(2)
    bench.send()

    assert bench.eof(transport=2) == [("state", "WAITING")]
    bench.sent(1, transport=1)
    assert bench.pong(1, transport=1) == [("end", 1, "CONFIRMED")]
    assert bench.after(1.0) == [("open", 3), ("state", "CONNECTING")]
    assert bench.opened(3) == [("state", "OPEN"), ("text", 3, 1, 2, "small"), ("ping", 3, 1)]


def test_disconnect_in_mid_rotation_closes_both() -> None:
    bench = aged()
    bench.send()
    bench.opened(2)

    assert bench.disconnect() == [
        ("close", 1),
        ("end", 1, "UNKNOWN", "transport_lost"),
        ("close", 2),
        ("state", "CLOSING"),
    ]
    assert bench.eof(1000, transport=2) == []
    assert bench.eof(1000, transport=1) == [("state", "IDLE")]


def test_disconnect_while_the_next_one_is_opening() -> None:
    bench = aged()

    assert bench.disconnect() == [("close", 1), ("abort", 2), ("state", "CLOSING")]
