"""`_reception`: what comes in, and what it means to the session."""

from __future__ import annotations

import pytest

from auxws_proto import (
    GatewayNotice,
    RateLimited,
    RemoteProtocolError,
    ReportError,
    Role,
    ServerError,
    Violation,
)

from .helpers import BUCKET, LOGGED_IN, SMALL, Bench, aged, large, limited


def report(bench: Bench) -> ReportError:
    """The first action of the last turn, which is a report."""
    action = bench.actions[0]
    assert isinstance(action, ReportError)
    return action


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


@pytest.mark.parametrize("after", [None, "5", True, -1, 1e13])
def test_a_pause_that_is_no_number_of_seconds(after: object) -> None:
    bench = Bench().open()

    assert bench.deliver(limited(after))[0] == ("error", "RemoteProtocolError")
    assert bench.send()[0] == ("text", 1, 1, 1, "small")


# Keepalive by message.


def test_a_text_may_be_a_str_with_half_a_character() -> None:
    bench = Bench().open()

    assert bench.text('[1,0,{"type":"\u00e4"}]') == [("deliver", "\u00e4")]
    assert bench.text('[1,0,{"type":"\ud800"}]') == [("deliver", "\ud800")]


def test_what_comes_while_two_transports_are_read_is_marked() -> None:
    bench = aged()
    before = bench.deliver(SMALL, transport=1)
    bench.opened(2)

    during = [bench.deliver(SMALL, transport=number) for number in (1, 2)]

    assert before == [("deliver", "small")]
    assert during == [[("deliver", "small", "overlap")]] * 2


def test_a_keepalive_whose_answer_is_not_the_applications() -> None:
    bench = Bench(ping_interval=60.0, barrier="message").open()

    assert bench.after(60.0) == [("text", 1, 1, 1, "sync/time")]
    assert bench.deliver({"type": "sync/time/response", "id": -1}) == []
