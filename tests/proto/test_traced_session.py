"""A traced machine: what is written, and that the machine does not notice."""

from __future__ import annotations

import copy
import inspect
import io
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from auxws_proto import (
    AuxSession,
    AuxWebSocket,
    Config,
    ConnectionToken,
    Encoded,
    HttpFailed,
    HttpResponded,
    LocalProtocolError,
    OpenTransport,
    OutboxFull,
    Reconnect,
    RemoteProtocolError,
    ReportError,
    Role,
    SendText,
    TraceFailed,
    TraceInput,
    TraceWriter,
    TransportFailure,
    Violation,
    read_trace,
    replay_trace,
    traced,
)
from auxws_proto._trace_values import Scribe
from auxws_proto._traced_session import TracedSession
from auxws_proto.observe import observe

MESSAGE = {"type": "a"}
URL = "wss://host/stage?marked=1"
GRANT = '[3,{},"https://bucket.s3.amazonaws.com/marked-{}?X-Amz-Signature=marked","PUT",{{}}]'


def client(config: Config | None = None, **options: Any) -> tuple[AuxSession, io.StringIO]:
    file = io.StringIO()
    session = AuxSession(Role.CLIENT, config, URL, **options)
    return traced(session, file), file


def drain(session: AuxSession) -> list[Any]:
    return list(session.actions())


def rows(file: io.StringIO) -> list[Any]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_every_door_and_every_action_is_a_line() -> None:
    session, file = client(headers=(("x-api-key", "marked"),), on_connect=[MESSAGE])

    session.connect(1.0)
    actions = drain(session)

    machine, call, *acted = rows(file)[1:]
    assert machine == {
        "machine": "client",
        "class": "AuxSession",
        "role": "client",
        "config": {},
        "url": "wss://host/r1---?r2------",
        "headers": [["x-api-key", "r3----"]],
        "on_connect": [{"$u": '{"type":"a"}'}],
    }
    assert "marked" not in file.getvalue()
    assert call == {"t": 1.0, "to": "client", "call": "connect"}
    assert [row["action"] for row in acted] == [type(action).__name__ for action in actions]
    assert {row["t"] for row in acted} == {1.0}


def test_a_line_says_what_was_given_and_what_was_raised() -> None:
    session, file = client(Config(max_outbox_messages=1))
    session.send(MESSAGE, 1.0)
    with pytest.raises(OutboxFull):
        session.send(Encoded(type="a", body=b'{"type":"a"}'), 2.0, watched=False)
    drain(session)

    first, second = rows(file)[2:]

    assert (first["gave"], first["kwargs"]) == (1, {"watched": True})
    assert (second["raised"], second["kwargs"]) == ("OutboxFull", {"watched": False})
    assert replay_trace(file.getvalue().splitlines()).is_same


def test_what_is_no_message_is_no_input() -> None:
    session, file = client()

    with pytest.raises(LocalProtocolError, match="'type'"):
        session.send({}, 1.0)

    assert len(rows(file)) == 2


def test_texts_in_a_row_are_a_line_each() -> None:
    session, file = client()
    session.connect(1.0)
    session.transport_opened(2.0, transport=1)
    drain(session)

    session.receive_texts([b'[1,0,{"type":"b"}]', '[1,0,{"type":"c"}]'], 3.0, transport=1)
    drain(session)

    called = [row["call"] for row in rows(file) if "call" in row]
    assert called == ["connect", "transport_opened", "receive_text", "receive_text"]
    assert replay_trace(file.getvalue().splitlines()).is_same


DOORS: list[Callable[[AuxSession], object]] = [
    lambda s: s.connect(1.0),
    lambda s: s.set_on_connect([MESSAGE]),
    lambda s: s.restore(Encoded(type="a", body=b'{"type":"a"}'), 1.1, maybe_arrived=True),
    lambda s: s.transport_failed(TransportFailure(kind="connect"), 1.2, transport=1),
    lambda s: s.handle_timeout(50.0),
    lambda s: s.transport_opened(51.0, transport=2, url="wss://other/marked"),
    lambda s: s.login(ConnectionToken("vCT1.marked"), 52.0),
    lambda s: s.receive_text(
        '[1,0,{"type":"login_result","success":true,"info":{}}]', 53.0, transport=2
    ),
    lambda s: s.receive_text('["\ud800"]', 53.5, transport=2),
    lambda s: s.receive_text(b'[1,0,{"type":"b"}]', 53.8, transport=2),
    lambda s: s.data_sent(1, 54.0, transport=2),
    lambda s: s.receive_pong(b"1", 55.0, transport=2),
    lambda s: s.taken(5, 56.0),
    lambda s: s.pause_reading(57.0),
    lambda s: s.resume_reading(58.0),
    lambda s: s.report_violation(RemoteProtocolError(Violation.BINARY_MESSAGE), 59.0, transport=2),
    lambda s: s.send({"type": "a", "x": "y" * 40_000}, 60.0),
    lambda s: s.receive_text(GRANT.format(3, 1), 61.0, transport=2),
    lambda s: s.handle(HttpFailed(transfer_id=1, error="words"), 62.0),
    lambda s: s.receive_eof(63.0, code=1001, reason="bye", transport=2),
    lambda s: s.disconnect(64.0),
    lambda s: s.close(65.0),
]


def test_every_door_plays_again() -> None:
    session, file = client(Config(reconnect=Reconnect(base=5.0)))
    for door in DOORS:
        door(session)
        drain(session)

    result = replay_trace(file.getvalue().splitlines())

    called = {row["call"] for row in rows(file) if "call" in row}
    assert str(result.difference) == "None"
    assert (result.inputs, result.elided) == (len(DOORS), 1)
    assert called == doors() - {"send_error", "receive_texts"}
    assert "marked" not in file.getvalue()


def takes_the_time(member: object) -> bool:
    return callable(member) and "now" in inspect.signature(member).parameters


def doors() -> set[str]:
    """The methods of a session that take the time, and the one that changes it without."""
    public = {name: member for name, member in vars(AuxSession).items() if name[0] != "_"}
    return {name for name, member in public.items() if takes_the_time(member)} | {"set_on_connect"}


def test_no_door_is_forgotten() -> None:
    assert {name for name in vars(TracedSession) if not name.startswith("_")} >= doors()


def test_a_server_is_traced() -> None:
    file = io.StringIO()
    session = traced(AuxSession(Role.SERVER), file, name="server")
    session.transport_opened(1.0)
    session.send_error({"errorCode": "x" * 3_000}, 2.0, event_id=None)
    drain(session)

    assert replay_trace(file.getvalue().splitlines()).is_same
    assert rows(file)[1]["machine"] == "server"


def test_jitter_is_recorded() -> None:
    session, file = client(Config(random=lambda: 0.25))
    session.connect(1.0)
    session.transport_failed(TransportFailure(kind="connect"), 2.0)
    drain(session)

    assert {"to": "client", "draw": 0.25} in rows(file)
    assert session.next_timeout() == 2.25
    assert replay_trace(file.getvalue().splitlines()).is_same


def test_a_request_says_whose_it_is() -> None:
    session, file = client()
    session.connect(1.0)
    session.transport_opened(1.0)
    session.send({"type": "a", "x": "y" * 40_000}, 1.0)
    session.receive_text(GRANT.format(1, 1), 2.0)
    session.receive_text('[4,7,"https://bucket.s3.amazonaws.com/x","GET",{}]', 3.0)
    drain(session)

    lines = {row["action"]: row for row in rows(file) if "action" in row}

    assert lines["PutToUrl"]["for_send"] == 1
    assert (lines["GetFromUrl"]["for_event"], lines["GetFromUrl"]["for_transport"]) == (7, 1)
    assert "for_send" not in lines["SendText"]


def test_verbs_may_be_called_while_it_is_drained() -> None:
    session, file = client()
    session.connect(1.0)
    for action in session.actions():
        if isinstance(action, OpenTransport):
            session.transport_opened(2.0, transport=action.transport)
            session.send(MESSAGE, 2.0)

    assert replay_trace(file.getvalue().splitlines()).is_same


def test_a_body_is_written_before_it_is_emptied() -> None:
    session, file = client()
    session.connect(1.0)
    session.transport_opened(1.0)
    session.receive_text('[4,7,"https://bucket.s3.amazonaws.com/x","GET",{}]', 3.0)
    drain(session)
    body = bytearray(b'{"type":"a"}')

    session.handle(HttpResponded(transfer_id=1, status=200, body=body), 4.0)
    drain(session)

    assert body == b""
    assert '"body":{"$u":"{\\"type\\":\\"a\\"}"}' in file.getvalue()


def test_what_is_not_drained_is_written_before_the_next_input() -> None:
    session, file = client()
    session.connect(1.0)
    before = len(rows(file))

    session.disconnect(2.0)

    assert (before, len(rows(file))) == (2, 3)


def test_a_long_drain_is_written_in_parts() -> None:
    session, file = client()
    session.connect(1.0)
    session.transport_opened(1.0)
    for _ in range(300):
        session.send(MESSAGE, 1.0)
    seen: list[int] = []
    for action in session.actions():
        if isinstance(action, SendText):
            seen.append(len(rows(file)))

    assert len(set(seen)) > 1


# Machines.


def test_a_websocket_is_traced_at_its_session() -> None:
    file = io.StringIO()
    machine = AuxWebSocket(Role.CLIENT, url=URL)

    assert traced(machine, file) is machine
    machine.connect(1.0)
    machine.transport_opened(2.0)

    assert {row.get("action") for row in rows(file)} == {None, "OpenTransport", "ReportState"}
    assert rows(file)[1]["class"] == "AuxSession"


def test_several_machines_share_a_trace() -> None:
    file = io.StringIO()
    writer = TraceWriter(limit=50)
    machines = [
        traced(AuxSession(Role.CLIENT, url="wss://host/"), writer, name=name) for name in "ab"
    ]
    writer.begin(file, started=5.0, clock=1.0)
    for machine in machines:
        machine.set_on_connect([{"type": "x", "y": "z" * 100}])
        machine.connect(1.0)
        drain(machine)
    writer.close()

    trace = read_trace(file.getvalue().splitlines())
    assert list(trace.machines) == ["a", "b"]
    (first, *_) = [r for r in trace.records if isinstance(r, TraceInput)]
    assert (first.door, first.time) == ("set_on_connect", 1.0)
    assert replay_trace(trace).is_same
    assert trace.is_complete


def test_a_traced_machine_may_be_observed() -> None:
    session, file = client()
    seen: list[Any] = []
    observed = observe(session, seen.append)

    observed.connect(1.0)
    assert len(list(observed.actions())) == 2

    assert len(seen) >= 1
    assert len(rows(file)) == 5


@pytest.mark.parametrize("machine", [None, object(), "session"])
def test_only_a_machine_can_be_traced(machine: Any) -> None:
    with pytest.raises(LocalProtocolError, match="only an AuxSession"):
        traced(machine, io.StringIO())


def test_a_machine_that_has_had_an_input_cannot_be_traced() -> None:
    session = AuxSession(Role.CLIENT)
    session.connect(1.0)

    with pytest.raises(LocalProtocolError, match="from its first input on"):
        traced(session, io.StringIO())


def test_a_copy_goes_on_without_a_trace() -> None:
    session, file = client()
    session.connect(1.0)
    drain(session)
    before = file.getvalue()

    twin = copy.deepcopy(session)
    twin.transport_failed(TransportFailure(kind="connect"), 2.0)

    assert drain(twin) != []
    assert file.getvalue() == before


# Failures.


class Disk(io.StringIO):
    """A file whose disk is full from the given write on."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_file_that_cannot_be_written_raises() -> None:
    with pytest.raises(TraceFailed):
        traced(AuxSession(Role.CLIENT), Disk(0))


def test_a_disk_that_is_full_later_is_reported_once() -> None:
    session = traced(AuxSession(Role.CLIENT, url=URL), Disk(1))
    session.connect(1.0)
    first = drain(session)
    session.transport_failed(TransportFailure(kind="connect"), 2.0)
    second = drain(session)

    (report,) = [a for a in (*first, *second) if isinstance(a, ReportError) and not a.transport]
    assert isinstance(report.error, TraceFailed)
    assert first[-1] is report
    assert len(second) == 1


def test_a_disk_that_is_full_before_an_input_is_reported_with_it() -> None:
    session = traced(AuxSession(Role.CLIENT, url=URL), Disk(1))
    session.connect(1.0)
    session.disconnect(2.0)

    assert any(isinstance(action, ReportError) for action in drain(session))


def failing(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("method", ["dump", "action"])
def test_a_defect_of_the_trace_is_not_the_sessions(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = client()
    monkeypatch.setattr(Scribe, method, failing)

    session.send(MESSAGE, 1.0)
    session.connect(1.0)
    actions = drain(session)

    (report,) = [action for action in actions if isinstance(action, ReportError)]
    assert isinstance(report.error.__cause__, ZeroDivisionError)
    assert "ZeroDivisionError" in str(report.error)
    assert any(isinstance(action, OpenTransport) for action in actions)


def test_a_clock_without_a_time_is_the_callers_mistake() -> None:
    session, file = client()

    with pytest.raises(LocalProtocolError, match="finite"):
        session.connect(math.nan)
    session.connect(1.0)
    drain(session)

    assert rows(file)[2] == {
        "t": None, "to": "client", "call": "connect", "raised": "LocalProtocolError"
    }  # fmt: skip
    assert replay_trace(file.getvalue().splitlines()).is_same
