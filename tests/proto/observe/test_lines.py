"""Events as lines."""

from __future__ import annotations

import logging
from typing import Any, get_args

import pytest

from auxws_proto import SendId, Stage, State
from auxws_proto.observe import (
    ConnectionAttempted,
    ConnectionEnded,
    ConnectionOpened,
    ErrorReported,
    Fault,
    LoginAsked,
    MessageMissed,
    MessageQueued,
    MessageReceived,
    MessageSent,
    ObserverEvent,
    PingAnswered,
    QueuesChanged,
    ReconnectScheduled,
    SendEnded,
    SendingPaused,
    Severity,
    StateChanged,
    TransferFinished,
    TransferProgressed,
    TransferStarted,
    UploadUrlAnswered,
    UploadUrlAsked,
    line_of,
    severity_of,
)

FAULT = Fault(kind="ServerError", text="no\x1b[31m\nforged\ud800")
SHOWN = r"ServerError: no\x1b[31m\nforged\ud800"
CRASH = Fault(kind="InternalError", text="a bug")
DEBUG, INFO, WARNING, ERROR = Severity
OPEN, WAITING = State.OPEN, State.WAITING
SENT = Stage.SENT
ONE = SendId(1)


def made(kind: Any, **fields: Any) -> ObserverEvent:
    event: ObserverEvent = kind(at=1.0, client="c", **fields)
    return event


QUEUES = {
    "outbox_messages": 1_000, "outbox_bytes": 20_000, "pending_uploads": 3, "pending_downloads": 4,
    "held_bytes": 5_000, "untaken_bytes": 6_000,
}  # fmt: skip
MESSAGE = {"type": "n", "size": 1_234}
UP = {"transfer": 4, "direction": "upload", "send_id": 1}
DOWN = {"transfer": 5, "direction": "download", "download": 5}

CASES: list[tuple[ObserverEvent, Severity, str]] = [
    (made(StateChanged, previous=OPEN, current=WAITING), DEBUG, "state OPEN -> WAITING"),
    (made(StateChanged, previous=OPEN, current=WAITING, cause=FAULT), DEBUG,
     f"state OPEN -> WAITING: {SHOWN}"),
    (made(ReconnectScheduled, delay=1.5), INFO, "connecting again in 1.50 s"),
    (made(ConnectionAttempted, transport=2, attempt=3), DEBUG,
     "connection 2: opening, attempt 3"),
    (made(ConnectionOpened, transport=2, elapsed=0.25), DEBUG,
     "connection 2: open after 250.0 ms"),
    (made(ConnectionEnded, transport=2, expected=False, fault=FAULT), INFO,
     f"connection 2: could not be opened: {SHOWN}"),
    (made(ConnectionEnded, transport=2, expected=True), DEBUG,
     "connection 2: given up before it was open"),
    (made(ConnectionEnded, transport=2, expected=True, lasted=3.0, code=1000), DEBUG,
     "connection 2: closed after 3.0 s, code 1000"),
    (made(ConnectionEnded, transport=2, expected=False, lasted=3.0), INFO,
     "connection 2: lost after 3.0 s"),
    (made(LoginAsked, transport=1, attempt=0), DEBUG,
     "connection 1: credentials wanted, attempt 0"),
    (made(LoginAsked, transport=1, attempt=1, fault=FAULT), WARNING,
     f"connection 1: credentials wanted, attempt 1: {SHOWN}"),
    (made(MessageQueued, send_id=ONE, **MESSAGE), DEBUG, "send 1: n, 1,234 bytes, accepted"),
    (made(MessageSent, send_id=ONE, path="inline", transport=1, waited=0.001, **MESSAGE), DEBUG,
     "send 1: n, 1,234 bytes, sent by path inline on connection 1 after 1.0 ms"),
    (made(SendEnded, send_id=ONE, stage=SENT, elapsed=0.002, **MESSAGE), DEBUG,
     "send 1: n, 1,234 bytes, SENT after 2.0 ms"),
    (made(SendEnded, send_id=ONE, stage=Stage.FAILED, elapsed=0.002, fault=FAULT, **MESSAGE),
     WARNING, f"send 1: n, 1,234 bytes, FAILED after 2.0 ms: {SHOWN}"),
    (made(SendEnded, send_id=ONE, stage=Stage.UNKNOWN, elapsed=0.002, type="a\nb", size=1),
     WARNING, r"send 1: a\nb, 1 bytes, UNKNOWN after 2.0 ms"),
    (made(UploadUrlAsked, request=3, transport=1), DEBUG,
     "upload URL 3: asked for on connection 1"),
    (made(UploadUrlAnswered, request=3, granted=True, elapsed=0.001), DEBUG,
     "upload URL 3: granted after 1.0 ms"),
    (made(UploadUrlAnswered, request=3, granted=False, elapsed=0.001), DEBUG,
     "upload URL 3: refused after 1.0 ms"),
    (made(TransferStarted, attempt=2, size=50_000, **UP), DEBUG,
     "upload 4 of send 1: begins, attempt 2, 50,000 bytes"),
    (made(TransferStarted, attempt=1, **DOWN), DEBUG, "download 5: begins, attempt 1"),
    (made(TransferProgressed, done=1_000, total=2_000, **UP), DEBUG,
     "upload 4 of send 1: 1,000 of 2,000 bytes"),
    (made(TransferProgressed, done=1_000, **DOWN), DEBUG, "download 5: 1,000 bytes"),
    (made(TransferFinished, attempt=1, elapsed=0.5, status=200, size=9, **UP), DEBUG,
     "upload 4 of send 1: HTTP 200 after 500.0 ms, 9 bytes"),
    (made(TransferFinished, attempt=1, elapsed=0.5, failure="timeout", **DOWN), DEBUG,
     "download 5: timeout after 500.0 ms"),
    (made(MessageReceived, path="download", transport=1, **MESSAGE), DEBUG,
     "received n, 1,234 bytes, by path download on connection 1"),
    (made(MessageMissed, fault=FAULT, transport=1), WARNING,
     f"a message on connection 1 is lost: {SHOWN}"),
    (made(QueuesChanged, **QUEUES), DEBUG,
     "outbox 1,000 messages, 20,000 bytes; 3 uploads, 4 downloads; 5,000 bytes held, "
     "6,000 untaken"),
    (made(SendingPaused, seconds=2.5), WARNING, "rate limited: nothing is sent for 2.5 s"),
    (made(PingAnswered, transport=1, latency=0.02), DEBUG,
     "connection 1: ping answered after 20.0 ms"),
    (made(ErrorReported, fault=FAULT), WARNING, f"error: {SHOWN}"),
    (made(ErrorReported, fault=FAULT, transport=1, send_id=ONE), WARNING,
     f"error on connection 1 about send 1: {SHOWN}"),
    (made(ErrorReported, fault=CRASH), ERROR, "error: InternalError: a bug"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "severity", "line"), CASES, ids=[case[2] for case in CASES])
def test_an_event_is_one_line(event: ObserverEvent, severity: Severity, line: str) -> None:
    assert (severity_of(event), line_of(event)) == (severity, line)
    assert line.isprintable()


def test_every_event_is_in_the_table() -> None:
    assert {type(event) for event, _, _ in CASES} == set(get_args(ObserverEvent))


def test_the_severities_are_the_levels_of_logging() -> None:
    assert {level.name: level.value for level in Severity} == {
        level.name: getattr(logging, level.name) for level in Severity
    }
