"""`AuxWebSocket` over bytes: against wsproto, and one against another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from wsproto import events as ws

from auxws_proto import (
    AbortTransport,
    AuxWebSocket,
    ByteRun,
    CloseTransport,
    Config,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionId,
    DeliverMessage,
    GatewayNotice,
    HttpFailed,
    LocalProtocolError,
    OpenTransport,
    ReportError,
    ReportSend,
    ReportState,
    SendBytes,
    ServerError,
    State,
    TransportFailure,
    Violation,
    encode,
)

from .peer import BINARY, PING, PONG, TEXT, Peer, frame
from .wire_bench import CLIENT, MESSAGE, QUIET, SERVER, URL, Bench, cause_of, states

# Opening.


def test_opening_step_by_step() -> None:
    bench = Bench(open=False)
    bench.machine.connect(0)
    opening, state = bench.actions()
    assert opening == OpenTransport(transport=1, attempt=0, url=URL)
    assert isinstance(state, ReportState)

    bench.machine.transport_opened(0)
    (request,) = bench.peer.receive(bench.wrote())
    assert isinstance(request, ws.Request)
    assert (request.target, request.host) == ("/dev", "abc.execute-api.us-east-1.amazonaws.com")

    answer = bench.peer.send(ws.AcceptConnection())
    assert states(bench.fed(answer[:20])) == []
    assert states(bench.fed(answer[20:])) == ["OPEN"]
    assert (bench.machine.role, bench.machine.config.confirm) == (CLIENT, False)
    assert (bench.machine.info, bench.machine.state) == (None, State.OPEN)


@pytest.mark.parametrize("subprotocol", ["", "a b", "a\r\nX: y", "é"])
def test_a_subprotocol_must_be_a_token(subprotocol: str) -> None:
    with pytest.raises(LocalProtocolError, match="subprotocol"):
        AuxWebSocket(CLIENT, url=URL, subprotocol=subprotocol)


@pytest.mark.parametrize(
    "settings",
    [{"url": "ftp://h"}, {"url": URL, "headers": {"Host": "x"}}, {"headers": {"a": "\n"}}],
)
def test_a_url_and_headers_that_cannot_be_used_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        AuxWebSocket(CLIENT, **settings)


def test_url_and_headers_may_be_replaced_at_each_attempt() -> None:
    """ "IAM signatures expire" (design §2); the next attempt has those of the constructor again."""
    machine = AuxWebSocket(CLIENT, Config(**QUIET), URL, "casualos.records", {"X-Api-Key": "old"})
    machine.connect(0)
    (opening,) = [a for a in machine.actions() if isinstance(a, OpenTransport)]
    assert (opening.url, opening.headers) == (URL, (("X-Api-Key", "old"),))

    machine.transport_opened(0, url="wss://h.example/new?sig=1", headers={"X-Api-Key": "new"})
    (sent,) = [a for a in machine.actions() if isinstance(a, SendBytes)]
    assert sent.data.startswith(b"GET /new?sig=1 HTTP/1.1\r\nHost: h.example\r\n")
    assert b"\r\nX-Api-Key: new\r\n" in sent.data
    assert b"\r\nSec-WebSocket-Protocol: casualos.records\r\n" in sent.data

    machine.transport_failed(TransportFailure(kind="connect"), 1)
    machine.handle_timeout(100)
    machine.transport_opened(100)
    (sent,) = [a for a in machine.actions() if isinstance(a, SendBytes)]
    assert sent.data.startswith(b"GET /dev HTTP/1.1\r\n")
    assert b"\r\nX-Api-Key: old\r\n" in sent.data


def test_a_client_without_a_url_needs_one_at_each_attempt() -> None:
    machine = AuxWebSocket(CLIENT, Config(**QUIET))
    machine.connect(0)
    list(machine.actions())

    with pytest.raises(LocalProtocolError, match="needs the WebSocket's URL"):
        machine.transport_opened(0)
    with pytest.raises(LocalProtocolError, match="scheme"):
        machine.transport_opened(0, url="ftp://h")
    with pytest.raises(LocalProtocolError, match="belongs to the handshake"):
        machine.transport_opened(0, url=URL, headers={"Host": "h"})
    assert list(machine.actions()) == []

    machine.transport_opened(0, url=URL)
    assert [type(action) for action in machine.actions()] == [SendBytes]


def test_opening_twice_or_late_asks_once() -> None:
    bench = Bench(open=False)
    bench.machine.transport_opened(0)
    bench.machine.connect(0)
    for transport in (None, 1, 2):
        bench.machine.transport_opened(0, transport=transport)

    assert bench.wrote().count(b"GET /dev") == 1


def test_a_servers_first_transport_may_come_unasked() -> None:
    machine = AuxWebSocket(SERVER, Config(**QUIET), subprotocol="casualos.records")
    machine.transport_opened(0, url=URL)

    peer = Peer(SERVER)
    request = ws.Request(host="h", target="/", subprotocols=["casualos.records"])
    machine.receive_bytes(bytearray(peer.send(request)), 0)

    assert machine.state is State.OPEN
    (answer,) = [a for a in machine.actions() if isinstance(a, SendBytes)]
    (accepted,) = peer.receive(answer.data)
    assert isinstance(accepted, ws.AcceptConnection)
    assert accepted.subprotocol == "casualos.records"


@pytest.mark.parametrize(("status", "state"), [(503, "WAITING"), (401, "CLOSED")])
def test_a_refusal_closes_the_byte_stream_and_is_told(status: int, state: str) -> None:
    bench = Bench(open=False)
    bench.machine.connect(0)
    bench.machine.transport_opened(0)
    bench.actions()

    actions = bench.fed(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\n{}" % status)

    assert actions[0] == CloseTransport(transport=1)
    assert states(actions) == [state]
    assert cause_of(actions).status == status
    assert bench.fed(b"late") == []


def test_a_byte_stream_that_could_not_be_opened() -> None:
    bench = Bench(open=False)
    bench.machine.connect(0)
    bench.actions()

    bench.machine.transport_failed(TransportFailure(kind="resolve", detail="no such host"), 0)
    actions = bench.actions()
    bench.machine.transport_failed(TransportFailure(kind="resolve"), 0)

    assert states(actions) == ["WAITING"]
    assert str(cause_of(actions)) == "resolve: no such host"
    assert bench.actions() == []


def test_a_handshake_that_takes_too_long_is_dropped_and_its_late_bytes_are_ignored() -> None:
    bench = Bench(open=False, connect_timeout=20)
    bench.machine.connect(0)
    bench.machine.transport_opened(0)
    bench.peer.receive(bench.wrote())
    assert bench.machine.next_timeout() == 20

    bench.machine.handle_timeout(20)

    assert AbortTransport(transport=1) in bench.actions()
    bench.now = 20.0
    assert bench.fed(bench.peer.send(ws.AcceptConnection())) == []


# Texts.


def test_a_session_ping_goes_out_as_a_frame_and_its_pong_confirms() -> None:
    bench = Bench(confirm=True)
    bench.machine.send(MESSAGE, 0)
    _, ping = bench.peer.receive(bench.wrote())
    assert ping == ws.Ping(payload=b"1")
    bench.write()

    (report,) = bench.fed(bench.peer.frame(PONG, b"1"))

    assert isinstance(report, ReportSend)
    assert (report.stage, report.final) == ("CONFIRMED", True)


# Pings of the peer.


def test_a_flood_of_pings_is_answered_with_the_latest_once_there_is_room() -> None:
    bench = Bench()
    for i in range(100):
        bench.feed(bench.peer.frame(PING, b"%d" % i))
    assert bench.peer.receive(bench.wrote()) == [ws.Pong(payload=b"%d" % i) for i in range(16)]

    bench.write()
    assert bench.peer.receive(bench.bytes_out) == [ws.Pong(payload=b"99")]
    bench.write()
    assert bench.bytes_out == b""


def test_a_peer_is_not_ponged_after_our_close() -> None:
    bench = Bench()
    bench.feed(b"".join(bench.peer.frame(PING, b"%d" % i) for i in range(17)))
    bench.machine.disconnect(0)
    bench.feed(bench.peer.frame(PING, b"late"))
    bench.actions()
    *pongs, close = bench.peer.receive(bench.bytes_out)
    assert pongs == [ws.Pong(payload=b"%d" % i) for i in range(16)]
    assert isinstance(close, ws.CloseConnection)

    bench.write()

    assert bench.bytes_out == b""


# Violations and ends.


def test_what_is_no_text_is_reported_and_the_stream_goes_on() -> None:
    bench = Bench(max_message_size=300)
    data = bench.peer.frame(BINARY) + bench.peer.frame(TEXT, b"x" * 301)

    actions = bench.fed(data + bench.event([1, 0, MESSAGE]))

    *errors, delivered = actions
    assert [e.error.violation for e in errors if isinstance(e, ReportError)  # type: ignore[attr-defined]
            ] == [Violation.BINARY_MESSAGE, Violation.TOO_LARGE]  # fmt: skip
    assert isinstance(delivered, DeliverMessage)
    assert bench.bytes_out == b""


def test_a_close_of_the_peer_is_answered_and_then_the_byte_stream_closed() -> None:
    bench = Bench()

    actions = bench.fed(bench.peer.send(ws.CloseConnection(code=1001, reason="two hours")))

    assert bench.peer.receive(bench.bytes_out) == [
        ws.CloseConnection(code=1001, reason="two hours")
    ]
    assert actions[0] == CloseTransport(transport=1)
    cause = cause_of(actions)
    assert isinstance(cause, ConnectionClosed)
    assert (cause.code, cause.reason) == (1001, "two hours")
    bench.machine.data_sent(5, 0)
    bench.machine.receive_eof(0)
    assert bench.actions() == []


@pytest.mark.parametrize(("verb", "state"), [("disconnect", "IDLE"), ("close", "CLOSED")])
def test_a_close_of_ours_waits_for_the_peers(verb: str, state: str) -> None:
    bench = Bench()
    getattr(bench.machine, verb)(0)
    assert states(bench.actions()) == ["CLOSING"]
    (event,) = bench.peer.receive(bench.bytes_out)
    assert isinstance(event, ws.CloseConnection)

    actions = bench.fed(bench.peer.send(event.response()))

    assert actions[0] == CloseTransport(transport=1)
    assert states(actions) == [state]
    assert bench.bytes_out == b""


def test_the_end_of_the_bytes_within_the_handshake() -> None:
    bench = Bench(open=False)
    bench.machine.connect(0)
    bench.machine.transport_opened(0)
    bench.actions()

    bench.machine.receive_eof(0)

    cause = cause_of(bench.actions())
    assert isinstance(cause, ConnectionFailed)
    assert cause.kind == "handshake"


@pytest.mark.parametrize("known", [{}, {"code": 1001, "reason": "tunnel gone"}])
def test_the_end_of_the_bytes_of_an_open_connection(known: dict[str, Any]) -> None:
    bench = Bench()

    bench.machine.receive_eof(0, transport=1, **known)

    cause = cause_of(bench.actions())
    assert isinstance(cause, ConnectionClosed)
    assert (cause.code, cause.reason) == (known.get("code", 1006), known.get("reason", ""))


def test_late_input_of_a_dead_transport_is_ignored() -> None:
    bench = Bench()
    bench.machine.receive_eof(0)
    bench.actions()

    bench.machine.receive_bytes(frame(TEXT, b"[1,0,{}]"), 0, transport=1)
    bench.machine.receive_bytes(b"", 0)
    bench.machine.data_sent(1, 0, transport=1)
    bench.machine.receive_eof(0, transport=1)
    bench.machine.transport_failed(TransportFailure(kind="late"), 0, transport=1)
    bench.machine.transport_opened(0, transport=1)

    assert (bench.actions(), bench.bytes_out) == ([], b"")


def test_nothing_is_written_to_a_connection_whose_end_is_being_told() -> None:
    """The keepalive is due in the very moment in which broken bytes end the connection."""
    bench = Bench(ping_interval=60)
    bench.now = 60.0

    actions = bench.fed(bench.peer.frame(3))

    assert [type(e) for e in bench.peer.receive(bench.bytes_out)] == [ws.CloseConnection]
    assert actions[0] == CloseTransport(transport=1)
    assert states(actions) == ["WAITING"]


# The session's doors and windows, through the machine.


def test_login_and_messages_on_connect() -> None:
    bench = Bench(open=False)
    bench.machine.login(ConnectionId("conn-a"), 0)
    bench.machine.set_on_connect([{"type": "hello"}])
    bench.machine.connect(0)
    bench.machine.transport_opened(0)
    bench.peer.receive(bench.wrote())
    bench.feed(bench.peer.send(ws.AcceptConnection()))
    assert json.loads(bench.peer.text(bench.wrote()))[2] == {
        "type": "login", "connectionId": "conn-a",
    }  # fmt: skip
    info = {"connectionId": "conn-a", "sessionId": None, "userId": None}
    bench.write()

    actions = bench.fed(
        bench.event([1, 0, {"type": "login_result", "success": True, "info": info}])
    )

    assert states(actions) == ["OPEN"]
    assert bench.machine.info == info
    assert json.loads(bench.peer.text(bench.bytes_out))[2] == {"type": "hello"}


def test_flow_control() -> None:
    bench = Bench(read_ahead=10)
    (delivered,) = bench.fed(bench.event([1, 0, MESSAGE]))
    assert isinstance(delivered, DeliverMessage)
    assert bench.machine.wants_data is False

    bench.machine.taken(delivered.size, 0)
    assert bench.machine.wants_data is True
    bench.machine.pause_reading(0)
    assert bench.machine.wants_data is False
    bench.machine.resume_reading(0)
    assert bench.machine.wants_data is True


def test_a_server_sends_errors() -> None:
    bench = Bench(SERVER)

    bench.machine.send_error({"errorCode": "not_supported"}, 0, event_id=3)

    assert json.loads(bench.peer.text(bench.wrote())) == [5, 3, {"errorCode": "not_supported"}]


def test_helpers_report_and_errors_and_notices_come() -> None:
    bench = Bench()
    bench.machine.handle(HttpFailed(transfer_id=9, error="late"), 0)
    assert bench.actions() == []

    first, second = bench.fed(
        bench.event({"message": "Forbidden"}) + bench.event([5, -1, {"errorCode": "x"}])
    )

    assert isinstance(first, ReportError)
    assert isinstance(second, ReportError)
    assert (type(first.error), type(second.error)) == (GatewayNotice, ServerError)


def due_at_60() -> Bench:
    bench = Bench(ping_interval=60)
    bench.now = 60.0
    return bench


@pytest.mark.parametrize(
    "door",
    [
        lambda machine: machine.data_sent(0, 60),
        lambda machine: machine.data_sent(1, 60, transport=9),
        lambda machine: machine.receive_bytes(b"", 60),
        lambda machine: machine.receive_eof(60, transport=9),
        lambda machine: machine.handle_timeout(60),
    ],
)
def test_what_is_due_happens_at_any_input(door: Callable[[AuxWebSocket], None]) -> None:
    bench = due_at_60()

    door(bench.machine)

    assert [type(event) for event in bench.peer.receive(bench.wrote())] == [ws.Ping]


def test_a_message_of_an_earlier_process_is_taken_up() -> None:
    bench = Bench()

    send_id = bench.machine.restore(encode(MESSAGE, bench.machine.config), 0)

    (sending,) = bench.machine.actions()
    assert isinstance(sending, SendBytes)
    assert sending.send_id == send_id
    (received,) = bench.peer.receive(sending.data)
    assert isinstance(received, ws.TextMessage)
    assert json.loads(received.data) == [1, 1, MESSAGE]


# What is sent in a row.


@pytest.mark.parametrize("as_runs", [False, True])
def test_what_is_sent_while_the_machine_is_drained_goes_out_in_the_same_drain(
    as_runs: bool,
) -> None:
    bench = Bench()
    bench.machine.send(MESSAGE, 0)
    bench.machine.send(MESSAGE, 0)
    wrote = b""
    for item in bench.machine.runs() if as_runs else bench.machine.actions():
        if not wrote:
            bench.machine.send({"type": "late"}, 0)
        assert isinstance(item, ByteRun | SendBytes)
        wrote += b"".join(item.data) if isinstance(item, ByteRun) else item.data

    texts = [e.data for e in bench.peer.receive(wrote) if isinstance(e, ws.TextMessage)]
    assert [json.loads(text)[2]["type"] for text in texts] == ["greeting", "greeting", "late"]


@pytest.mark.parametrize("is_end", [False, True])
def test_what_was_sent_goes_out_before_the_end_that_comes_with_the_next_input(
    is_end: bool,
) -> None:
    bench = Bench()
    bench.machine.send(MESSAGE, 0)
    bench.machine.send(MESSAGE, 0)
    if is_end:
        bench.machine.receive_eof(0)
    else:
        bench.feed(bench.peer.send(ws.CloseConnection(code=1001)))

    events = bench.peer.receive(bench.wrote())

    kinds = [type(event).__name__ for event in events]
    assert kinds == ["TextMessage", "TextMessage", *([] if is_end else ["CloseConnection"])]


def test_a_transport_that_fails_late_ends_behind_what_was_sent() -> None:
    bench = Bench()
    bench.machine.send(MESSAGE, 0)
    bench.machine.transport_failed(TransportFailure(kind="connect"), 0)

    texts = [e for e in bench.peer.receive(bench.wrote()) if isinstance(e, ws.TextMessage)]
    assert len(texts) == 1
    assert bench.machine.state is State.WAITING


def test_a_run_that_was_taken_to_its_end_is_not_given_out_again() -> None:
    bench = Bench()
    for _ in range(2):
        bench.machine.send(MESSAGE, 0)
    given_up = bench.machine.actions()
    assert [type(next(given_up)).__name__ for _ in range(2)] == ["SendBytes", "SendBytes"]

    assert list(bench.machine.runs()) == []
    assert list(given_up) == []
