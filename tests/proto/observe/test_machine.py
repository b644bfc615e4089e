"""A machine with somebody looking on does the same as without, and tells what it does."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest

from auxws_proto import (
    Action,
    AuxError,
    AuxSession,
    AuxWebSocket,
    Config,
    Encoded,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    InternalError,
    LocalProtocolError,
    ReportError,
    Role,
    SendBytes,
    Stage,
    TransportFailure,
    UploadRefused,
    encode,
)
from auxws_proto._dialogue_websocket import DialogueWebSocket
from auxws_proto._secret import PLACEHOLDER
from auxws_proto.observe import (
    ConnectionEnded,
    ErrorReported,
    MessageQueued,
    ObserverEvent,
    PingAnswered,
    QueuesChanged,
    StateChanged,
    line_of,
    observe,
)
from tests.proto.helpers import SMALL, URL, Bench, World, aged, large


class ObservedBench(Bench):
    """A bench whose session is observed."""

    def __init__(
        self, role: Role = Role.CLIENT, *, notable_only: bool = False, **rest: Any
    ) -> None:
        super().__init__(role, **rest)
        self.events: list[ObserverEvent] = []
        self.session = observe(
            self.session, self.events.append, client="c", notable_only=notable_only
        )

    def lines(self) -> list[str]:
        """What was told since the last call, without the queues."""
        events, self.events[:] = list(self.events), []
        return [line_of(event) for event in events if not isinstance(event, QueuesChanged)]


def play(bench: Bench) -> list[Action]:
    """Something of everything."""
    world = World(bench)
    bench.connect()
    world.run(1.0)
    bench.send(large(), watched=True)
    bench.send(encode(SMALL, bench.session.config))
    world.run(1.0)
    bench.deliver(SMALL)
    bench.taken(16)
    bench.eof()
    world.run(100.0)
    bench.receive(4, 9, "https://b.s3.amazonaws.com/k?s", "GET", {})
    transfer = bench.all("get")[-1][1]
    bench.handle(HttpProgressed(transfer_id=transfer, done=1))
    bench.responded(transfer, body=json.dumps(SMALL).encode())
    bench.receive(5, -1, {"errorCode": "x"})
    bench.close()
    world.run(1.0)
    return bench.log


def test_observing_changes_nothing() -> None:
    bench = ObservedBench(random=lambda: 0.5)

    assert repr(play(bench)) == repr(play(Bench(random=lambda: 0.5)))
    assert len({type(event) for event in bench.events}) >= 15


def test_a_large_message() -> None:
    bench = ObservedBench()
    bench.open()
    bench.lines()

    bench.send(large())
    bench.grant(1, "one")
    bench.handle(HttpProgressed(transfer_id=1, done=40_000, total=40_000))
    bench.responded(1)
    bench.sent(2)
    bench.now += 0.25
    bench.pong(2)

    assert bench.lines() == [
        "send 1: large, 40,000 bytes, accepted",
        "upload URL 1: asked for on connection 1",
        "upload URL 1: granted after 0.0 ms",
        "upload 1 of send 1: begins, attempt 1, 40,000 bytes",
        "upload 1 of send 1: 40,000 of 40,000 bytes",
        "upload 1 of send 1: HTTP 200 after 0.0 ms, 40,000 bytes",
        "send 1: large, 40,000 bytes, sent by path upload on connection 1 after 0.0 ms",
        "connection 1: ping answered after 250.0 ms",
        "send 1: large, 40,000 bytes, CONFIRMED after 250.0 ms",
    ]


def test_the_queues_are_those_of_the_statistics() -> None:
    bench = ObservedBench()
    bench.open()
    bench.receive(4, 9, "https://b.s3.amazonaws.com/k?s", "GET", {})
    bench.send(large())
    bench.deliver(SMALL)
    bench.responded(1, body=b'{"type":"n"}')
    bench.send(large())

    (*_, last) = [event for event in bench.events if isinstance(event, QueuesChanged)]
    figures = {field.name: getattr(last, field.name) for field in dataclasses.fields(last)[2:]}
    stats = bench.session.stats()
    assert figures == {name: getattr(stats, name) for name in figures}
    assert all(figures[name] for name in ("outbox_bytes", "pending_uploads", "untaken_bytes"))


def test_a_downloaded_body_has_its_size_though_the_session_empties_it() -> None:
    bench = ObservedBench()
    bench.open()
    bench.receive(4, 9, "https://b.s3.amazonaws.com/k?s", "GET", {})
    bench.lines()

    bench.handle(HttpResponded(transfer_id=1, status=200, body=bytearray(b'{"type":"n"}')))

    assert bench.lines() == [
        "download 1: HTTP 200 after 0.0 ms, 12 bytes",
        "received n, 12 bytes, by path download on connection 1",
    ]


def test_a_transfer_that_fails() -> None:
    bench = ObservedBench()
    bench.open()
    bench.receive(4, 9, "https://b.s3.amazonaws.com/k?s", "GET", {})
    bench.lines()

    bench.handle(HttpFailed(transfer_id=1, error=HttpFailure(kind="tls", transient=False)))

    assert bench.lines() == [
        "download 1: tls after 0.0 ms",
        "a message on connection 1 is lost: DownloadFailed: transfer_failed: tls",
    ]


def test_a_lost_connection_and_the_next() -> None:
    bench = ObservedBench(random=lambda: 0.5)
    bench.open()
    bench.lines()

    bench.eof(1001)
    bench.after(1.0)
    bench.failed("rejected", status=503, detail="no")

    cause = "ConnectionClosed: closed: code 1001"
    refused = "ConnectionFailed: rejected: no"
    assert bench.lines() == [
        "connection 1: lost after 0.0 s, code 1001",
        f"state OPEN -> WAITING: {cause}",
        f"connecting again in 0.50 s: {cause}",
        "connection 2: opening, attempt 0",
        "state WAITING -> CONNECTING",
        f"connection 2: could not be opened: {refused}",
        f"state CONNECTING -> WAITING: {refused}",
        f"connecting again in 1.00 s: {refused}",
    ]


def test_a_wait_that_is_over_at_once_is_not_told() -> None:
    bench = ObservedBench(random=lambda: 0.0)
    bench.open()
    bench.lines()

    bench.eof()

    assert [line for line in bench.lines() if "again" in line] == []


@pytest.mark.parametrize("verb", ["disconnect", "close"])
def test_an_end_that_is_wanted_is_expected(verb: str) -> None:
    bench = ObservedBench()
    bench.connect()
    bench.turn(getattr(bench.session, verb))
    if verb == "disconnect":
        bench.connect()
        bench.failed(transport=2)

    ends = [event for event in bench.events if isinstance(event, ConnectionEnded)]
    assert [event.expected for event in ends] == [True, False][: len(ends)]
    assert len(ends) == (2 if verb == "disconnect" else 1)


def test_what_the_peer_broke_is_the_fault_of_the_end() -> None:
    error = AuxError("x")
    bench = ObservedBench()
    bench.open()

    bench.turn(bench.session.receive_eof, code=1002, error=error)

    (end,) = [event for event in bench.events if isinstance(event, ConnectionEnded)]
    assert (end.code, end.fault and end.fault.text) == (1002, "x")


def test_input_of_a_transport_that_is_gone_tells_nothing() -> None:
    bench = ObservedBench()
    bench.open()
    bench.lines()

    bench.opened(9)
    bench.failed(transport=9)
    bench.pong(1, 9)
    bench.text("[]", 9)
    bench.eof(transport=9)
    bench.opened(1)

    assert bench.lines() == []


def test_both_connections_of_a_rotation_are_told() -> None:
    plain = aged()
    bench = ObservedBench(max_age=100.0, random=lambda: 1.0, ping_interval=None)
    bench.open()
    bench.after(90.0)
    bench.opened(2)

    assert [line for line in bench.lines() if "connection" in line] == [
        "connection 1: opening, attempt 0",
        "connection 1: open after 0.0 ms",
        "connection 2: opening, attempt 0",
        "connection 2: open after 0.0 ms",
    ]
    assert plain.all("open") == bench.all("open")


def test_a_server() -> None:
    bench = ObservedBench(Role.SERVER)

    bench.opened()
    bench.deliver(SMALL)

    assert bench.lines() == [
        "connection 1: open after 0.0 ms",
        "state IDLE -> CONNECTING",
        "state CONNECTING -> OPEN",
        "received small, 25 bytes, by path inline on connection 1",
    ]


def test_an_answer_that_is_of_no_transfer_tells_nothing() -> None:
    bench = ObservedBench(Role.SERVER)
    bench.opened()
    bench.lines()

    bench.handle(UploadRefused(request_id=9, error="not_supported"))

    assert bench.lines() == []


def answer_to_question(bench: Bench) -> None:
    bench.receive(1, 0, {"type": "sync/time/response", "id": -2, "clientRequestTime": 0})


def test_latency_where_a_message_stands_for_the_ping() -> None:
    bench = ObservedBench(barrier="message", can_ping=False)
    bench.open()
    bench.send()
    bench.sent(2)
    bench.now += 0.5

    answer_to_question(bench)

    latencies = [event.latency for event in bench.events if isinstance(event, PingAnswered)]
    assert latencies == [0.5]


def test_messages_of_an_earlier_process() -> None:
    bench = ObservedBench()

    bench.turn(bench.session.restore, encode(SMALL, Config()))

    assert bench.lines() == ["send 1: small, 16 bytes, accepted"]


def test_a_send_that_is_refused_is_no_send() -> None:
    bench = ObservedBench(max_outbox_messages=1)
    bench.send()
    with pytest.raises(AuxError):
        bench.send()
    with pytest.raises(LocalProtocolError, match="string 'type'"):
        bench.send({})
    bench.close()
    with pytest.raises(LocalProtocolError, match="closed for good"):
        bench.send()

    assert len([event for event in bench.events if isinstance(event, MessageQueued)]) == 1


def test_only_what_is_notable() -> None:
    bench = ObservedBench(notable_only=True)
    bench.turn(bench.session.restore, encode(SMALL, Config()))
    play(bench)

    kinds = {type(event).__name__ for event in bench.events}
    assert kinds == {
        "ConnectionAttempted", "ConnectionOpened", "ConnectionEnded", "StateChanged",
        "ReconnectScheduled", "ErrorReported",
    }  # fmt: skip


def test_an_observer_may_act() -> None:
    bench = Bench()
    seen: list[str] = []

    def act(event: ObserverEvent) -> None:
        seen.append(type(event).__name__)
        if isinstance(event, StateChanged) and event.current.value == "OPEN":
            bench.session.send(SMALL, bench.now)

    bench.session = observe(bench.session, act)

    bench.open()

    assert bench.all("text") == [("text", 1, 1, 1, "small")]
    assert seen.index("MessageQueued") > seen.index("StateChanged")


def test_an_observer_that_raises_is_a_report_and_told_nothing_more() -> None:
    calls: list[ObserverEvent] = []
    seen: list[ObserverEvent] = []

    def fail(event: ObserverEvent) -> None:
        calls.append(event)
        raise KeyError("secret")

    bench = Bench()
    bench.session = observe(bench.session, fail, seen.append)

    bench.open()

    assert len(calls) == 1
    (error,) = bench.errors()
    assert str(error) == "the observer raised KeyError; it is not called again"
    assert [e.fault.text for e in seen if isinstance(e, ErrorReported)] == [str(error)]


# Machines that have a session.


def handshake(machine: Any) -> None:
    """Connect a client's machine to a server's."""
    server = AuxWebSocket(Role.SERVER)
    machine.connect(0.0)
    list(machine.actions())
    machine.transport_opened(0.0, transport=1)
    server.transport_opened(0.0)
    for action in machine.actions():
        if isinstance(action, SendBytes):
            server.receive_bytes(action.data, 0.0)
    for action in server.actions():
        if isinstance(action, SendBytes):
            machine.receive_bytes(action.data, 0.5, transport=1)


@pytest.mark.parametrize("role", [Role.CLIENT, Role.SERVER])
def test_a_websocket(role: Role) -> None:
    seen: list[ObserverEvent] = []
    machine = observe(AuxWebSocket(role, url=URL), seen.append)

    machine.connect(1.0)
    list(machine.actions())

    assert [type(event).__name__ for event in seen] == ["ConnectionAttempted", "StateChanged"]


def test_texts_are_seen_before_they_are_bytes() -> None:
    seen: list[ObserverEvent] = []
    machine = observe(DialogueWebSocket(url=URL), seen.append)
    handshake(machine)

    machine.send(SMALL, 1.0)
    list(machine.actions())

    assert [line_of(event) for event in seen][1:6:2] == [
        "state IDLE -> CONNECTING",
        "state CONNECTING -> OPEN",
        "send 1: small, 16 bytes, sent by path inline on connection 1 after 0.0 ms",
    ]


def test_a_report_of_what_is_above_the_session_is_told_once() -> None:
    seen: list[ObserverEvent] = []
    machine = observe(DialogueWebSocket(url=URL), seen.append)
    machine._report_problem(AuxError("above"))
    machine.session.report_violation(AuxError("below"), 1.0)  # type: ignore[arg-type]
    machine.handle_timeout(1.0)

    errors = [action.error for action in machine.actions() if isinstance(action, ReportError)]

    told = [event.fault.text for event in seen if isinstance(event, ErrorReported)]
    assert sorted(told) == sorted(str(error) for error in errors) == ["above", "below"]


def test_the_end_of_a_driver_that_has_failed() -> None:
    seen: list[ObserverEvent] = []
    machine = observe(DialogueWebSocket(url=URL), seen.append)
    machine.connect(1.0)
    list(machine.actions())
    seen.clear()

    machine.finish_dialogues(None)
    assert seen == []
    machine.finish_dialogues(InternalError(KeyError()))

    assert [type(event).__name__ for event in seen] == ["ErrorReported", "StateChanged"]


def test_a_session_that_is_replaced_later_is_seen() -> None:
    seen: list[ObserverEvent] = []
    machine = observe(DialogueWebSocket(url=URL), seen.append)

    machine.session = AuxSession(Role.CLIENT, url=URL)
    machine.connect(1.0)
    list(machine.actions())

    assert len(seen) == 2


def test_a_stand_in_passes_on_what_it_does_not_name() -> None:
    original = DialogueWebSocket(url=URL)
    machine = observe(original, lambda event: None)
    sent: list[object] = []

    machine.on_sent = sent.append
    assert original.on_sent == sent.append
    del machine.on_sent

    assert not hasattr(original, "on_sent")
    assert machine.role is Role.CLIENT
    with pytest.raises(AttributeError, match="nothing_like_it"):
        machine.nothing_like_it  # type: ignore[attr-defined]  # noqa: B018


def test_a_stand_in_can_be_copied() -> None:
    seen: list[ObserverEvent] = []
    session = observe(AuxSession(Role.CLIENT, url=URL), seen.append)

    twin = copy.deepcopy(session)
    twin.connect(1.0)

    assert (session.state.value, twin.state.value) == ("IDLE", "CONNECTING")


def test_a_failure_to_open_shows_no_secret() -> None:
    bench = ObservedBench()
    bench.connect()
    failure = TransportFailure(kind="proxy", detail="wss://secret.example/marked")

    bench.turn(bench.session.transport_failed, failure)

    assert "marked" not in repr(bench.events)
    assert PLACEHOLDER in repr(bench.events)


def test_outcomes_without_proof() -> None:
    bench = ObservedBench(confirm=False)
    bench.open()
    bench.send(Encoded(type="n", body=b'{"type":"n"}'))
    bench.sent()

    assert Stage.SENT.value in bench.lines()[-1]


@pytest.mark.parametrize("notable_only", [False, True])
def test_texts_in_a_row_are_told_as_one_by_one(notable_only: bool) -> None:
    texts: list[str | bytes] = ['[1,0,{"type":"a"}]', b'[1,0,{"type":"b"}]', "no JSON"]
    one_by_one = ObservedBench(notable_only=notable_only)
    at_once = ObservedBench(notable_only=notable_only)
    one_by_one.open()
    at_once.open()

    wanted = [done for text in texts for done in one_by_one.text(text)]
    done = at_once.turn(at_once.session.receive_texts, texts)

    assert done == wanted
    assert len(done) == 3
    assert sorted(at_once.lines()) == sorted(one_by_one.lines())


@pytest.mark.parametrize("notable_only", [False, True])
def test_runs_are_left_whole_where_nothing_of_them_is_told(notable_only: bool) -> None:
    bench = ObservedBench(notable_only=notable_only)
    session: AuxSession = bench.session
    kinds: list[str] = []
    session.connect(bench.now)
    session.transport_opened(bench.now)
    kinds += [type(item).__name__ for item in session.runs()]
    for _ in range(2):
        session.send(SMALL, bench.now)
    kinds += [type(item).__name__ for item in session.runs()]

    texts = ["TextRun"] if notable_only else ["SendText", "SendText"]
    assert kinds == ["OpenTransport", "ReportState", "ReportState", *texts, "SendPing"]
    told = [type(event).__name__ for event in bench.events]
    assert told.count("StateChanged") == 2
    assert told.count("MessageQueued") == (0 if notable_only else 2)


def test_runs_of_a_machine_of_bytes_are_left_whole_too() -> None:
    events: list[ObserverEvent] = []
    machine = observe(AuxWebSocket(Role.SERVER), events.append, notable_only=True)
    machine.transport_opened(0)
    machine.receive_bytes(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        0,
    )
    list(machine.runs())
    machine.send(SMALL, 0)
    machine.send(SMALL, 0)

    assert [type(item).__name__ for item in machine.runs()] == ["ByteRun", "SendBytes"]
    assert "StateChanged" in [type(event).__name__ for event in events]
