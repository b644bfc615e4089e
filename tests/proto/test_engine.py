"""`_engine`: what an incoming event moves, and the order in which the parts move."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from auxws_proto import (
    GatewayNotice,
    LocalProtocolError,
    RateLimited,
    RemoteProtocolError,
    ReportError,
    Role,
    ServerError,
    Violation,
)

from .helpers import BUCKET, LOGGED_IN, SMALL, Bench, aged, large


def limited(after: object) -> dict[str, Any]:
    return {"type": "rate_limit_exceeded", "retryAfter": after, "totalHits": 9}


def report(bench: Bench) -> ReportError:
    """The first action of the last turn, which is a report."""
    action = bench.actions[0]
    assert isinstance(action, ReportError)
    return action


# At rest.


@pytest.mark.parametrize("door", ["data_sent", "receive_pong"])
def test_what_is_due_is_done_whatever_comes(door: str) -> None:
    bench = Bench(ping_interval=None, max_age=100.0).open()
    now = bench.session.next_timeout()
    assert now is not None

    done = bench.turn(getattr(bench.session, door), 0 if door == "data_sent" else b"1")
    bench.now = now
    due = bench.turn(getattr(bench.session, door), 0 if door == "data_sent" else b"1")

    assert done == []
    assert due == [("open", 2)]


# Incoming.


def test_text_before_the_opening_is_ignored() -> None:
    bench = Bench()
    bench.connect()

    assert bench.deliver(SMALL) == []


@pytest.mark.parametrize(
    ("data", "violation"),
    [
        (b"\xff", Violation.INVALID_UTF8),
        ("", Violation.NOT_JSON),
        ("[1,0,{}", Violation.NOT_JSON),
        ("[1,0,NaN]", Violation.NOT_JSON),
        ("[" * 300 + "]" * 300, Violation.TOO_DEEP),
        ('"text"', Violation.NOT_AN_ARRAY),
        ("null", Violation.NOT_AN_ARRAY),
        ("[]", Violation.EMPTY_ARRAY),
        ('[7,1,"x"]', Violation.UNKNOWN_TYPE),
        ('["1",1]', Violation.UNKNOWN_TYPE),
        ('[1,1,{"type":"m"},1]', Violation.WRONG_LENGTH),
        ('[1,"1",{"type":"m"}]', Violation.WRONG_ID),
        ('[1,1,{"type":5}]', Violation.WRONG_MESSAGE),
        ("[3,1,5,1,{}]", Violation.WRONG_URL),
        ('[4,1,"u",1,{}]', Violation.WRONG_METHOD),
        ('[4,1,"u","GET",[]]', Violation.WRONG_HEADERS),
        ("[5,1,[]]", Violation.WRONG_INFO),
        ("[2,1]", Violation.WRONG_DIRECTION),
        ("x" * 1_001, Violation.TOO_LARGE),
        ("\u4f60" * 334, Violation.TOO_LARGE),
    ],
)
def test_a_malformed_text_is_reported_once_and_the_next_message_is_delivered(
    data: str | bytes, violation: Violation
) -> None:
    bench = Bench(max_message_size=1_000).open()

    assert bench.text(data) == [("error", "RemoteProtocolError")]
    error = report(bench).error
    assert isinstance(error, RemoteProtocolError)
    assert error.violation is violation
    assert error.connection_usable
    assert bench.deliver(SMALL) == [("deliver", "small")]


def test_texts_in_a_row_are_what_they_are_one_by_one() -> None:
    texts = [
        '[1,0,{"type":"a"}]', '[1,0,{"type":"sync/time/response"}]', '"text"',
        '[1,0,{"type":"c"}]', "x" * 1_001, '[1,0,{"type":"d"}]',
    ]  # fmt: skip
    one_by_one, at_once = Bench(max_message_size=1_000).open(), Bench(max_message_size=1_000).open()
    wanted = [done for text in texts for done in one_by_one.text(text)]

    assert at_once.turn(at_once.session.receive_texts, texts) == wanted
    assert len(wanted) == 6


def test_texts_of_a_transport_that_is_gone_say_nothing() -> None:
    bench = Bench().open()

    assert bench.turn(bench.session.receive_texts, ['[1,0,{"type":"a"}]'], transport=9) == []


def test_the_number_of_a_malformed_event_is_told() -> None:
    bench = Bench().open()
    bench.receive(1, 7, "text")

    assert (report(bench).event_id, report(bench).transport) == (7, 1)


def test_a_notice_of_the_gateway() -> None:
    bench = Bench().open()
    notice = {"message": "Internal server error", "connectionId": "c", "requestId": "r"}

    assert bench.receive(notice) == [("error", "GatewayNotice")]
    assert isinstance(report(bench).error, GatewayNotice)
    assert report(bench).info == notice
    assert bench.deliver(SMALL) == [("deliver", "small")]


@pytest.mark.parametrize("event_id", [None, -1, 0, 99])
def test_an_error_event(event_id: int | None) -> None:
    bench = Bench().open()
    info = {"success": False, "errorCode": "not_authorized", "errorMessage": "no", "inst": "i"}

    assert bench.receive(5, event_id, info) == [("error", "ServerError")]
    error = report(bench).error
    assert isinstance(error, ServerError)
    assert (error.code, str(error)) == ("not_authorized", "not_authorized: no")
    assert (report(bench).event_id, report(bench).info) == (event_id, info)
    assert bench.deliver(SMALL) == [("deliver", "small")]


def test_an_error_event_names_the_send_that_it_concerns() -> None:
    bench = Bench(on_connect=[{"type": "hello"}]).open()
    bench.send()
    bench.send(large())
    bench.grant(3, "k")
    bench.responded(1)
    info = {"errorCode": "message_not_found"}

    named = []
    for number in (1, 2, 4, 5, -1):
        bench.receive(5, number, info)
        named.append(report(bench).send_id)

    assert named == [None, 1, 2, None, None]


def test_a_refused_login_is_no_error_event() -> None:
    bench = Bench()
    bench.login()
    bench.open()

    assert bench.receive(5, 1, {"errorCode": "x"}) == [("error", "LoginRefused"), ("ask", 1, 1)]


def test_an_upload_url_moves_a_download_does_not_hold_it_up() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.receive(4, -1, f"{BUCKET}/k", "GET", {})

    assert bench.grant(1, "u") == [("put", 2, "u")]


def test_an_upload_refused_by_the_server() -> None:
    bench = Bench().open()
    bench.send(large())

    assert bench.receive(5, 1, {"errorCode": "x"}) == [("end", 1, "FAILED", "refused_by_server")]


def test_a_server_is_asked_for_an_upload() -> None:
    bench = Bench(Role.SERVER).open()

    assert bench.receive(2, 1) == [("presign", 1)]
    for kind in ("login_result", "rate_limit_exceeded", "sync/time/response"):
        assert bench.deliver({"type": kind}) == [("deliver", kind)]


def test_a_login_result_is_acted_on_at_once_and_delivered_in_its_slot() -> None:
    bench = Bench()
    bench.login()
    bench.open()
    bench.receive(4, -1, f"{BUCKET}/k", "GET", {})

    assert bench.deliver(LOGGED_IN) == [("state", "OPEN")]
    assert bench.responded(1, body=b'{"type":"m"}') == [
        ("deliver", "m"),
        ("deliver", "login_result"),
    ]


# Rate limits.


def test_a_rate_limit_pauses_sending_and_is_reported_and_delivered() -> None:
    bench = Bench().open()

    assert bench.deliver(limited(2.5)) == [
        ("error", "RateLimited"),
        ("deliver", "rate_limit_exceeded"),
    ]
    error = report(bench).error
    assert isinstance(error, RateLimited)
    assert (error.retry_after, report(bench).info) == (2.5, limited(2.5))
    assert bench.send() == []
    assert bench.send(large()) == []
    assert bench.after(2.4) == []
    assert bench.after(0.1) == [
        ("text", 1, 2, 1),
        ("text", 1, 1, 2, "small"),
        ("ping", 1, 2),
    ]


def test_the_pause_goes_on_across_a_reconnect() -> None:
    bench = Bench()
    bench.login()
    bench.open()
    bench.deliver(LOGGED_IN)
    bench.deliver(limited(10))
    bench.send()
    bench.eof()
    bench.after(1.0)

    assert bench.opened() == []
    assert bench.after(8.9) == []
    assert bench.after(0.1) == [("text", 2, 1, 2, "login"), ("state", "AUTHENTICATING")]
    assert bench.deliver(LOGGED_IN)[-2:] == [("text", 2, 1, 3, "small"), ("ping", 2, 2)]


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    bench = Bench().open()
    bench.deliver(limited(10))
    bench.deliver(limited(1))
    bench.send()

    assert bench.after(9.9) == []
    assert bench.after(0.1)[0] == ("text", 1, 1, 1, "small")


def test_a_pause_of_nothing_is_none() -> None:
    bench = Bench().open()
    bench.deliver(limited(0))

    assert bench.send()[0] == ("text", 1, 1, 1, "small")


def test_a_pause_has_an_end() -> None:
    bench = Bench(ping_interval=None).open()
    bench.deliver(limited(1e11))
    bench.send()

    assert bench.after(3_600.0)[0] == ("text", 1, 1, 1, "small")


@pytest.mark.parametrize("after", [None, "5", True, -1, 1e13])
def test_a_pause_that_is_no_number_of_seconds(after: object) -> None:
    bench = Bench().open()

    assert bench.deliver(limited(after))[0] == ("error", "RemoteProtocolError")
    assert bench.send()[0] == ("text", 1, 1, 1, "small")


# Keepalive by message.


def test_a_keepalive_message_goes_before_what_is_queued_and_is_not_reported() -> None:
    bench = Bench(
        keepalive_message={"type": "alive"}, keepalive_interval=50.0, ping_interval=None
    ).open()
    bench.send(large())

    assert bench.after(49.9) == [("text", 1, 2, 2)]
    assert bench.after(0.1) == [("text", 1, 1, 3, "alive"), ("ping", 1, 3)]
    assert bench.pong(3) == []
    assert bench.session.stats().outbox_messages == 1


def test_no_keepalive_message_during_a_login() -> None:
    bench = Bench(
        keepalive_message={"type": "alive"},
        keepalive_interval=50.0,
        ping_interval=None,
        login_timeout=60.0,
    ).open()
    bench.after(10.0)
    bench.login()

    assert bench.after(40.0) == []
    bench.deliver(LOGGED_IN)
    assert bench.after(50.0)[0] == ("text", 1, 1, 2, "alive")


def test_a_keepalive_message_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(LocalProtocolError):
        Bench(keepalive_message={"no": "type"})


# Flow control, and time.


def test_a_time_that_is_none() -> None:
    with pytest.raises(LocalProtocolError, match="now is nan"):
        Bench(now=math.nan).connect()


def test_a_keepalive_whose_answer_is_not_the_applications() -> None:
    bench = Bench(ping_interval=60.0, barrier="message").open()

    assert bench.after(60.0) == [("text", 1, 1, 1, "sync/time")]
    assert bench.deliver({"type": "sync/time/response", "id": -1}) == []


def test_reading_stops_for_the_embedder_the_mailbox_and_the_peer() -> None:
    bench = Bench(read_ahead=30).open()
    assert bench.session.wants_data
    bench.turn(bench.session.pause_reading)
    assert not bench.session.wants_data
    bench.turn(bench.session.resume_reading)
    bench.deliver(SMALL)
    bench.deliver(SMALL)
    assert not bench.session.wants_data
    bench.disconnect()
    assert not bench.session.wants_data
    assert bench.after(1_000.0) == [], "the deadline of the end stands still, too"
    bench.close()
    assert bench.session.wants_data, "nobody need take anything any more"
    assert bench.after(10.0) == [("abort", 1), ("state", "CLOSED")]


@pytest.mark.parametrize("kind", ["login", "upload url", "close", "connect"])
def test_deadlines_stand_still_while_nothing_is_read(kind: str) -> None:
    bench = Bench(ask_for_login=kind == "login", ping_interval=None)
    bench.connect()
    if kind != "connect":
        bench.opened()
    if kind == "upload url":
        bench.send(large())
    if kind == "close":
        bench.disconnect()
    due = bench.session.next_timeout()
    assert due is not None
    left = due - bench.now
    bench.after(left - 1.0)
    bench.turn(bench.session.pause_reading)
    assert bench.session.next_timeout() is None

    assert bench.after(1_000.0) == []
    bench.turn(bench.session.resume_reading)
    assert bench.session.next_timeout() == pytest.approx(bench.now + 1.0)
    assert bench.after(1.1) != []


def test_transfers_rest_and_time_out_and_urls_are_renewed() -> None:
    bench = Bench(upload_urls_ahead=1, upload_url_lifetime=40.0, ping_interval=None).open()
    bench.grant(1, "a")
    bench.send(large())
    assert bench.responded(1, 503) == []
    assert bench.after(0.25) == [("put", 3, "a")]
    bench.grant(2, "b")

    assert bench.after(30.0) == [("cancel", 3)]
    assert ("text", 1, 2, 3) in bench.after(10.0)


def test_a_server_tells_a_living_client_of_a_download_that_failed() -> None:
    bench = Bench(Role.SERVER).open()
    bench.receive(4, 3, f"{BUCKET}/k", "GET", {})
    bench.receive(4, 4, f"{BUCKET}/l", "GET", {})

    assert bench.responded(1, 404) == [("gap", 3), ("text", 1, 5, 3, "message_not_found")]
    bench.eof()
    assert bench.responded(2, 404) == [("gap", 4)]


def test_nothing_moves_twice() -> None:
    bench = Bench().open()
    bench.send(large())
    bench.grant(1, "k")

    assert bench.text(json.dumps([1, 0, SMALL])) == [("deliver", "small")]
    assert bench.responded(1) == [("text", 1, 4, 2, "k"), ("ping", 1, 2)]
    assert bench.taken(1) == bench.after(0.0) == []


def test_closing_ends_everything() -> None:
    bench = Bench(upload_urls_ahead=1).open()
    bench.send(large())
    bench.receive(4, -1, f"{BUCKET}/k", "GET", {})

    assert bench.close() == [
        ("close", 1),
        ("cancel", 1),
        ("end", 1, "FAILED", "closed"),
        ("gap", -1),
        ("state", "CLOSING"),
    ]


def test_a_text_may_be_a_str_with_half_a_character() -> None:
    bench = Bench().open()

    assert bench.text('[1,0,{"type":"\u00e4"}]') == [("deliver", "\u00e4")]
    assert bench.text('[1,0,{"type":"\ud800"}]') == [("deliver", "\ud800")]


def test_what_was_accepted_moves_before_any_other_input_does() -> None:
    bench = Bench().open()
    bench.session.send(SMALL, bench.now)
    bench.session.send(SMALL, bench.now)

    seen = bench.receive(5, 2, {"success": False, "errorCode": "x", "errorMessage": "x"})

    assert [short[0] for short in seen] == ["text", "text", "ping", "error"]
    assert [a.send_id for a in bench.actions if isinstance(a, ReportError)] == [2]


@pytest.mark.parametrize("now", [99.0, 100.0])
def test_an_input_at_an_earlier_time_comes_at_the_time_that_it_is(now: float) -> None:
    bench = Bench().open()
    bench.session.receive_text(b"x", now)

    assert bench.session.now == 100.0
    assert [type(a).__name__ for a in bench.session.actions()] == ["ReportError"]


def test_time_goes_on_with_a_send() -> None:
    bench = Bench().open()
    bench.session.send(SMALL, bench.now + 1)

    assert bench.session.now == bench.now + 1


def test_what_comes_while_two_transports_are_read_is_marked() -> None:
    bench = aged()
    before = bench.deliver(SMALL, transport=1)
    bench.opened(2)

    during = [bench.deliver(SMALL, transport=number) for number in (1, 2)]

    assert before == [("deliver", "small")]
    assert during == [[("deliver", "small", "overlap")]] * 2
