"""Looking on: what happens to a client, as typed events, for logs, metrics and displays.

``observer=`` of both drivers takes one callable that is told each `ObserverEvent`; `observe` does
the same for a machine without a driver. `line_of` writes an event down as one line.
"""

from __future__ import annotations

from ._events import (
    ConnectionAttempted,
    ConnectionEnded,
    ConnectionOpened,
    Direction,
    ErrorReported,
    Fault,
    LoginAsked,
    MessageMissed,
    MessageQueued,
    MessageReceived,
    MessageSent,
    Observed,
    Observer,
    ObserverEvent,
    PingAnswered,
    QueuesChanged,
    ReceivedPath,
    ReconnectScheduled,
    SendEnded,
    SendingPaused,
    SentPath,
    StateChanged,
    TransferFinished,
    TransferProgressed,
    TransferStarted,
    UploadUrlAnswered,
    UploadUrlAsked,
)
from ._lines import Severity, line_of, severity_of
from ._machine import observe

__all__ = [
    "ConnectionAttempted",
    "ConnectionEnded",
    "ConnectionOpened",
    "Direction",
    "ErrorReported",
    "Fault",
    "LoginAsked",
    "MessageMissed",
    "MessageQueued",
    "MessageReceived",
    "MessageSent",
    "Observed",
    "Observer",
    "ObserverEvent",
    "PingAnswered",
    "QueuesChanged",
    "ReceivedPath",
    "ReconnectScheduled",
    "SendEnded",
    "SendingPaused",
    "SentPath",
    "Severity",
    "StateChanged",
    "TransferFinished",
    "TransferProgressed",
    "TransferStarted",
    "UploadUrlAnswered",
    "UploadUrlAsked",
    "line_of",
    "observe",
    "severity_of",
]
