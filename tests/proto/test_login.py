"""`_login`: who asks for credentials, and what the server says to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auxws_proto import (
    AskForLogin,
    ConnectionId,
    ConnectionToken,
    Credentials,
    LoginRefused,
    LoginUnavailable,
    ReportError,
    ReportState,
    Role,
    SendText,
)

from .helpers import LOGGED_IN, REFUSED, SMALL, Bench

ERROR = {"success": False, "errorCode": "unacceptable_connection_token", "errorMessage": "no"}


def reopen(bench: Bench) -> list[Any]:
    """Lose the transport and open another."""
    bench.eof()
    bench.after(1.0)
    return bench.opened()


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        (ConnectionToken("vCT1.token"), {"connectionToken": "vCT1.token"}),
        (ConnectionId("guest"), {"connectionId": "guest"}),
    ],
)
def test_the_login_message(credentials: Credentials, field: dict[str, str]) -> None:
    bench = Bench()
    bench.login(credentials)
    bench.connect()

    assert bench.opened() == [("text", 1, 1, 1, "login"), ("state", "AUTHENTICATING")]
    text = bench.actions[0]
    assert isinstance(text, SendText)
    assert json.loads(text.data) == [1, 1, {"type": "login", **field}]
    assert "token" not in repr(text)


def test_the_outbox_waits_for_the_login_result() -> None:
    bench = Bench(on_connect=[{"type": "hello"}])
    bench.login()
    bench.send()
    bench.open()

    assert bench.deliver(LOGGED_IN) == [
        ("state", "OPEN"),
        ("deliver", "login_result"),
        ("text", 1, 1, 2, "hello"),
        ("text", 1, 1, 3, "small"),
        ("ping", 1, 3),
    ]
    state = bench.actions[0]
    assert isinstance(state, ReportState)
    assert state.info == {"connectionId": "c"} == bench.session.info


def test_on_connect_goes_out_once_after_each_login() -> None:
    bench = Bench(on_connect=[{"type": "hello"}])
    bench.login()
    bench.open()
    bench.deliver(LOGGED_IN)
    reopen(bench)
    bench.deliver(LOGGED_IN)

    assert [text for text in bench.all("text") if text[-1] == "hello"] == [
        ("text", 1, 1, 2, "hello"),
        ("text", 2, 1, 4, "hello"),
    ]


def test_credentials_are_kept_for_every_transport() -> None:
    bench = Bench()
    bench.login()
    bench.open()
    bench.deliver(LOGGED_IN)

    assert reopen(bench) == [("text", 2, 1, 2, "login"), ("state", "AUTHENTICATING")]


def test_fresh_ones_are_asked_for_on_each_transport() -> None:
    bench = Bench(ask_for_login=True)
    bench.connect()
    assert bench.opened() == [("ask", 1, 0), ("state", "AUTHENTICATING")]
    assert bench.login() == [("text", 1, 1, 1, "login")]
    bench.deliver(LOGGED_IN)

    assert reopen(bench) == [("ask", 2, 0), ("state", "AUTHENTICATING")]


def test_fresh_ones_that_came_early_are_used_once() -> None:
    bench = Bench(ask_for_login=True)
    bench.login()
    bench.connect()
    assert bench.opened()[0] == ("text", 1, 1, 1, "login")

    assert reopen(bench)[0] == ("ask", 2, 0)


@pytest.mark.parametrize("as_event", [False, True], ids=["login_result", "error event"])
def test_a_refusal_is_reported_and_asks_again(as_event: bool) -> None:
    bench = Bench()
    bench.login()
    bench.open()

    seen = bench.receive(5, 1, ERROR) if as_event else bench.deliver({**LOGGED_IN, **ERROR})

    assert seen[:2] == [("error", "LoginRefused"), ("ask", 1, 1)]
    report, ask = bench.actions[:2]
    assert isinstance(report, ReportError)
    assert isinstance(report.error, LoginRefused)
    assert report.error.code == "unacceptable_connection_token"
    assert isinstance(ask, AskForLogin)
    assert ask.error is report.error
    assert bench.login() == [("text", 1, 1, 2, "login")]


def test_a_refusal_without_words() -> None:
    bench = Bench()
    bench.login()
    bench.open()
    bench.deliver({"type": "login_result", "errorCode": 5})

    (error,) = bench.errors()
    assert isinstance(error, LoginRefused)
    assert (error.code, error.detail) == (None, "")


def test_an_error_event_for_something_else_is_no_refusal() -> None:
    bench = Bench()
    bench.login()
    bench.open()

    assert bench.receive(5, 7, ERROR) == [("error", "ServerError")]
    assert bench.receive(5, None, ERROR) == [("error", "ServerError")]
    bench.deliver(LOGGED_IN)
    assert bench.receive(5, 1, ERROR) == [("error", "ServerError")]


def test_a_third_refusal_ends_it() -> None:
    bench = Bench()
    for _ in range(3):
        bench.login()
        if bench.state == "IDLE":
            bench.open()
        bench.deliver(REFUSED)

    assert bench.state == "CLOSING"


def test_refused_credentials_do_not_open_the_door_to_the_next_transport() -> None:
    bench = Bench()
    bench.login()
    bench.send()
    bench.open()
    bench.deliver(REFUSED)

    assert reopen(bench) == [("ask", 2, 0), ("state", "AUTHENTICATING")]


def test_no_answer_from_whoever_is_asked() -> None:
    bench = Bench(ask_for_login=True).open()

    assert bench.handle(LoginUnavailable(transport=1, error="no key")) == [
        ("close", 1),
        ("state", "WAITING"),
    ]


def test_one_time_out_over_asking_and_answering() -> None:
    bench = Bench(ask_for_login=True, login_timeout=30.0).open()
    bench.after(15.0)
    bench.login()
    bench.after(10.0)
    bench.deliver(REFUSED)
    bench.login()

    assert bench.after(4.9) == []
    assert bench.after(0.1)[0] == ("abort", 1)


def test_the_time_out_ends_with_the_login() -> None:
    bench = Bench(ask_for_login=True, login_timeout=30.0, ping_interval=None).open()
    bench.login()
    bench.deliver(LOGGED_IN)

    assert bench.after(100.0) == []


@pytest.mark.parametrize("info", [None, "text", []])
def test_an_info_that_is_no_object(info: object) -> None:
    bench = Bench()
    bench.login()
    bench.open()
    bench.deliver({**LOGGED_IN, "info": info})

    assert (bench.state, bench.session.info) == ("OPEN", None)


@pytest.mark.parametrize("login", [False, True], ids=["unasked", "twice"])
def test_a_result_that_nobody_waits_for(login: bool) -> None:
    bench = Bench()
    if login:
        bench.login()
    bench.open()
    if login:
        bench.deliver(LOGGED_IN)

    assert bench.deliver(LOGGED_IN) == [
        ("error", "RemoteProtocolError"),
        ("deliver", "login_result"),
    ]
    assert bench.deliver(SMALL) == [("deliver", "small")]


@pytest.mark.parametrize(
    "result", [{"success": False}, {"success": 1, "info": {}}, {"success": True, "info": 5}]
)
def test_a_login_of_the_applications_own_that_was_refused(result: dict[str, Any]) -> None:
    bench = Bench().open()
    bench.send({"type": "login", "connectionId": "mine"})

    assert bench.deliver({"type": "login_result", **result}) == [("deliver", "login_result")]
    assert bench.session.info is None


def test_a_login_of_the_applications_own() -> None:
    bench = Bench().open()
    bench.send({"type": "login", "connectionId": "mine"})
    bench.deliver(LOGGED_IN)

    assert bench.session.info == {"connectionId": "c"}


def test_a_server_logs_nobody_in() -> None:
    bench = Bench(Role.SERVER, ask_for_login=True)
    bench.connect()

    assert bench.opened() == [("state", "OPEN")]
    assert bench.deliver(LOGGED_IN) == [("deliver", "login_result")]
