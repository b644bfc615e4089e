"""Events as lines of text, for logs and terminals.

It knows words and units. It must not know where a line goes. What a peer can have written is shown
without control characters, so that nobody forges a line or moves a cursor.
"""

from __future__ import annotations

from enum import IntEnum
from typing import assert_never

from .._constants import Stage
from ._events import (
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
    StateChanged,
    TransferFinished,
    TransferProgressed,
    TransferStarted,
    UploadUrlAnswered,
    UploadUrlAsked,
)


class Severity(IntEnum):
    """How much an event matters; the numbers are those of `logging`."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


_FATAL = frozenset({"InternalError", "OutboxStoreFailed"})


def severity_of(event: ObserverEvent) -> Severity:
    """How much it matters: reconnects are INFO, errors WARNING, the end by a defect ERROR."""
    match event:
        case ErrorReported(fault=fault):
            return Severity.ERROR if fault.kind in _FATAL else Severity.WARNING
        case MessageMissed() | SendingPaused():
            return Severity.WARNING
        case SendEnded(stage=stage):
            lost = stage in (Stage.FAILED, Stage.UNKNOWN)
            return Severity.WARNING if lost else Severity.DEBUG
        case LoginAsked(fault=fault):
            return Severity.DEBUG if fault is None else Severity.WARNING
        case ReconnectScheduled():
            return Severity.INFO
        case ConnectionEnded(expected=expected):
            return Severity.DEBUG if expected else Severity.INFO
        case _:
            return Severity.DEBUG


def line_of(event: ObserverEvent) -> str:
    """One line that says it all, without the time and the client."""
    match event:
        case StateChanged():
            return f"state {event.previous.value} -> {event.current.value}{_because(event.cause)}"
        case ReconnectScheduled():
            return f"connecting again in {event.delay:.2f} s{_because(event.cause)}"
        case ConnectionAttempted():
            return f"connection {event.transport}: opening, attempt {event.attempt}"
        case ConnectionOpened():
            return f"connection {event.transport}: open after {_ms(event.elapsed)}"
        case ConnectionEnded():
            return f"connection {event.transport}: {_end(event)}{_because(event.fault)}"
        case LoginAsked():
            asked = f"connection {event.transport}: credentials wanted, attempt {event.attempt}"
            return asked + _because(event.fault)
        case MessageQueued():
            return f"send {event.send_id}: {_plain(event.type)}, {event.size:,} bytes, accepted"
        case MessageSent():
            return (
                f"send {event.send_id}: {_plain(event.type)}, {event.size:,} bytes, sent by path "
                f"{event.path} on connection {event.transport} after {_ms(event.waited)}"
            )
        case SendEnded():
            ended = f"{event.stage.value} after {_ms(event.elapsed)}{_because(event.fault)}"
            return f"send {event.send_id}: {_plain(event.type)}, {event.size:,} bytes, {ended}"
        case UploadUrlAsked():
            return f"upload URL {event.request}: asked for on connection {event.transport}"
        case UploadUrlAnswered():
            word = "granted" if event.granted else "refused"
            return f"upload URL {event.request}: {word} after {_ms(event.elapsed)}"
        case TransferStarted():
            size = "" if event.size is None else f", {event.size:,} bytes"
            return f"{_transfer(event)}: begins, attempt {event.attempt}{size}"
        case TransferProgressed():
            total = "" if event.total is None else f" of {event.total:,}"
            return f"{_transfer(event)}: {event.done:,}{total} bytes"
        case TransferFinished():
            size = "" if event.size is None else f", {event.size:,} bytes"
            outcome = event.failure if event.status is None else f"HTTP {event.status}"
            return f"{_transfer(event)}: {_plain(str(outcome))} after {_ms(event.elapsed)}{size}"
        case MessageReceived():
            return (
                f"received {_plain(event.type)}, {event.size:,} bytes, by path {event.path} on "
                f"connection {event.transport}"
            )
        case MessageMissed():
            return f"a message on connection {event.transport} is lost{_because(event.fault)}"
        case QueuesChanged():
            return (
                f"outbox {event.outbox_messages:,} messages, {event.outbox_bytes:,} bytes; "
                f"{event.pending_uploads} uploads, {event.pending_downloads} downloads; "
                f"{event.held_bytes:,} bytes held, {event.untaken_bytes:,} untaken"
            )
        case SendingPaused():
            return f"rate limited: nothing is sent for {event.seconds:g} s"
        case PingAnswered():
            return f"connection {event.transport}: ping answered after {_ms(event.latency)}"
        case ErrorReported():
            where = "" if event.transport is None else f" on connection {event.transport}"
            where += "" if event.send_id is None else f" about send {event.send_id}"
            return f"error{where}{_because(event.fault)}"
        case _:
            assert_never(event)


def _end(event: ConnectionEnded) -> str:
    if event.lasted is None:
        return "given up before it was open" if event.expected else "could not be opened"
    word = "closed" if event.expected else "lost"
    code = "" if event.code is None else f", code {event.code}"
    return f"{word} after {event.lasted:.1f} s{code}"


def _transfer(event: TransferStarted | TransferProgressed | TransferFinished) -> str:
    whose = "" if event.send_id is None else f" of send {event.send_id}"
    return f"{event.direction} {event.transfer}{whose}"


def _because(fault: Fault | None) -> str:
    return "" if fault is None else f": {fault.kind}: {_plain(fault.text)}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def _plain(text: str) -> str:
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(shown)
