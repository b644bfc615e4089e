"""`_session`: the doors and the windows, and what holds for whoever stands at them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from auxws_proto import (
    AuxSession,
    Config,
    ConnectionId,
    DeliverMessage,
    HttpFailed,
    HttpProgressed,
    HttpResponded,
    LocalProtocolError,
    LoginUnavailable,
    OutboxFull,
    RemoteProtocolError,
    Role,
    State,
    UploadGranted,
    UploadRefused,
    Violation,
    encode,
)

from .helpers import LOGGED_IN, SMALL, Bench, World, brief, large

# Doors.


def test_an_answer_that_waits_for_room_goes_out_when_there_is_room() -> None:
    bench = Bench(role=Role.SERVER, write_ahead=50).open()
    bench.send({"type": "a", "text": "x" * 40})

    waiting = bench.receive(1, 7, "no message")
    done = bench.sent()

    assert waiting == [("error", "RemoteProtocolError")]
    assert ("text", 1, 5, 7, "unacceptable_request") in done


def test_texts_that_came_at_once() -> None:
    bench = Bench().open()

    done = bench.turn(bench.session.receive_texts, ['[1,0,{"type":"a"}]', b'[1,0,{"type":"b"}]'])

    assert done == [("deliver", "a"), ("deliver", "b")]


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_a_clock_that_is_no_time(now: float) -> None:
    session = AuxSession(Role.CLIENT)

    with pytest.raises(LocalProtocolError, match="finite seconds"):
        session.connect(now)
    assert (session.state, list(session.actions())) == (State.IDLE, [])


def test_a_clock_that_goes_back_arms_no_timer_in_the_past() -> None:
    session = AuxSession(Role.CLIENT, Config(connect_timeout=20.0))
    session.send(SMALL, 50.0)
    session.connect(10.0)

    assert session.next_timeout() == 70.0


@pytest.mark.parametrize(
    "message",
    [[], "text", {}, {"type": 1}, {"type": "t", "x": math.nan}, {"type": "t", "x": object()}],
)
def test_what_is_no_message_is_refused_and_changes_nothing(message: Any) -> None:
    bench = Bench().open()

    with pytest.raises(LocalProtocolError):
        bench.send(message)
    assert list(bench.session.actions()) == []
    assert bench.send() == [("text", 1, 1, 1, "small"), ("ping", 1, 1)]


def test_a_message_that_is_encoded_already() -> None:
    bench = Bench().open()
    message = encode(SMALL, bench.session.config)

    assert bench.send(message) == [("text", 1, 1, 1, "small"), ("ping", 1, 1)]


def test_nothing_is_sent_on_a_closed_session() -> None:
    bench = Bench().open()
    bench.turn(bench.session.close)

    with pytest.raises(LocalProtocolError, match="closed for good"):
        bench.send()


def test_messages_are_checked_on_request() -> None:
    bench = Bench(validate=True)

    with pytest.raises(LocalProtocolError):
        bench.send({"type": "sync/time"})
    bench.send({"type": "sync/time", "id": 1, "clientRequestTime": 1})


@pytest.mark.parametrize("door", ["taken", "data_sent"])
def test_a_count_that_is_negative(door: str) -> None:
    bench = Bench().open()

    with pytest.raises(LocalProtocolError, match=f"{door}: -1 is negative"):
        bench.turn(getattr(bench.session, door), -1)


@pytest.mark.parametrize("credentials", ["vCT1.token", {"connectionId": "c"}])
def test_what_are_no_credentials(credentials: Any) -> None:
    with pytest.raises(LocalProtocolError, match="login needs a ConnectionToken") as caught:
        Bench().login(credentials)
    assert "vCT1" not in str(caught.value)


def test_a_full_outbox() -> None:
    bench = Bench(max_outbox_messages=1)
    bench.send()

    with pytest.raises(OutboxFull, match="the outbox holds 1 messages; the limit is 1"):
        bench.send()


def test_input_for_a_transport_that_is_not_there() -> None:
    bench = Bench().open()

    assert bench.opened(9) == []
    assert bench.failed(transport=9) == []
    assert bench.deliver(SMALL, transport=9) == []
    assert bench.sent(1, transport=9) == []
    assert bench.pong(1, transport=9) == []
    assert bench.eof(transport=9) == []
    assert bench.handle(LoginUnavailable(transport=9)) == []


def test_the_transports_own_url_is_what_the_url_policy_goes_by() -> None:
    bench = Bench()
    bench.connect()
    bench.turn(bench.session.transport_opened, url="wss://example.org/socket")

    assert bench.receive(4, -1, "https://files.example.org/k", "GET", {})[0][0] == "get"


def test_a_violation_below_is_reported_and_nothing_stops() -> None:
    bench = Bench().open()
    error = RemoteProtocolError(Violation.BINARY_MESSAGE)

    assert bench.turn(bench.session.report_violation, error) == [("error", "RemoteProtocolError")]
    assert bench.deliver(SMALL) == [("deliver", "small")]


def test_the_embedder_stops_reading_and_no_deadline_passes() -> None:
    bench = Bench(ping_timeout=20.0).open()
    bench.send()
    bench.pong(1)
    bench.send()
    bench.after(15)

    bench.turn(bench.session.pause_reading)
    assert not bench.session.wants_data
    assert bench.after(30) == []
    bench.turn(bench.session.resume_reading)
    assert bench.session.wants_data
    assert bench.after(4.9) == []
    assert bench.after(0.1)[0] == ("abort", 1)


def test_closing_for_good_ends_everything() -> None:
    bench = Bench().open()
    bench.disconnect()
    bench.close()
    bench.eof(1000)

    assert (bench.state, bench.session.next_timeout()) == ("CLOSED", None)
    assert bench.close() == bench.disconnect() == bench.failed() == []
    for verb in (bench.connect, bench.send):
        with pytest.raises(LocalProtocolError, match="closed for good"):
            verb()


@pytest.mark.parametrize("closing", [False, True])
def test_a_transport_that_fails_once_it_was_open_is_at_its_end(closing: bool) -> None:
    bench = Bench().open()
    if closing:
        bench.disconnect()

    assert bench.failed("write") == [("state", "IDLE" if closing else "WAITING")]


def test_a_transport_that_could_not_be_opened() -> None:
    bench = Bench()
    bench.connect()

    assert bench.failed() == [("state", "WAITING")]


def test_a_login_of_the_applications_own() -> None:
    bench = Bench(ask_for_login=True).open()
    bench.handle(LoginUnavailable(transport=1))
    bench.after(1)
    bench.opened()
    bench.login()
    bench.deliver(LOGGED_IN)
    bench.send({"type": "login", "connectionId": "mine"})

    assert bench.deliver(LOGGED_IN) == [("state", "OPEN"), ("deliver", "login_result")]


def test_a_completed_write_is_a_stage_of_a_watched_send() -> None:
    bench = Bench().open()
    bench.send(watched=True)

    assert bench.sent() == [("stage", 1, "SENT")]


def test_a_time_out_with_nothing_due_is_nothing() -> None:
    bench = Bench()
    assert bench.turn(bench.session.handle_timeout) == []
    bench.connect()
    assert bench.turn(bench.session.handle_timeout) == []


def test_a_server_sends_error_events() -> None:
    bench = Bench(Role.SERVER, ping_interval=None)
    info = {"success": False, "errorCode": "server_error"}
    with pytest.raises(LocalProtocolError, match="no open connection"):
        bench.turn(bench.session.send_error, info)
    bench.opened()

    assert bench.turn(bench.session.send_error, info) == [("text", 1, 5, -1, "server_error")]
    assert bench.turn(bench.session.send_error, info, event_id=7) == [
        ("text", 1, 5, 7, "server_error")
    ]
    bench.close()
    with pytest.raises(LocalProtocolError, match="closed for good"):
        bench.turn(bench.session.send_error, info)


def test_verbs_of_the_other_side() -> None:
    with pytest.raises(LocalProtocolError, match="only a server"):
        Bench().turn(Bench().session.send_error, {})
    with pytest.raises(LocalProtocolError, match="only a client"):
        Bench(Role.SERVER).login()


def test_what_goes_out_after_each_login_can_be_replaced() -> None:
    bench = Bench(on_connect=[{"type": "a"}])
    bench.session.set_on_connect([{"type": "b"}, {"type": "c"}])
    bench.connect()

    assert [seen[-1] for seen in bench.opened()[1:3]] == ["b", "c"]
    with pytest.raises(LocalProtocolError):
        bench.session.set_on_connect([{"no": "type"}])


# Windows.


EVENTS = [
    HttpResponded(transfer_id=1, status=200),
    HttpFailed(transfer_id=1, error="gone"),
    HttpProgressed(transfer_id=1, done=1),
    UploadGranted(request_id=1, url="https://bucket.s3.amazonaws.com/k"),
    UploadRefused(request_id=1, error="not_supported"),
    LoginUnavailable(transport=1),
]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_outcome_of_nothing_is_ignored(event: Any, role: Role) -> None:
    assert Bench(role).handle(event) == []


def test_the_size_of_a_message_is_in_bytes_whatever_it_came_as() -> None:
    event = '[1,0,{"type":"\u4f60\u597d"}]'
    sizes = []
    for data in (event, event.encode()):
        bench = Bench().open()
        bench.text(data)
        sizes += [action.size for action in bench.actions if isinstance(action, DeliverMessage)]

    assert sizes == [len(event.encode())] * 2


def test_the_time_of_the_last_input() -> None:
    bench = Bench(now=7.0)
    times = [bench.session.now]

    bench.connect()
    times.append(bench.session.now)

    assert times == [-math.inf, 7.0]


def test_what_ended_a_transport_is_told_before_anything_more_is_sent_on_it() -> None:
    bench = Bench(reconnect=None).open()
    bench.deliver({"type": "rate_limit_exceeded", "retryAfter": 60, "totalHits": 1})
    bench.send()
    bench.now += 60
    error = RemoteProtocolError(Violation.WEBSOCKET, "an unknown opcode")

    told = bench.turn(bench.session.receive_eof, code=1002, error=error)

    assert told == [
        ("error", "RemoteProtocolError"),
        ("end", 1, "FAILED", "closed"),
        ("state", "CLOSED"),
    ]


def test_a_message_of_an_earlier_process_goes_before_new_ones() -> None:
    bench = Bench(max_outbox_messages=1)
    kept = [encode(message, bench.session.config) for message in (SMALL, large("kept"))]

    for message in kept:
        assert bench.turn(bench.session.restore, message) == []
    with pytest.raises(OutboxFull):
        bench.send({"type": "new"})
    bench.open()
    World(bench).run(1)

    assert bench.all("end") == [("end", 1, "CONFIRMED"), ("end", 2, "CONFIRMED")]


def test_a_closed_session_takes_nothing_up() -> None:
    bench = Bench()
    bench.close()

    with pytest.raises(LocalProtocolError, match="restore: the session is closed"):
        bench.session.restore(encode(SMALL, bench.session.config), bench.now)


def test_what_is_taken_makes_room_to_read() -> None:
    bench = Bench(read_ahead=1).open()
    bench.receive(1, 0, SMALL)
    assert not bench.session.wants_data

    bench.turn(bench.session.taken, 1_000)

    assert bench.session.wants_data


def test_time_goes_on_with_a_text() -> None:
    bench = Bench().open()

    bench.session.receive_text(b'[1,0,{"type":"x"}]', bench.now + 5.0)

    assert bench.session.now == bench.now + 5.0


# Sends in a row.


def burst(bench: Bench, count: int = 2) -> None:
    """Send so many, and drain nothing."""
    for _ in range(count):
        bench.session.send(SMALL, bench.now)


def drained(bench: Bench) -> list[Any]:
    return [brief(action) for action in bench.session.actions()]


def test_what_is_sent_in_a_row_shares_a_ping() -> None:
    bench = Bench().open()
    burst(bench, 3)

    texts = [("text", 1, 1, number, "small") for number in (1, 2, 3)]
    assert drained(bench) == [*texts, ("ping", 1, 3)]


def test_what_was_sent_goes_out_before_what_another_input_leads_to() -> None:
    bench = Bench().open()
    burst(bench)

    assert [short[0] for short in bench.close()][:4] == ["text", "text", "ping", "close"]


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_time_that_is_none_is_refused_with_the_message(now: float, is_first: bool) -> None:
    bench = Bench() if is_first else Bench().open()

    with pytest.raises(LocalProtocolError, match="finite"):
        bench.session.send(SMALL, now)

    assert drained(bench) == []
    assert bench.session.stats().outbox_messages == 0


def test_what_is_taken_where_there_is_room_anyway_moves_nothing() -> None:
    bench = Bench().open()
    bench.text('[1,0,{"type":"small"}]')

    assert bench.taken(10) == []
    assert bench.session.stats().untaken_bytes == 12


@pytest.mark.parametrize("verb", ["connect", "restore", "login"])
def test_what_was_sent_may_be_the_end_of_which_a_verb_is_told(verb: str) -> None:
    bench = Bench(reconnect=None, ping_timeout=5.0, ping_interval=None).open()
    bench.send()
    bench.pong(1)
    bench.send()
    bench.session.send(SMALL, bench.now + 5)
    given: dict[str, list[Any]] = {
        "connect": [],
        "restore": [encode(SMALL, bench.session.config)],
        "login": [ConnectionId("c")],
    }

    with pytest.raises(LocalProtocolError, match="closed for good"):
        getattr(bench.session, verb)(*given[verb], bench.now + 5)

    ends = [short for short in drained(bench) if short[0] == "end"]
    assert sorted(short[1:3] for short in ends) == [(2, "UNKNOWN"), (3, "UNKNOWN")]
    assert bench.session.stats().outbox_messages == 0


def test_an_error_event_for_a_connection_that_what_was_sent_ends_is_refused() -> None:
    bench = Bench(Role.SERVER, reconnect=None, ping_timeout=5.0, ping_interval=None)
    bench.opened()
    bench.send()
    bench.pong(1)
    bench.send()
    bench.session.send(SMALL, bench.now + 5)

    with pytest.raises(LocalProtocolError, match="closed for good"):
        bench.session.send_error({"errorCode": "no"}, bench.now + 5)
