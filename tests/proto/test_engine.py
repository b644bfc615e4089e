"""`_engine`: the order in which the parts move, and their time."""

from __future__ import annotations

import json
import math

import pytest

from auxws_proto import (
    LocalProtocolError,
    ReportError,
    Role,
)

from .helpers import BUCKET, LOGGED_IN, SMALL, Bench, large, limited

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


def test_a_pause_has_an_end() -> None:
    bench = Bench(ping_interval=None).open()
    bench.deliver(limited(1e11))
    bench.send()

    assert bench.after(3_600.0)[0] == ("text", 1, 1, 1, "small")


def test_what_is_sent_while_nothing_is_in_the_way_moves_alone_and_else_with_all() -> None:
    bench = Bench()
    early = bench.send()
    bench.open()
    bench.pong(1)
    alone = [bench.send(), bench.send()]
    large_one = bench.send(large())

    assert early == []
    assert [[short[0] for short in seen] for seen in alone] == [["text", "ping"], ["text"]]
    assert large_one[0][0] == "text"


def test_a_ping_goes_out_when_it_is_due_also_while_nothing_is_to_be_sent() -> None:
    bench = Bench(ping_interval=5.0).open()
    bench.deliver(limited(60))

    assert bench.after(5.0) == [("ping", 1, 0)]
