"""`_life`: opening, waiting, closing, and what a login means for the connection."""

from __future__ import annotations

import pytest

from auxws_proto import (
    ConnectionClosed,
    ConnectionFailed,
    LoginRefused,
    LoginTimeout,
    LoginUnavailable,
    OpenTransport,
    ReportState,
)

from .helpers import LOGGED_IN, REFUSED, Bench


def causes(bench: Bench) -> list[object]:
    """The causes of the state changes of the last turn."""
    return [action.cause for action in bench.actions if isinstance(action, ReportState)]


# Opening and closing.


def test_connect_opens_a_transport_and_is_nothing_when_that_is_under_way() -> None:
    bench = Bench()

    assert bench.connect() == [("open", 1), ("state", "CONNECTING")]
    assert bench.connect() == []
    assert bench.opened() == [("state", "OPEN")]
    assert bench.connect() == []


def test_open_transport_carries_the_url() -> None:
    bench = Bench()
    bench.connect()

    action = bench.actions[0]

    assert isinstance(action, OpenTransport)
    assert action.url is not None
    assert action.url.startswith("wss://")
    assert (action.transport, action.attempt, action.headers) == (1, 0, ())


def test_a_second_opening_is_nothing() -> None:
    bench = Bench().open()

    assert bench.opened(1) == []


def test_disconnect_drops_what_is_opening_and_closes_what_is_open() -> None:
    bench = Bench(max_age=100.0, ping_interval=None).open()
    bench.after(95)

    assert bench.disconnect() == [("close", 1), ("abort", 2), ("state", "CLOSING")]
    assert bench.connect() == [("open", 3), ("state", "CONNECTING")]
    assert bench.eof(1000, transport=1) == []
    bench.opened()
    assert bench.close() == [("close", 3), ("state", "CLOSING")]
    assert bench.after(10.0) == [("abort", 3), ("state", "CLOSED")]


def test_a_loss_that_we_did_not_ask_for_is_waited_out() -> None:
    bench = Bench(random=lambda: 1.0).open()
    bench.after(30.0)

    assert bench.eof(1000) == [("state", "WAITING")]
    assert isinstance(causes(bench)[0], ConnectionClosed)
    assert bench.after(1.0) == [("open", 2), ("state", "CONNECTING")]
    assert bench.failed("rejected", status=503) == [("state", "WAITING")]
    assert bench.disconnect() == [("state", "IDLE")]


def test_without_reconnect_the_first_transport_is_the_last() -> None:
    bench = Bench(reconnect=None, connect_timeout=20.0)
    bench.connect()

    assert bench.after(20.0) == [("abort", 1), ("state", "CLOSED")]
    assert "no handshake within 20 s" in str(causes(bench)[0])


# Logins, as far as they move the connection.


def test_no_login_in_time() -> None:
    bench = Bench(ask_for_login=True, login_timeout=30.0).open()
    bench.after(20)
    bench.login()

    assert bench.after(9.9) == []
    assert bench.after(0.1) == [("abort", 1), ("state", "WAITING")]
    assert isinstance(causes(bench)[0], LoginTimeout)


def test_a_third_refusal_is_final() -> None:
    bench = Bench().open()
    for attempt in (1, 2):
        bench.login()
        assert bench.deliver(REFUSED)[:2] == [("error", "LoginRefused"), ("ask", 1, attempt)]
    bench.login()

    assert bench.deliver(REFUSED) == [
        ("error", "LoginRefused"),
        ("close", 1),
        ("state", "CLOSING"),
        ("deliver", "login_result"),
    ]
    (cause,) = causes(bench)
    assert isinstance(cause, LoginRefused)
    assert bench.eof() == [("state", "CLOSED")]


def test_no_credentials_give_the_transport_up() -> None:
    bench = Bench(ask_for_login=True).open()

    assert bench.handle(LoginUnavailable(transport=1)) == [("close", 1), ("state", "WAITING")]
    assert bench.eof(1000) == []
    assert bench.after(1) == [("open", 2), ("state", "CONNECTING")]


def test_no_better_credentials_are_final() -> None:
    bench = Bench(ask_for_login=True).open()
    bench.login()
    bench.deliver(REFUSED)

    assert bench.handle(LoginUnavailable(transport=1)) == [("close", 1), ("state", "CLOSING")]


@pytest.mark.parametrize("transport", [1, 7])
def test_unavailable_credentials_that_nobody_waits_for(transport: int) -> None:
    assert Bench().open().handle(LoginUnavailable(transport=transport)) == []


def test_a_login_of_the_applications_own_is_no_surprise() -> None:
    bench = Bench().open()
    bench.send({"type": "login", "connectionId": "mine"})

    assert bench.deliver(LOGGED_IN) == [("state", "OPEN"), ("deliver", "login_result")]
    assert bench.session.info == {"connectionId": "c"}
    assert bench.deliver(LOGGED_IN) == [
        ("error", "RemoteProtocolError"),
        ("deliver", "login_result"),
    ]


def test_a_new_login_on_an_open_connection_holds_the_outbox_and_greets_again() -> None:
    bench = Bench(on_connect=[{"type": "hello"}]).open()

    assert bench.login() == [("text", 1, 1, 2, "login"), ("state", "AUTHENTICATING")]
    assert bench.login() == []
    assert bench.send() == []
    assert bench.deliver(LOGGED_IN) == [
        ("state", "OPEN"),
        ("deliver", "login_result"),
        ("text", 1, 1, 3, "hello"),
        ("text", 1, 1, 4, "small"),
    ]


# Rotation, as far as it moves the connection; the rest is in ``test_rotation``.


@pytest.mark.parametrize("login", [False, True])
def test_the_next_transport_takes_over(login: bool) -> None:
    bench = Bench(max_age=100.0, on_connect=[{"type": "hello"}], ping_interval=None)
    if login:
        bench.login()
    bench.open()
    if login:
        bench.deliver(LOGGED_IN)
    bench.sent(9)
    bench.pong(1 + login)
    bench.after(95)

    seen = bench.opened()
    if login:
        assert seen == [("text", 2, 1, 3, "login")]
        seen = bench.deliver(LOGGED_IN)
    assert seen[-2:] == [("text", 2, 1, 4 if login else 2, "hello"), ("ping", 2, 1 + login)]
    assert bench.after(2.0) == [("close", 1)]
    assert bench.state == "OPEN"


def test_the_old_transport_waits_for_proof_and_is_dropped_without() -> None:
    bench = Bench(max_age=100.0, on_connect=[{"type": "hello"}], ping_interval=None).open()
    bench.pong(1)
    bench.after(95)
    bench.send()
    assert bench.opened() == []

    assert bench.after(20.0) == [
        ("abort", 1),
        ("end", 1, "UNKNOWN", "transport_lost"),
        ("text", 2, 1, 3, "hello"),
        ("ping", 2, 1),
    ]


def test_proof_of_the_old_transport_sets_the_new_one_free() -> None:
    bench = Bench(max_age=100.0, on_connect=[{"type": "hello"}], ping_interval=None).open()
    bench.pong(1)
    bench.after(95)
    bench.send()
    bench.sent(2, transport=1)
    assert bench.opened() == []
    assert bench.deliver(LOGGED_IN, transport=1)[0] == ("error", "RemoteProtocolError")

    assert bench.pong(2, transport=1) == [
        ("end", 1, "CONFIRMED"),
        ("text", 2, 1, 3, "hello"),
        ("ping", 2, 1),
    ]


def test_a_login_that_a_rotation_overtook() -> None:
    bench = Bench(max_age=100.0, ping_interval=None)
    bench.login()
    bench.open()
    bench.deliver(LOGGED_IN)
    bench.after(95)
    bench.opened()
    bench.login()

    assert bench.deliver(LOGGED_IN, transport=2)[0] == ("state", "OPEN")
    assert bench.deliver(REFUSED, transport=1) == [("deliver", "login_result", "overlap")]


@pytest.mark.parametrize("login", [False, True])
def test_the_next_transport_succeeds_a_lost_one(login: bool) -> None:
    bench = Bench(max_age=100.0, ping_interval=None).open()
    if login:
        bench.login()
        bench.deliver(LOGGED_IN)
    bench.after(95)
    if login:
        bench.opened()

    state = "AUTHENTICATING" if login else "CONNECTING"
    assert bench.eof(transport=1) == [("state", state)]


def test_a_next_transport_that_fails_changes_nothing() -> None:
    bench = Bench(max_age=100.0, ping_interval=None).open()
    bench.after(95)

    assert bench.failed() == [("error", "ConnectionFailed")]
    assert bench.after(1.0) == [("open", 3)]


def test_a_pong_that_does_not_come_is_a_loss_where_one_has_come() -> None:
    bench = Bench(ping_timeout=20.0).open()
    bench.send()
    bench.pong(1)
    bench.send()

    assert bench.after(20.0) == [
        ("abort", 1),
        ("end", 2, "UNKNOWN", "transport_lost"),
        ("state", "WAITING"),
    ]
    assert isinstance(causes(bench)[0], ConnectionFailed)
    assert "no pong within 20 s" in str(causes(bench)[0])


def test_an_old_transport_that_takes_no_writes_is_dropped() -> None:
    bench = Bench(confirm=False, max_age=100.0, ping_interval=None, ping_timeout=8.0).open()
    bench.send()
    bench.after(95)
    bench.opened()

    assert bench.after(8.0) == [("abort", 1), ("end", 1, "UNKNOWN", "transport_lost")]


def test_a_third_transport_waits_for_the_proof_of_the_first() -> None:
    bench = Bench(max_age=100.0, on_connect=[{"type": "hello"}], ping_interval=None).open()
    bench.pong(1)
    bench.after(94)
    bench.send()
    bench.after(1)
    bench.opened()
    bench.eof(transport=2)
    bench.after(1)

    assert bench.opened() == [("state", "OPEN")]
    bench.sent(2, transport=1)
    assert bench.pong(2, transport=1)[-2:] == [("text", 3, 1, 3, "hello"), ("ping", 3, 1)]


def test_a_rotation_waits_for_the_end_of_the_one_before() -> None:
    bench = Bench(max_age=10.0, rotate_overlap=30.0, ping_interval=None).open()
    bench.after(9.5)
    bench.opened()

    assert bench.after(30.0) == [("close", 1)]
    bench.eof(1000, transport=1)
    assert bench.after(9.4) == []
    assert bench.after(0.1) == [("open", 3)]


def test_a_keepalive_message_starts_with_the_connection() -> None:
    bench = Bench(
        keepalive_message={"type": "alive"}, keepalive_interval=50.0, ping_interval=None
    ).open()

    assert bench.after(49.9) == []
    assert bench.after(0.1) == [("text", 1, 1, 1, "alive"), ("ping", 1, 1)]


def test_a_transport_that_answers_no_pings_is_kept() -> None:
    bench = Bench(ping_timeout=20.0).open()
    bench.send()
    bench.sent()

    assert bench.after(20.0) == [("end", 1, "SENT"), ("error", "UnconfirmedTransport")]
    assert bench.state == "OPEN"
